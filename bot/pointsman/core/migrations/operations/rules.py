"""The pairs of operations that do not commute, one small rule each; a rule looks at two operations only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pointsman.core.migrations.operations.model import (
    CONSTRAINTS,
    DATA_WRITES,
    Kind,
    Operation,
    Relation,
)

_CREATES = frozenset({Kind.CREATE_TABLE, Kind.CREATE_VIEW})
_DROPS = frozenset({Kind.DROP_TABLE, Kind.DROP_VIEW})
_DATA = DATA_WRITES | {Kind.DATA_READ}
_KEYS = frozenset({Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY})
_INDEX_NAMES = _KEYS | {Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.RENAME_INDEX}
_CONSTRAINT_NAMES = CONSTRAINTS | {Kind.DROP_CONSTRAINT, Kind.RENAME_CONSTRAINT}
_MAKES_INDEX = _KEYS | {Kind.CREATE_INDEX, Kind.RENAME_INDEX}
_ENUMS = frozenset({Kind.CREATE_ENUM, Kind.ADD_ENUM_VALUE, Kind.RENAME_ENUM, Kind.DROP_ENUM})
_COLUMN = frozenset(
    {
        Kind.ADD_COLUMN,
        Kind.DROP_COLUMN,
        Kind.RENAME_COLUMN,
        Kind.ALTER_TYPE,
        Kind.ALTER_NULLABLE,
        Kind.ALTER_DEFAULT,
        Kind.ALTER_COMMENT,
    }
)
SCHEMAS = frozenset({Kind.CREATE_SCHEMA, Kind.DROP_SCHEMA})
_GROUPS = (
    frozenset({Kind.CREATE_SEQUENCE, Kind.DROP_SEQUENCE}),
    frozenset({Kind.CREATE_FUNCTION, Kind.DROP_FUNCTION}),
    frozenset({Kind.CREATE_TRIGGER, Kind.DROP_TRIGGER}),
    SCHEMAS,
    frozenset({Kind.CREATE_EXTENSION, Kind.DROP_EXTENSION}),
    frozenset({Kind.RAW}),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which rule two operations meet, and why in a clause for people."""

    rule: str
    why: str
    relation: Relation


def judge(a: Operation, b: Operation) -> Verdict | None:
    """The gravest rule that the two meet, whichever way round; None where they share nothing that matters."""
    if a.kind == b.kind and a.if_exists and b.if_exists and a.kind.value.startswith("drop"):
        return _shared(a, b)
    for code, rule in RULES.items():
        reasons = [why for why in (rule(a, b), rule(b, a)) if why is not None]
        if reasons:
            return Verdict(code, min(reasons), Relation.CONFLICT)
    return _shared(a, b)


def _shared(a: Operation, b: Operation) -> Verdict | None:
    if a.kind is b.kind is Kind.ADD_ENUM_VALUE and a.name == b.name:
        return Verdict("enum_values", f"both add values to the type {a.name}", Relation.SAME_TABLE)
    if a.table is not None and a.table == b.table:
        return Verdict("same_table", f"both change {a.table}", Relation.SAME_TABLE)
    return None


def touches(b: Operation, table: str | None) -> bool:
    """Whether an operation works on a table, or reads it or points at it."""
    return table is not None and (b.table == table or table in b.references or _new_table(b) == table)


def _new_table(b: Operation) -> str | None:
    return b.new_name if b.kind is Kind.RENAME_TABLE else None


def _needs(b: Operation, table: str | None, column: str | None) -> bool:
    """Whether an operation needs a column of a table, as far as can be told; not known counts as yes."""
    if table is None or column is None or not touches(b, table):
        return False
    if f"{table}.{column}" in b.targets:
        return True
    if b.table != table and b.targets and b.kind not in _DATA | _CREATES:
        return False
    if b.table != table and b.kind is Kind.CREATE_TABLE:
        return any(target == f"{table}.*" for target in b.targets)
    if b.columns:
        return column in b.columns or (b.kind is Kind.RENAME_COLUMN and column == b.new_name)
    return (
        b.kind
        in _DATA | {Kind.DROP_INDEX, Kind.DROP_CONSTRAINT, Kind.CREATE_VIEW, Kind.CREATE_INDEX} | CONSTRAINTS
    )


def _table_twice(a: Operation, b: Operation) -> str | None:
    name = a.table if a.kind in _CREATES else _new_table(a)
    other = b.table if b.kind in _CREATES else _new_table(b)
    return f"both make a table or view {name}" if name is not None and name == other else None


def _table_dropped(a: Operation, b: Operation) -> str | None:
    return (
        f"one side drops {a.table}, the other needs it" if a.kind in _DROPS and touches(b, a.table) else None
    )


def _table_renamed(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.RENAME_TABLE and (touches(b, a.table) or touches(b, a.new_name)):
        return f"one side renames {a.table} to {a.new_name}, the other names one of them"
    return None


def _table_created(a: Operation, b: Operation) -> str | None:
    if a.kind in _CREATES and touches(b, a.table):
        return f"one side makes {a.table}, the other takes it as there already"
    return None


def _column_twice(a: Operation, b: Operation) -> str | None:
    if a.table is None or a.table != b.table:
        return None
    made = a.name if a.kind is Kind.ADD_COLUMN else a.new_name if a.kind is Kind.RENAME_COLUMN else None
    other = b.name if b.kind is Kind.ADD_COLUMN else b.new_name if b.kind is Kind.RENAME_COLUMN else None
    return f"both make a column {made} in {a.table}" if made is not None and made == other else None


def _column_dropped(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.DROP_COLUMN and _needs(b, a.table, a.name):
        return f"one side drops {a.table}.{a.name}, the other needs it"
    return None


def _column_renamed(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.RENAME_COLUMN and (_needs(b, a.table, a.name) or _needs(b, a.table, a.new_name)):
        return f"one side renames {a.table}.{a.name} to {a.new_name}, the other names one of them"
    return None


def _column_added(a: Operation, b: Operation) -> str | None:
    if a.kind is not Kind.ADD_COLUMN:
        return None
    if b.kind is Kind.CREATE_VIEW and not b.columns and touches(b, a.table):
        return f"one side adds {a.table}.{a.name}, the other makes a view of all its columns"
    if b.table == a.table and b.kind not in _DATA and a.name in b.columns:
        return f"one side adds {a.table}.{a.name}, the other takes it as there already"
    return None


def _type_changed(a: Operation, b: Operation) -> str | None:
    harmless = {Kind.ALTER_NULLABLE, Kind.ALTER_COMMENT}
    if a.kind is Kind.ALTER_TYPE and b.kind not in harmless and _needs(b, a.table, a.name):
        return f"one side changes the type of {a.table}.{a.name}, the other builds on it"
    return None


def _altered_twice(a: Operation, b: Operation) -> str | None:
    if a.kind is not b.kind or a.table != b.table or a.name != b.name:
        return None
    what = {Kind.ALTER_DEFAULT: "default", Kind.ALTER_COMMENT: "comment"}.get(a.kind)
    if what is None and a.kind is Kind.ALTER_NULLABLE and a.not_null != b.not_null:
        what = "NOT NULL"
    return f"both set the {what} of {a.table}.{a.name}" if what else None


def _on_same_data(a: Operation, b: Operation) -> bool:
    return b.kind in DATA_WRITES and b.table is not None and a.table == b.table


def _data_twice(a: Operation, b: Operation) -> str | None:
    return f"both change rows of {a.table}" if a.kind in DATA_WRITES and _on_same_data(a, b) else None


def _data_read(a: Operation, b: Operation) -> str | None:
    if a.kind not in _DATA or b.kind not in DATA_WRITES or b.table not in a.references:
        return None
    if not (a.columns and b.writes and set(b.writes).isdisjoint(a.columns)):
        return f"one side changes rows of {b.table}, the other reads them"
    return None


def _not_null_data(a: Operation, b: Operation) -> str | None:
    if a.not_null and _on_same_data(a, b):
        return f"one side makes {a.table}.{a.name} NOT NULL, the other writes rows of {a.table}"
    return None


def _unique_data(a: Operation, b: Operation) -> str | None:
    if a.unique and a.kind is not Kind.DROP_CONSTRAINT and _on_same_data(a, b):
        return f"one side makes rows of {a.table} unique, the other writes rows"
    return None


def _foreign_key_data(a: Operation, b: Operation) -> str | None:
    if (
        a.kind is Kind.ADD_FOREIGN_KEY
        and b.kind in {Kind.DATA_DELETE, Kind.DATA_UPDATE}
        and b.table in a.references
    ):
        return f"one side points at {b.table}, the other changes its rows"
    return None


def _data_schema(a: Operation, b: Operation) -> str | None:
    plain = (
        a.kind in {Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.RENAME_INDEX, Kind.ALTER_COMMENT} and not a.unique
    )
    if a.kind not in _DATA and not plain and _on_same_data(a, b):
        return f"one side changes {a.table}, the other writes its rows"
    return None


def _index_twice(a: Operation, b: Operation) -> str | None:
    if a.kind not in _MAKES_INDEX or b.kind not in _MAKES_INDEX:
        return None
    name = a.new_name or a.name
    if name is not None and name == (b.new_name or b.name) and _schema(a) == _schema(b):
        return f"both make an index {name}"
    unnamed = a.kind is b.kind and a.table == b.table and a.columns == b.columns and None in (a.name, b.name)
    return f"both index the same columns of {a.table}" if unnamed else None


def _schema(a: Operation) -> str:
    """Index names are unique in a schema, not in a table (PostgreSQL, CREATE INDEX)."""
    return (a.table or a.name or "").rpartition(".")[0]


def _index_dropped(a: Operation, b: Operation) -> str | None:
    if a.kind not in {Kind.DROP_INDEX, Kind.RENAME_INDEX} or b.kind not in _INDEX_NAMES | {
        Kind.DROP_CONSTRAINT
    }:
        return None
    mine, theirs = {a.name, a.new_name} - {None}, {b.name, b.new_name} - {None}
    return f"one side drops or renames the index {a.name}, the other names it" if mine & theirs else None


def _constraint_name(a: Operation, b: Operation) -> str | None:
    if a.kind not in _CONSTRAINT_NAMES or b.kind not in _CONSTRAINT_NAMES:
        return None
    mine, theirs = {a.name, a.new_name} - {None}, {b.name, b.new_name} - {None}
    keyed = a.kind is b.kind is Kind.ADD_FOREIGN_KEY
    if mine & theirs and (a.table == b.table or keyed):
        return f"both name the constraint {min(mine & theirs, key=str)}"
    same = a.kind is b.kind and a.table == b.table and a.columns == b.columns and None in (a.name, b.name)
    return f"both put the same constraint on {a.table}" if same else None


def _primary_key_twice(a: Operation, b: Operation) -> str | None:
    if a.kind is b.kind is Kind.ADD_PRIMARY_KEY and a.table == b.table:
        return f"both give {a.table} a primary key"
    return None


def _key_dropped(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.DROP_CONSTRAINT and a.unique and a.table in b.references and b.targets:
        return f"one side drops a key of {a.table}, the other points at {a.table}"
    return None


def _enum_changed(a: Operation, b: Operation) -> str | None:
    if a.kind not in _ENUMS:
        return None
    if b.kind in _ENUMS and {a.name, a.new_name} & {b.name, b.new_name} - {None}:
        if not a.kind is b.kind is Kind.ADD_ENUM_VALUE:
            return f"both change the type {a.name}"
        same = set(a.values) & set(b.values)
        return (
            f"both add {min(same)!r} to the type {a.name}"
            if same and not (a.if_exists and b.if_exists)
            else None
        )
    return None


def _enum_used(a: Operation, b: Operation) -> str | None:
    if a.kind not in _ENUMS or b.kind in _ENUMS:
        return None
    if {a.name, a.new_name} & set(b.types) and (
        a.kind is not Kind.ADD_ENUM_VALUE or b.kind is Kind.ALTER_TYPE
    ):
        return f"one side changes the type {a.name}, the other uses it"
    used = set(a.values) & set(b.values) if a.kind in {Kind.ADD_ENUM_VALUE, Kind.RENAME_ENUM} else None
    return f"one side changes {min(used)!r} of the type {a.name}, the other uses it" if used else None


def _same_name(a: Operation, b: Operation) -> str | None:
    if a.name is None or a.name != b.name or a.table != b.table:
        return None
    for group in _GROUPS:
        if a.kind in group and b.kind in group and not (a.if_exists and b.if_exists and a.kind is b.kind):
            return f"both make or drop {a.name}"
    return None


def _function_used(a: Operation, b: Operation) -> str | None:
    if a.kind in _GROUPS[1] and b.kind in _GROUPS[2] and a.name in b.types:
        return f"one side changes the function {a.name}, the other calls it"
    return None


def _schema_changed(a: Operation, b: Operation) -> str | None:
    if a.kind not in SCHEMAS or (a.kind is Kind.CREATE_SCHEMA and a.if_exists):
        return None
    inside = f"{a.name}."
    if any(name.startswith(inside) for name in (b.table or "", b.name or "", *b.references)):
        return f"one side makes or drops the schema {a.name}, the other works in it"
    return None


RULES: dict[str, Callable[[Operation, Operation], str | None]] = {
    "table_twice": _table_twice,
    "table_dropped": _table_dropped,
    "table_renamed": _table_renamed,
    "table_created": _table_created,
    "column_twice": _column_twice,
    "column_dropped": _column_dropped,
    "column_renamed": _column_renamed,
    "column_added": _column_added,
    "type_changed": _type_changed,
    "altered_twice": _altered_twice,
    "primary_key_twice": _primary_key_twice,
    "index_twice": _index_twice,
    "index_dropped": _index_dropped,
    "constraint_name": _constraint_name,
    "key_dropped": _key_dropped,
    "enum_changed": _enum_changed,
    "enum_used": _enum_used,
    "same_name": _same_name,
    "function_used": _function_used,
    "schema_changed": _schema_changed,
    "data_twice": _data_twice,
    "data_read": _data_read,
    "not_null_data": _not_null_data,
    "unique_data": _unique_data,
    "foreign_key_data": _foreign_key_data,
    "data_schema": _data_schema,
}
"""Gravest first; the code is stable, users and the journal name it. Each rule is asked both ways round."""

BY_ROWS = frozenset(
    {"data_twice", "data_read", "not_null_data", "unique_data", "foreign_key_data", "data_schema"}
)
"""The rules by which two operations conflict through rows alone. They come last: a pair that meets one of them and
another is named by the other."""
