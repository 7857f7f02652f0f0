"""Everything that a decision may look at, read once and frozen; nothing here is fetched lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.model import Candidate, Change, ChangeState, LaneState, Run


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseCommit:
    """A commit on the base branch's first-parent line, and the change that it landed, where that is known."""

    commit: Sha
    change: int | None
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What became of the newest change of a branch: all that a `Depends-on:` needs to know."""

    change: int
    state: ChangeState


@dataclass(frozen=True, kw_only=True, slots=True)
class Touch:
    """The paths that a change touches, by what it does to them; `migrations`: one of them is a migration."""

    modified: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    migrations: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Odds:
    """How likely a change is red by itself (`alone`), and red only together with another (`joint`)."""

    alone: float
    joint: float


class DeployState(StrEnum):
    """Where the deployment of what landed last is; PENDING also while nobody has reported it yet."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """The deployment that the next landing waits for: of `commit`, since `since` (seconds since 1970); `url` where a
    person can look, `why` what was reported of a failure."""

    commit: Sha
    since: float
    state: DeployState
    url: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How the lane's gate went lately: the median seconds of a green candidate, how evenly over the gate red runs end
    early (1 uniformly, 0 only at the end), and whether each of the last changes landed, the newest last."""

    gate: float = 300.0
    tell: float = 1.0
    ended: tuple[bool, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """One lane at one instant.

    `tip` is None when the base branch does not exist. `contract` is the one on the tip, None when it is
    missing or unreadable (`contract_problem` says which). `candidates` are those that are live, and the
    failed and cleared ones that still hold a queued change. `green` holds (tree, check digest) pairs known to have
    passed. `branch_heads` is keyed by what changes come from (`Change.source`). `reached` names LANDING
    candidates whose commit the tip already contains. `running` counts gate runs of all lanes. `consents`
    counts approvals and live grants per change, at its current head.
    `history` is filled for changes that were red alone: the base's first-parent commits since the change left it,
    oldest first. `obstacle` says why the base branch can't be moved now.
    `at` is the time of the observation, in seconds since 1970. `gone` names the members of `candidates` that landed.
    `roles`, `touches` and `odds` are by change id and may lack a change of which nothing is known yet. `deployment`
    is the one that the next landing waits for, None where there is none or it has been dealt with. `jumped`: what
    landed last is a hotfix. `base_trees` are the trees of the bases on which a change was red alone. `moved`: what
    came onto the base since a candidate was made, by its id, where the contract names independent lanes.
    """

    lane: LaneState
    tip: Sha | None
    tip_tree: Sha | None = None
    contract: Contract | None = None
    contract_problem: str = ""
    changes: tuple[Change, ...] = ()
    standings: Mapping[str, Standing] = field(default_factory=dict)
    branch_heads: Mapping[str, Sha] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    runs: tuple[Run, ...] = ()
    green: frozenset[tuple[Sha, str]] = frozenset()
    reached: frozenset[int] = frozenset()
    running: int = 0
    consents: Mapping[int, int] = field(default_factory=dict)
    history: Mapping[int, tuple[BaseCommit, ...]] = field(default_factory=dict)
    obstacle: str = ""
    at: float = 0.0
    gone: frozenset[int] = frozenset()
    roles: Mapping[int, str] = field(default_factory=dict)
    touches: Mapping[int, Touch] = field(default_factory=dict)
    odds: Mapping[int, Odds] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    deployment: Deployment | None = None
    jumped: bool = False
    base_trees: Mapping[Sha, Sha] = field(default_factory=dict)
    moved: Mapping[int, Touch] = field(default_factory=dict)
