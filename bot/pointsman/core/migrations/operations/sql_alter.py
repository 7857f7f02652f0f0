"""Reads ALTER statements from tokens, action by action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pointsman.core.migrations.operations.columns import is_no_key
from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.sql_create import targets_of, types_in
from pointsman.core.migrations.operations.sql_tokens import Cursor, Token, items, names, unquote

_NOT_READ = "this ALTER statement is not read"


def read_alter(cursor: Cursor, rec: Recorder) -> None:
    """Record the statement after its ALTER."""
    cursor.accept_any("MATERIALIZED", "FOREIGN")
    what = cursor.peek()
    cursor.at += 1
    exists = cursor.if_exists()
    match what:
        case "TABLE" | "VIEW":
            cursor.accept("ONLY")
            table = cursor.table(rec)
            cursor.accept("*")
            if table is None:
                rec.unknown(_NOT_READ)
                return
            for part in items(cursor.rest()):
                _action(table, Cursor(part), rec)
        case "INDEX":
            _index(cursor.table(rec), cursor, rec, if_exists=exists)
        case "TYPE" | "DOMAIN":
            _type(cursor.table(rec), cursor, rec)
        case "SEQUENCE" | "FUNCTION" | "PROCEDURE":
            kind = Kind.CREATE_SEQUENCE if what == "SEQUENCE" else Kind.CREATE_FUNCTION
            rec.add(Operation(kind=kind, name=cursor.table(rec)))
        case "EXTENSION" | "PUBLICATION":
            rec.add(Operation(kind=Kind.RAW, name=cursor.table(rec)))
        case "POLICY" | "TRIGGER":
            name = cursor.identifier()
            table = cursor.table(rec) if cursor.skip_to("ON") else None
            rec.add(Operation(kind=Kind.RAW, table=table, name=rec.plain(name or "")))
        case _:
            rec.unknown(_NOT_READ)


def _action(table: str, cursor: Cursor, rec: Recorder) -> None:
    base = Operation(kind=Kind.ALTER_TABLE, table=table)
    word = cursor.peek()
    cursor.at += 1
    match word:
        case "ADD":
            _add(base, cursor, rec)
        case "DROP":
            _drop(base, cursor, rec)
        case "ALTER":
            _column(base, cursor, rec)
        case "MODIFY" | "CHANGE":
            cursor.accept("COLUMN")
            name = rec.plain(cursor.identifier() or "")
            if word == "CHANGE" and (new := rec.plain(cursor.identifier() or "")) != name:
                rec.add(replace(base, kind=Kind.RENAME_COLUMN, name=name, new_name=new, columns=(name,)))
            rec.add(replace(base, kind=Kind.ALTER_TYPE, name=name, columns=(name,)))
        case "RENAME":
            _rename(base, cursor, rec)
        case "SET" if cursor.accept("SCHEMA"):
            schema = rec.plain(cursor.identifier() or "")
            rec.add(
                replace(base, kind=Kind.RENAME_TABLE, new_name=rec.table(table.rpartition(".")[2], schema))
            )
        case _:
            other = cursor.table(rec) if cursor.accept_any("PARTITION") or word in {"INHERIT", "NO"} else None
            rec.add(
                replace(base, references=(other,) if other else (), targets=(f"{other}.*",) if other else ())
            )


def _add(base: Operation, cursor: Cursor, rec: Recorder) -> None:
    name = None
    if cursor.accept("CONSTRAINT"):
        cursor.if_exists()
        name = rec.plain(cursor.identifier() or "") or None
    kind = _constraint_kind(cursor, named=name is not None)
    if kind is not None:
        _constraint(replace(base, kind=kind, name=name), cursor, rec)
        return
    cursor.accept("COLUMN")
    exists = cursor.if_exists()
    if cursor.peek() == "(":
        for part in items(cursor.group()):
            _added(base, Cursor(part), rec, if_exists=exists)
        return
    _added(base, cursor, rec, if_exists=exists)


def _constraint_kind(cursor: Cursor, *, named: bool) -> Kind | None:
    words = (cursor.peek(), cursor.peek(1))
    match words:
        case "PRIMARY", "KEY":
            return Kind.ADD_PRIMARY_KEY
        case "FOREIGN", "KEY":
            return Kind.ADD_FOREIGN_KEY
        case ("UNIQUE", _):
            return Kind.ADD_UNIQUE
        case ("CHECK" | "EXCLUDE", _):
            return Kind.ADD_CHECK
        case ("INDEX" | "KEY" | "FULLTEXT" | "SPATIAL", _):
            return Kind.CREATE_INDEX
        case ("NOT", "NULL"):
            return Kind.ADD_CHECK
        case _:
            return Kind.ADD_CHECK if named else None


def _constraint(base: Operation, cursor: Cursor, rec: Recorder) -> None:
    part = cursor.rest()
    targets = tuple(targets_of(part, rec))
    index_name = None
    if cursor.accept("UNIQUE"):
        cursor.accept_any("INDEX", "KEY")
        if cursor.accept("USING", "INDEX"):
            index_name = rec.plain(cursor.identifier() or "")
    elif base.kind is Kind.CREATE_INDEX:
        cursor.at += 1
    if base.name is None and cursor.peek() not in {
        "",
        "(",
        "FOREIGN",
        "PRIMARY",
        "CHECK",
        "EXCLUDE",
        "USING",
    }:
        base = replace(base, name=rec.plain(cursor.identifier() or "") or None)
    body = Cursor(cursor.rest())
    body.skip_to("KEY") if base.kind in {Kind.ADD_FOREIGN_KEY, Kind.ADD_PRIMARY_KEY} else None
    inside = names(body.group() or cursor.rest(), rec)
    references = tuple(dict.fromkeys(target.rpartition(".")[0] for target in targets))
    unique = base.kind in {Kind.ADD_UNIQUE, Kind.ADD_PRIMARY_KEY}
    rec.add(replace(base, columns=inside, references=references, targets=targets, unique=unique))
    if index_name:
        rec.add(replace(base, kind=Kind.RENAME_INDEX, name=index_name, new_name=base.name))


def _added(base: Operation, cursor: Cursor, rec: Recorder, *, if_exists: bool) -> None:
    rest = cursor.rest()
    name = rec.plain(cursor.identifier() or "")
    if not name:
        rec.unknown(_NOT_READ)
        return
    words = [token.upper for token in rest]
    default = "DEFAULT" in words or "GENERATED" in words or "SERIAL" in words or "BIGSERIAL" in words
    required = any(pair == ("NOT", "NULL") for pair in pairwise(words))
    targets = tuple(targets_of(rest, rec))
    references = tuple(dict.fromkeys(target.rpartition(".")[0] for target in targets))
    rec.add(
        replace(
            base,
            kind=Kind.ADD_COLUMN,
            name=name,
            columns=(name,),
            references=references,
            targets=targets,
            types=types_in(rest[1:], rec),
            not_null=required and not default,
            default=default,
            per_row=_gives_each_row_its_own(rest),
            if_exists=if_exists,
        )
    )
    if "UNIQUE" in words:
        rec.add(replace(base, kind=Kind.ADD_UNIQUE, columns=(name,), unique=True))


def _gives_each_row_its_own(definition: Sequence[Token]) -> bool:
    """Whether a new column's default, or a check of it, is more than one value for all rows."""
    words = [token.upper for token in definition]
    if not {"GENERATED", "SERIAL", "BIGSERIAL", "SMALLSERIAL", "CHECK", "AS"}.isdisjoint(words):
        return True
    if "DEFAULT" not in words:
        return False
    after = definition[words.index("DEFAULT") + 1 :][:1]
    texts = {"TRUE", "FALSE", "NULL", "NOW", "CURRENT_TIMESTAMP", "CURRENT_DATE", "-"}
    return not any(token.kind in {"string", "number"} or token.upper in texts for token in after)


def _drop(base: Operation, cursor: Cursor, rec: Recorder) -> None:
    if cursor.accept("PRIMARY", "KEY"):
        rec.add(replace(base, kind=Kind.DROP_CONSTRAINT, unique=True))
        return
    kind = Kind.DROP_COLUMN
    if cursor.accept("CONSTRAINT") or cursor.accept("FOREIGN", "KEY") or cursor.accept("CHECK"):
        kind = Kind.DROP_CONSTRAINT
    elif cursor.accept("INDEX") or cursor.accept("KEY"):
        kind = Kind.DROP_INDEX
    cursor.accept("COLUMN")
    exists = cursor.if_exists()
    name = rec.plain(cursor.identifier() or "")
    if not name:
        rec.unknown(_NOT_READ)
        return
    rec.add(
        replace(
            base,
            kind=kind,
            name=name,
            columns=(name,) if kind is Kind.DROP_COLUMN else (),
            unique=kind is Kind.DROP_CONSTRAINT and not is_no_key(name),
            if_exists=exists,
        )
    )


def _column(base: Operation, cursor: Cursor, rec: Recorder) -> None:
    if cursor.accept_any("CONSTRAINT", "INDEX"):
        rec.add(replace(base, name=rec.plain(cursor.identifier() or "")))
        return
    cursor.accept("COLUMN")
    name = rec.plain(cursor.identifier() or "")
    base = replace(base, name=name, columns=(name,))
    if cursor.accept("SET", "NOT", "NULL"):
        rec.add(replace(base, kind=Kind.ALTER_NULLABLE, not_null=True))
    elif cursor.accept("DROP", "NOT", "NULL"):
        rec.add(replace(base, kind=Kind.ALTER_NULLABLE))
    elif cursor.accept("SET", "DEFAULT"):
        rec.add(
            replace(
                base,
                kind=Kind.ALTER_DEFAULT,
                default=True,
                types=types_in(cursor.rest(), rec),
                values=tuple(unquote(token) for token in cursor.rest() if token.kind == "string"),
            )
        )
    elif cursor.accept_any("DROP", "ADD", "RESTART"):
        rec.add(replace(base, kind=Kind.ALTER_DEFAULT))
    elif cursor.accept("TYPE") or cursor.accept("SET", "DATA", "TYPE"):
        types = types_in(cursor.rest(), rec)
        using = names(cursor.rest(), rec) if cursor.skip_to("USING") else ()
        rec.add(
            replace(base, kind=Kind.ALTER_TYPE, types=types, columns=tuple(dict.fromkeys((name, *using))))
        )
    else:
        rec.add(base)


def _rename(base: Operation, cursor: Cursor, rec: Recorder) -> None:
    if cursor.accept_any("TO", "AS"):
        schema = base.table.rpartition(".")[0] if base.table else ""
        new = cursor.identifier()
        rec.add(replace(base, kind=Kind.RENAME_TABLE, new_name=rec.table(new or "", schema or None)))
        return
    what = cursor.accept_any("COLUMN", "CONSTRAINT", "INDEX", "KEY")
    old = rec.plain(cursor.identifier() or "")
    new = cursor.identifier() if cursor.accept("TO") else None
    if not old or new is None:
        rec.unknown(_NOT_READ)
        return
    kind = {"CONSTRAINT": Kind.RENAME_CONSTRAINT, "INDEX": Kind.RENAME_INDEX, "KEY": Kind.RENAME_INDEX}.get(
        what, Kind.RENAME_COLUMN
    )
    columns = (old,) if kind is Kind.RENAME_COLUMN else ()
    rec.add(replace(base, kind=kind, name=old, new_name=rec.plain(new), columns=columns))


def _index(name: str | None, cursor: Cursor, rec: Recorder, *, if_exists: bool) -> None:
    if name is None:
        rec.unknown(_NOT_READ)
        return
    bare = name.rpartition(".")[2]
    new = cursor.identifier() if cursor.accept("RENAME", "TO") else None
    rec.add(
        Operation(
            kind=Kind.RENAME_INDEX, name=bare, new_name=rec.plain(new) if new else None, if_exists=if_exists
        )
    )


def _type(name: str | None, cursor: Cursor, rec: Recorder) -> None:
    if name is None:
        rec.unknown(_NOT_READ)
        return
    labels = tuple(unquote(token) for token in cursor.rest() if token.kind == "string")
    if cursor.accept("ADD", "VALUE"):
        exists = cursor.if_exists()
        if not labels:
            rec.unknown("the enum value is not spelled out")
            return
        rec.add(Operation(kind=Kind.ADD_ENUM_VALUE, name=name, values=labels[:1], if_exists=exists))
        return
    new = cursor.table(rec) if cursor.accept("RENAME", "TO") else None
    rec.add(Operation(kind=Kind.RENAME_ENUM, name=name, new_name=new, values=labels))
