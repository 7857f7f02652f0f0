"""What a strategy is told and what it proposes, as sets of changes; nothing here knows a commit, a check or a
clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pointsman.core.queue.model import Purpose


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A queued change that may be tested. `bit` is a power of two, by id: the later in line the greater, priorities
    aside.

    `alone` is the predicted probability that it is red by itself, `joint` that it is red only together with another.
    `since` is when it was submitted; `cleared` when the latest green run that carried it without landing it was
    started, -1 when there is none. Times in seconds. `needs` are the bits that have to be in a content that holds it;
    `apart` those that may not be added by the same link (they change the same files); `barred` says on top of which
    contents it could not be built. `hotfix`: it is to be tested at once.
    """

    bit: int
    alone: float
    joint: float
    since: float
    cleared: float = -1.0
    needs: int = 0
    apart: int = 0
    barred: frozenset[int] = frozenset()
    hotfix: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """A candidate that runs, or has passed and waits to land (`passed`). `content`: what it carries beyond the tip;
    `added`: what it carries beyond the candidate that it was built on; `start` in seconds."""

    id: int
    content: int
    added: int
    purpose: Purpose
    start: float
    passed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that is known at a wake-up.

    `waiting` in line order; `live` by id. `reds`: what each red candidate carried, less what has landed since, with
    the time when it was started; no set of it holds another, or a change that has left. A set of one is a suspicion
    by elimination: the change was not red alone yet (one that was is not among `waiting`). `free` of `runners`
    candidates may be started now; `gate` is how long one takes, in seconds. `tell`: how evenly over the gate red
    runs end early, 1 uniformly, 0 only at the end. `max_batch` bounds what a link adds and `depth` how many links
    stand on each other (None: no bound of its own). `ended`: of the lane's last changes, whether each landed, the
    newest last.
    """

    now: float
    waiting: Sequence[Waiting]
    live: Sequence[Live]
    reds: Sequence[tuple[int, float]]
    free: int
    runners: int
    gate: float
    tell: float = 1.0
    max_batch: int | None = None
    depth: int | None = None
    ended: Sequence[bool] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """Test `content` on the tip; where a live candidate carries exactly `content - added`, it is built on that
    one."""

    content: int
    added: int
    purpose: Purpose


@dataclass(kw_only=True, slots=True)
class Plan:
    """First give up `drop` (ids of live candidates), then start in this order as far as runners go."""

    start: list[Start] = field(default_factory=list)
    drop: list[int] = field(default_factory=list)


Strategy: TypeAlias = Callable[[Facts], Plan]
"""The same plan for the same facts. It may propose anything: the engine refuses what would break an invariant."""
