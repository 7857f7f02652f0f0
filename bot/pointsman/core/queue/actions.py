"""What can be done to a lane, as data; each action carries the SHAs it expects and may run twice."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.core.model import Sha
from pointsman.core.queue.model import Candidate, Change, Purpose, Reason, Run, Wait


@dataclass(frozen=True, kw_only=True, slots=True)
class Build:
    """Make a candidate: bring `changes` in order onto the tip, or onto `below`, a live candidate that stands on it."""

    tip: Sha
    changes: tuple[Change, ...]
    below: Candidate | None = None
    purpose: Purpose = Purpose.CHAIN

    @property
    def onto(self) -> Sha:
        return self.tip if self.below is None else self.below.commit


@dataclass(frozen=True, kw_only=True, slots=True)
class Restack:
    """Bring what has not landed of a candidate onto the tip; its gate goes on if the tree is still the one that is
    tested, or may be taken for it (`beside`: the contract's independent lanes)."""

    candidate: Candidate
    tip: Sha
    changes: tuple[Change, ...]
    why: str
    beside: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRun:
    """Start a check on a candidate's tree."""

    candidate: Candidate
    check: str
    digest: str
    attempt: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StartProbe:
    """Start a check to learn who is to blame: on the base (`base`), on the change's own head (`alone`), or on
    the change merged onto an older base (`onto:SHA`). Never lands."""

    change: Change
    probe: str
    commit: Sha
    check: str
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelRun:
    """Stop a run whose answer is not needed any more."""

    run: Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """Every required check passed on the candidate's exact tree."""

    candidate: Candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class Fail:
    """A candidate is red: it will not land, and what it tells is kept as evidence."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Land:
    """Move the base branch from `candidate.base` to `candidate.commit`, by compare-and-swap."""

    candidate: Candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class FinishLanding:
    """The base branch already holds the candidate's commit: write that down."""

    candidate: Candidate


@dataclass(frozen=True, kw_only=True, slots=True)
class Clear:
    """A candidate was green and does not land; that it was green is kept as evidence."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Discard:
    """A candidate can't land any more: its base, a member or the contract changed."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """Give a change back with its reason; `run` is the failed run whose log belongs to it, `candidate` the
    one that is over with it."""

    change: Change
    reason: Reason
    run: Run | None = None
    candidate: Candidate | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Leave a change in the queue and say what it waits for."""

    change: Change
    wait: Wait


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """Stop building and landing in this lane until a person resumes it."""

    why: str


Action = (
    Build
    | StartRun
    | StartProbe
    | CancelRun
    | Pass
    | Fail
    | Land
    | FinishLanding
    | Clear
    | Discard
    | Restack
    | Return
    | Hold
    | Pause
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Landed:
    """The base branch was moved and read back."""

    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """Somebody else moved the base branch first; `actual` is where it is now (None: it is gone)."""

    actual: Sha | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Blocked:
    """The base branch can't be moved now; it may be possible later."""

    why: str


LandOutcome = Landed | Moved | Blocked
