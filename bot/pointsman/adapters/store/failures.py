"""What SQLite's errors mean for the person at the keyboard; the only place that reads its error codes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from pointsman.core.errors import EnvironmentProblem

_PRIMARY = 0xFF
"""SQLite's extended result codes carry the primary code in the low byte (sqlite.org/rescode.html)."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Failures of the database at `path` as EnvironmentProblem; LookupError where a record names one that
    is not there (a fault of the caller)."""
    try:
        yield
    except DBAPIError as error:
        raise _meaning(path, error.orig) from error
    except sqlite3.Error as error:
        raise _meaning(path, error) from error


def is_busy(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY in (
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


def _meaning(path: Path, error: BaseException | None) -> Exception:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    match code:
        case sqlite3.SQLITE_FULL:
            text = f"The disk that holds {path} is full. Nothing was saved; free some space and try again."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_AUTH:
            text = (
                f"The state file {path} can't be written ({error}). "
                f"Check the owner and permissions of the file and of {path.parent}."
            )
        case sqlite3.SQLITE_IOERR:
            text = f"Reading or writing {path} failed ({error}). Check the disk's space and health."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            text = f"Another process has kept {path} locked for too long. See who holds it (`fuser {path}`)."
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            text = (
                f"The state file {path} is damaged ({error}). It was left as it is: restore it from a "
                "backup, or move it aside to start with an empty one."
            )
        case sqlite3.SQLITE_CONSTRAINT:
            return LookupError(f"the state file {path} refused a record: {error}")
        case _:
            text = f"The state file {path} can't be used: {error}."
    return EnvironmentProblem(text)
