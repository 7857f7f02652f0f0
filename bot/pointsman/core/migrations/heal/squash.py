"""Lets a change follow the squash that took the place of what it followed, where the two provably build the same.

Provable: what the base removed was a whole history from its beginning, one revision after the other; one revision of
the base begins anew; and both build one schema from nothing, told by their text. A list or a remark proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.model import Facts, Move, Plan
from pointsman.core.migrations.model import Code, Revision

Same = Callable[[Sequence[Revision], Revision], bool]
"""Whether revisions, one after the other from nothing, build what the one revision builds."""


def candidate(facts: Facts, theirs: Environment) -> tuple[tuple[Revision, ...], Revision] | None:
    """What the base removed of the history that the change stands on, oldest first, and the one revision that may
    stand for all of it; None where the removed is no whole history in a row, or several revisions begin anew."""
    if facts.base is None:
        return None
    here, before = facts.merged.graph, theirs.graph
    gone = [revision for id, revision in before.by_id.items() if id not in here]
    fresh = [r for id, r in facts.base.graph.by_id.items() if id not in before and not r.parents]
    sizes = before.sizes(revision.id for revision in gone)
    ordered = sorted(gone, key=lambda revision: sizes[revision.id])
    if not ordered or len(fresh) != 1 or fresh[0].depends_on or fresh[0].labels:
        return None
    below: tuple[str, ...] = ()
    for revision in ordered:
        if revision.parents != below or revision.depends_on or revision.labels:
            return None
        below = (revision.id,)
    return tuple(ordered), fresh[0]


def followed(facts: Facts, theirs: Environment, same: Same) -> Facts:
    """The facts with the change's revisions behind the squash that provably stands for the last removed one, which
    they followed; the same facts where nothing is provable."""
    found = candidate(facts, theirs)
    if found is None:
        return facts
    removed, squash = found
    last = removed[-1].id
    gone = {revision.id for revision in removed}
    ours = [r for r in facts.merged.revisions if gone & {*r.parents, *r.depends_on}]
    if any(r.parents != (last,) or gone & {*r.depends_on} for r in ours) or not same(removed, squash):
        return facts
    moved = {r.path: replace(r, parents=(squash.id,)) for r in ours}
    revisions = tuple(moved.get(r.path, r) for r in facts.merged.revisions)
    problems = tuple(
        p
        for p in facts.merged.problems
        if not (p.code == Code.MISSING_PARENT and p.paths and p.paths[0] in moved)
    )
    linked = Graph(r for r in revisions if not r.ordered_elsewhere)
    merged = replace(facts.merged, revisions=revisions, graph=linked, problems=problems)
    return replace(facts, merged=merged, squashed=(last, squash.id))


def as_written(plan: Plan, facts: Facts) -> Plan:
    """The plan with moves from what the files say: those that followed the removed revision move even where they are
    well behind the squash."""
    if not facts.squashed:
        return plan
    gone, squash = facts.squashed
    published = {revision.id for revision in facts.base.revisions} if facts.base else set()
    followers = [r for r in facts.merged.revisions if r.parents == (squash,) and r.id not in published]
    moves = {
        move.path: replace(move, old_parents=(gone,)) if move.old_parents == (squash,) else move
        for move in plan.moves
    }
    for revision in followers:
        moves.setdefault(
            revision.path,
            Move(
                revision=revision.id,
                path=revision.path,
                old_parents=(gone,),
                new_parents=(squash,),
                new_revision=revision.id,
                new_path=revision.path,
            ),
        )
    return replace(plan, moves=tuple(moves.values()))
