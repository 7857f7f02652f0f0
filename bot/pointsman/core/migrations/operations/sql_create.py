"""Reads CREATE and DROP statements from tokens; the queries inside them go to the query reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.sql_dml import read_dml, view_query
from pointsman.core.migrations.operations.sql_tokens import Cursor, Token, items, names, tokens, unquote

_NOT_READ = "this CREATE statement is not read"
_CONSTRAINT_WORDS = frozenset(
    {
        "CONSTRAINT",
        "PRIMARY",
        "UNIQUE",
        "CHECK",
        "FOREIGN",
        "EXCLUDE",
        "LIKE",
        "INDEX",
        "KEY",
        "FULLTEXT",
        "SPATIAL",
    }
)


def read_create(cursor: Cursor, rec: Recorder) -> None:
    """Record the statement after its CREATE."""
    cursor.accept("OR", "REPLACE")
    temporary = False
    while word := cursor.accept_any(
        "GLOBAL",
        "LOCAL",
        "TEMP",
        "TEMPORARY",
        "UNLOGGED",
        "FOREIGN",
        "MATERIALIZED",
        "RECURSIVE",
        "CONSTRAINT",
        "VIRTUAL",
        "TRUSTED",
        "PROCEDURAL",
    ):
        temporary = temporary or word in {"TEMP", "TEMPORARY"}
    unique = cursor.accept("UNIQUE")
    what = cursor.peek()
    cursor.at += 1
    match what:
        case "TABLE":
            _table(cursor, rec, temporary=temporary)
        case "INDEX":
            _index(cursor, rec, unique=unique)
        case "VIEW":
            _view(cursor, rec, temporary=temporary)
        case "TYPE" | "DOMAIN":
            _type(cursor, rec)
        case "SEQUENCE" | "SCHEMA" | "EXTENSION":
            exists = cursor.if_exists()
            name = _any_name(cursor, rec)
            _named(Kind(f"create_{what.lower()}"), name, rec, if_exists=exists)
        case "FUNCTION" | "PROCEDURE" | "AGGREGATE":
            cursor.if_exists()
            _function(cursor, rec)
        case "TRIGGER":
            _trigger(cursor, rec)
        case "POLICY" | "RULE":
            name = cursor.identifier()
            _on_table(Kind.RAW, name, cursor, rec)
        case _:
            rec.unknown(_NOT_READ)


def _function(cursor: Cursor, rec: Recorder) -> None:
    """A function in SQL is checked against its tables when it is made; one in another language is not."""
    name = cursor.table(rec)
    if name is None:
        rec.unknown(_NOT_READ)
        return
    rest = cursor.rest()
    words = [token.text.strip("'").upper() for token in rest]
    body = next(
        (token.text for token in rest if token.kind in {"dollar", "string"} and len(token.text) > 8), ""
    )
    read: dict[str, None] = {}
    if "SQL" in words and ("LANGUAGE", "SQL") in pairwise(words):
        inner = Cursor(list(tokens(body)))
        while inner.skip_past("FROM", "JOIN", "INTO", "UPDATE"):
            table = inner.table(rec)
            read.update({table: None} if table is not None else {})
    rec.add(Operation(kind=Kind.CREATE_FUNCTION, name=name, references=tuple(read)))


def _any_name(cursor: Cursor, rec: Recorder) -> str | None:
    cursor.accept("AUTHORIZATION")
    return cursor.table(rec)


def _named(kind: Kind, name: str | None, rec: Recorder, *, if_exists: bool = False) -> None:
    if name is None:
        rec.unknown("a name is missing")
        return
    rec.add(Operation(kind=kind, name=name, if_exists=if_exists))


def _on_table(
    kind: Kind, name: str | None, cursor: Cursor, rec: Recorder, *, if_exists: bool = False
) -> None:
    table = cursor.table(rec) if cursor.skip_to("ON", "TO") else None
    if table is None or name is None:
        rec.unknown("a name is missing")
        return
    rec.add(Operation(kind=kind, table=table, name=rec.plain(name), if_exists=if_exists))


def _table(cursor: Cursor, rec: Recorder, *, temporary: bool) -> None:
    exists = cursor.if_exists()
    table = cursor.table(rec)
    if table is None:
        rec.unknown(_NOT_READ)
        return
    if temporary:
        rec.temporary.add(table)
    base = Operation(kind=Kind.CREATE_TABLE, table=table, if_exists=exists)
    if cursor.accept("PARTITION", "OF"):
        parent = cursor.table(rec)
        rec.add(
            replace(base, references=(parent,) if parent else (), targets=(f"{parent}.*",) if parent else ())
        )
        return
    parts = items(cursor.group())
    rest = Cursor(cursor.rest())
    inherits = rest.skip_to("INHERITS") and names(rest.group(), rec)
    columns = tuple(name for part in parts if (name := _column_name(part, rec)))
    targets = dict.fromkeys(target for part in parts for target in targets_of(part, rec))
    targets.update(dict.fromkeys(f"{parent}.*" for parent in inherits or ()))
    references = tuple(dict.fromkeys(target.rpartition(".")[0] for target in targets))
    rec.add(
        replace(
            base,
            columns=columns,
            references=references,
            targets=tuple(targets),
            types=types_in([token for part in parts for token in part], rec),
        )
    )
    _queried(cursor, rec)


def _queried(cursor: Cursor, rec: Recorder) -> None:
    if cursor.skip_to("AS") and cursor.peek() in {"SELECT", "WITH", "(", "VALUES", "TABLE"}:
        read_dml(cursor.rest(), rec)


def _column_name(part: Sequence[Token], rec: Recorder) -> str | None:
    if part[0].upper in _CONSTRAINT_WORDS or part[0].kind not in {"word", "quoted"}:
        return None
    return rec.plain(part[0].text)


def targets_of(part: Sequence[Token], rec: Recorder) -> list[str]:
    """The `table.column` of each REFERENCES (and `table.*` of LIKE) in a column or constraint."""
    found: list[str] = []
    cursor = Cursor(part)
    if cursor.accept("LIKE") and (table := cursor.table(rec)) is not None:
        return [f"{table}.*"]
    while cursor.skip_to("REFERENCES"):
        target = cursor.table(rec)
        columns = names(cursor.group(), rec) or ("*",)
        found.extend(f"{target}.{column}" for column in columns if target is not None)
    return found


def types_in(found: Sequence[Token], rec: Recorder) -> tuple[str, ...]:
    """Names that may be a user's own type: every identifier of a column definition, the rules pick."""
    return names(found, rec)[:400]


def _index(cursor: Cursor, rec: Recorder, *, unique: bool) -> None:
    cursor.accept("CONCURRENTLY")
    exists = cursor.if_exists()
    name = None if cursor.peek() == "ON" else cursor.dotted()
    table = None
    if cursor.skip_to("ON"):
        cursor.accept("ONLY")
        table = cursor.table(rec)
    if table is None:
        rec.unknown(_NOT_READ)
        return
    rec.add(
        Operation(
            kind=Kind.CREATE_INDEX,
            table=table,
            name=rec.plain(name[-1]) if name else None,
            columns=names(cursor.rest(), rec),
            unique=unique,
            if_exists=exists,
        )
    )


def _view(cursor: Cursor, rec: Recorder, *, temporary: bool) -> None:
    exists = cursor.if_exists()
    view = cursor.table(rec)
    if view is None or not cursor.skip_to("AS"):
        rec.unknown(_NOT_READ)
        return
    if temporary:
        rec.temporary.add(view)
    query = view_query(cursor.rest(), rec)
    if query is not None:
        rec.add(replace(query, kind=Kind.CREATE_VIEW, table=view, name=view, if_exists=exists))


def _type(cursor: Cursor, rec: Recorder) -> None:
    name = cursor.table(rec)
    if name is None:
        rec.unknown(_NOT_READ)
        return
    labels = tuple(unquote(token) for token in cursor.rest() if token.kind == "string")
    rec.add(Operation(kind=Kind.CREATE_ENUM, name=name, values=labels))


def _trigger(cursor: Cursor, rec: Recorder) -> None:
    exists = cursor.if_exists()
    name = cursor.identifier()
    table = cursor.table(rec) if cursor.skip_to("ON") else None
    if name is None or table is None:
        rec.unknown(_NOT_READ)
        return
    called = None
    if cursor.skip_to("EXECUTE"):
        cursor.accept_any("FUNCTION", "PROCEDURE")
        called = cursor.table(rec)
    rec.add(
        Operation(
            kind=Kind.CREATE_TRIGGER,
            table=table,
            name=rec.plain(name),
            if_exists=exists,
            types=(called,) if called else (),
        )
    )


_DROPS = {
    "TABLE": Kind.DROP_TABLE,
    "VIEW": Kind.DROP_VIEW,
    "INDEX": Kind.DROP_INDEX,
    "TYPE": Kind.DROP_ENUM,
    "DOMAIN": Kind.DROP_ENUM,
    "SEQUENCE": Kind.DROP_SEQUENCE,
    "SCHEMA": Kind.DROP_SCHEMA,
    "EXTENSION": Kind.DROP_EXTENSION,
    "FUNCTION": Kind.DROP_FUNCTION,
    "PROCEDURE": Kind.DROP_FUNCTION,
    "AGGREGATE": Kind.DROP_FUNCTION,
    "TRIGGER": Kind.DROP_TRIGGER,
    "POLICY": Kind.RAW,
    "RULE": Kind.RAW,
}


def read_drop(cursor: Cursor, rec: Recorder) -> None:
    """Record the statement after its DROP, one operation a name."""
    cursor.accept_any("MATERIALIZED", "FOREIGN", "TEMPORARY")
    what = cursor.peek()
    kind = _DROPS.get(what)
    cursor.at += 1
    cursor.accept("CONCURRENTLY")
    exists = cursor.if_exists()
    if kind is None:
        rec.unknown("this DROP statement is not read")
        return
    if kind in {Kind.DROP_TRIGGER, Kind.RAW}:
        _on_table(kind, cursor.identifier(), cursor, rec, if_exists=exists)
        return
    for part in items(cursor.rest()):
        _dropped(kind, Cursor(part), rec, if_exists=exists)
    deep = kind not in {Kind.DROP_TABLE, Kind.DROP_VIEW, Kind.DROP_INDEX}
    if deep and cursor.tokens[-1].upper == "CASCADE":
        rec.unknown("CASCADE drops what depends on it")


def _dropped(kind: Kind, cursor: Cursor, rec: Recorder, *, if_exists: bool) -> None:
    name = cursor.table(rec)
    if name is None:
        rec.unknown("a name is missing")
    elif kind is Kind.DROP_INDEX:
        table = cursor.table(rec) if cursor.accept("ON") else None
        rec.add(Operation(kind=kind, table=table, name=name.rpartition(".")[2], if_exists=if_exists))
    elif kind in {Kind.DROP_TABLE, Kind.DROP_VIEW}:
        rec.add(Operation(kind=kind, table=name, if_exists=if_exists))
    else:
        rec.add(Operation(kind=kind, name=name, if_exists=if_exists))
