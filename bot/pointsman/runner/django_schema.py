"""Reads what a scratch database looks like through the project's own Django connection; it changes nothing.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pointsman.runner import schema_postgresql
from pointsman.runner.schema import Schema

Json = dict[str, Any]
VERSION_TABLE = "django_migrations"
_TABLES = (VERSION_TABLE, "sqlite_sequence")


class _Plain:
    """A cursor of Django's as schema_postgresql asks for it."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def exec_driver_sql(self, query: str) -> list[Any]:
        self.cursor.execute(query)
        rows: list[Any] = self.cursor.fetchall()
        return rows


def read_schema(connection: Any) -> Schema:
    """What is there by name, but for the table of applied migrations."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return schema_postgresql.read_schema(_Plain(cursor), without=VERSION_TABLE)
        return dict(_introspected(connection.introspection, cursor))


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
