"""Rules for what has a name of its own: indexes, constraints, types, functions, schemas; not rows or columns."""

from __future__ import annotations

from pointsman.core.migrations.operations.model import CONSTRAINTS, Kind, Operation

_KEYS = frozenset({Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY})
_INDEX_NAMES = _KEYS | {Kind.CREATE_INDEX, Kind.DROP_INDEX, Kind.RENAME_INDEX}
CONSTRAINT_NAMES = CONSTRAINTS | {Kind.DROP_CONSTRAINT, Kind.RENAME_CONSTRAINT}
MAKES_INDEX = _KEYS | {Kind.CREATE_INDEX, Kind.RENAME_INDEX}
ENUMS = frozenset({Kind.CREATE_ENUM, Kind.ADD_ENUM_VALUE, Kind.RENAME_ENUM, Kind.DROP_ENUM})
SCHEMAS = frozenset({Kind.CREATE_SCHEMA, Kind.DROP_SCHEMA})
FUNCTIONS = frozenset({Kind.CREATE_FUNCTION, Kind.DROP_FUNCTION})
_GROUPS = (
    frozenset({Kind.CREATE_SEQUENCE, Kind.DROP_SEQUENCE}),
    FUNCTIONS,
    frozenset({Kind.CREATE_TRIGGER, Kind.DROP_TRIGGER}),
    SCHEMAS,
    frozenset({Kind.CREATE_EXTENSION, Kind.DROP_EXTENSION}),
    frozenset({Kind.RAW}),
)


def index_twice(a: Operation, b: Operation) -> str | None:
    if a.kind not in MAKES_INDEX or b.kind not in MAKES_INDEX:
        return None
    name = a.new_name or a.name
    if name is not None and name == (b.new_name or b.name) and _schema(a) == _schema(b):
        return f"both make an index {name}"
    unnamed = a.kind is b.kind and a.table == b.table and a.columns == b.columns and None in (a.name, b.name)
    return f"both index the same columns of {a.table}" if unnamed else None


def _schema(a: Operation) -> str:
    """Index names are unique in a schema, not in a table (PostgreSQL, CREATE INDEX)."""
    return (a.table or a.name or "").rpartition(".")[0]


def index_dropped(a: Operation, b: Operation) -> str | None:
    if a.kind not in {Kind.DROP_INDEX, Kind.RENAME_INDEX} or b.kind not in _INDEX_NAMES | {
        Kind.DROP_CONSTRAINT
    }:
        return None
    mine, theirs = {a.name, a.new_name} - {None}, {b.name, b.new_name} - {None}
    return f"one side drops or renames the index {a.name}, the other names it" if mine & theirs else None


def constraint_name(a: Operation, b: Operation) -> str | None:
    if a.kind not in CONSTRAINT_NAMES or b.kind not in CONSTRAINT_NAMES:
        return None
    mine, theirs = {a.name, a.new_name} - {None}, {b.name, b.new_name} - {None}
    keyed = a.kind is b.kind is Kind.ADD_FOREIGN_KEY
    if mine & theirs and (a.table == b.table or keyed):
        return f"both name the constraint {min(mine & theirs, key=str)}"
    same = a.kind is b.kind and a.table == b.table and a.columns == b.columns and None in (a.name, b.name)
    return f"both put the same constraint on {a.table}" if same else None


def primary_key_twice(a: Operation, b: Operation) -> str | None:
    if a.kind is b.kind is Kind.ADD_PRIMARY_KEY and a.table == b.table:
        return f"both give {a.table} a primary key"
    return None


def key_dropped(a: Operation, b: Operation) -> str | None:
    if a.kind is Kind.DROP_CONSTRAINT and a.unique and a.table in b.references and b.targets:
        return f"one side drops a key of {a.table}, the other points at {a.table}"
    return None


def enum_changed(a: Operation, b: Operation) -> str | None:
    if a.kind not in ENUMS:
        return None
    if b.kind in ENUMS and {a.name, a.new_name} & {b.name, b.new_name} - {None}:
        if not a.kind is b.kind is Kind.ADD_ENUM_VALUE:
            return f"both change the type {a.name}"
        same = set(a.values) & set(b.values)
        return (
            f"both add {min(same)!r} to the type {a.name}"
            if same and not (a.if_exists and b.if_exists)
            else None
        )
    return None


def enum_used(a: Operation, b: Operation) -> str | None:
    if a.kind not in ENUMS or b.kind in ENUMS:
        return None
    if {a.name, a.new_name} & set(b.types) and (
        a.kind is not Kind.ADD_ENUM_VALUE or b.kind is Kind.ALTER_TYPE
    ):
        return f"one side changes the type {a.name}, the other uses it"
    used = set(a.values) & set(b.values) if a.kind in {Kind.ADD_ENUM_VALUE, Kind.RENAME_ENUM} else None
    return f"one side changes {min(used)!r} of the type {a.name}, the other uses it" if used else None


def same_name(a: Operation, b: Operation) -> str | None:
    if a.name is None or a.name != b.name or a.table != b.table:
        return None
    for group in _GROUPS:
        if a.kind in group and b.kind in group and not (a.if_exists and b.if_exists and a.kind is b.kind):
            return f"both make or drop {a.name}"
    return None


def function_used(a: Operation, b: Operation) -> str | None:
    if a.kind in FUNCTIONS and b.kind in _GROUPS[2] and a.name in b.types:
        return f"one side changes the function {a.name}, the other calls it"
    return None


def schema_changed(a: Operation, b: Operation) -> str | None:
    if a.kind not in SCHEMAS or (a.kind is Kind.CREATE_SCHEMA and a.if_exists):
        return None
    inside = f"{a.name}."
    if any(name.startswith(inside) for name in (b.table or "", b.name or "", *b.references)):
        return f"one side makes or drops the schema {a.name}, the other works in it"
    return None
