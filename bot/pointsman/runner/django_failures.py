"""Tells a Django migration that is broken from one that this machine can't judge, by the exception that it raised.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Any

from pointsman.runner.databases import SQLITE
from pointsman.runner.failures import BROKEN, CANT_TELL, OTHER_DATABASE, is_missing_package, other_server

_IN_ANY_DATABASE = re.compile(
    r"already exists|duplicate column|no such column|no such table|has no column|UNIQUE constraint|NOT NULL",
    re.IGNORECASE,
)
_ADVICE = {
    "25001": "It can't run inside a transaction: set `atomic = False` on the migration.",
    "55P04": "A new enum value can't be used in the transaction that adds it: add it in a migration of its own.",
}
"""What to write, by PostgreSQL's code of the failure."""
LONGEST = 600


class _Origin(Exception):
    """A driver's exception, as runner/failures looks for it."""

    def __init__(self, orig: BaseException) -> None:
        super().__init__(str(orig))
        self.orig = orig


def judged(problem: BaseException, *, tree: Path, engine: str, kind: str) -> tuple[str, str]:
    """(kind, text) of a failure while migrations ran. `engine` is what the project means to use, `kind` what it ran
    on."""
    text = told(problem, tree)
    why = _not_here(problem, tree)
    if why is None:
        why = _sqlites_fault(problem, engine) if kind == SQLITE else _servers_fault(problem)
    said = f"{why}: {text}" if why else text
    advice = _advice(problem) if kind != SQLITE else ""
    return (CANT_TELL if why else BROKEN), "\n".join(filter(None, [said, advice]))


def told(problem: BaseException, tree: Path) -> str:
    """What it says, and the place of the tree where it happened."""
    said = " ".join("".join(traceback.format_exception_only(type(problem), problem)).split())[:LONGEST]
    inside = [frame for frame in traceback.extract_tb(problem.__traceback__) if _is_of(frame.filename, tree)]
    if not inside:
        return said
    where = Path(inside[-1].filename).resolve().relative_to(tree.resolve())
    return f"{where}:{inside[-1].lineno} in {inside[-1].name}: {inside[-1].line}\n{said}"


def _is_of(filename: str, tree: Path) -> bool:
    return not filename.startswith("<") and tree.resolve() in Path(filename).resolve().parents


def _not_here(problem: BaseException, tree: Path) -> str | None:
    """What this machine lacks, whatever the database; None when that is not it."""
    if is_missing_package(problem, tree):
        return "a package is not installed here"
    frames = traceback.extract_tb(problem.__traceback__)
    if isinstance(problem, ImportError) and not (frames and _is_of(frames[-1].filename, tree)):
        # A name that the tree's own module lost is raised there; that module, where it is gone, by the import system.
        return None if isinstance(problem, ModuleNotFoundError) else "a package does not load here"
    if isinstance(problem, (PermissionError, ConnectionError, MemoryError)):
        return "it needs what a proof does not have"
    return None


def _sqlites_fault(problem: BaseException, engine: str) -> str | None:
    from django.db import Error

    if "sqlite" in engine:
        return None
    if isinstance(problem, Error):
        return None if _IN_ANY_DATABASE.search(str(problem)) else OTHER_DATABASE
    frames = traceback.extract_tb(problem.__traceback__)
    for_another = any("/django/contrib/postgres/" in frame.filename for frame in frames)
    return OTHER_DATABASE if for_another or isinstance(problem, NotImplementedError) else None


def _servers_fault(problem: BaseException) -> str | None:
    origin = problem.__cause__
    if origin is None:
        return None
    return other_server(_Origin(origin), "postgresql", bare=False)


def _advice(problem: BaseException) -> str:
    state: Any = getattr(problem.__cause__, "sqlstate", None) or getattr(problem.__cause__, "pgcode", None)
    return _ADVICE.get(state or "", "")
