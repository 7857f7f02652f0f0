"""One repository's tables in one SQLite file, on disk when a save returns; it knows no record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from pointsman.adapters.store.failures import explained
from pointsman.adapters.store.schema import LOCK_SECONDS, ensure_current
from pointsman.core.errors import EnvironmentProblem


class SqliteHome:
    """`Home` in the file at `path`."""

    dialect = "sqlite"

    def __init__(self, engine: Engine, path: Path) -> None:
        self.engine = engine
        self.path = path

    @classmethod
    def open(cls, path: Path) -> SqliteHome:
        """The file, made (mode 0600, its folder 0700) or brought to the present schema first.

        EnvironmentProblem if it can't be read or written, is damaged, or is of a newer program."""
        _make_file(path)
        engine = _engine(path)
        try:
            with explained(path):
                ensure_current(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, path)

    @property
    def file(self) -> Path | None:
        return self.path

    @property
    def what(self) -> str:
        return f"state file {self.path}"

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        with (
            explained(self.path),
            self.engine.connect().execution_options(
                begin="BEGIN IMMEDIATE" if write else "BEGIN"
            ) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        self.engine.dispose()


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise EnvironmentProblem(
            f"The state file {path} can't be opened for writing: {error.strerror}. "
            f"Check that {path.parent} is a folder that you may write to, on a disk with room."
        ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": LOCK_SECONDS},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: Connection) -> None:
    """The driver never begins by itself (isolation_level None): a writer must hold the lock from its first
    read, and a plain BEGIN would take it only at its first write."""
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)
