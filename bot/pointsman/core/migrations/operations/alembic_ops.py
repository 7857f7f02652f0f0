"""Reads the calls of Alembic's `op` and of a batch context; SQL and data statements are read elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pointsman.core.migrations.operations import extensions
from pointsman.core.migrations.operations.columns import (
    add_column,
    create_table,
    is_no_key,
    names_in,
    read_column,
    words,
)
from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder, fold
from pointsman.core.migrations.operations.statements import read_bulk_insert, read_statement
from pointsman.core.migrations.operations.tables import enums_in, mentions, usable
from pointsman.core.migrations.operations.terms import (
    Attr,
    Call,
    Const,
    Term,
    argument,
    dotted,
    text_of,
)

OP = "alembic.op"
_BATCH = f"{OP}.batch_alter_table"
_SECOND = frozenset({
    "create_index", "create_foreign_key", "create_unique_constraint", "create_check_constraint",
    "create_primary_key", "create_exclude_constraint", "drop_constraint", "drop_index",
    "create_geospatial_index", "drop_geospatial_index",
})  # fmt: skip
_FIRST = frozenset({
    "add_column", "alter_column", "drop_column", "create_table_comment", "drop_table_comment",
    "add_geospatial_column", "drop_geospatial_column",
})  # fmt: skip
HARMLESS = frozenset({"f", "get_bind", "get_context", "inline_literal", "batch_alter_table", "run_async"})


def batch_call(call: Call) -> tuple[str, Call] | None:
    """A call on a batch context as the same call on `op`, with the batch's table and schema put in."""
    func = call.func
    if not (isinstance(func, Attr) and isinstance(func.base, Call) and dotted(func.base.func) == _BATCH):
        return None
    batch = func.base
    table = argument(batch, 0, "table_name") or Const(None)
    schema = argument(batch, 1, "schema")
    if func.name in _FIRST:
        args: tuple[Term, ...] = (table, *call.args)
    elif func.name in _SECOND:
        first = call.args[:1] or (_any_name(call),)
        args = (*first, table, *call.args[1:])
    else:
        return func.name, call
    key = "source_schema" if func.name == "create_foreign_key" else "schema"
    return func.name, replace(call, args=args, kwargs={**call.kwargs, **({key: schema} if schema else {})})


def _any_name(call: Call) -> Term:
    names = ("constraint_name", "index_name", "name")
    return next((call.kwargs[name] for name in names if name in call.kwargs), Const(None))


def read_operation(name: str, call: Call, rec: Recorder) -> None:
    """Record one `op.<name>(...)`."""
    if rec.recording:
        rec.calls.append((name, call))
    reader = _READERS.get(name)
    if reader is not None:
        reader(call, rec)
    elif name not in HARMLESS:
        rec.unknown(f"op.{name} is not an operation of Alembic itself")


def _table(call: Call, position: int, rec: Recorder, *names: str, schema: str = "schema") -> str | None:
    """The table an operation names; None, and said so, where it is not spelled out."""
    term = argument(call, position, *(names or ("table_name",)))
    where = call.kwargs.get(schema)
    name = usable(text_of(term))
    if name is None or (where is not None and where != Const(None) and usable(text_of(where)) is None):
        rec.unknown("the table's name is not spelled out")
        return None
    return rec.table(name, text_of(where))


def _name(call: Call, position: int, *names: str) -> str | None:
    name = usable(text_of(argument(call, position, *names)))
    return fold(name) if name else None


def _flag(call: Call, *names: str) -> bool:
    return any(call.kwargs.get(name) == Const(True) for name in names)


def _create_table(call: Call, rec: Recorder) -> None:
    table = _table(call, 0, rec, "table_name", "name")
    if table is not None:
        create_table(table, call.args[1:], if_exists=_flag(call, "if_not_exists"), rec=rec)


def _drop_table(call: Call, rec: Recorder) -> None:
    table = _table(call, 0, rec, "table_name", "name")
    if table is not None:
        rec.add(Operation(kind=Kind.DROP_TABLE, table=table, if_exists=_flag(call, "if_exists")))


def _rename_table(call: Call, rec: Recorder) -> None:
    table = _table(call, 0, rec, "old_table_name")
    new = _table(call, 1, rec, "new_table_name")
    if table is not None and new is not None:
        rec.add(Operation(kind=Kind.RENAME_TABLE, table=table, new_name=new))


def _add_column(call: Call, rec: Recorder) -> None:
    table = _table(call, 0, rec)
    column = read_column(argument(call, 1, "column"), rec)
    if column is None:
        rec.unknown("the column is not spelled out")
    elif table is not None:
        add_column(table, column, if_exists=_flag(call, "if_not_exists"), rec=rec)


def _drop_column(call: Call, rec: Recorder) -> None:
    table, name = _table(call, 0, rec), _name(call, 1, "column_name")
    if table is None or name is None:
        rec.unknown("the column is not spelled out")
        return
    rec.add(
        Operation(
            kind=Kind.DROP_COLUMN, table=table, name=name, columns=(name,), if_exists=_flag(call, "if_exists")
        )
    )


def _alter_column(call: Call, rec: Recorder) -> None:
    table, name = _table(call, 0, rec), _name(call, 1, "column_name")
    if table is None or name is None:
        rec.unknown("the column is not spelled out")
        return
    base = Operation(kind=Kind.ALTER_TYPE, table=table, name=name, columns=(name,))
    given = {key: value for key, value in call.kwargs.items() if not key.startswith("existing_")}
    if "**" in given:
        rec.unknown("how the column changes is not spelled out")
    new = _name(call, -1, "new_column_name", "name")
    if new is not None and new != name:
        rec.add(replace(base, kind=Kind.RENAME_COLUMN, new_name=new))
    if given.get("type_", Const(None)) != Const(None):
        using = words(text_of(given.get("postgresql_using")) or "")
        columns = tuple(dict.fromkeys((name, *using)))
        rec.add(replace(base, types=tuple(enums_in(rec, given["type_"])), columns=columns))
    if "nullable" in given and given["nullable"] != Const(None):
        rec.add(replace(base, kind=Kind.ALTER_NULLABLE, not_null=given["nullable"] != Const(True)))
    if given.get("server_default", Const(False)) != Const(False):
        rec.add(replace(base, kind=Kind.ALTER_DEFAULT, default=given["server_default"] != Const(None)))
    if given.get("comment", Const(False)) != Const(False):
        rec.add(replace(base, kind=Kind.ALTER_COMMENT))


def _create_index(call: Call, rec: Recorder) -> None:
    table = _table(call, 1, rec, "table_name", "tablename")
    if table is None:
        return
    where = [text for key in ("postgresql_where", "sqlite_where") if (text := text_of(call.kwargs.get(key)))]
    columns = (*names_in(argument(call, 2, "columns")), *(word for text in where for word in words(text)))
    rec.add(
        Operation(
            kind=Kind.CREATE_INDEX,
            table=table,
            name=_name(call, 0, "index_name", "name"),
            columns=columns,
            unique=call.kwargs.get("unique", Const(False)) != Const(False),
            if_exists=_flag(call, "if_not_exists"),
        )
    )


def _drop_index(call: Call, rec: Recorder) -> None:
    given = argument(call, 1, "table_name", "tablename")
    table = _table(call, 1, rec, "table_name", "tablename") if given not in (None, Const(None)) else None
    name = _name(call, 0, "index_name", "name")
    if name is None:
        rec.unknown("the index's name is not spelled out")
        return
    rec.add(Operation(kind=Kind.DROP_INDEX, table=table, name=name, if_exists=_flag(call, "if_exists")))


def _foreign_key(call: Call, rec: Recorder) -> None:
    table = _table(call, 1, rec, "source_table", "source", schema="source_schema")
    target = _table(call, 2, rec, "referent_table", "referent", schema="referent_schema")
    if table is not None and target is not None:
        columns = names_in(argument(call, 4, "remote_cols")) or ("*",)
        rec.add(
            Operation(
                kind=Kind.ADD_FOREIGN_KEY,
                table=table,
                name=_name(call, 0, "constraint_name", "name"),
                columns=names_in(argument(call, 3, "local_cols")),
                references=(target,),
                targets=tuple(f"{target}.{column}" for column in columns),
            )
        )


def _constraint(kind: Kind) -> Callable[[Call, Recorder], None]:
    def read(call: Call, rec: Recorder) -> None:
        table = _table(call, 1, rec, "table_name", "source")
        if table is None:
            return
        content = argument(call, 2, "columns", "condition")
        text = text_of(content)
        columns = tuple(words(text)) if text else names_in(content) or tuple(mentions(rec, content).columns)
        rec.add(
            Operation(
                kind=kind,
                table=table,
                name=_name(call, 0, "constraint_name", "name"),
                columns=columns,
                unique=kind in {Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY},
            )
        )

    return read


def _drop_constraint(call: Call, rec: Recorder) -> None:
    table = _table(call, 1, rec, "table_name")
    if table is None:
        return
    type_ = text_of(argument(call, 2, "type_"))
    name = _name(call, 0, "constraint_name", "name")
    rec.add(
        Operation(
            kind=Kind.DROP_CONSTRAINT,
            table=table,
            name=name,
            unique=type_ in {"unique", "primary"} or (type_ is None and not is_no_key(name or "")),
            if_exists=_flag(call, "if_exists"),
        )
    )


def _comment(call: Call, rec: Recorder) -> None:
    table = _table(call, 0, rec)
    if table is not None:
        rec.add(Operation(kind=Kind.ALTER_COMMENT, table=table))


def _execute(call: Call, rec: Recorder) -> None:
    read_statement(argument(call, 0, "sqltext"), rec)


def _bulk_insert(call: Call, rec: Recorder) -> None:
    read_bulk_insert(argument(call, 0, "table"), argument(call, 1, "rows"), rec)


_READERS: dict[str, Callable[[Call, Recorder], None]] = {
    **extensions.READERS,
    "create_table": _create_table,
    "drop_table": _drop_table,
    "rename_table": _rename_table,
    "add_column": _add_column,
    "drop_column": _drop_column,
    "alter_column": _alter_column,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "create_foreign_key": _foreign_key,
    "create_unique_constraint": _constraint(Kind.ADD_UNIQUE),
    "create_check_constraint": _constraint(Kind.ADD_CHECK),
    "create_primary_key": _constraint(Kind.ADD_PRIMARY_KEY),
    "create_exclude_constraint": _constraint(Kind.ADD_CHECK),
    "drop_constraint": _drop_constraint,
    "create_table_comment": _comment,
    "drop_table_comment": _comment,
    "execute": _execute,
    "bulk_insert": _bulk_insert,
    "create_geospatial_table": _create_table,
    "drop_geospatial_table": _drop_table,
    "add_geospatial_column": _add_column,
    "drop_geospatial_column": _drop_column,
    "create_geospatial_index": _create_index,
    "drop_geospatial_index": _drop_index,
}

OPERATIONS = frozenset(_READERS) - {"execute"}
"""Names that change the schema whatever object they are called on."""
