"""The durable memory of a repository's lanes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from pointsman.core.bounds import Bounds
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
    )


Record: TypeAlias = "Change | Candidate | Run | LaneState | RecordedApproval | RecordedGrant | Note"
"""What a store keeps. One that has an `id` of 0 is new: the store gives it the next number."""


class Store(Protocol):
    """The durable memory of all lanes of one repository.

    Every write is one transaction: the records and the journal lines that explain them are there together or
    not at all, and on disk when `save` returns. Several processes may write; lines never interleave.
    """

    def save(self, *records: Record, entries: Sequence[Entry] = (), at: float) -> tuple[Record, ...]:
        """Insert or replace the records by id, append the entries; the records as stored (with their ids).

        An entry whose body holds the value `"$0"`, `"$1"`... gets the id of the record at that place."""
        ...

    def lanes(self) -> tuple[str, ...]:
        """Every lane that ever had a change, sorted."""
        ...

    def lane(self, name: str) -> LaneState: ...

    def change(self, change_id: int) -> Change | None: ...

    def changes(
        self,
        lane: str | None = None,
        *,
        states: Sequence[ChangeState] = (),
        number: int | None = None,
        branch: str | None = None,
    ) -> tuple[Change, ...]:
        """By id; all states when none is named; with `number` those of that pull request, with `branch` those of that
        branch."""
        ...

    def candidates(
        self,
        lane: str,
        *,
        states: Sequence[CandidateState] = (),
        since: float = 0.0,
        newest: int | None = None,
    ) -> tuple[Candidate, ...]:
        """By id; those made at `since` (seconds since 1970) or later, and of them so many of the `newest`."""
        ...

    def runs(
        self, *, candidates: Sequence[int] = (), changes: Sequence[int] = (), running: bool = False
    ) -> tuple[Run, ...]:
        """By id: the runs of those candidates, the probes of those changes, and all that run now."""
        ...

    def passed_run(self, tree: Sha, digest: str) -> Run | None:
        """The newest run of the check with that digest that passed on that very tree, for whomever."""
        ...

    def approvals(self, changes: Sequence[int]) -> tuple[RecordedApproval, ...]: ...

    def grants(self, changes: Sequence[int]) -> tuple[RecordedGrant, ...]: ...

    def note(self, key: str) -> str | None:
        """The value of a note; None where there is none, or an empty one was saved."""
        ...

    def notes(self, prefix: str) -> Mapping[str, str]:
        """Every note whose key starts with `prefix`, by key."""
        ...

    def journal(
        self, *, after: int = 0, lane: str | None = None, limit: int | None = None
    ) -> tuple[JournalLine, ...]:
        """By seq."""
        ...

    def journal_head(self) -> tuple[int, str]:
        """How many lines were ever written and the hash of the last, kept apart from the lines themselves: what
        shows that lines were cut off the end."""
        ...

    def version(self) -> int:
        """A number that grows with every write of any process: has anything changed since I looked?"""
        ...

    def close(self) -> None: ...


class Attic(Protocol):
    """What a store does with what has ended, so that it does not grow for ever. Each step is a transaction of its own,
    and being cut off anywhere loses nothing."""

    def forget(self, bounds: Bounds) -> Mapping[str, int]:
        """Remove a piece of what is beyond the bounds; how many rows of what kind, {} when nothing is left to go.
        What is queued, live or evidence for a queued change stays, and whatever those name."""
        ...

    def archive(self, bounds: Bounds, *, at: float) -> int:
        """Move the journal's oldest segment to a file of its own; how many lines, 0 when there are too few, or where
        there is no disk to archive to. `Store.journal` gives them as before as long as that file is there."""
        ...
