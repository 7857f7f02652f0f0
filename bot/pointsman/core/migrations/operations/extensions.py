"""Reads the operations that other libraries add to Alembic's `op`: entities, and enums made anew."""

from __future__ import annotations

from collections.abc import Callable

from pointsman.core.migrations.operations.columns import words
from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder, fold
from pointsman.core.migrations.operations.tables import usable
from pointsman.core.migrations.operations.terms import Call, Const, argument, dotted, elements, text_of


def _entity(kind: Kind) -> Callable[[Call, Recorder], None]:
    """`alembic_utils`: `op.create_entity(PGFunction(schema=..., signature=...))`."""

    def read(call: Call, rec: Recorder) -> None:
        entity = argument(call, 0)
        what = (dotted(entity.func) or "").rpartition(".")[2] if isinstance(entity, Call) else ""
        signature = usable(text_of(argument(entity, 1, "signature"))) if isinstance(entity, Call) else None
        if isinstance(entity, Call) and signature is not None and what == "PGTrigger":
            on, called = (
                text_of(entity.kwargs.get("on_entity")),
                words(text_of(entity.kwargs.get("definition")) or ""),
            )
            if usable(on) and on is not None:
                change = Kind.CREATE_TRIGGER if kind is Kind.CREATE_FUNCTION else Kind.DROP_TRIGGER
                rec.add(
                    Operation(kind=change, table=rec.table(on), name=fold(signature), types=tuple(called))
                )
                return
        if not isinstance(entity, Call) or signature is None or what not in {"PGFunction", "PGExtension"}:
            rec.unknown("the entity is not spelled out")
            return
        schema = text_of(argument(entity, 0, "schema"))
        rec.add(Operation(kind=kind, name=rec.table(signature.partition("(")[0], schema)))

    return read


def _sync_enum(call: Call, rec: Recorder) -> None:
    """A type made anew with other values: `alembic_postgresql_enum` names the columns of it that change with it,
    `alembic-autogenerate-enums` old and new values, and changes no column."""
    schema, name = text_of(argument(call, 0, "enum_schema")), usable(text_of(argument(call, 1, "enum_name")))
    columns = elements(argument(call, 3, "affected_columns") or Const(None))
    if name is None or columns is None:
        rec.unknown("the type or its columns are not spelled out")
        return
    type_ = rec.table(name, schema)
    rec.add(Operation(kind=Kind.RENAME_ENUM, name=type_, new_name=type_))
    for column in () if all(isinstance(each, Const) for each in columns) else columns:
        parts = column if isinstance(column, Call) else Call(column, (), {}, 0)
        where = text_of(argument(parts, 0, "table_schema")) if len(parts.args) != 2 else None
        at = len(parts.args) - 2 if parts.args else 0
        table = usable(text_of(argument(parts, at, "table_name")))
        own = usable(text_of(argument(parts, at + 1, "column_name")))
        if table is None or own is None:
            rec.unknown("a column of the type is not spelled out")
            continue
        name = fold(own)
        rec.add(
            Operation(
                kind=Kind.ALTER_TYPE,
                table=rec.table(table, where),
                name=name,
                columns=(name,),
                types=(type_,),
            )
        )


READERS: dict[str, Callable[[Call, Recorder], None]] = {
    "create_entity": _entity(Kind.CREATE_FUNCTION),
    "replace_entity": _entity(Kind.CREATE_FUNCTION),
    "drop_entity": _entity(Kind.DROP_FUNCTION),
    "sync_enum_values": _sync_enum,
}
"""By the operation's name."""
