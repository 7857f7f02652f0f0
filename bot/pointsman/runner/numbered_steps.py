"""Applies numbered SQL to one scratch database and judges what a failure means; it opens no other database.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import Any, NoReturn

from pointsman.runner.databases import SQLITE, Database
from pointsman.runner.failures import (
    BROKEN,
    CANT_TELL,
    LONGEST,
    OTHER_DATABASE,
    Failure,
    advice,
    other_server,
)
from pointsman.runner.numbered_files import Step, statements

POSTGRESQL, MYSQL = "postgresql", "mysql"
_IN_TRANSACTION = "25001"
_SYNTAX = "42601"
_PLACEHOLDER = re.compile(r"\$\{[\w:.-]+\}")
_META = re.compile(r"^\\[a-z]+", re.MULTILINE)
_STRIPPED = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_SIGNS = {
    MYSQL: re.compile(
        r"`|\bAUTO_INCREMENT\b|\bENGINE\s*=|\bUNSIGNED\b|\bMODIFY\s+(?:COLUMN\s+)?\w+\s+\w|\b(?:LONG|MEDIUM|TINY)TEXT\b"
        r"|\bDELIMITER\b|\bON\s+UPDATE\s+CURRENT_TIMESTAMP\b|\bCHARSET\b|\bTINYINT\b|\bDATETIME\(",
        re.IGNORECASE,
    ),
    POSTGRESQL: re.compile(
        r"::|\$\w*\$|\b(?:BIG|SMALL)?SERIAL\b|\bJSONB\b|\bTIMESTAMPTZ\b|\bBYTEA\b|\bCONCURRENTLY\b|\bplpgsql\b"
        r"|\bCREATE\s+(?:TYPE|EXTENSION|SCHEMA|SEQUENCE|DOMAIN|OR\s+REPLACE\s+FUNCTION|FUNCTION|MATERIALIZED)\b"
        r"|\bALTER\s+(?:COLUMN|TYPE|SEQUENCE)\b|\bALTER\s+TABLE\s+ONLY\b|\bgen_random_uuid\b|\bUSING\s+(?:gin|gist|btree)\b"
        r"|\bADD\s+CONSTRAINT\b|\bIF\s+NOT\s+EXISTS\s+\w+\s+\w+.*\bADD\s+COLUMN\b|\bADD\s+COLUMN\s+IF\b|\bGENERATED\b"
        r"|\bCOMMENT\s+ON\b|\bUUID\b|\bnow\(\)",
        re.IGNORECASE,
    ),
    SQLITE: re.compile(
        r"\bAUTOINCREMENT\b|^\s*PRAGMA\b|\bWITHOUT\s+ROWID\b|\bsqlite_", re.IGNORECASE | re.MULTILINE
    ),
}
"""What only one kind of database reads, outside comments and strings."""
_MISSING = re.compile(
    r"no such (?:table|column|index|view|trigger)|already exists|duplicate column name|constraint failed"
)


class Stopped(Exception):
    """A step did not go through."""

    def __init__(self, problem: Failure) -> None:
        super().__init__(problem.text)
        self.problem = problem


def meant_for(texts: list[str]) -> str | None:
    """The kind of database that the files are written for; None where any would do."""
    bare = [_STRIPPED.sub(" ", text) for text in texts]
    for kind in (SQLITE, MYSQL, POSTGRESQL):
        if any(_SIGNS[kind].search(text) for text in bare):
            return kind
    return None


def apply_step(database: Database, step: Step, *, up: bool, target: str | None, splits: bool) -> None:
    """Run one way of a step. Stopped where it does not go through. `splits`: the tool runs statement by statement."""
    text = step.up if up else (step.down or "")
    reason = _cannot_run(step, text)
    if reason is not None:
        raise Stopped(Failure(CANT_TELL, f"{step.path}: {reason}", step.path, step.id))
    if database.kind == SQLITE:
        _on_sqlite(database, step, text, target)
    else:
        _on_postgresql(database, step, text, target, splits=splits)


def _cannot_run(step: Step, text: str) -> str | None:
    if step.path.endswith(".go"):
        return "a migration in Go is not run here"
    if found := _PLACEHOLDER.search(text):
        return f"{found.group()} is filled in by the tool's settings only"
    if _META.search(text):
        return "it has commands of a shell such as psql, not SQL"
    return None


def _on_sqlite(database: Database, step: Step, text: str, target: str | None) -> None:
    with closing(sqlite3.connect(database.name)) as connection:
        connection.set_authorizer(_inside)
        connection.execute("PRAGMA synchronous = OFF")
        try:
            connection.executescript(text)
            connection.commit()
        except (sqlite3.Error, sqlite3.Warning) as problem:
            known = target == SQLITE or _MISSING.search(str(problem))
            _stop(step, problem, None if known else OTHER_DATABASE)


def _inside(action: int, *_: Any) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


def _on_postgresql(database: Database, step: Step, text: str, target: str | None, *, splits: bool) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    if not statements(text):
        return
    engine = create_engine(database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            raw = connection.execution_options(no_parameters=True)
            try:
                raw.exec_driver_sql(text)
            except DBAPIError as problem:
                # As one text it is one transaction, and nothing of it is there; some statements want none around them.
                if not splits or _state(problem) != _IN_TRANSACTION:
                    raise
                for one in statements(text):
                    raw.exec_driver_sql(one)
    except DBAPIError as problem:
        _stop(step, problem.orig or problem, _other_than_postgresql(problem, target), advice(problem))
    finally:
        engine.dispose()


def _other_than_postgresql(problem: Any, target: str | None) -> str | None:
    if _state(problem) == _SYNTAX and target != POSTGRESQL:
        return "it needs another database than PostgreSQL"
    return other_server(problem, target, bare=False)


def _state(problem: Any) -> str | None:
    origin = getattr(problem, "orig", None)
    return getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)


def _stop(step: Step, problem: Any, reason: str | None, more: str = "") -> NoReturn:
    said = f"{type(problem).__name__}: {' '.join(str(problem).split())}"[:LONGEST]
    text = f"{step.path}: {said}"
    if reason:
        text = f"{reason}: {text}"
    more = (
        more if "get_context" not in more else "It can't run inside a transaction: give it a file of its own."
    )
    kind = CANT_TELL if reason else BROKEN
    raise Stopped(Failure(kind, "\n".join(filter(None, [text, more])), step.path, step.id))
