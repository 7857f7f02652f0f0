"""Everything that there is to tell of one pull request, as frozen data; no word is chosen here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pointsman.core.migrations.drawing.model import HealedGraph

if TYPE_CHECKING:
    from pointsman.core.contract import ContractVerdict
    from pointsman.core.migrations.heal.model import Refusal
    from pointsman.core.model import Sha
    from pointsman.core.queue.model import Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class MigrationsTold:
    """What the migrations of the merged tree come to. `healed`: a fork that the queue mends when it lands."""

    status: Literal["clean", "healed", "refused"]
    graphs: tuple[HealedGraph, ...] = ()
    refusals: tuple[Refusal, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The verdicts on a head before anything runs. `contract` None: it is nobody's change, and `why_no_role` says why;
    `problem`: there is no contract to judge by. `checks` are the names of the role's gate."""

    base: Sha
    head: Sha
    branch: str = ""
    author: str = ""
    role: str | None = None
    why_no_role: str = ""
    problem: str = ""
    checks: tuple[str, ...] = ()
    contract: ContractVerdict | None = None
    migrations: MigrationsTold = MigrationsTold(status="clean")

    @property
    def allowed(self) -> bool:
        """The contract lets it land now, and the migrations have no fork or one that the queue mends."""
        return self.contract is not None and self.contract.allowed and self.migrations.status != "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class HealTold:
    """What was mended on the candidate. `seconds` None: not measured. `graphs` may be empty where only the words
    are known."""

    strategy: str
    summary: str
    proof: str
    seconds: float | None = None
    graphs: tuple[HealedGraph, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckTold:
    """One check of the gate on the candidate; `state` is `due`, `running`, `passed`, `failed`, `cancelled`, `lost`.
    `why` is the clause with the value seen, `log_tail` the end of its output."""

    name: str
    state: str
    url: str = ""
    why: str = ""
    log_tail: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotQueued:
    """Open, and nobody has queued it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """In the line at `position` of `of`, counted from 1. `waits`: why it is not tested now, '' where its turn has
    just not come. With a position of 0 it stands in no line (its `waits` says why)."""

    position: int
    of: int
    waits: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Somebody asked to leave it untested; `why` names them."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BeingTested:
    """The checks run on `commit`; with `together` those other pull requests or changes are in it."""

    commit: Sha
    checks: tuple[CheckTold, ...]
    together: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Passed:
    """Every check passed on `commit`; what is ahead lands first."""

    commit: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Landing:
    """The base branch is being moved to `commit`."""

    commit: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class LandedAs:
    """On the base branch as `commit`."""

    commit: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Returned:
    """Given back. `failed` are the checks that were red."""

    reason: Reason
    failed: tuple[CheckTold, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Withdrawn:
    """Taken out of the queue by somebody, or because a newer head came."""


Stage = NotQueued | Queued | Held | BeingTested | Passed | Landing | LandedAs | Returned | Withdrawn
"""Where a pull request is; the last three are ends."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PullStory:
    """All of it. `head` is what the pull request has now, `queued_head` the head that was queued (None: none was).
    `paused`: why the lane stands still, '' when it goes. `same_head`: other open pull requests with this very head,
    which leaves open whose change it is (rule 17)."""

    number: int
    lane: str
    head: Sha
    stage: Stage
    queued_head: Sha | None = None
    priority: int = 0
    depends_on: tuple[str, ...] = ()
    judged: Judged | None = None
    heal: HealTold | None = None
    paused: str = ""
    same_head: tuple[int, ...] = ()

    @property
    def is_final(self) -> bool:
        return isinstance(self.stage, LandedAs | Returned | Withdrawn)
