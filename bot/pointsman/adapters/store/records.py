"""One record in and out of its tables, and the journal's next lines; no connection is opened or ended here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    func,
    literal,
    or_,
    select,
)

from pointsman.adapters.store import tables
from pointsman.core.journal import canonical, seal
from pointsman.core.queue.model import (
    Candidate,
    Change,
    ChangeState,
    Entry,
    JournalLine,
    LaneState,
    Note,
    RecordedApproval,
    RecordedGrant,
    Run,
)

R = TypeVar("R")

_TABLES: dict[type[Any], Table] = {
    Change: tables.changes,
    Candidate: tables.candidates,
    Run: tables.runs,
    LaneState: tables.lanes,
    RecordedApproval: tables.approvals,
    RecordedGrant: tables.grants,
    Note: tables.notes,
}


def put(connection: Connection, record: Any) -> Any:
    """Insert or replace one record; the record as it stands there now, with its id."""
    table = _TABLES[type(record)]
    row = {field.name: getattr(record, field.name) for field in fields(record)}
    if isinstance(record, RecordedApproval | RecordedGrant):
        connection.execute(table.insert(), row)
        return record
    if isinstance(record, Note) and not record.value:
        connection.execute(table.delete().where(table.c.key == record.key))
        return record
    if row.get("id") == 0:
        del row["id"]
        key = connection.execute(table.insert(), row).inserted_primary_key
        assert key is not None  # noqa: S101 - an INSERT of one row always has one
        return replace(record, id=key[0])
    statement = upserting(connection, table)
    keys = [column.name for column in table.primary_key]
    upsert = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in row if name not in keys},
        where=_may_follow(statement) if isinstance(record, Change) else None,
    )
    if connection.execute(upsert, row, execution_options={"preserve_rowcount": True}).rowcount:
        return record
    return read(connection, Change, select(table).where(table.c.id == row["id"]))[0]


def upserting(connection: Connection, table: Table) -> Any:
    """The dialect's INSERT, whose `on_conflict_do_update` and `excluded` both dialects have alike."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def read(connection: Connection, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
    """The rows that the query finds, as records of that kind."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    rows = connection.execute(query.with_only_columns(*(query.selected_columns[name] for name in names)))
    return tuple(kind(**dict(zip(names, row, strict=True))) for row in rows)


def append(connection: Connection, entries: Sequence[Entry], *, at: float, ledger: Row[Any]) -> None:
    """Chain the entries to the ledger's head and move the ledger on; the caller holds the write lock."""
    count, head = ledger.lines, ledger.head
    for entry in entries:
        line = seal(entry, seq=count + 1, at=at, previous=head)
        row = {field.name: getattr(line, field.name) for field in fields(line)}
        connection.execute(tables.journal.insert(), row | {"body": canonical(line.body)})
        count, head = line.seq, line.hash
    connection.execute(tables.ledger.update(), {"writes": ledger.writes + 1, "lines": count, "head": head})


def with_ids(value: Any, ids: dict[str, int]) -> Any:
    """The JSON value with each `"$n"` replaced by the id of the record at that place, at any depth."""
    match value:
        case str():
            return ids.get(value, value)
        case dict():
            return {key: with_ids(item, ids) for key, item in value.items()}
        case list() | tuple():
            return [with_ids(item, ids) for item in value]
        case _:
            return value


def journal_line(row: Row[Any]) -> JournalLine:
    """The line as it stands, right or wrong: whether it was tampered with is for `verify` to say."""
    try:
        body = json.loads(row.body)
    except (TypeError, ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        body = {"unreadable": str(row.body)}
    return JournalLine(
        seq=row.seq, at=row.at, lane=row.lane, kind=row.kind, body=body, previous=row.previous, hash=row.hash
    )


def each(ids: Sequence[int], dialect: str) -> Select[Any]:
    """The ids as a subquery of one parameter, so that a database's limit on parameters does not matter."""
    if dialect == "postgresql":
        return select(func.unnest(literal(list(ids), ARRAY(BigInteger))))
    return select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value)


def _may_follow(statement: Any) -> ColumnElement[bool]:
    """An end is an end (I5): whoever read the change before another process ended it does not undo that.
    Only LANDED replaces another end, because then the base branch has moved."""
    old, new = tables.changes.c.state, statement.excluded["state"]
    return or_(old == ChangeState.QUEUED, old == new, new == ChangeState.LANDED)
