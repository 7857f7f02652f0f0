"""Everything that a decision may look at, read once and frozen; nothing here is fetched lazily."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
class Observation:
    """One lane at one instant.

    `tip` is None when the base branch does not exist. `contract` is the one on the tip, None when it is
    missing or unreadable (`contract_problem` says which). `candidates` are those that are live, and the
    failed ones that still hold a queued change. `green` holds (tree, check digest) pairs known to have
    passed. `branch_heads` is keyed by what changes come from (`Change.source`). `reached` names LANDING
    candidates whose commit the tip already contains. `running` counts gate runs of all lanes. `consents`
    counts approvals and live grants per change, at its current head.
    `history` is filled for changes that are the front of the lane and red: the base's first-parent commits
    since the change left it, oldest first. `obstacle` says why the base branch can't be moved now.
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
