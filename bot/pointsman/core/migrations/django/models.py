"""What operations on whole models touch: tables made, dropped, renamed, and what Django keeps of them in its state."""

from __future__ import annotations

import ast
from collections.abc import Callable

from pointsman.core.migrations.django.calls import Field, Given, groups, is_true, items, read_field, text
from pointsman.core.migrations.django.fields import link_table
from pointsman.core.migrations.django.indexes import index_or_constraint
from pointsman.core.migrations.django.reading import Reading
from pointsman.core.migrations.operations.model import Kind, Operation

Reader = tuple[list[str], Callable[[Reading, Given], None]]


def create_model(at: Reading, options: Given) -> None:
    settings = _mapping(options.get("options"))
    table = at.table(options.get("name"))
    if table is None:
        return
    above = tuple(at.tables.of(base) for each in items(options.get("bases")) if (base := text(each)))
    if is_true(settings.get("proxy")) or _is_false(settings.get("managed")):
        at.add(Operation(kind=Kind.RAW, name=f"the model of {table}", references=above))
        return
    fields = [_field_of(at, each) for each in items(options.get("fields"))]
    known = [each for each in fields if each is not None]
    if len(known) < len(fields):
        at.unknown("a field of the new model is made while running")
    columns = [each for each in known if not each.many and not each.virtual]
    targets = tuple(dict.fromkeys(each.target for each in columns if each.target))
    at.add(
        Operation(
            kind=Kind.CREATE_TABLE,
            table=table,
            columns=tuple(each.column for each in columns),
            references=tuple(dict.fromkeys((*targets, *above))),
            targets=tuple(f"{target}.id" for target in targets),
        )
    )
    for each in known:
        if each.many:
            link_table(at, table, each)
    for name in ("indexes", "constraints"):
        for node in items(settings.get(name)):
            index_or_constraint(at, table, options.get("name"), node)


def _field_of(at: Reading, node: ast.expr) -> Field | None:
    match node:
        case ast.Tuple(elts=[ast.Constant(value=str(name)), definition]):
            return read_field(name, definition, at.tables)
    return None


def delete_model(at: Reading, options: Given) -> None:
    if (table := at.table(options.get("name"))) is not None:
        at.add(Operation(kind=Kind.DROP_TABLE, table=table))


def rename_model(at: Reading, options: Given) -> None:
    old, new = at.table(options.get("old_name")), at.table(options.get("new_name"))
    if old is not None and new is not None:
        at.add(Operation(kind=Kind.RENAME_TABLE, table=old, new_name=new))


def alter_model_table(at: Reading, options: Given) -> None:
    model, table = text(options.get("name")), text(options.get("table"))
    if model is None:
        at.unknown("a name is made while running")
        return
    old = f"{at.tables.label}_{model}".lower()
    at.add(Operation(kind=Kind.RENAME_TABLE, table=old, new_name=(table or old).lower()))


def alter_options(at: Reading, options: Given) -> None:
    """Changes what Django knows of the model and no table; of two, the later one is all that counts."""
    if (table := at.table(options.get("name"))) is not None:
        at.add(Operation(kind=Kind.RAW, name=f"the options of {table}", references=(table,)))


def alter_managers(at: Reading, options: Given) -> None:
    """As options: state alone, and the later one is all that counts."""
    if (table := at.table(options.get("name"))) is not None:
        at.add(Operation(kind=Kind.RAW, name=f"the managers of {table}", references=(table,)))


def alter_comment(at: Reading, options: Given) -> None:
    if (table := at.table(options.get("name"))) is not None:
        at.add(Operation(kind=Kind.ALTER_COMMENT, table=table, name="the table itself"))


def alter_together(at: Reading, options: Given) -> None:
    """Replaces the whole set, so that of two the later one is all that counts."""
    table = at.table(options.get("name"))
    found = next((options[key] for key in ("unique_together", "index_together") if key in options), None)
    if table is None:
        return
    fields = dict.fromkeys(name.lower() for group in groups(found) for name in group)
    at.add(
        Operation(
            kind=Kind.ADD_UNIQUE,
            table=table,
            name=f"{'unique' if 'unique_together' in options else 'index'}_together",
            columns=at.columns(options.get("name"), *fields),
            unique="unique_together" in options,
        )
    )


def order_with_respect_to(at: Reading, options: Given) -> None:
    if (table := at.table(options.get("name"))) is not None:
        at.add(
            Operation(kind=Kind.ADD_COLUMN, table=table, name="_order", columns=("_order",), not_null=True)
        )


def _mapping(node: ast.expr | None) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {name: value for key, value in pairs if (name := text(key)) is not None}


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


READERS: dict[str, Reader] = {
    "CreateModel": (["name", "fields", "options", "bases", "managers"], create_model),
    "DeleteModel": (["name"], delete_model),
    "RenameModel": (["old_name", "new_name"], rename_model),
    "AlterModelTable": (["name", "table"], alter_model_table),
    "AlterModelTableComment": (["name", "table_comment"], alter_comment),
    "AlterModelOptions": (["name", "options"], alter_options),
    "AlterModelManagers": (["name", "managers"], alter_managers),
    "AlterUniqueTogether": (["name", "unique_together"], alter_together),
    "AlterIndexTogether": (["name", "index_together"], alter_together),
    "AlterOrderWithRespectTo": (["name", "order_with_respect_to"], order_with_respect_to),
}
