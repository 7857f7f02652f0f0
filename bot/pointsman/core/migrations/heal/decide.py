"""Decides how one environment is mended: which revisions move where, or why none may; pure graph work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal import numbers, squash
from pointsman.core.migrations.heal.model import Facts, Front, HealPolicy, Plan, Refusal, Why
from pointsman.core.migrations.heal.obstacles import (
    Refusals,
    cannot_join,
    cannot_move,
    faults,
    obstacles,
    two_heads,
)
from pointsman.core.migrations.heal.parts import (
    NOTHING,
    Edge,
    Part,
    connected,
    crowded_heads,
    in_commit_order,
    moved_edges,
    part_of,
    stack,
)
from pointsman.core.migrations.model import Code, Revision


def decide(facts: Facts, policy: HealPolicy) -> Plan | Refusals:
    """A plan (clean where there is nothing to do) or every reason why there is none.

    A published revision is never part of a move: what is on the base may have run anywhere."""
    renamed = numbers.settle_repeated_ids(facts)
    facts = renamed.facts
    if refusals := obstacles(facts):
        return refusals
    base = facts.base.graph if facts.base else Graph(())
    merged = facts.merged.graph
    clean = Plan(layout=facts.merged.layout, heads_before=merged.heads, heads_after=merged.heads)
    if facts.itself:
        return _mend_published(facts, clean, policy)
    new = frozenset(id for id in merged.by_id if id not in base)
    parts = [part_of(ids, merged, base, ordered=not facts.joins) for ids in connected(new, merged)]
    if refusals := tuple(r for part in parts for r in faults(part, facts)):
        return refusals
    plan = _mend(parts, facts, policy, renamed, clean)
    if isinstance(plan, Plan) and plan.is_clean and any(merged.by_id[id].replaces for id in new):
        # A new squash stands below published revisions: no edge of the change's shows what else forks from it.
        return _checked(plan, merged, facts)
    return squash.as_written(plan, facts) if isinstance(plan, Plan) else plan


def _mend(
    parts: Sequence[Part],
    facts: Facts,
    policy: HealPolicy,
    renamed: numbers.Settled,
    clean: Plan,
) -> Plan | Refusals:
    merged = facts.merged.graph
    forked = [part for part in parts if part.heads and any(edge.target for edge in part.edges)]
    rivals = [(part, *rival) for part in parts if part.heads for rival in part.rivals]
    if rivals:
        return tuple(_ambiguous(merged.by_id[edge.child], edge, targets) for _, edge, targets in rivals)
    crowds = crowded_heads(parts, merged)
    if crowds and (policy.two_heads == "refuse" or not facts.order):
        return tuple(two_heads(heads, tuple(merged.by_id[id].path for id in heads)) for heads in crowds)
    if not forked and not crowds:
        return _reparent((), facts, renamed, clean) if renamed.ids else _checked(clean, merged, facts)
    fronts = tuple(front for part in forked for front in _fronts(part, merged))
    if policy.on_fork == "stop":
        return (_stopped(forked, merged),)
    if policy.on_fork == "merge_revision" or any(part.ids & facts.released for part in forked):
        if not facts.joins:
            return tuple(cannot_move(part, facts, policy) for part in forked)
        return _join(forked, facts, clean, fronts)
    stacked: dict[str, dict[str, str]] = {}
    new = frozenset(id for part in parts for id in part.ids)
    places = {(edge.child, edge.parent): edge.place for part in parts for edge in part.edges if edge.place}
    for heads in crowds:
        ordered = in_commit_order(heads, facts)
        stacked |= stack(merged, ordered, new, places)
        fronts += tuple(front(merged, merged.ancestors(a), merged.ancestors(b)) for a, b in pairwise(ordered))
    return _reparent(forked, facts, renamed, replace(clean, fronts=fronts), stacked)


def _ambiguous(revision: Revision, edge: Edge, targets: Sequence[str]) -> Refusal:
    text = (
        f"{revision.path} follows {edge.parent}, behind which the base itself has {len(targets)} heads: "
        f"{', '.join(targets)}. Heal the base first (pointsman heal --base BASE --head BASE), then this change."
    )
    return Refusal(Why.AMBIGUOUS_PARENT, text, (revision.path,))


def _stopped(forked: Sequence[Part], merged: Graph) -> Refusal:
    paths = tuple(merged.by_id[id].path for part in forked for id in part.heads)
    heads = ", ".join(id for part in forked for id in part.heads)
    text = f"The change forks the migrations ({heads}) and the contract says `on_fork: stop`."
    return Refusal(Why.STOPPED, text, paths)


def _fronts(part: Part, graph: Graph) -> list[Front]:
    """What runs on either side of each head of the base that the part forked from."""
    found = []
    for target in dict.fromkeys(edge.target for edge in part.edges if edge.target):
        ours, theirs = graph.ancestors(target), graph.ancestors(*part.heads)
        found.append(front(graph, ours, theirs))
    return found


def front(graph: Graph, ours: frozenset[str], theirs: frozenset[str]) -> Front:
    left, right, common = in_order(graph, ours - theirs), in_order(graph, theirs - ours), ours & theirs
    fork = {parent for r in (*left, *right) for parent in r.parents if parent in common}
    return Front(left, right, tuple(sorted(graph.topmost(fork))))


def in_order(graph: Graph, ids: Iterable[str]) -> tuple[Revision, ...]:
    """Those revisions, parents before children, ties by id."""
    return tuple(graph.by_id[id] for id in graph.in_order(ids))


def _reparent(
    forked: Sequence[Part],
    facts: Facts,
    renamed: numbers.Settled,
    plan: Plan,
    stacked: Mapping[str, Mapping[str, str]] | None = None,
) -> Plan | Refusals:
    """The plan that hangs each part behind its head of the base and, with `stacked`, parts behind one another."""
    merged = facts.merged.graph
    edges: dict[str, Mapping[str, str]] = {}
    for part in forked:
        edges |= moved_edges(part, merged)
    edges |= stacked or {}
    parents = {
        child: tuple(dict.fromkeys(moved.get(p, p) for p in merged.by_id[child].parents or (NOTHING,)))
        for child, moved in edges.items()
    }
    after = _with_parents(merged, parents)
    for child in list(parents):
        parents[child] = _irredundant(parents[child], after)
    drops = _redundant_merges(parents, facts)
    heirs = {gone.id: parents.pop(gone.id)[0] for gone in drops}
    for child in sorted({child for gone in heirs for child in merged.children[gone]} - heirs.keys()):
        now = parents.get(child, merged.by_id[child].parents)
        parents[child] = tuple(dict.fromkeys(_heir(p, heirs) for p in now))
    after = _with_parents(merged, parents, without={revision.id for revision in drops})
    plan = replace(plan, drops=drops, heads_after=after.heads)
    changed = {id: now for id, now in parents.items() if now != merged.by_id[id].parents}
    plan = numbers.renumber(plan, changed, after, facts, renamed)
    return _checked(plan, after, facts)


def _heir(id: str, heirs: Mapping[str, str]) -> str:
    """What stands in a dropped revision's place: the first below it that is kept."""
    while id in heirs:
        id = heirs[id]
    return id


def _with_parents(graph: Graph, parents: dict[str, tuple[str, ...]], without: Iterable[str] = ()) -> Graph:
    gone = set(without)
    return Graph(
        replace(revision, parents=parents[id]) if id in parents else revision
        for id, revision in graph.by_id.items()
        if id not in gone
    )


def _irredundant(parents: tuple[str, ...], graph: Graph) -> tuple[str, ...]:
    """Without the parents that another parent stands upon."""
    kept = [p for p in parents if not any(p in graph.ancestors(other) for other in parents if other != p)]
    return tuple(kept) or parents


def _redundant_merges(parents: dict[str, tuple[str, ...]], facts: Facts) -> tuple[Revision, ...]:
    """The change's empty merge revisions that would join one revision with itself."""
    merged = facts.merged.graph
    return tuple(
        merged.by_id[id]
        for id, now in parents.items()
        if len(now) == 1 and len(merged.by_id[id].parents) > 1 and id in facts.empty_merges
    )


def _join(forked: Sequence[Part], facts: Facts, clean: Plan, fronts: tuple[Front, ...]) -> Plan | Refusals:
    joins = []
    for part in forked:
        targets = tuple(dict.fromkeys(edge.target for edge in part.edges if edge.target))
        joins.append((*targets, *part.heads))
    return _joined(joins, facts, replace(clean, fronts=fronts))


def _joined(joins: Sequence[tuple[str, ...]], facts: Facts, clean: Plan) -> Plan | Refusals:
    merged = facts.merged.graph
    extra = [
        Revision(numbers.merge_id(facts, parents), "", merged.by_id[parents[0]].oid, parents)
        for parents in joins
    ]
    after = Graph([*merged.by_id.values(), *extra])
    plan = replace(clean, strategy="merge_revision", joins=tuple(joins), heads_after=after.heads)
    return _checked(plan, after, facts)


def _mend_published(facts: Facts, clean: Plan, policy: HealPolicy) -> Plan | Refusals:
    """Ends the forks that are on the base already: a merge revision each, since databases may stand at either."""
    graph = facts.merged.graph
    if not graph.forks:
        return clean
    if policy.on_fork == "stop":
        heads = [head for group in graph.forks for head in group]
        text = f"The base is forked ({', '.join(heads)}) and the contract says `on_fork: stop`."
        return (Refusal(Why.STOPPED, text, tuple(graph.by_id[head].path for head in heads)),)
    fronts = []
    stacked: dict[str, dict[str, str]] = {}
    for group in graph.forks:
        first = graph.ancestors(group[0])
        fronts += [front(graph, first, graph.ancestors(other)) for other in group[1:]]
        # The longest side stays: the more a database has run of it, the less there is to run in another order.
        below = graph.sizes(group)
        ordered = sorted(group, key=lambda id: (-below[id], id))
        stacked |= stack(graph, ordered, graph.by_id, {})
    plan = replace(clean, fronts=tuple(fronts))
    if policy.published == "reparent":
        return _reparent((), facts, numbers.Settled(facts, {}), plan, stacked)
    if not facts.joins:
        return tuple(cannot_join([graph.by_id[id] for id in group]) for group in graph.forks)
    return _joined(graph.forks, facts, plan)


def _checked(plan: Plan, after: Graph, facts: Facts) -> Plan | Refusals:
    """The plan, if the graph that it makes is sound and has no more heads in any lineage than the base."""
    if loop := after.cycles(with_dependencies=True):
        before = facts.merged.graph.cycles(with_dependencies=True)
        if loop != before:
            text = (
                f"Hanging the change behind the base's head would lead round in a circle: {', '.join(loop)}."
            )
            return (Refusal(Code.DEPENDENCY_CYCLE, text, tuple(after.by_id[id].path for id in loop)),)
    base = facts.base.graph if facts.base and not facts.itself else Graph(())
    for group in after.forks:
        below = after.ancestors(*group)
        if len(group) > max(1, sum(1 for head in base.heads if head in below)):
            text = (
                f"The lineage would have {len(group)} heads, {', '.join(group)}, and no way of hanging one behind the "
                "other keeps all that each stands on. Merge them, or label the branch that is meant to be one."
            )
            return (Refusal(Why.STILL_FORKED, text, tuple(after.by_id[head].path for head in group)),)
    return replace(plan, follows=_follows(plan, after, facts))


def _follows(plan: Plan, after: Graph, facts: Facts) -> tuple[tuple[str, str], ...]:
    by_path = {move.path: move.new_revision for move in plan.moves}
    final = {head: by_path.get(after.by_id[head].path, head) for head in after.heads}
    before = {*facts.merged.heads, *(facts.base.heads if facts.base else ())}
    pairs: dict[str, str] = {}
    for head in sorted(id for id in before if id in after):
        above = after.descendants(head)
        pairs[head] = final[next(top for top in after.heads if top in above)]
    for move in plan.moves:
        if move.revision not in pairs and move.new_revision in final.values():
            pairs[move.revision] = move.new_revision
    return tuple(pairs.items())
