"""The store in a database: each save is one transaction, on disk when it returns; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Select, func, literal, or_, select

from pointsman.adapters.store import tables
from pointsman.adapters.store.archive import archived
from pointsman.adapters.store.records import append, each, journal_line, put, read, with_ids
from pointsman.core.errors import EnvironmentProblem, LaneLost
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
    from pointsman.adapters.store.attic import SqlAttic
    from pointsman.adapters.store.home import Home
    from pointsman.ports import Record

R = TypeVar("R")

_LEDGER = select(tables.ledger, select(tables.version.c.version_num).scalar_subquery().label("version_num"))
_LOCKED = _LEDGER.with_for_update()
"""Whoever writes looks at the ledger first, and so waits for whoever writes now: the journal never forks. SQLite, which
has locked the file by then, knows no such clause and gets none."""


class SqlStore:
    """`ports.Store` over any `Home`. Safe to share between threads and, each with its own, between processes."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._holder: str | None = None

    @classmethod
    def open(cls, path: Path) -> SqlStore:
        """The store in that SQLite file, made (mode 0600, its folder 0700) or brought to the present schema first.

        EnvironmentProblem if it can't be read or written, is damaged, or is of a newer program."""
        from pointsman.adapters.store.sqlite import SqliteHome

        return cls(SqliteHome.open(path))

    def close(self) -> None:
        self._home.close()

    def hold(self, holder: str) -> None:
        """From now on every save of this object is made as `holder`'s, and every save made as another's is refused.

        The caller has the lanes' lock; what an earlier holder, which does not know yet that it lost that lock, still
        wants to save raises `LaneLost` there. Saves of who holds nothing (a submission) are always taken."""
        with self._transaction(write=True) as connection:
            self._ledger(connection, _LOCKED)
            connection.execute(tables.ledger.update(), {"holder": holder})
        self._holder = holder

    def holder(self) -> str:
        """What `hold` was called with last, by any process; '' where it never was."""
        with self._transaction() as connection:
            return self._ledger(connection).holder or ""

    def let_go(self) -> None:
        """Saves of this object are nobody's again."""
        self._holder = None

    def save(self, *records: Record, entries: Sequence[Entry] = (), at: float) -> tuple[Record, ...]:
        with self._transaction(write=True) as connection:
            ledger = self._ledger(connection, _LOCKED)
            if self._holder is not None and ledger.holder != self._holder:
                raise LaneLost("Another process works these lanes now; nothing more is saved by this one.")
            stored = tuple(put(connection, record) for record in records)
            ids = {f"${place}": record.id for place, record in enumerate(stored) if hasattr(record, "id")}
            named = [replace(entry, body=with_ids(entry.body, ids)) for entry in entries]
            append(connection, named, at=at, ledger=ledger)
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
        self,
        lane: str | None = None,
        *,
        states: Sequence[ChangeState] = (),
        number: int | None = None,
        branch: str | None = None,
    ) -> tuple[Change, ...]:
        query = select(tables.changes).order_by(tables.changes.c.id)
        if number is not None:
            query = query.where(tables.changes.c.number == number)
        if branch is not None:
            query = query.where(tables.changes.c.branch == branch)
        if lane is not None:
            query = query.where(tables.changes.c.lane == lane)
        if states:
            query = query.where(tables.changes.c.state.in_(states))
        return self._records(Change, query)

    def candidates(
        self,
        lane: str,
        *,
        states: Sequence[CandidateState] = (),
        since: float = 0.0,
        newest: int | None = None,
    ) -> tuple[Candidate, ...]:
        table = tables.candidates
        query = select(table).where(table.c.lane == lane).order_by(table.c.id.desc()).limit(newest)
        if since:
            query = query.where(table.c.created_at >= since)
        if states:
            query = query.where(table.c.state.in_(states))
        return self._records(Candidate, query)[::-1]

    def runs(
        self, *, candidates: Sequence[int] = (), changes: Sequence[int] = (), running: bool = False
    ) -> tuple[Run, ...]:
        table = tables.runs
        wanted: list[ColumnElement[bool]] = []
        if candidates:
            wanted.append(table.c.candidate.in_(each(candidates, self._home.dialect)))
        if changes:
            wanted.append(table.c.change.in_(each(changes, self._home.dialect)) & table.c.candidate.is_(None))
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
        query = (
            select(table).where(table.c.change.in_(each(changes, self._home.dialect))).order_by(table.c.id)
        )
        return self._records(RecordedApproval, query)

    def grants(self, changes: Sequence[int]) -> tuple[RecordedGrant, ...]:
        table = tables.grants
        query = (
            select(table).where(table.c.change.in_(each(changes, self._home.dialect))).order_by(table.c.id)
        )
        return self._records(RecordedGrant, query)

    def note(self, key: str) -> str | None:
        table = tables.notes
        with self._transaction() as connection:
            return connection.scalar(select(table.c.value).where(table.c.key == key))

    def notes(self, prefix: str) -> Mapping[str, str]:
        table = tables.notes
        wanted = literal(prefix, tables.Exact())
        query = select(table).where(func.substr(table.c.key, 1, func.length(wanted)) == wanted)
        return {
            note.key: note.value for note in sorted(self._records(Note, query), key=lambda note: note.key)
        }

    def journal(
        self, *, after: int = 0, lane: str | None = None, limit: int | None = None
    ) -> tuple[JournalLine, ...]:
        table = tables.journal
        query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(limit)
        if lane is not None:
            query = query.where(table.c.lane == lane)
        with self._transaction() as connection:
            first = connection.scalar(select(func.min(table.c.seq))) or 0
            lines = tuple(journal_line(row) for row in connection.execute(query))
        if self._home.file is None or after + 1 >= first:
            return lines
        moved = archived(self._home.file, after=after, before=first)
        return tuple(islice(chain((line for line in moved if lane in (None, line.lane)), lines), limit))

    def attic(self) -> SqlAttic:
        """What keeps this store within bounds."""
        from pointsman.adapters.store.attic import SqlAttic

        return SqlAttic(self._home)

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
            return read(connection, kind, query)

    def _ledger(self, connection: Connection, query: Select[Any] = _LEDGER) -> Row[Any]:
        """The ledger's row; EnvironmentProblem if another pointsman has changed the schema meanwhile."""
        ledger = connection.execute(query).one()
        if ledger.version_num != tables.HEAD_REVISION:
            raise EnvironmentProblem(
                f"The {self._home.what} now has schema {ledger.version_num}, this process knows "
                f"{tables.HEAD_REVISION}: another pointsman upgraded it. Restart this one with that version."
            )
        return ledger

    def _transaction(self, *, write: bool = False) -> AbstractContextManager[Connection]:
        return self._home.transaction(write=write)
