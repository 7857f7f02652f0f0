"""What two operations have in common: tables, columns; the words that all rules use, and no rule."""

from __future__ import annotations

from pointsman.core.migrations.operations.model import CONSTRAINTS, DATA_WRITES, Kind, Operation

CREATES = frozenset({Kind.CREATE_TABLE, Kind.CREATE_VIEW})
DATA = DATA_WRITES | {Kind.DATA_READ}


def touches(b: Operation, table: str | None) -> bool:
    """Whether an operation works on a table, or reads it or points at it."""
    return table is not None and (b.table == table or table in b.references or new_table(b) == table)


def new_table(b: Operation) -> str | None:
    return b.new_name if b.kind is Kind.RENAME_TABLE else None


def needs(b: Operation, table: str | None, column: str | None) -> bool:
    """Whether an operation needs a column of a table, as far as can be told; not known counts as yes. Dropping an
    index or constraint does where its name has the column's in it."""
    if table is None or column is None or not touches(b, table):
        return False
    if f"{table}.{column}" in b.targets:
        return True
    if b.table != table and b.targets and b.kind not in DATA | CREATES:
        return False
    if b.table != table and b.kind is Kind.CREATE_TABLE:
        return any(target == f"{table}.*" for target in b.targets)
    if b.columns:
        return column in b.columns or (b.kind is Kind.RENAME_COLUMN and column == b.new_name)
    if b.kind in {Kind.DROP_INDEX, Kind.DROP_CONSTRAINT}:
        return b.name is None or column in b.name
    return b.kind in DATA | {Kind.CREATE_VIEW, Kind.CREATE_INDEX} | CONSTRAINTS
