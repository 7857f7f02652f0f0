"""Reads SQL text statement by statement into operations; what it does not know it calls unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import MAX_TEXT, Recorder
from pointsman.core.migrations.operations.sql_alter import read_alter
from pointsman.core.migrations.operations.sql_block import block_parts
from pointsman.core.migrations.operations.sql_create import read_create, read_drop
from pointsman.core.migrations.operations.sql_dml import read_dml
from pointsman.core.migrations.operations.sql_tokens import (
    Cursor,
    Token,
    items,
    rebuild,
    statements,
    tokens,
    unquote,
)
from pointsman.core.migrations.operations.terms import HOLE

_HARMLESS = frozenset({
    "RESET", "SHOW", "BEGIN", "COMMIT", "ROLLBACK", "START", "SAVEPOINT", "RELEASE", "ANALYZE", "VACUUM",
    "LOCK", "DISCARD", "NOTIFY", "LISTEN", "CLUSTER", "REINDEX", "CHECKPOINT", "END", "NULL", "RAISE", "RETURN",
    "EXIT", "CONTINUE", "GET", "UNLOCK",
})  # fmt: skip
_DML = frozenset(
    {"SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES", "(", "EXPLAIN"}
)


def read_sql(text: str, rec: Recorder, *, whole: bool = False) -> None:
    """Record what running the SQL does; parts that are not known while reading stand in it as HOLE. `whole`: the text
    is all of the source, so each statement has a place of its own in it."""
    if not rec.may_read(text):
        return
    found = list(statements(list(tokens(text.replace("\\:", ":").replace("%%", "%")))))
    long = len(found) > 1 or len(text) > MAX_TEXT
    for statement in found:
        if whole:
            rec.move(1 + statement[0].line, 1 + statement[-1].line)
        rec.excerpt = rebuild(statement[:MAX_TEXT]).strip() if long else None
        read_tokens(statement, rec)
    rec.excerpt = None


def read_tokens(statement: Sequence[Token], rec: Recorder) -> None:
    """Record one statement."""
    cursor = Cursor(statement)
    verb = cursor.peek()
    if statement[0].text == HOLE:
        rec.unknown("the SQL is made while running")
        return
    if verb in _HARMLESS:
        return
    if verb in _DML:
        read_dml(statement, rec)
        return
    reader = _READERS.get(verb)
    if reader is None:
        rec.unknown(f"SQL that starts with {statement[0].text[:30]!r} is not read")
        return
    cursor.at = 1
    before = rec.count
    reader(cursor, rec)
    if rec.count == before and _names_hole(statement):
        rec.unknown("the SQL is made while running")


def _names_hole(statement: Sequence[Token]) -> bool:
    return any(HOLE in token.text for token in statement if token.kind in {"word", "quoted", "dollar"})


def _set(cursor: Cursor, rec: Recorder) -> None:
    cursor.accept_any("LOCAL", "SESSION")
    if not cursor.accept("SEARCH_PATH") or not cursor.accept_any("TO", "="):
        return
    parts = items(cursor.rest())
    first = parts[0][0] if parts else None
    if first is None or first.kind not in {"word", "quoted", "string"} or HOLE in first.text:
        rec.unknown("the search path is made while running")
        return
    rec.schema = rec.plain(unquote(first) if first.kind == "string" else first.text)
    others = {rec.plain(part[0].text.strip("'")) for part in parts[1:]} - {"public", "pg_catalog"}
    if others:
        rec.unknown("the search path names several schemas")


def _truncate(cursor: Cursor, rec: Recorder) -> None:
    cursor.accept("TABLE")
    cursor.accept("ONLY")
    for part in items(cursor.rest()):
        table = Cursor(part).table(rec)
        if table is not None:
            rec.add(Operation(kind=Kind.DATA_DELETE, table=table))
    if cursor.tokens[-1].upper == "CASCADE":
        rec.unknown("CASCADE empties the tables that point at it")


def _comment(cursor: Cursor, rec: Recorder) -> None:
    cursor.accept("ON")
    what = cursor.accept_any("TABLE", "COLUMN", "VIEW", "CONSTRAINT")
    if what == "CONSTRAINT":
        cursor.skip_to("ON")
    parts = cursor.dotted()
    if not what or not parts:
        return
    column = parts.pop() if what == "COLUMN" and len(parts) > 1 else None
    table = rec.table(parts[-1], parts[-2] if len(parts) > 1 else None)
    name = rec.plain(column) if column else None
    rec.add(Operation(kind=Kind.ALTER_COMMENT, table=table, name=name, columns=(name,) if name else ()))


def _grant(cursor: Cursor, rec: Recorder) -> None:
    if not cursor.skip_to("ON"):
        return
    if cursor.accept("ALL"):
        rec.unknown("rights on everything in a schema depend on what is there")
        return
    if cursor.peek() in {
        "SCHEMA",
        "SEQUENCE",
        "FUNCTION",
        "DATABASE",
        "TYPE",
        "LANGUAGE",
        "PROCEDURE",
        "ROUTINE",
    }:
        return
    cursor.accept("TABLE")
    while (table := cursor.table(rec)) is not None:
        rec.add(Operation(kind=Kind.RAW, table=table))
        if not cursor.accept(","):
            break


def _copy(cursor: Cursor, rec: Recorder) -> None:
    table = cursor.table(rec)
    cursor.group()
    if table is None or not cursor.accept("FROM"):
        rec.unknown("COPY is not read")
        return
    rec.add(Operation(kind=Kind.DATA_INSERT, table=table))


def _rename(cursor: Cursor, rec: Recorder) -> None:
    if not cursor.accept("TABLE"):
        rec.unknown("RENAME is not read")
    for part in items(cursor.rest()):
        inner = Cursor(part)
        old = inner.table(rec)
        new = inner.table(rec) if inner.accept("TO") else None
        if old is not None and new is not None:
            rec.add(Operation(kind=Kind.RENAME_TABLE, table=old, new_name=new))


def _pragma(cursor: Cursor, rec: Recorder) -> None:
    if cursor.peek() == "WRITABLE_SCHEMA":
        rec.unknown("the schema is written by hand")


def _refresh(cursor: Cursor, rec: Recorder) -> None:
    cursor.accept("MATERIALIZED", "VIEW")
    cursor.accept("CONCURRENTLY")
    table = cursor.table(rec)
    if table is not None:
        rec.add(Operation(kind=Kind.DATA_READ, references=(table,)))


def _do(cursor: Cursor, rec: Recorder) -> None:
    body = next((token for token in cursor.rest() if token.kind in {"dollar", "string"}), None)
    if body is None:
        rec.unknown("the DO block is not read")
        return
    text = body.text if body.kind == "dollar" else unquote(body)
    for part in block_parts(list(tokens(text))):
        if part.why is not None:
            rec.unknown(part.why)
        elif part.tokens:
            read_tokens(part.tokens, rec)


_READERS: dict[str, Callable[[Cursor, Recorder], None]] = {
    "ALTER": read_alter,
    "COMMENT": _comment,
    "COPY": _copy,
    "CREATE": read_create,
    "DO": _do,
    "DROP": read_drop,
    "GRANT": _grant,
    "PRAGMA": _pragma,
    "REFRESH": _refresh,
    "RENAME": _rename,
    "REVOKE": _grant,
    "SET": _set,
    "TRUNCATE": _truncate,
}
