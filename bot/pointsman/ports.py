"""What the service needs of the world, as protocols; adapters implement them, only wiring chooses."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:  # annotations only: reading heads must not load the contract or the queue
    from pointsman.core.contract import Check
    from pointsman.core.contract.model import Sandbox
    from pointsman.core.gates import GateResult
    from pointsman.core.model import CommitFacts, GitPath, MergeOutcome, PathChange, Sha, Signature, TreeEntry
    from pointsman.core.queue.actions import LandOutcome
    from pointsman.core.queue.model import (
        Candidate,
        CandidateState,
        Change,
        ChangeState,
        Entry,
        JournalLine,
        LaneState,
        RecordedApproval,
        RecordedGrant,
        Run,
    )


class Git(Protocol):
    """Objects and refs of one repository. Everything but `resolve` takes full SHAs or full ref names.

    Nothing here touches a work tree, an index, HEAD or a branch that is checked out, and nothing in the
    repository (replace refs, grafts, attributes, hooks, configuration of the change) bends an answer.
    Errors: `GitFailed`, `MissingObject`; `UserError` from `resolve`.
    """

    def resolve(self, rev: str) -> Sha:
        """The commit that REV names; a branch wins over a tag of that name. UserError if there is none."""
        ...

    def commit_facts(self, commit: Sha) -> CommitFacts: ...

    def tree_of(self, commit: Sha) -> Sha: ...

    def merge_bases(self, a: Sha, b: Sha) -> tuple[Sha, ...]:
        """All best common ancestors; empty when the histories are unrelated."""
        ...

    def is_ancestor(self, ancestor: Sha, descendant: Sha) -> bool: ...

    def commits(
        self,
        include: Sha,
        *,
        exclude: Sequence[Sha] = (),
        first_parent: bool = False,
        limit: int | None = None,
    ) -> tuple[Sha, ...]:
        """Commits reachable from `include` and from none of `exclude`, newest first."""
        ...

    def entries(self, tree: Sha, *, under: GitPath = "", recursive: bool = True) -> tuple[TreeEntry, ...]:
        """The tree's names (full paths), in git's order; `under` limits to one directory ('' is the root).

        Recursive listings hold no trees. An `under` that is absent or no directory gives ()."""
        ...

    def entry(self, tree: Sha, path: GitPath) -> TreeEntry | None: ...

    def read(self, oids: Iterable[Sha]) -> Iterator[tuple[Sha, bytes]]:
        """Blob contents in the order asked, through one long-lived `cat-file --batch`."""
        ...

    def changed(self, old_tree: Sha, new_tree: Sha) -> tuple[PathChange, ...]:
        """Every path that differs, sorted by path; submodules count, renames are two changes."""
        ...

    def merge(self, ours: Sha, theirs: Sha) -> MergeOutcome:
        """Preview of merging two commits: an ordinary three-way merge, no attributes, no custom drivers."""
        ...

    def edit(self, tree: Sha, edits: Mapping[GitPath, bytes | None]) -> Sha:
        """The tree with those files written (mode kept, new ones 100644) or, for None, deleted."""
        ...

    def commit(
        self, *, tree: Sha, parents: Sequence[Sha], message: str, author: Signature, committer: Signature
    ) -> Sha: ...

    def read_ref(self, ref: str) -> Sha | None: ...

    def refs(self, prefix: str) -> Mapping[str, Sha]: ...

    def move_ref(self, ref: str, *, new: Sha | None, expected: Sha | None) -> bool:
        """Compare-and-swap one full ref name (None: it does not exist / delete it); False if it had moved."""
        ...

    def materialise(self, commit: Sha, directory: Path) -> None:
        """Write the commit's files into `directory` as a repository of its own (detached at the commit,
        objects borrowed), so that code running there cannot name this repository's refs."""
        ...


Record: TypeAlias = "Change | Candidate | Run | LaneState | RecordedApproval | RecordedGrant"
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

    def changes(self, lane: str | None = None, *, states: Sequence[ChangeState] = ()) -> tuple[Change, ...]:
        """By id; all states when none is named."""
        ...

    def candidates(self, lane: str, *, states: Sequence[CandidateState] = ()) -> tuple[Candidate, ...]:
        """By id."""
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


class Forge(Protocol):
    """Where branches live and changes land. Locally that is the repository itself."""

    def tip(self, lane: str) -> Sha | None:
        """The base branch now; None when it does not exist."""
        ...

    def branch_heads(self) -> Mapping[str, Sha]:
        """Every branch by its short name."""
        ...

    def obstacle(self, lane: str, *, expected: Sha, new: Sha) -> str:
        """Why the base branch can't be moved from `expected` to `new` now, with the next step; '' when it can."""
        ...

    def land(self, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
        """Fast-forward the base branch from `expected` to `new` by compare-and-swap, then read it back.

        May be called again with the same SHAs after a crash: it says `Landed` when `new` is already there."""
        ...


class Gates(Protocol):
    """The runner: where checks run, away from every token. Runs are named by their id."""

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None = None) -> None:
        """Start one check on the commit's exact tree, shut in as the contract's `sandbox` asks."""
        ...

    def poll(self, run_id: int) -> GateResult | None:
        """The result once it has ended, else None. A run that nobody runs any more ended `lost`."""
        ...

    def cancel(self, run_id: int) -> None: ...

    def sweep(self, keep: Collection[int]) -> None:
        """Remove what runs other than these left behind."""
        ...


class Clock(Protocol):
    """The time, so that a test can own it."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None: ...
