"""Looks at a scratch database with Django's own eyes, in a process that never loaded the project; it changes nothing.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from pointsman.runner import rows as reading
from pointsman.runner import schema_postgresql
from pointsman.runner.answer import run_apart
from pointsman.runner.databases import SQLITE, Database
from pointsman.runner.django_databases import as_setting
from pointsman.runner.rows import Rows, Table, TooMuch
from pointsman.runner.schema import Schema

Json = dict[str, Any]
VERSION_TABLE = "django_migrations"
_TABLES = (VERSION_TABLE, "sqlite_sequence")


@dataclass(frozen=True)
class Seen:
    """What the database holds; `applied` are the migrations of the one app that it says it ran. `doubt`: why it can't
    be read."""

    schema: Schema
    applied: list[str]
    rows: Optional[Rows] = None  # noqa: UP045 - read at run time by 3.9
    doubt: Optional[str] = None  # noqa: UP045


def look(database: Database, label: str, *, rows: bool) -> Seen:
    """Look in a fork: Django has one set of settings a process, and here they are nobody's."""
    ended = run_apart(lambda: _looked(database, label, rows))
    said = ended.said
    if said is None or "doubt" in said:
        why = said["doubt"] if said else f"the process that looked ended ({ended.how})"
        return Seen({}, [], doubt=f"the scratch database can't be read: {why}")
    tables = said["rows"]
    found = None if tables is None else {name: _as_table(*parts) for name, parts in tables.items()}
    return Seen(said["schema"], said["applied"], found)


def _looked(database: Database, label: str, rows: bool) -> Json:
    from django.conf import settings

    settings.configure(DATABASES={"default": as_setting(database, {})}, USE_TZ=True)
    from django.db import Error, connection

    try:
        with connection.cursor() as cursor:
            found = None if not rows else _rows(database, cursor)
            return {
                "schema": _schema(connection, cursor),
                "applied": _applied(connection, cursor, label),
                "rows": found,
            }
    except (Error, TooMuch, ValueError) as problem:
        return {"doubt": f"{type(problem).__name__}: {problem}"}


def _applied(connection: Any, cursor: Any, label: str) -> list[str]:
    if VERSION_TABLE not in connection.introspection.table_names(cursor):
        return []
    cursor.execute("SELECT name FROM django_migrations WHERE app = %s", [label])
    return sorted({str(name) for (name,) in cursor.fetchall()})


def _schema(connection: Any, cursor: Any) -> Schema:
    if connection.vendor == "postgresql":
        return schema_postgresql.read_schema(_Plain(cursor), without=VERSION_TABLE)
    return dict(_introspected(connection.introspection, cursor))


def _rows(database: Database, cursor: Any) -> Json:
    if database.kind == SQLITE:
        found = reading.read_sqlite(Path(database.name), without=VERSION_TABLE)
    else:
        found = reading.read_postgresql(_Plain(cursor), without=VERSION_TABLE)
    return {
        name: [table.columns, table.key, [[row, number] for row, number in table.rows.items()]]
        for name, table in found.items()
    }


def _as_table(columns: list[str], key: list[str], rows: list[Any]) -> Table:
    counted = Counter({tuple(row): number for row, number in rows})
    return Table(tuple(columns), tuple(key), counted)


class _Told(list[Any]):
    def fetchall(self) -> list[Any]:
        return self


class _Plain:
    """A cursor of Django's as schema_postgresql and rows ask for it."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def exec_driver_sql(self, query: str) -> _Told:
        self.cursor.execute(query)
        return _Told(self.cursor.fetchall())


def _introspected(introspection: Any, cursor: Any) -> Iterator[tuple[str, str]]:
    """As Django's own introspection has it. SQLite has no names for foreign keys."""
    for table in introspection.get_table_list(cursor):
        if table.name in _TABLES:
            continue
        yield f"table {table.name}", "there"
        for column in introspection.get_table_description(cursor, table.name):
            null = "NULL" if column.null_ok else "NOT NULL"
            default = f" DEFAULT {column.default}" if column.default is not None else ""
            size = f"({column.display_size})" if column.display_size else ""
            yield f"column {table.name}.{column.name}", f"{column.type_code}{size} {null}{default}"
        for name, constraint in introspection.get_constraints(cursor, table.name).items():
            yield _constraint(table.name, name, constraint)


def _constraint(table: str, name: str, constraint: Json) -> tuple[str, str]:
    columns = ", ".join(constraint.get("columns") or ())
    kinds = [kind for kind in ("primary_key", "unique", "check", "index") if constraint.get(kind)]
    target = constraint.get("foreign_key")
    said = f"{' '.join(kinds)} ({columns})" + (f" -> {'.'.join(target)}" if target else "")
    unnamed = bool(target) or name.startswith("__") or constraint.get("primary_key")
    return f"{'foreign key' if target else 'constraint'} {table}.{columns if unnamed else name}", said
