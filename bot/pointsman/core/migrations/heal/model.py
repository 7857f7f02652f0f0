"""The words of healing: policy, moves, plans and refusals; frozen data without rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pointsman.core.migrations.backend import Naming
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import GitPath

Strategy = Literal["reparent", "merge_revision"]


class Why:
    """Codes of refusals beside those of problems; stable words that scripts compare."""

    MERGE_CONFLICT = "merge_conflict"
    EDITS_PUBLISHED = "edits_published"
    DELETES_PUBLISHED = "deletes_published"
    PARENT_REMOVED = "parent_removed"
    TWO_HEADS = "two_heads"
    SECOND_BASE = "second_base"
    AMBIGUOUS_PARENT = "ambiguous_parent"
    STILL_FORKED = "still_forked"
    CANNOT_EDIT = "cannot_edit"
    CONFLICT = "conflict"
    SAME_TABLE = "same_table"
    STOPPED = "stopped_by_policy"
    UNREADABLE = "unreadable_operations"
    PROOF_FAILED = "proof_failed"
    NOT_PROVED = "not_proved"
    TOO_MANY_HEADS = "too_many_heads"
    CANNOT_JOIN = "cannot_join"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealPolicy:
    """What the contract says of healing; the defaults hold where there is none.

    `published` is what to do when both sides are on the base already. `unreadable`: what a side whose
    operations can't be read means, where no proof could tell. `stop_if` are words that `operations` knows.
    `same_data` is `prove` only where the contract names rows to prove it with.
    """

    on_fork: Literal["reparent", "merge_revision", "stop"] = "reparent"
    published: Literal["merge_revision", "reparent"] = "merge_revision"
    one_head: Literal["as_base", "required"] = "as_base"
    two_heads: Literal["refuse", "commit_order"] = "refuse"
    same_table: Literal["prove", "stop"] = "prove"
    same_data: Literal["prove", "stop"] = "stop"
    stop_if: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a fork is left to people: what happened and the next step; `paths` may be empty."""

    code: str
    message: str
    paths: tuple[GitPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One revision hung elsewhere; `new_revision` and `new_path` differ only where numbers are the habit."""

    revision: str
    path: GitPath
    old_parents: tuple[str, ...]
    new_parents: tuple[str, ...]
    new_revision: str
    new_path: GitPath


@dataclass(frozen=True, slots=True)
class Front:
    """Two sides that met: `left` is on the base, `right` comes with the change, each in the order it runs.
    `fork` is where they part (their nearest common parents)."""

    left: tuple[Revision, ...]
    right: tuple[Revision, ...]
    fork: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that deciding on one environment needs; `base` is None where the base has no such environment.

    `edited`: published revisions whose meaning the change alters. `empty_merges`: ids of the change's merge
    revisions that do nothing. `released`: ids of the change that users may have applied already (a tag or a
    release branch has them). `itself`: base and head are one commit, so what is there is to be mended.
    `squashed`: a removed revision that the change followed, and the published one that provably stands for it and
    that its followers have in `merged` for a parent.
    `head_ids` are the ids that the change's own tree has, `order` its paths, oldest commit first, where asked.
    `joins`: whether the tool can join two revisions by a third.
    """

    base: Environment | None
    merged: Environment
    edited: tuple[Revision, ...] = ()
    empty_merges: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    itself: bool = False
    head_ids: frozenset[str] = frozenset()
    order: tuple[GitPath, ...] = ()
    naming: Naming | None = None
    squashed: tuple[str, str] | None = None
    joins: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The repair of one environment. `drops` are files of merge revisions that became redundant, `joins` the
    parents of merge revisions to add. `follows` pairs each head, as its file has it, with the one after the
    repair that stands above it. A plan without moves, drops and joins is a clean environment."""

    layout: Layout
    strategy: Strategy = "reparent"
    heads_before: tuple[str, ...] = ()
    heads_after: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()
    drops: tuple[Revision, ...] = ()
    joins: tuple[tuple[str, ...], ...] = ()
    fronts: tuple[Front, ...] = ()
    follows: tuple[tuple[str, str], ...] = ()

    @property
    def is_clean(self) -> bool:
        return not (self.moves or self.drops or self.joins)
