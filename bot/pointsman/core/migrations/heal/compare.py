"""Sets the two sides of each front against each other and says what that means for the repair; reads text only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pointsman.core.migrations.heal.model import Front, HealPolicy, Plan, Refusal, Why
from pointsman.core.migrations.model import Revision

if TYPE_CHECKING:
    from pointsman.core.migrations.operations import Footprint


@dataclass(frozen=True, slots=True)
class Known:
    """What reading both sides told. `relation` is the worst of the fronts': disjoint, same_table, same_data, unknown
    or conflict. `unknown` are places (path:line why) that only running would tell; a proof by both orders is
    wanted where `relation` is not disjoint. `unless_proved` are refusals that stand unless such a proof, from the
    contract's seed rows, passed."""

    relation: str = "disjoint"
    unknown: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    unless_proved: tuple[Refusal, ...] = ()


Read = Callable[[Revision], "Footprint"]
"""What going up through a revision touches."""


def judge_fronts(plan: Plan, policy: HealPolicy, read: Read) -> Known:
    """The verdict on all fronts of the plan; refusals where the policy or the rules leave it to people."""
    if plan.strategy != "reparent":
        # Both orders can only be run where one side was hung behind the other.
        policy = replace(policy, same_data="stop")
    verdicts = [_judge(front, policy, read) for front in plan.fronts]
    ranks = ("disjoint", "same_table", "same_data", "unknown", "conflict")
    return Known(
        max((known.relation for known in verdicts), key=ranks.index, default="disjoint"),
        tuple(dict.fromkeys(place for known in verdicts for place in known.unknown)),
        tuple(dict.fromkeys(place for known in verdicts for place in known.shared)),
        tuple(refusal for known in verdicts for refusal in known.refusals),
        tuple(refusal for known in verdicts for refusal in known.unless_proved),
    )


def _judge(front: Front, policy: HealPolicy, read: Read) -> Known:
    from pointsman.core.migrations.operations import (
        ComparePolicy,
        Relation,
        StopIf,
        compare_footprints,
        render,
    )

    if not front.left or not front.right:
        return Known()
    words = {each.value: each for each in StopIf}
    stops = frozenset(words[word] for word in policy.stop_if if word in words)
    compared = compare_footprints(
        [(r.path, read(r)) for r in front.left],
        [(r.path, read(r)) for r in front.right],
        ComparePolicy(stop_if=stops, prove_data=policy.same_data == "prove"),
    )
    unknown = tuple(
        f"{place.path}:{place.operation.line} {getattr(place.operation, 'why', '')}"
        for place in compared.unknown
    )
    shared = tuple(
        f"{pair.why}: {pair.left.path}:{pair.left.operation.line}, {pair.right.path}:{pair.right.operation.line}"
        for pair in compared.pairs
    )
    relation = compared.relation.value
    known = Known(relation, unknown, shared)
    paths = tuple(dict.fromkeys(end.path for pair in compared.pairs for end in (pair.left, pair.right)))
    sides = tuple(r.path for r in (*front.left, *front.right))
    if compared.relation is Relation.CONFLICT:
        code = Why.STOPPED if compared.stops else Why.CONFLICT
        text = f"The two sides clash, so their order is for people to decide:\n{render(compared)}"
        return Known(relation, unknown, shared, (Refusal(code, text, paths or sides),))
    if compared.relation is Relation.SAME_TABLE and policy.same_table == "stop":
        text = f"Both sides touch one table, and the contract stops there:\n{render(compared)}"
        return Known(relation, unknown, shared, (Refusal(Why.SAME_TABLE, text, paths),))
    left = {r.path for r in front.left}
    holders = {place.path in left for place in compared.unknown}
    if compared.unknown and ("raw_sql" in policy.stop_if or len(holders) > 1):
        text = (
            "Neither side can be read whole, so nothing says whether they touch the same data:\n"
            if len(holders) > 1
            else "Operations that can't be read are left to people by the contract:\n"
        )
        places = tuple(dict.fromkeys(place.path for place in compared.unknown))
        return Known(relation, unknown, shared, (Refusal(Why.UNREADABLE, text + render(compared), places),))
    if any(pair.relation is Relation.SAME_DATA for pair in compared.pairs):
        text = f"Both sides meet in rows of one table, and no proof by both orders settled it:\n{render(compared)}"
        return replace(known, unless_proved=(Refusal(Why.CONFLICT, text, paths),))
    return known
