"""What a healed tree that a command helped to write has to show: how its two sides meet, and what must be proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.model import HealPolicy, Move
from pointsman.core.migrations.model import Revision

if TYPE_CHECKING:
    from pointsman.core.migrations.operations import Footprint

Read = Sequence[tuple[str, "Footprint"]]
"""The revisions of one side, each as its path and what going up through it touches."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Met:
    """How the sides meet after the patch. `both_orders`: both have to be run. `rows`: on rows, since an empty database
    shows nothing of data. `stopped`: the contract stops at what one of them does, whatever is proved; '' else."""

    relation: str
    both_orders: bool
    rows: bool
    stopped: str


def meet(left: Read, right: Read, policy: HealPolicy) -> Met:
    """What reading the two sides tells. Where mechanics would refuse, this asks for a proof by both orders."""
    from pointsman.core.migrations.operations import (
        ComparePolicy,
        Relation,
        StopIf,
        compare_footprints,
        render,
    )

    if not left or not right:
        return Met(relation="disjoint", both_orders=False, rows=False, stopped="")
    words = {each.value: each for each in StopIf}
    stops = frozenset(words[word] for word in policy.stop_if if word in words)
    compared = compare_footprints(left, right, ComparePolicy(stop_if=stops, prove_data=True))
    ours = {path for path, _ in left}
    dark = {place.path in ours for place in compared.unknown}
    stopped = bool(compared.stops) or ("raw_sql" in policy.stop_if and bool(compared.unknown))
    return Met(
        relation=compared.relation.value,
        both_orders=compared.relation is not Relation.DISJOINT,
        rows=len(dark) > 1 or any(pair.relation is Relation.SAME_DATA for pair in compared.pairs),
        stopped=render(compared) if stopped else "",
    )


def moves_between(before: Graph, after: Graph, new: Sequence[str], names: dict[str, str]) -> tuple[Move, ...]:
    """What became of the change's revisions (`new`: their ids before; `names`: their ids after where they differ)."""
    found = []
    for id in new:
        was, now = before.by_id[id], after.by_id.get(names.get(id, id))
        if now is not None and (was.parents, was.path, was.id) != (now.parents, now.path, now.id):
            found.append(
                Move(
                    revision=was.id,
                    path=was.path,
                    old_parents=was.parents,
                    new_parents=now.parents,
                    new_revision=now.id,
                    new_path=now.path,
                )
            )
    return tuple(found)


def heads_alone(
    after: Graph, new: Sequence[Revision], moves: Sequence[Move], left: Sequence[str]
) -> tuple[str, ...]:
    """Where the change's side ends, hung where it was before it was moved: the heads among `new` that stand on nothing
    of `left`. () where every one of them does."""
    names = {move.revision: move.new_revision for move in moves}
    old = {move.new_revision: tuple(names.get(p, p) for p in move.old_parents) for move in moves}
    hung = {r.id: old.get(r.id, r.parents) for r in after.by_id.values()}
    alone = {r.id for r in new if not _below(hung, r.id) & set(left)}
    return tuple(sorted(id for id in alone if not any(id in hung[other] for other in alone)))


def _below(parents: dict[str, tuple[str, ...]], id: str) -> set[str]:
    found: set[str] = set()
    waiting = [id]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += parents.get(each, ())
    return found
