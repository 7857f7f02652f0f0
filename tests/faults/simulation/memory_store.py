"""`ports.Store` in memory: one save is one transaction; several replicas may share it. Durable across their crashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TypeVar

from pointsman.adapters.store.records import with_ids
from pointsman.core.journal import GENESIS, seal
from pointsman.core.model import Sha
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
from pointsman.ports import Record

R = TypeVar("R", Change, Candidate, Run)


class MemoryStore:
    """All that the lanes of one repository remember."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._candidates: dict[int, Candidate] = {}
        self._runs: dict[int, Run] = {}
        self._lanes: dict[str, LaneState] = {}
        self._approvals: list[RecordedApproval] = []
        self._grants: list[RecordedGrant] = []
        self._notes: dict[str, str] = {}
        self._journal: list[JournalLine] = []
        self._writes = 0
        self._passed: dict[tuple[Sha, str], Run] = {}

    def save(self, *records: Record, entries: Sequence[Entry] = (), at: float) -> tuple[Record, ...]:
        before = {name: copy(value) for name, value in vars(self).items()}
        try:
            return self._save(records, entries, at)
        except Exception:
            vars(self).update(before)
            raise

    def _save(self, records: Sequence[Record], entries: Sequence[Entry], at: float) -> tuple[Record, ...]:
        stored = tuple(self._put(record) for record in records)
        ids = {
            f"${place}": one.id
            for place, one in enumerate(stored)
            if isinstance(one, Change | Candidate | Run)
        }
        for entry in entries:
            previous = self._journal[-1].hash if self._journal else GENESIS
            body = {key: with_ids(value, ids) for key, value in entry.body.items()}
            line = seal(replace(entry, body=body), seq=len(self._journal) + 1, at=at, previous=previous)
            self._journal.append(line)
        self._writes += 1
        return stored

    def lanes(self) -> tuple[str, ...]:
        return tuple(sorted({change.lane for change in self._changes.values()}))

    def lane(self, name: str) -> LaneState:
        return self._lanes.get(name, LaneState(name=name))

    def change(self, change_id: int) -> Change | None:
        return self._changes.get(change_id)

    def changes(
        self,
        lane: str | None = None,
        *,
        states: Sequence[ChangeState] = (),
        number: int | None = None,
        branch: str | None = None,
    ) -> tuple[Change, ...]:
        return tuple(
            one
            for one in self._changes.values()
            if (lane is None or one.lane == lane)
            and (not states or one.state in states)
            and (number is None or one.number == number)
            and (branch is None or one.branch == branch)
        )

    def candidates(
        self,
        lane: str,
        *,
        states: Sequence[CandidateState] = (),
        since: float = 0.0,
        newest: int | None = None,
    ) -> tuple[Candidate, ...]:
        found = tuple(
            one
            for one in self._candidates.values()
            if one.lane == lane and (not states or one.state in states) and one.created_at >= since
        )
        return found if newest is None else found[len(found) - min(newest, len(found)) :]

    def runs(
        self, *, candidates: Sequence[int] = (), changes: Sequence[int] = (), running: bool = False
    ) -> tuple[Run, ...]:
        tested, asked = frozenset(candidates), frozenset(changes)
        return tuple(
            one
            for one in self._runs.values()
            if one.candidate in tested
            or (one.candidate is None and one.change in asked)
            or (running and one.state is RunState.RUNNING)
        )

    def passed_run(self, tree: Sha, digest: str) -> Run | None:
        return self._passed.get((tree, digest))

    def approvals(self, changes: Sequence[int]) -> tuple[RecordedApproval, ...]:
        return tuple(one for one in self._approvals if one.change in changes)

    def grants(self, changes: Sequence[int]) -> tuple[RecordedGrant, ...]:
        return tuple(one for one in self._grants if one.change in changes)

    def note(self, key: str) -> str | None:
        return self._notes.get(key)

    def notes(self, prefix: str) -> Mapping[str, str]:
        return {key: self._notes[key] for key in sorted(self._notes) if key.startswith(prefix)}

    def journal(
        self, *, after: int = 0, lane: str | None = None, limit: int | None = None
    ) -> tuple[JournalLine, ...]:
        return tuple(line for line in self._journal[after:] if lane in (None, line.lane))[:limit]

    def journal_head(self) -> tuple[int, str]:
        return len(self._journal), self._journal[-1].hash if self._journal else GENESIS

    def version(self) -> int:
        return self._writes

    def close(self) -> None:
        """What is kept is kept for the next one who opens it."""

    def _put(self, record: Record) -> Record:
        match record:
            case Change():
                known = self._changes.get(record.id)
                if known is not None and not _may_follow(known, record):
                    return known
                return _keep(self._changes, record)
            case Candidate():
                return _keep(self._candidates, record)
            case Run():
                if record.candidate is not None and record.candidate not in self._candidates:
                    raise LookupError(f"there is no candidate {record.candidate}")
                stored = _keep(self._runs, record)
                self._note_pass(stored)
                return stored
            case LaneState():
                self._lanes[record.name] = record
            case RecordedApproval():
                self._approvals.append(record)
            case RecordedGrant():
                self._grants.append(record)
            case Note(key=key, value=value):
                self._notes.pop(key, None)
                self._notes |= {key: value} if value else {}
        return record

    def _note_pass(self, run: Run) -> None:
        key = (run.tree, run.digest)
        if run.state is RunState.PASSED:
            newest = self._passed.get(key)
            self._passed[key] = run if newest is None or newest.id <= run.id else newest
        elif self._passed.get(key, run).id == run.id:
            self._passed.pop(key, None)
            for older in self._runs.values():
                if (older.tree, older.digest) == key and older.state is RunState.PASSED:
                    self._passed[key] = older


def _keep(table: dict[int, R], record: R) -> R:
    stored = record if record.id else replace(record, id=len(table) + 1)
    table[stored.id] = stored
    return stored


def _may_follow(known: Change, new: Change) -> bool:
    """An end is an end; only LANDED replaces another one."""
    return known.state in (ChangeState.QUEUED, new.state) or new.state is ChangeState.LANDED
