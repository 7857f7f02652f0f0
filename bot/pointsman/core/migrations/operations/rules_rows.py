"""Rules for pairs of which one writes rows: what the other may do without knowing of it, column by column.

Two writes of one table are never taken apart: which rows they choose is not read.
"""

from __future__ import annotations

from pointsman.core.migrations.operations.model import CONSTRAINTS, DATA_WRITES, Kind, Operation
from pointsman.core.migrations.operations.sharing import DATA

_CHECKS = CONSTRAINTS | {Kind.CREATE_INDEX}
_PLAIN = frozenset({Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.RENAME_INDEX, Kind.ALTER_COMMENT})


def data_twice(a: Operation, b: Operation) -> str | None:
    return f"both change rows of {a.table}" if a.kind in DATA_WRITES and _writes_to(b, a) else None


def data_read(a: Operation, b: Operation) -> str | None:
    if a.kind not in DATA or b.kind not in DATA_WRITES or b.table not in a.references:
        return None
    if not (a.columns and b.writes and set(b.writes).isdisjoint(a.columns)):
        return f"one side changes rows of {b.table}, the other reads them"
    return None


def not_null_data(a: Operation, b: Operation) -> str | None:
    if a.not_null and _writes_to(b, a) and not apart(a, b):
        return f"one side makes {a.table}.{a.name} NOT NULL, the other writes rows of {a.table}"
    return None


def unique_data(a: Operation, b: Operation) -> str | None:
    if a.unique and a.kind is not Kind.DROP_CONSTRAINT and _writes_to(b, a) and not apart(a, b):
        return f"one side makes rows of {a.table} unique, the other writes rows"
    return None


def foreign_key_data(a: Operation, b: Operation) -> str | None:
    if a.kind is not Kind.ADD_FOREIGN_KEY or b.table not in a.references:
        return None
    if b.kind is Kind.DATA_DELETE or (b.kind is Kind.DATA_UPDATE and not _spares(b, a.targets)):
        return f"one side points at {b.table}, the other changes its rows"
    return None


def data_schema(a: Operation, b: Operation) -> str | None:
    rights = a.kind is Kind.RAW and a.name is None
    plain = (a.kind in _PLAIN and not a.unique) or rights
    if a.kind not in DATA and not plain and _writes_to(b, a) and not apart(a, b):
        return f"one side changes {a.table}, the other writes its rows"
    return None


def _writes_to(b: Operation, a: Operation) -> bool:
    return b.kind in DATA_WRITES and b.table is not None and a.table == b.table


def _spares(update: Operation, targets: tuple[str, ...]) -> bool:
    """Whether an UPDATE sets none of the columns, given as `table.column`, that a foreign key points at."""
    if not update.writes or any(target.endswith(".*") for target in targets):
        return False
    return not {f"{update.table}.{column}" for column in update.writes} & set(targets)


def apart(change: Operation, write: Operation) -> bool:
    """Whether a change of a table and a write of its rows give the same in either order, told by their columns.

    Both have to name all columns that they work with. A change that a row may break (NOT NULL, a key, a check)
    is only apart from an UPDATE of other columns: new rows, and rows gone, may make it pass or fail. A new row also
    depends on defaults and on NOT NULL of columns that it does not name."""
    if not write.columns or not change.columns or (write.kind is Kind.DATA_UPDATE and not write.writes):
        return False
    if change.kind in _CHECKS:
        return write.kind is Kind.DATA_UPDATE and set(change.columns).isdisjoint(write.writes)
    if not {*change.columns, change.name, change.new_name}.isdisjoint(write.columns):
        return False
    match change.kind:
        case Kind.ADD_COLUMN:
            return not change.per_row and not (change.not_null and write.kind is not Kind.DATA_UPDATE)
        case Kind.RENAME_COLUMN | Kind.ALTER_TYPE:
            return True
        case Kind.DROP_COLUMN | Kind.ALTER_DEFAULT:
            return write.kind is not Kind.DATA_INSERT
        case Kind.ALTER_NULLABLE if change.not_null:
            return write.kind is Kind.DATA_UPDATE
        case Kind.ALTER_NULLABLE:
            return write.kind is not Kind.DATA_INSERT
        case _:
            return False
