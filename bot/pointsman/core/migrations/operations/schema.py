"""The schema that plain revisions build from nothing, to tell whether two histories build the same; it guesses nothing.

Plain is an `upgrade()` of nothing but calls on `op` or a batch, with literals and SQLAlchemy's own types, that make,
drop or alter tables, columns, indexes and constraints. Of anything else there is no answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.operations.canonical import (
    Column,
    NotPlain,
    canonical,
    column_in,
    constraint_in,
    list_in,
    name_in,
    named,
    references,
)
from pointsman.core.migrations.operations.evaluate import TooMuch
from pointsman.core.migrations.operations.interpret import Interpreter
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.terms import Call, Const, Map, Term, argument

_V = TypeVar("_V")


@dataclass(slots=True)
class Table:
    """Columns by name, constraints by name (an unnamed one by its text), options as text."""

    columns: dict[str, Column] = field(default_factory=dict)
    constraints: dict[str, str] = field(default_factory=dict)
    options: str = ""


@dataclass(slots=True)
class Schema:
    """Tables by schema and name, indexes by name with what they stand on. Equal ones hold the same."""

    tables: dict[str, Table] = field(default_factory=dict)
    indexes: dict[str, tuple[str, str]] = field(default_factory=dict)


def schema_of(blobs: Sequence[bytes]) -> Schema | None:
    """What the revisions build one after the other from an empty database; None where one is not plain."""
    schema = Schema()
    try:
        for blob in blobs:
            for name, call in _calls(blob):
                if name not in _HARMLESS:
                    _known(_STEPS, name)(schema, call)
    except (NotPlain, TooMuch, RecursionError, source.Unreadable):
        return None
    return schema


def _calls(blob: bytes) -> Sequence[tuple[str, Call]]:
    text = source.decode(blob).text
    tree, shown = source.to_ast(text)
    upgrades = [each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == "upgrade"]
    if shown != text or len(upgrades) != 1 or not _is_plain(upgrades[0]):
        raise NotPlain
    recorder = Recorder(text)
    Interpreter(recorder).run(tree)
    if recorder.footprint().unknown:
        raise NotPlain
    return recorder.calls


def _is_plain(upgrade: ast.FunctionDef) -> bool:
    """Whether it holds nothing but calls on `op`, and on batches in the blocks that are theirs."""
    pending, known = list(upgrade.body), {"op"}
    while pending:
        match pending.pop():
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))) if name in known:
                continue
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.With(items=[ast.withitem(optional_vars=ast.Name(id=name))], body=body):
                pending += body
                known.add(name)
            case _:
                return False
    return True


def _key(table: str, call: Call) -> str:
    schema = call.kwargs.get("source_schema", call.kwargs.get("schema", Const(None)))
    return f"{canonical(schema)}.{table}"


def _table(schema: Schema, call: Call, position: int) -> Table:
    return _known(schema.tables, _key(name_in(argument(call, position, "table_name", "source_table")), call))


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def _known(kept: dict[str, _V], name: str) -> _V:
    if name not in kept:
        raise NotPlain
    return kept[name]


def _add(kept: dict[str, _V], name: str, value: _V) -> None:
    if name in kept:
        raise NotPlain
    kept[name] = value


def _create_table(schema: Schema, call: Call) -> None:
    table = Table()
    for part in call.args[1:]:
        if isinstance(part, Call) and (canonical(part.func)).endswith(".Column"):
            _add(table.columns, *column_in(part))
        else:
            _add(table.constraints, *constraint_in(part))
    table.options = canonical(Map({k: v for k, v in sorted(call.kwargs.items()) if k != "schema"}))
    _add(schema.tables, _key(name_in(argument(call, 0, "table_name")), call), table)


def _drop_table(schema: Schema, call: Call) -> None:
    name = name_in(argument(call, 0, "table_name"))
    key = _key(name, call)
    gone = _known(schema.tables, key)
    del schema.tables[key]
    schema.indexes = {index: on for index, on in schema.indexes.items() if on[0] != key}
    pointing = (
        told for table in schema.tables.values() for told in [str(table.columns), *table.constraints.values()]
    )
    if "enum" in str(gone.columns).lower() or any(_word(name).search(told) for told in pointing):
        raise NotPlain


def _add_column(schema: Schema, call: Call) -> None:
    _add(_table(schema, call, 0).columns, *column_in(argument(call, 1, "column")))


def _drop_column(schema: Schema, call: Call) -> None:
    """Only of a column that no index, constraint or type goes with."""
    table, name = _table(schema, call, 0), name_in(argument(call, 1, "column_name"))
    gone = _known(table.columns, name)
    on = _key(name_in(argument(call, 0, "table_name")), call)
    others = [told for place, told in schema.indexes.values() if place == on]
    others += [told for other in schema.tables.values() for told in other.constraints.values()]
    others += [str(other.columns) for other in schema.tables.values()] if gone.rest != "[] {}" else []
    if "enum" in gone.type.lower() or any(_word(name).search(told) for told in others):
        raise NotPlain
    del table.columns[name]


def _alter_column(schema: Schema, call: Call) -> None:
    table, name = _table(schema, call, 0), name_in(argument(call, 1, "column_name"))
    column = _known(table.columns, name)
    given = {key: value for key, value in call.kwargs.items() if not key.startswith("existing_")}
    if len(call.args) > 2 or given.keys() - {
        "type_",
        "nullable",
        "server_default",
        "schema",
        "table_name",
        "column_name",
    }:
        raise NotPlain
    if "type_" in given:
        if "enum" in (column.type + canonical(given["type_"])).lower():
            raise NotPlain
        column = replace(column, type=canonical(given["type_"]))
    if "nullable" in given:
        column = replace(column, nullable=canonical(given["nullable"]))
    if given.get("server_default", Const(False)) != Const(False):
        column = replace(column, default=canonical(given["server_default"]))
    table.columns[name] = column


def _create_index(schema: Schema, call: Call) -> None:
    on = name_in(argument(call, 1, "table_name"))
    _table(schema, call, 1)
    rest: dict[object, Term] = {
        k: v for k, v in sorted(call.kwargs.items()) if k != "schema" and (k, v) != ("unique", Const(False))
    }
    told = f"{canonical(argument(call, 2, 'columns'))} {canonical(Map(rest))}"
    _add(schema.indexes, name_in(argument(call, 0, "index_name")), (_key(on, call), told))


def _drop_index(schema: Schema, call: Call) -> None:
    name = name_in(argument(call, 0, "index_name"))
    _known(schema.indexes, name)
    del schema.indexes[name]


def _unique(schema: Schema, call: Call) -> None:
    told = list_in(argument(call, 2, "columns"))
    constraint = named("UniqueConstraint", told, argument(call, 0, "constraint_name"), call)
    _add(_table(schema, call, 1).constraints, *constraint)


def _foreign_key(schema: Schema, call: Call) -> None:
    constraint = named("ForeignKeyConstraint", references(call), argument(call, 0, "constraint_name"), call)
    _add(_table(schema, call, 1).constraints, *constraint)


def _drop_constraint(schema: Schema, call: Call) -> None:
    table, name = _table(schema, call, 1), name_in(argument(call, 0, "constraint_name"))
    _known(table.constraints, name)
    del table.constraints[name]


_STEPS: dict[str, Callable[[Schema, Call], None]] = {
    "create_table": _create_table,
    "drop_table": _drop_table,
    "add_column": _add_column,
    "drop_column": _drop_column,
    "alter_column": _alter_column,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "create_unique_constraint": _unique,
    "create_foreign_key": _foreign_key,
    "drop_constraint": _drop_constraint,
}
_HARMLESS = frozenset({"batch_alter_table", "f"})
