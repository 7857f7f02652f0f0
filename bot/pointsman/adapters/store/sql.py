"""The store in one SQLite file: each save is one transaction, on disk when it returns; it decides nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    create_engine,
    event,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.sqlite import Insert, insert

from pointsman.adapters.store import tables
from pointsman.adapters.store.failures import explained
from pointsman.adapters.store.schema import LOCK_SECONDS, ensure_current
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import canonical, seal
from pointsman.core.queue.model import (
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Entry,
    JournalLine,
    LaneState,
    Note,
    RecordedApproval,
    RecordedGrant,
    Run,
    RunState,
)

if TYPE_CHECKING:
    from pointsman.ports import Record

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

_LEDGER = select(
    tables.ledger, literal_column("(SELECT version_num FROM alembic_version)").label("version_num")
)


class SqlStore:
    """`ports.Store` over SQLite. Safe to share between threads and, each with its own, between processes."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path

    @classmethod
    def open(cls, path: Path) -> SqlStore:
        """The store in that file, made (mode 0600, its folder 0700) or brought to the present schema first.

        EnvironmentProblem if it can't be read or written, is damaged, or is of a newer program."""
        _make_file(path)
        engine = _engine(path)
        try:
            with explained(path):
                ensure_current(engine, path)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, path)

    def close(self) -> None:
        self._engine.dispose()

    def save(self, *records: Record, entries: Sequence[Entry] = (), at: float) -> tuple[Record, ...]:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            ledger = self._ledger(connection)
            stored = tuple(_put(connection, record) for record in records)
            ids = {f"${place}": record.id for place, record in enumerate(stored) if hasattr(record, "id")}
            named = [replace(entry, body=_with_ids(entry.body, ids)) for entry in entries]
            _append(connection, named, at=at, ledger=ledger)
        return stored

    def lanes(self) -> tuple[str, ...]:
        with self._transaction() as connection:
            names = connection.scalars(select(tables.changes.c.lane).distinct())
            return tuple(sorted(names))

    def lane(self, name: str) -> LaneState:
        found = self._records(LaneState, select(tables.lanes).where(tables.lanes.c.name == name))
        return found[0] if found else LaneState(name=name)

    def change(self, change_id: int) -> Change | None:
        found = self._records(Change, select(tables.changes).where(tables.changes.c.id == change_id))
        return found[0] if found else None

    def changes(
        self, lane: str | None = None, *, states: Sequence[ChangeState] = (), number: int | None = None
    ) -> tuple[Change, ...]:
        query = select(tables.changes).order_by(tables.changes.c.id)
        if number is not None:
            query = query.where(tables.changes.c.number == number)
        if lane is not None:
            query = query.where(tables.changes.c.lane == lane)
        if states:
            query = query.where(tables.changes.c.state.in_(states))
        return self._records(Change, query)

    def candidates(
        self, lane: str, *, states: Sequence[CandidateState] = (), since: float = 0.0
    ) -> tuple[Candidate, ...]:
        table = tables.candidates
        query = select(table).where(table.c.lane == lane).order_by(table.c.id)
        if since:
            query = query.where(table.c.created_at >= since)
        if states:
            query = query.where(table.c.state.in_(states))
        return self._records(Candidate, query)

    def runs(
        self, *, candidates: Sequence[int] = (), changes: Sequence[int] = (), running: bool = False
    ) -> tuple[Run, ...]:
        table = tables.runs
        wanted: list[ColumnElement[bool]] = []
        if candidates:
            wanted.append(table.c.candidate.in_(_each(candidates)))
        if changes:
            wanted.append(table.c.change.in_(_each(changes)) & table.c.candidate.is_(None))
        if running:
            wanted.append(table.c.state == RunState.RUNNING)
        if not wanted:
            return ()
        return self._records(Run, select(table).where(or_(*wanted)).order_by(table.c.id))

    def passed_run(self, tree: str, digest: str) -> Run | None:
        table = tables.runs
        query = select(table).where(
            table.c.tree == tree, table.c.digest == digest, table.c.state == RunState.PASSED
        )
        found = self._records(Run, query.order_by(table.c.id.desc()).limit(1))
        return found[0] if found else None

    def approvals(self, changes: Sequence[int]) -> tuple[RecordedApproval, ...]:
        table = tables.approvals
        query = select(table).where(table.c.change.in_(_each(changes))).order_by(table.c.id)
        return self._records(RecordedApproval, query)

    def grants(self, changes: Sequence[int]) -> tuple[RecordedGrant, ...]:
        table = tables.grants
        query = select(table).where(table.c.change.in_(_each(changes))).order_by(table.c.id)
        return self._records(RecordedGrant, query)

    def note(self, key: str) -> str | None:
        table = tables.notes
        with self._transaction() as connection:
            return connection.scalar(select(table.c.value).where(table.c.key == key))

    def notes(self, prefix: str) -> Mapping[str, str]:
        table = tables.notes
        query = select(table).where(func.substr(table.c.key, 1, len(prefix)) == prefix).order_by(table.c.key)
        return {note.key: note.value for note in self._records(Note, query)}

    def journal(
        self, *, after: int = 0, lane: str | None = None, limit: int | None = None
    ) -> tuple[JournalLine, ...]:
        table = tables.journal
        query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        if lane is not None:
            query = query.where(table.c.lane == lane)
        with self._transaction() as connection:
            return tuple(_line(row) for row in connection.execute(query))

    def journal_head(self) -> tuple[int, str]:
        """How many lines were ever written and the hash of the last, as kept beside the journal itself."""
        with self._transaction() as connection:
            ledger = self._ledger(connection)
            return ledger.lines, ledger.head

    def version(self) -> int:
        with self._transaction() as connection:
            return int(self._ledger(connection).writes)

    def _records(self, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
        with self._transaction() as connection:
            return _read(connection, kind, query)

    def _ledger(self, connection: Connection) -> Row[Any]:
        """The ledger's row; EnvironmentProblem if another pointsman has changed the schema meanwhile."""
        ledger = connection.execute(_LEDGER).one()
        if ledger.version_num != tables.HEAD_REVISION:
            raise EnvironmentProblem(
                f"The state file {self._path} now has schema {ledger.version_num}, this process knows "
                f"{tables.HEAD_REVISION}: another pointsman upgraded it. Restart this one with that version."
            )
        return ledger

    @contextmanager
    def _transaction(self, begin: str = "BEGIN") -> Iterator[Connection]:
        with (
            explained(self._path),
            self._engine.connect().execution_options(begin=begin) as connection,
            connection.begin(),
        ):
            yield connection


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise EnvironmentProblem(
            f"The state file {path} can't be opened for writing: {error.strerror}. "
            f"Check that {path.parent} is a folder that you may write to, on a disk with room."
        ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": LOCK_SECONDS},
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: Connection) -> None:
    """The driver never begins by itself (isolation_level None): a writer must hold the lock from its first
    read, and a plain BEGIN would take it only at its first write."""
    begin = connection.get_execution_options().get("begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def _put(connection: Connection, record: Any) -> Any:
    """Insert or replace one record; the record as it stands there now, with its id."""
    table = _TABLES[type(record)]
    row = {field.name: getattr(record, field.name) for field in fields(record)}
    if isinstance(record, RecordedApproval | RecordedGrant):
        connection.execute(insert(table), row)
        return record
    if isinstance(record, Note) and not record.value:
        connection.execute(table.delete().where(table.c.key == record.key))
        return record
    if row.get("id") == 0:
        del row["id"]
        key = connection.execute(insert(table), row).inserted_primary_key
        assert key is not None  # noqa: S101 - an INSERT of one row always has one
        return replace(record, id=key[0])
    statement = insert(table)
    keys = [column.name for column in table.primary_key]
    upsert = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in row if name not in keys},
        where=_may_follow(statement) if isinstance(record, Change) else None,
    )
    if connection.execute(upsert, row).rowcount:
        return record
    return _read(connection, Change, select(table).where(table.c.id == row["id"]))[0]


def _may_follow(statement: Insert) -> ColumnElement[bool]:
    """An end is an end (I5): whoever read the change before another process ended it does not undo that.
    Only LANDED replaces another end, because then the base branch has moved."""
    old, new = tables.changes.c.state, statement.excluded["state"]
    return or_(old == ChangeState.QUEUED, old == new, new == ChangeState.LANDED)


def _read(connection: Connection, kind: type[R], query: Select[Any]) -> tuple[R, ...]:
    """The rows that the query finds, as records of that kind."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    rows = connection.execute(query.with_only_columns(*(query.selected_columns[name] for name in names)))
    return tuple(kind(**dict(zip(names, row, strict=True))) for row in rows)


def _append(connection: Connection, entries: Sequence[Entry], *, at: float, ledger: Row[Any]) -> None:
    """Chain the entries to the ledger's head and move the ledger on; the caller holds the write lock."""
    count, head = ledger.lines, ledger.head
    for entry in entries:
        line = seal(entry, seq=count + 1, at=at, previous=head)
        row = {field.name: getattr(line, field.name) for field in fields(line)}
        connection.execute(insert(tables.journal), row | {"body": canonical(line.body)})
        count, head = line.seq, line.hash
    connection.execute(tables.ledger.update(), {"writes": ledger.writes + 1, "lines": count, "head": head})


def _with_ids(value: Any, ids: dict[str, int]) -> Any:
    """The JSON value with each `"$n"` replaced by the id of the record at that place, at any depth."""
    match value:
        case str():
            return ids.get(value, value)
        case dict():
            return {key: _with_ids(item, ids) for key, item in value.items()}
        case list() | tuple():
            return [_with_ids(item, ids) for item in value]
        case _:
            return value


def _line(row: Row[Any]) -> JournalLine:
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


def _each(ids: Sequence[int]) -> Select[Any]:
    """The ids as a subquery of one parameter, so that SQLite's limit on parameters does not matter."""
    return select(func.json_each(json.dumps(list(ids))).table_valued("value").c.value)
