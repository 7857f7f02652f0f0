"""What a heal comes to, as data: one environment's repair, the whole change's; no rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pointsman.core.migrations.heal.compare import Known
from pointsman.core.migrations.heal.model import Plan, Refusal
from pointsman.core.model import GitPath, Sha

if TYPE_CHECKING:
    from pointsman.core.conflicts.model import Remake, Resolved


@dataclass(frozen=True, kw_only=True, slots=True)
class HealedEnvironment:
    """One environment that was repaired: the plan, the merge revisions added (id, path), what reading both sides
    told. `remarks` are sentences for whoever made the change. `base_heads` are the base's, `change_heads` where a
    database stands that ran the change as it was; both by the ids that the healed tree has."""

    plan: Plan
    base_heads: tuple[str, ...]
    change_heads: tuple[str, ...]
    added: tuple[tuple[str, GitPath], ...]
    known: Known
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Healing:
    """What healing the merge of `head` into `onto` comes to, before any commit.

    `merged` is git's merge (None: it conflicts), `tree` what would land (None: refused). `facts` go with
    `environments`, for a proof. `by_command` are files that a healer command wrote. `reads` counts revision blobs that
    were read: 0 for a change that touches no migration. `forks` are those that were refused, to be drawn.
    `resolved` are conflicts that were settled, `remakes` commands that have to run before `tree` is what would land.
    """

    onto: Sha
    head: Sha
    merged: Sha | None
    tree: Sha | None
    environments: tuple[HealedEnvironment, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    files: Mapping[GitPath, bytes | None] = field(default_factory=dict)
    reads: int = 0
    by_command: tuple[GitPath, ...] = ()
    resolved: tuple[Resolved, ...] = ()
    remakes: tuple[Remake, ...] = ()
    forks: tuple[Plan, ...] = ()

    @property
    def status(self) -> Literal["clean", "healed", "refused"]:
        if self.refusals:
            return "refused"
        return "healed" if self.environments or self.resolved or self.remakes else "clean"
