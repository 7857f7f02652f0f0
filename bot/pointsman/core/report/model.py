"""What a report is made from and what it says, as frozen data; nothing here counts or reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.core.queue.model import (
    Candidate,
    Change,
    JournalLine,
    RecordedApproval,
    RecordedGrant,
    Run,
)


class Stage(StrEnum):
    """Where a piece of work is. Time in a hold is kept as `held:CODE`, after the code of what it waits for."""

    TURN = "turn"
    BUILDING = "building"
    RUNNER = "runner"
    TESTING = "testing"
    LANDING = "landing"
    PAUSED = "paused"
    AUTHOR = "author"


HELD = "held:"


class Spent(StrEnum):
    """What a run's time came to. LANDED: its result let something land. LEARNED: it found a red change, or who is to
    blame, or that several are green together. WASTED: cancelled, lost, on a candidate that was given up, or red where
    the same tree was green on another try. OPEN: not known yet."""

    LANDED = "landed"
    LEARNED = "learned"
    WASTED = "wasted"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A time that a change spent in one stage; seconds since 1970."""

    stage: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, kw_only=True, slots=True)
class Commits:
    """What git says of the commits that a piece of work brought: their messages, oldest first, how many of them
    somebody else than its first authors added after it was first submitted, and the areas that it touches.
    None: git was not asked, or does not have them any more."""

    messages: tuple[str, ...] = ()
    by_others: int | None = None
    areas: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """Something that a person allowed a change: the approval of a class for an area, or a pattern of scope."""

    change: int
    kind: str
    what: str
    area: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """Everything that a report is made from; `roles` are the contract's word on changes that no candidate held."""

    now: float
    changes: Sequence[Change]
    candidates: Sequence[Candidate] = ()
    runs: Sequence[Run] = ()
    approvals: Sequence[RecordedApproval] = ()
    grants: Sequence[RecordedGrant] = ()
    lines: Sequence[JournalLine] = ()
    roles: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Stated:
    """What commits and text state of how the work was done. None is not stated, which is not zero.
    `cost` is by currency, '' where none was named."""

    model: str | None = None
    task: str | None = None
    tokens: int | None = None
    cost: Mapping[str, float] | None = None


FAILED, RETRY, STOPPED = "failed", "retry", "stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One piece of work: everything that was submitted of one branch or pull request until it landed.

    `state` is that of the newest submission. `stages` add up to `elapsed`; runs of several changes are split evenly
    over them. All times in seconds. `rebuilds`: how often a submission was brought onto something again. `heals` are
    (strategy, seconds). `by_others` None: git was not asked or can't say. `ran`: by run what it was of FAILED, RETRY
    and STOPPED; a run of several changes is one of each of their pieces.
    """

    lane: str
    changes: tuple[int, ...]
    number: int | None
    branch: str
    title: str
    author: str
    role: str | None
    areas: tuple[str, ...] | None
    state: str
    submitted_at: float
    ended_at: float | None
    elapsed: float
    stages: Mapping[str, float]
    gate: Mapping[str, float]
    ran: Mapping[int, frozenset[str]]
    candidates: int
    rebuilds: int
    heals: tuple[tuple[str, float], ...]
    landed_healed: bool
    returns: tuple[str, ...]
    conflicts: int
    review_fixes: int
    interventions: Mapping[str, int]
    by_others: int | None
    stated: Stated

    @property
    def gate_seconds(self) -> float:
        return sum(self.gate.values())

    def counted(self, what: str) -> int:
        """How many of its runs were that."""
        return sum(1 for one in self.ran.values() if what in one)

    @property
    def label(self) -> str:
        """`#3`: what people call it."""
        return f"#{self.changes[-1] if self.number is None else self.number}"

    @property
    def touched_by_people(self) -> int:
        return sum(self.interventions.values()) + (self.by_others or 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A change to the contract that would spare an override that people gave again and again (R60)."""

    text: str
    count: int
    changes: tuple[int, ...]
    yaml: str
