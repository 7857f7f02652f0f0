"""Reads the rows of a scratch database, bounded, and says where those of two differ; it changes neither.

Rows are compared as sets with repetition and columns by name: neither the order of rows nor that of columns shows.
Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

# ruff: noqa: S608, B905 - names are quoted, everything else in the queries is ours; `strict` is Python 3.10's
from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = tuple[str, ...]
MOST_ROWS = 50_000
MOST_BYTES = 32 << 20
SHOWN_ROWS = 2
LONGEST_VALUE = 60


class TooMuch(Exception):
    """More than is compared; the text says how much that is."""


@dataclass(frozen=True)
class Table:
    """`columns` in the order of their names; `key` are those of its primary key."""

    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: Counter[Row]


Rows = dict[str, Table]


class Budget:
    """Counts what is read of one database, and stops in time."""

    def __init__(self) -> None:
        self.rows, self.size = MOST_ROWS, MOST_BYTES

    def take(self, row: Row) -> Row:
        self.rows -= 1
        self.size -= sum(map(len, row))
        if self.rows < 0 or self.size < 0:
            raise TooMuch(f"it has more than {MOST_ROWS} rows or {MOST_BYTES >> 20} MiB, too much to compare")
        return row


def read_sqlite(database: Path, *, without: str | None) -> Rows:
    """Every table's but those of the version table `without` and SQLite's own."""
    found: Rows = {}
    budget = Budget()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.text_factory = _decoded
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ).fetchall()
        for (name,) in names:
            if name == without:
                continue
            facts = sorted(
                (row[1], row[5]) for row in connection.execute(f"PRAGMA table_xinfo({quoted(name)})")
            )
            columns = tuple(column for column, _ in facts)
            listed = ", ".join(map(quoted, columns))
            rows = connection.execute(f"SELECT {listed} FROM {quoted(name)} LIMIT {MOST_ROWS + 1}")
            found[name] = Table(
                columns, tuple(c for c, key in facts if key), Counter(budget.take(_told(row)) for row in rows)
            )
    return found


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "backslashreplace")


_TABLES = """
SELECT n.nspname, c.relname, array_to_string(array(SELECT a.attname::text FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname::text COLLATE "C"), E'\\n'),
  array_to_string(array(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a
    ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary), E'\\n'),
  pg_table_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""


def read_postgresql(connection: Any, *, without: str | None) -> Rows:
    """As `read_sqlite`. A partition is a table like any other. `connection` is SQLAlchemy's."""
    found: Rows = {}
    budget = Budget()
    tables = connection.exec_driver_sql(_TABLES).fetchall()
    if sum(row[4] for row in tables) > 4 * MOST_BYTES + len(tables) * (1 << 16):
        raise TooMuch(f"its tables take more than {4 * MOST_BYTES >> 20} MiB, too much to compare")
    for schema, name, columns, key, _ in tables:
        if name == without or not columns:
            continue
        names = tuple(sorted(columns.split("\n")))
        listed = ", ".join(f"{quoted(column)}::text" for column in names)
        rows = connection.exec_driver_sql(
            f"SELECT {listed} FROM {quoted(schema)}.{quoted(name)} LIMIT {MOST_ROWS + 1}"
        )
        told = name if schema == "public" else f"{schema}.{name}"
        found[told] = Table(
            names,
            tuple(sorted(key.split("\n"))) if key else (),
            Counter(budget.take(_told(row)) for row in rows),
        )
    return found


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _told(row: Any) -> Row:
    return tuple("NULL" if value is None else repr(value) for value in row)


def count(rows: Rows) -> int:
    return sum(number for table in rows.values() for number in table.rows.values())


def differences(one: Rows, other: Rows, names: tuple[str, str]) -> list[str]:
    """Each table that differs as a clause with its first differing rows; empty when all rows are the same."""
    return [
        _difference(table, one.get(table, _EMPTY), other.get(table, _EMPTY), names)
        for table in sorted({*one, *other})
        if one.get(table, _EMPTY).rows != other.get(table, _EMPTY).rows
    ]


_EMPTY = Table((), (), Counter())


def _difference(name: str, one: Table, other: Table, names: tuple[str, str]) -> str:
    mine = sorted((one.rows - other.rows).elements())
    theirs = sorted((other.rows - one.rows).elements())
    told: list[str] = []
    for row in mine:
        rival = next((r for r in theirs if _key(other, r) == _key(one, row)), None) if one.key else None
        if rival is None:
            told.append(f"{_shown(one, row)} is there only by {names[0]!r}")
            continue
        theirs.remove(rival)
        changed = [
            f"{column} is {_cut(a)} by {names[0]!r}, {_cut(b)} by {names[1]!r}"
            for column, a, b in zip(one.columns, row, rival)
            if a != b
        ]
        told.append(f"where {_shown(one, row, one.key)}: {', '.join(changed)}")
        if len(told) > SHOWN_ROWS:
            break
    told += [f"{_shown(other, row)} is there only by {names[1]!r}" for row in theirs[: SHOWN_ROWS + 1]]
    more = max(len(mine), len(theirs), len(told)) - SHOWN_ROWS
    rest = [f"and {more} more"] if more > 0 else []
    return f"rows of {name}: {'; '.join([*told[:SHOWN_ROWS], *rest])}"


def _key(table: Table, row: Row) -> Row:
    return tuple(value for column, value in zip(table.columns, row) if column in table.key)


def _shown(table: Table, row: Row, columns: tuple[str, ...] = ()) -> str:
    parts = [
        f"{column}={_cut(value)}"
        for column, value in zip(table.columns, row)
        if not columns or column in columns
    ]
    return ", ".join(parts) if columns else f"({', '.join(parts)})"


def _cut(value: str) -> str:
    return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}..."


def unsteady(one: Rows, again: Rows) -> set[tuple[str, str]]:
    """The columns (table, column) that two runs of the very same migrations leave different: a clock, a random id."""
    found = set()
    for name in one.keys() & again.keys():
        for column in one[name].columns:
            if _values(one[name], column) != _values(again[name], column):
                found.add((name, column))
    return found


def _values(table: Table, column: str) -> Counter[str]:
    if column not in table.columns:
        return Counter()
    place = table.columns.index(column)
    found: Counter[str] = Counter()
    for row, number in table.rows.items():
        found[row[place]] += number
    return found


def leave_out(rows: Rows, columns: set[tuple[str, str]]) -> Rows:
    return {name: _projected(table, {c for n, c in columns if n == name}) for name, table in rows.items()}


def _projected(table: Table, gone: set[str]) -> Table:
    kept = [place for place, column in enumerate(table.columns) if column not in gone]
    rows: Counter[Row] = Counter()
    for row, number in table.rows.items():
        rows[tuple(row[place] for place in kept)] += number
    return Table(tuple(table.columns[p] for p in kept), tuple(c for c in table.key if c not in gone), rows)
