"""Deciding on a repair, over generated histories: whatever is planned keeps what is published and ends the fork."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.decide import decide
from pointsman.core.migrations.heal.model import Facts, HealPolicy, Plan
from pointsman.core.migrations.model import Revision
from pointsman.core.model import Sha
from tests.core.migrations.test_graph import Spec, environment


@st.composite
def changes(draw: st.DrawFn) -> tuple[list[Spec], list[Spec]]:
    """(the base's revisions, those with the change's): sound, with branches, labels, merges and dependencies."""
    base: list[Spec] = []
    for number in range(draw(st.integers(1, 7))):
        base.append(_revision(draw, f"p{number}", [id for id, *_ in base], fork=draw(st.integers(0, 5)) == 0))
    merged = list(base)
    for number in range(draw(st.integers(1, 4))):
        merged.append(_revision(draw, f"n{number}", [id for id, *_ in merged], fork=True))
    return base, list(draw(st.permutations(merged)))


def _revision(draw: st.DrawFn, id: str, below: list[str], *, fork: bool) -> Spec:
    if not below:
        return id, (), (), ()
    pool = below if fork else below[-1:]
    down = tuple(draw(st.lists(st.sampled_from(pool), min_size=1, max_size=2, unique=True)))
    label = (f"label_{id}",) if draw(st.integers(0, 7)) == 0 else ()
    needs = (
        tuple(n for n in [draw(st.sampled_from(below))] if n not in down)
        if draw(st.integers(0, 4)) == 0
        else ()
    )
    return id, down, label, needs


POLICIES = st.sampled_from(
    [HealPolicy(), HealPolicy(on_fork="merge_revision"), HealPolicy(two_heads="commit_order")]
)


def _after(plan: Plan, merged: Environment) -> Graph:
    """The graph once the plan is carried out."""
    parents = {move.path: move.new_parents for move in plan.moves}
    gone = {revision.path for revision in plan.drops}
    kept = [
        replace(r, parents=parents.get(r.path, r.parents)) for r in merged.revisions if r.path not in gone
    ]
    joins = [Revision(f"join{n}", f"join{n}", Sha("0" * 40), join) for n, join in enumerate(plan.joins)]
    return Graph([*kept, *joins])


@given(changes(), POLICIES, st.booleans())
def test_r08_a_plan_ends_the_fork_and_moves_nothing_published(
    change: tuple[list[Spec], list[Spec]], policy: HealPolicy, empty: bool
) -> None:
    base, merged = environment(change[0]), environment(change[1])
    order = tuple(file.path for file in merged.files)
    merges = (
        frozenset(id for id, down, *_ in change[1] if len(down) > 1 and id not in base.graph)
        if empty
        else frozenset()
    )
    facts = Facts(base=base, merged=merged, order=order, empty_merges=merges)
    plan = decide(facts, policy)
    if not isinstance(plan, Plan):
        assert plan, "a refusal says why"
        return
    after = _after(plan, merged)
    published = {revision.id for revision in base.revisions}
    assert {move.revision for move in plan.moves}.isdisjoint(published)
    assert {revision.id for revision in plan.drops}.isdisjoint(published)
    assert not after.cycles(with_dependencies=True)
    if not plan.joins:
        assert after.heads == plan.heads_after
    for group in after.forks:
        below = after.ancestors(*group)
        assert len(group) <= max(1, sum(1 for head in base.heads if head in below))


@given(changes())
def test_a_healed_change_needs_no_second_heal(change: tuple[list[Spec], list[Spec]]) -> None:
    base, merged = environment(change[0]), environment(change[1])
    plan = decide(Facts(base=base, merged=merged), HealPolicy())
    if isinstance(plan, Plan):
        graph = _after(plan, merged)
        healed = environment([(r.id, r.parents, r.labels, r.depends_on) for r in graph.by_id.values()])
        again = decide(Facts(base=base, merged=healed), HealPolicy())
        assert isinstance(again, Plan), again
        assert again.is_clean


@given(changes())
def test_r04_the_plan_is_the_same_in_whatever_order_files_are_listed(
    change: tuple[list[Spec], list[Spec]],
) -> None:
    base, specs = change
    plans = [
        decide(Facts(base=environment(base), merged=environment(order)), HealPolicy())
        for order in (specs, specs[::-1])
    ]
    moves = [
        {m.revision: m.new_parents for m in plan.moves} if isinstance(plan, Plan) else None for plan in plans
    ]
    assert moves[0] == moves[1]
