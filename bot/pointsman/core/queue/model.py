"""What a lane holds: changes, candidates, runs, approvals; frozen data, no rule stands here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pointsman.core.model import Sha


class ChangeState(StrEnum):
    """Where a submitted change is; the last three are ends, and every change reaches one (I5)."""

    QUEUED = "queued"
    LANDED = "landed"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Why a queued change is not being tested now.

    `key` names the facts that the wait was decided on: while they are the same, nothing is tried again.
    """

    code: str
    text: str
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why a change was returned: a stable code, a sentence, details (quotes, log tail) and the exact command
    that shows it again."""

    code: str
    text: str
    details: str = ""
    reproduce: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One submitted head. `id` counts up within a repository; times are seconds since 1970.

    `number` is the pull request's, None where there is no forge; `account` the forge's id of the author. `hold` says
    who asked to leave it untested and why; '' when nobody did. `features` are what the forecast learns from when it
    ends (core.queue.forecast), () until it was first looked at.
    """

    id: int
    lane: str
    branch: str
    head: Sha
    author: str
    title: str
    body: str = ""
    worktree: str | None = None
    priority: int = 0
    depends_on: tuple[str, ...] = ()
    submitted_at: float
    state: ChangeState = ChangeState.QUEUED
    wait: Wait | None = None
    reason: Reason | None = None
    landed: Sha | None = None
    ended_at: float | None = None
    number: int | None = None
    account: int | None = None
    hold: str = ""
    features: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What is submitted, as `Forge.branch_heads` names it: a pull request, or a branch."""
        return self.branch if self.number is None else f"#{self.number}"

    @property
    def label(self) -> str:
        """`#3`: the number by which people, and a `Depends-on:`, call it."""
        return f"#{self.id if self.number is None else self.number}"


HOTFIX = 100
"""A change of this priority or a higher one is a hotfix: it is tested at once, beside whatever runs."""


class Purpose(StrEnum):
    """CHAIN: the next link of the nested chain. SCREEN: asked for what it tells of its members, and lands only when
    no chain runs. INSURE: lands what the chain does not, should some of its members be red."""

    CHAIN = "chain"
    SCREEN = "screen"
    INSURE = "insure"


class CandidateState(StrEnum):
    """TESTING and PASSED are live; LANDING means: decided, the ref may or may not have moved.

    FAILED and CLEARED have ended and are evidence as long as a member is queued: together they were red, or green."""

    TESTING = "testing"
    PASSED = "passed"
    LANDING = "landing"
    LANDED = "landed"
    FAILED = "failed"
    CLEARED = "cleared"
    DISCARDED = "discarded"


LIVE = frozenset({CandidateState.TESTING, CandidateState.PASSED, CandidateState.LANDING})


@dataclass(frozen=True, kw_only=True, slots=True)
class Healed:
    """What the bot repaired on a candidate for one change, in words fit for a merge record."""

    strategy: str
    summary: str
    seconds: float
    proof: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A change's place in a candidate: its submitted head, its role, and the commit that brings it in."""

    change: int
    head: Sha
    role: str
    commit: Sha
    tree: Sha
    healed: Healed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A commit that could become the base branch's tip: `base` with its members on top, in order.

    `base` was the tip when it was made. Candidates that stand on each other hold the same commits for the members
    that they share, so that one of them still stands when a shorter one has landed. `checks` are the names of the
    checks (with the digest of their definition) of all its members; they must pass on `tree`.
    """

    id: int
    lane: str
    base: Sha
    members: tuple[Member, ...]
    contract: str
    checks: tuple[tuple[str, str], ...]
    state: CandidateState
    created_at: float
    reason: str = ""
    purpose: Purpose = Purpose.CHAIN
    tested: Sha | None = None

    @property
    def commit(self) -> Sha:
        return self.members[-1].commit

    @property
    def tree(self) -> Sha:
        return self.members[-1].tree

    @property
    def gate_tree(self) -> Sha:
        """The tree that the gate runs on."""
        return self.tested or self.tree


class RunState(StrEnum):
    """A gate run: only PASSED is green (I6). LOST: the runner died with its daemon, nothing is known."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run of one check on one tree. `candidate` is None for a probe, whose question `probe` names:
    `base` (is the base red by itself?), `alone` (is the change red by itself?) or `onto:SHA` (is it red
    together with the base as it was at SHA?). `code` is a stable word for how it ended, `why` the clause."""

    id: int
    lane: str
    candidate: int | None
    change: int | None = None
    probe: str = ""
    check: str
    digest: str
    commit: Sha
    tree: Sha
    attempt: int
    state: RunState
    started_at: float
    seconds: float | None = None
    code: str = ""
    why: str = ""
    tests: int | None = None
    failing_test: str | None = None
    signature: str | None = None
    log: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedApproval:
    """A person's yes to one change at one head; it says nothing of any other head. A later one with `revoked` by the
    same person takes it back. `account` is the forge's id of the person, None where there is no forge."""

    change: int
    head: Sha
    by: str
    at: float
    human: bool
    account: int | None = None
    revoked: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedGrant:
    """A path pattern added to a change's scope, for one head and until `expires`."""

    change: int
    head: Sha
    pattern: str
    by: str
    at: float
    expires: float
    account: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Something small to remember under a key, such as which comment is ours; an empty value forgets it."""

    key: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneState:
    """What is remembered of a lane itself: whether it is paused and why, how many failures in a row it had,
    and when a person last resumed it (0: never)."""

    name: str
    paused: str | None = None
    failures: int = 0
    resumed_at: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A line for the journal before it has a place in it; `body` holds JSON values only."""

    lane: str
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class JournalLine:
    """A line of the journal: `hash` covers every other field and `previous`, the hash of the line before."""

    seq: int
    at: float
    lane: str
    kind: str
    body: dict[str, Any]
    previous: str
    hash: str
