"""The pairs of operations that do not commute, one small rule each; a rule looks at two operations only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from pointsman.core.migrations.operations import rules_names, rules_rows
from pointsman.core.migrations.operations.model import DATA_WRITES, Kind, Operation, Relation
from pointsman.core.migrations.operations.sharing import CREATES, DATA, needs, new_table, touches

_DROPS = frozenset({Kind.DROP_TABLE, Kind.DROP_VIEW})
_MAKES_COLUMN = frozenset({Kind.ADD_COLUMN, Kind.RENAME_COLUMN})


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
    for code, rule, forth, back in _asked(a.kind, b.kind):
        reasons = [why for why in (rule(a, b) if forth else None, rule(b, a) if back else None) if why]
        if reasons:
            return Verdict(code, min(reasons), Relation.CONFLICT)
    return _shared(a, b)


@cache
def _asked(a: Kind, b: Kind) -> tuple[tuple[str, Rule, bool, bool], ...]:
    """The rules that operations of two kinds may meet at all, and whether each does one way round and the other."""
    ways = ((code, rule, _may_meet(code, a, b), _may_meet(code, b, a)) for code, rule in RULES.items())
    return tuple(way for way in ways if way[2] or way[3])


def _may_meet(code: str, first: Kind, second: Kind) -> bool:
    if code in BY_ROWS and DATA_WRITES.isdisjoint({first, second}):
        return False
    return code not in _FIRST or first in _FIRST[code]


def _shared(a: Operation, b: Operation) -> Verdict | None:
    if a.kind is b.kind is Kind.ADD_ENUM_VALUE and a.name == b.name:
        return Verdict("enum_values", f"both add values to the type {a.name}", Relation.SAME_TABLE)
    if a.table is not None and a.table == b.table:
        return Verdict("same_table", f"both change {a.table}", Relation.SAME_TABLE)
    return None


def _table_twice(a: Operation, b: Operation) -> str | None:
    name = a.table if a.kind in CREATES else new_table(a)
    other = b.table if b.kind in CREATES else new_table(b)
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
    if a.kind in CREATES and touches(b, a.table):
        return f"one side makes {a.table}, the other takes it as there already"
    return None


def _column_twice(a: Operation, b: Operation) -> str | None:
    if a.table is None or a.table != b.table:
        return None
    made = a.name if a.kind is Kind.ADD_COLUMN else a.new_name if a.kind is Kind.RENAME_COLUMN else None
    other = b.name if b.kind is Kind.ADD_COLUMN else b.new_name if b.kind is Kind.RENAME_COLUMN else None
    return f"both make a column {made} in {a.table}" if made is not None and made == other else None


def _column_dropped(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.DROP_COLUMN and needs(b, a.table, a.name):
        return f"one side drops {a.table}.{a.name}, the other needs it"
    return None


def _column_renamed(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.RENAME_COLUMN and (needs(b, a.table, a.name) or needs(b, a.table, a.new_name)):
        return f"one side renames {a.table}.{a.name} to {a.new_name}, the other names one of them"
    return None


def _column_added(a: Operation, b: Operation) -> str | None:
    if a.kind is not Kind.ADD_COLUMN:
        return None
    if b.kind is Kind.CREATE_VIEW and not b.columns and touches(b, a.table):
        return f"one side adds {a.table}.{a.name}, the other makes a view of all its columns"
    if b.table == a.table and b.kind not in DATA and a.name in b.columns:
        return f"one side adds {a.table}.{a.name}, the other takes it as there already"
    return None


def _type_changed(a: Operation, b: Operation) -> str | None:
    harmless = {Kind.ALTER_NULLABLE, Kind.ALTER_COMMENT}
    if a.kind is Kind.ALTER_TYPE and b.kind not in harmless and needs(b, a.table, a.name):
        return f"one side changes the type of {a.table}.{a.name}, the other builds on it"
    return None


def _altered_twice(a: Operation, b: Operation) -> str | None:
    if a.kind is not b.kind or a.table != b.table or a.name != b.name:
        return None
    what = {Kind.ALTER_DEFAULT: "default", Kind.ALTER_COMMENT: "comment"}.get(a.kind)
    if what is None and a.kind is Kind.ALTER_NULLABLE and a.not_null != b.not_null:
        what = "NOT NULL"
    where = f"{a.table}.{a.name}" if a.name else a.table
    return f"both set the {what} of {where}" if what else None


Rule = Callable[[Operation, Operation], str | None]
RULES: dict[str, Rule] = {
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
    "primary_key_twice": rules_names.primary_key_twice,
    "index_twice": rules_names.index_twice,
    "index_dropped": rules_names.index_dropped,
    "constraint_name": rules_names.constraint_name,
    "key_dropped": rules_names.key_dropped,
    "enum_changed": rules_names.enum_changed,
    "enum_used": rules_names.enum_used,
    "same_name": rules_names.same_name,
    "function_used": rules_names.function_used,
    "schema_changed": rules_names.schema_changed,
    "data_twice": rules_rows.data_twice,
    "data_read": rules_rows.data_read,
    "not_null_data": rules_rows.not_null_data,
    "unique_data": rules_rows.unique_data,
    "foreign_key_data": rules_rows.foreign_key_data,
    "data_schema": rules_rows.data_schema,
}
"""Gravest first; the code is stable, users and the journal name it. Each rule is asked both ways round."""

BY_ROWS = frozenset(
    {"data_twice", "data_read", "not_null_data", "unique_data", "foreign_key_data", "data_schema"}
)
"""The rules by which two operations conflict through rows alone. They come last: a pair that meets one of them and
another is named by the other."""

_FIRST = {
    "table_twice": CREATES | {Kind.RENAME_TABLE},
    "table_dropped": _DROPS,
    "table_renamed": {Kind.RENAME_TABLE},
    "table_created": CREATES,
    "column_twice": _MAKES_COLUMN,
    "column_dropped": {Kind.DROP_COLUMN},
    "column_renamed": {Kind.RENAME_COLUMN},
    "column_added": {Kind.ADD_COLUMN},
    "type_changed": {Kind.ALTER_TYPE},
    "altered_twice": {Kind.ALTER_DEFAULT, Kind.ALTER_COMMENT, Kind.ALTER_NULLABLE},
    "primary_key_twice": {Kind.ADD_PRIMARY_KEY},
    "index_twice": rules_names.MAKES_INDEX,
    "index_dropped": {Kind.DROP_INDEX, Kind.RENAME_INDEX},
    "constraint_name": rules_names.CONSTRAINT_NAMES,
    "key_dropped": {Kind.DROP_CONSTRAINT},
    "enum_changed": rules_names.ENUMS,
    "enum_used": rules_names.ENUMS,
    "function_used": rules_names.FUNCTIONS,
    "schema_changed": rules_names.SCHEMAS,
    "data_twice": DATA_WRITES,
    "data_read": DATA,
    "foreign_key_data": {Kind.ADD_FOREIGN_KEY},
}
"""What the first of two operations has to be for a rule to hold; any other rule is asked of all."""
