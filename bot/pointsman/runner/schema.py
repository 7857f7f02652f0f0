"""Reads what a scratch database looks like, by name, and says how two of them differ; it changes neither.

Kept to Python 3.9's language. Imports nothing of Pointsman.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

Schema = dict[str, str]
"""What is there, by a name that says which kind of thing it is: `column users.nick` -> `VARCHAR NOT NULL`."""


def read_schema(database: Path, *, without: str | None) -> Schema:
    """Everything but the version table `without`. The order of columns in a table does not show."""
    with closing(sqlite3.connect(str(database))) as connection:
        found = dict(_stored(connection, without))
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            )
            if name != without
        ]
        for table in tables:
            found.update(_columns(connection, table))
            found.update(_indexes(connection, table))
    found.update(_constraints(database, tables))
    return found


def read_versions(database: Path, table: str) -> list[str]:
    """The revisions that the version table names; empty when there is no such table."""
    with closing(sqlite3.connect(str(database))) as connection:
        try:
            rows = connection.execute(f"SELECT version_num FROM {_quoted(table)}").fetchall()  # noqa: S608
        except sqlite3.OperationalError:
            return []
    return sorted(str(row[0]) for row in rows)


def differences(one: Schema, other: Schema, names: tuple[str, str]) -> list[str]:
    """Each difference as a clause; empty when the two are equal."""
    told = []
    for thing in sorted({*one, *other}):
        mine, theirs = one.get(thing), other.get(thing)
        if mine == theirs:
            continue
        if mine is None or theirs is None:
            told.append(f"{thing} is there only by {names[0] if theirs is None else names[1]!r}")
        else:
            told.append(f"{thing} is {mine} by {names[0]!r}, {theirs} by {names[1]!r}")
    return told


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _squeezed(text: str | None) -> str:
    return " ".join((text or "").split())


def _stored(connection: sqlite3.Connection, without: str | None) -> Iterator[tuple[str, str]]:
    for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        if kind in ("view", "trigger"):
            yield f"{kind} {name}", _squeezed(sql)
        elif kind == "table" and name != without and not name.startswith("sqlite_"):
            yield f"table {name}", "there"


def _columns(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    key: dict[int, str] = {}
    rows = connection.execute(f"PRAGMA table_xinfo({_quoted(table)})")
    for _, name, kind, not_null, default, position, hidden in rows:
        if position:
            key[position] = name
        said = [kind or "no type", "NOT NULL" if not_null else "NULL"]
        if default is not None:
            said.append(f"DEFAULT {_squeezed(str(default))}")
        if hidden:
            said.append("generated")
        yield f"column {table}.{name}", " ".join(said)
    if key:
        yield f"primary key {table}", ", ".join(key[position] for position in sorted(key))


def _indexes(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, str]]:
    for _, name, unique, origin, partial in connection.execute(f"PRAGMA index_list({_quoted(table)})"):
        if origin != "c":
            continue
        parts = [
            f"{column or 'expression'}{' DESC' if descending else ''}"
            for _, _, column, descending, _, is_key in connection.execute(
                f"PRAGMA index_xinfo({_quoted(name)})"
            )
            if is_key
        ]
        said = f"{'unique ' if unique else ''}on {', '.join(parts)}"
        if partial or "expression" in parts:
            (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            said += f": {_squeezed(sql)}"
        yield f"index {table}.{name}", said


def _constraints(database: Path, tables: list[str]) -> Iterator[tuple[str, str]]:
    """Names of constraints are in the tables' SQL only; SQLAlchemy can read that."""
    from sqlalchemy import create_engine, inspect

    engine = create_engine(f"sqlite:///{database}")
    inspector = inspect(engine)
    for table in tables:
        for unique in inspector.get_unique_constraints(table):
            columns = ", ".join(unique["column_names"])
            yield f"unique {table}.{unique['name'] or columns}", columns
        for check in inspector.get_check_constraints(table):
            text = _squeezed(str(check["sqltext"]))
            yield f"check {table}.{check['name'] or text}", text
        for key in inspector.get_foreign_keys(table):
            columns = ", ".join(key["constrained_columns"])
            to = f"{key['referred_table']}({', '.join(key['referred_columns'])})"
            options = " ".join(f"{name}={value}" for name, value in sorted(key["options"].items()))
            yield f"foreign key {table}.{key['name'] or columns}", _squeezed(f"{columns} -> {to} {options}")
    engine.dispose()
