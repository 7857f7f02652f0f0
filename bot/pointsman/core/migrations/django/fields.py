"""What operations on single fields touch: a column, its index or key, or the table of a many-to-many relation."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.core.migrations.django.calls import Field, Given, read_field
from pointsman.core.migrations.django.reading import Reading
from pointsman.core.migrations.operations.model import Kind, Operation

Reader = tuple[list[str], Callable[[Reading, Given], None]]


def add_field(at: Reading, options: Given) -> None:
    table, field = _field(at, options)
    if table is None or field is None or field.virtual:
        return
    if field.many:
        link_table(at, table, field)
        return
    at.add(
        Operation(
            kind=Kind.ADD_COLUMN,
            table=table,
            name=field.name,
            columns=(*_both(field), *field.needs),
            references=(field.target,) if field.target else (),
            targets=(f"{field.target}.id",) if field.target else (),
            not_null=field.required,
            default=field.default,
        )
    )
    if field.unique:
        at.add(Operation(kind=Kind.ADD_UNIQUE, table=table, columns=_both(field), unique=True))
    elif field.indexed:
        at.add(Operation(kind=Kind.CREATE_INDEX, table=table, columns=_both(field)))


def alter_field(at: Reading, options: Given) -> None:
    """Says the whole field anew, so that of two the later one is all that counts."""
    table, field = _field(at, options)
    if table is None or field is None or field.virtual:
        return
    if field.many:
        link_table(at, table, field)
        return
    for name in _both(field):
        at.add(
            Operation(
                kind=Kind.ALTER_TYPE,
                table=table,
                name=name,
                columns=(*_both(field), *field.needs),
                references=(field.target,) if field.target else (),
                targets=(f"{field.target}.id",) if field.target else (),
                unique=field.unique,
                not_null=field.required,
            )
        )


def remove_field(at: Reading, options: Given) -> None:
    table, name = at.table(options.get("model_name")), at.name(options.get("name"))
    if table is None or name is None:
        return
    columns = at.columns(options.get("model_name"), name)
    for column in columns:
        at.add(Operation(kind=Kind.DROP_COLUMN, table=table, name=column, columns=columns))


def rename_field(at: Reading, options: Given) -> None:
    model = options.get("model_name")
    table, old, new = at.table(model), at.name(options.get("old_name")), at.name(options.get("new_name"))
    if table is None or old is None or new is None:
        return
    before, after = at.columns(model, old), at.columns(model, new)
    for column, now in zip(before, after, strict=False):
        at.add(Operation(kind=Kind.RENAME_COLUMN, table=table, name=column, new_name=now, columns=before))


def link_table(at: Reading, table: str, field: Field) -> None:
    """The table that a many-to-many relation makes for itself."""
    if field.through:
        return
    name = field.link or f"{table}_{field.name}"
    ends = tuple(dict.fromkeys(each for each in (table, field.target) if each))
    at.add(Operation(kind=Kind.CREATE_TABLE, table=name.lower(), references=ends))


def _field(at: Reading, options: Given) -> tuple[str | None, Field | None]:
    table, name = at.table(options.get("model_name")), at.name(options.get("name"))
    if table is None or name is None:
        return None, None
    return table, read_field(name, options.get("field"), at.tables)


def _both(field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys((field.name, field.column)))


_FIELD = ["model_name", "name"]
READERS: dict[str, Reader] = {
    "AddField": ([*_FIELD, "field", "preserve_default"], add_field),
    "AlterField": ([*_FIELD, "field", "preserve_default"], alter_field),
    "RemoveField": (_FIELD, remove_field),
    "RenameField": (["model_name", "old_name", "new_name"], rename_field),
}
