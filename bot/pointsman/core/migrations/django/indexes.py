"""What operations on indexes and constraints touch: their names, and the columns that they stand on."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from pointsman.core.migrations.django.calls import Given, called, given, text, texts
from pointsman.core.migrations.django.reading import Reading
from pointsman.core.migrations.operations.model import Kind, Operation

Reader = tuple[list[str], Callable[[Reading, Given], None]]
_NOT_FIELDS = frozenset(
    {"name", "opclasses", "db_tablespace", "violation_error_message", "violation_error_code", "deferrable"}
    | {"index_type", "nulls_distinct", "fillfactor", "fastupdate", "deduplicate_items", "pages_per_range"}
)


def add_index(at: Reading, options: Given) -> None:
    _indexed(at, options, "index")


def add_constraint(at: Reading, options: Given) -> None:
    _indexed(at, options, "constraint")


def _indexed(at: Reading, options: Given, key: str) -> None:
    table = at.table(options.get("model_name"))
    if table is not None:
        index_or_constraint(at, table, options.get("model_name"), options.get(key))


def index_or_constraint(at: Reading, table: str, model: ast.expr | None, node: ast.expr | None) -> None:
    """One that is made; without columns where it stands on what can't be told."""
    if not isinstance(node, ast.Call):
        at.unknown("an index or constraint is made while running")
        return
    options, kind = given(node, []), called(node)
    name = text(options.get("name"))
    fields = dict.fromkeys(name.lower() for name in _fields(node))
    which = Kind.CREATE_INDEX
    if kind.endswith("Constraint"):
        which = Kind.ADD_UNIQUE if kind == "UniqueConstraint" else Kind.ADD_CHECK
    at.add(
        Operation(
            kind=which,
            table=table,
            name=name.lower() if name else None,
            columns=at.columns(model, *fields),
            unique=kind == "UniqueConstraint",
        )
    )


def _fields(call: ast.Call) -> Iterator[str]:
    """Every field that an index, a constraint or an expression in one may name: texts, and the left of conditions.
    A text that is no field's name does no harm, for no column is called that."""
    for node in call.args:
        yield from _inside(node)
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in _NOT_FIELDS:
            yield from _inside(keyword.value)


def _inside(node: ast.expr) -> Iterator[str]:
    for each in ast.walk(node):
        match each:
            case ast.Constant(value=str(value)):
                yield value.lstrip("-").partition("__")[0]
            case ast.Call(func=ast.Attribute(attr="Q") | ast.Name(id="Q")):
                yield from (one.arg.partition("__")[0] for one in each.keywords if one.arg)


def remove_index(at: Reading, options: Given) -> None:
    _gone(at, Kind.DROP_INDEX, options)


def remove_constraint(at: Reading, options: Given) -> None:
    _gone(at, Kind.DROP_CONSTRAINT, options)


def validate_constraint(at: Reading, options: Given) -> None:
    """Needs the constraint as it is called."""
    table, name = at.table(options.get("model_name")), at.name(options.get("name"))
    if table is not None and name is not None:
        at.add(Operation(kind=Kind.RENAME_CONSTRAINT, table=table, name=name))


def _gone(at: Reading, kind: Kind, options: Given) -> None:
    table, name = at.table(options.get("model_name")), at.name(options.get("name"))
    if table is not None and name is not None:
        unique = kind is Kind.DROP_CONSTRAINT
        at.add(Operation(kind=kind, table=table, name=name, unique=unique))


def rename_index(at: Reading, options: Given) -> None:
    model = options.get("model_name")
    table, new = at.table(model), at.name(options.get("new_name"))
    if table is None or new is None:
        return
    old = text(options.get("old_name"))
    fields = [field.lower() for field in texts(options.get("old_fields")) or ()]
    at.add(
        Operation(
            kind=Kind.RENAME_INDEX,
            table=table,
            name=old.lower() if old else None,
            new_name=new,
            columns=at.columns(model, *fields),
        )
    )


_NAMED = ["model_name", "name"]
READERS: dict[str, Reader] = {
    "AddIndex": (["model_name", "index"], add_index),
    "AddIndexConcurrently": (["model_name", "index"], add_index),
    "RemoveIndex": (_NAMED, remove_index),
    "RemoveIndexConcurrently": (_NAMED, remove_index),
    "RenameIndex": (["model_name", "new_name", "old_name", "old_fields"], rename_index),
    "AddConstraint": (["model_name", "constraint"], add_constraint),
    "AddConstraintNotValid": (["model_name", "constraint"], add_constraint),
    "AlterConstraint": (["model_name", "name", "constraint"], add_constraint),
    "RemoveConstraint": (_NAMED, remove_constraint),
    "ValidateConstraint": (_NAMED, validate_constraint),
}
