"""Decides how one environment is mended: which revisions move where, or why none may; pure graph work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal import numbers
from pointsman.core.migrations.heal.model import Facts, Front, HealPolicy, Plan, Refusal, Why
from pointsman.core.migrations.model import Code, Problem, Revision
from pointsman.core.model import GitPath

Refusals = tuple[Refusal, ...]
_TOLERATED = frozenset({Code.COMPUTED_DEPENDENCY})


def decide(facts: Facts, policy: HealPolicy) -> Plan | Refusals:
    """A plan (clean where there is nothing to do) or every reason why there is none.

    A published revision is never part of a move: what is on the base may have run anywhere."""
    renamed = numbers.settle_repeated_ids(facts)
    facts = renamed.facts
    if refusals := _obstacles(facts):
        return refusals
    base = facts.base.graph if facts.base else Graph(())
    merged = facts.merged.graph
    clean = Plan(layout=facts.merged.layout, heads_before=merged.heads, heads_after=merged.heads)
    if facts.itself:
        return _mend_published(facts, clean, policy)
    new = frozenset(id for id in merged.by_id if id not in base)
    parts = [_part(ids, merged, base) for ids in _connected(new, merged)]
    if refusals := tuple(r for part in parts for r in _faults(part, facts)):
        return refusals
    return _mend(parts, facts, policy, renamed, clean)


@dataclass(frozen=True, slots=True)
class _Edge:
    """A parent on the base that a new revision names, and where it ought to point now (None: it is well)."""

    child: str
    parent: str
    target: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """New revisions that hang together. `heads` are the merged tree's heads among them that no label of their
    own tells apart from the base's lines; `rivals` says, for a stale parent, between which heads to choose."""

    ids: frozenset[str]
    heads: tuple[str, ...]
    roots: tuple[str, ...]
    edges: tuple[_Edge, ...]
    rivals: tuple[tuple[_Edge, tuple[str, ...]], ...]


# --- obstacles -------------------------------------------------------------------------------------------


def _obstacles(facts: Facts) -> Refusals:
    known = {(p.code, p.message) for p in facts.base.problems} if facts.base else set()
    partial = any(code == Code.MISSING_DEPENDENCY for code, _ in known)
    found: list[Refusal] = []
    for problem in facts.merged.problems:
        if (problem.code, problem.message) in known or problem.code in _TOLERATED:
            continue
        if partial and problem.code == Code.MISSING_DEPENDENCY:
            continue  # its other half is in a package elsewhere, here as on the base
        found.append(_refusal_of(problem, facts))
    found += [_edited(revision) for revision in facts.edited]
    found += _deleted(facts)
    return tuple(found)


def too_many(plan: Plan) -> Refusals:
    """For `one_head: required`: why the environment may not have the heads that it would have."""
    if len(plan.heads_after) < 2:
        return ()
    heads = ", ".join(plan.heads_after)
    text = f"{plan.layout.config} would have {len(plan.heads_after)} heads ({heads}); one is required."
    return (Refusal(Why.TOO_MANY_HEADS, text),)


def _refusal_of(problem: Problem, facts: Facts) -> Refusal:
    if problem.code == Code.MISSING_PARENT and facts.head_ids:
        revision = facts.merged.revision_at(problem.paths[0])
        gone = (
            [p for p in revision.parents if p in facts.head_ids and p not in facts.merged.graph]
            if revision
            else []
        )
        if gone:
            text = (
                f"{problem.paths[0]} follows {', '.join(gone)}, which the base has removed or squashed since. "
                "Decide what it should follow now, and whether it still applies."
            )
            return Refusal(Why.PARENT_REMOVED, text, problem.paths)
    return Refusal(problem.code, problem.message, problem.paths)


def _edited(revision: Revision) -> Refusal:
    text = (
        f"{revision.path} edits revision {revision.id}, which is on the base already: databases that ran it would "
        "never see the edit. Undo that edit and add a new revision instead."
    )
    return Refusal(Why.EDITS_PUBLISHED, text, (revision.path,))


def _deleted(facts: Facts) -> list[Refusal]:
    if facts.base is None:
        return []
    read = {revision.id for revision in facts.merged.revisions}
    paths = {file.path for file in facts.merged.files}
    return [
        Refusal(
            Why.DELETES_PUBLISHED,
            f"Revision {revision.id} ({revision.path}) is on the base and the change deletes it: databases that "
            "stand at it could not be upgraded any more. Restore the file.",
            (revision.path,),
        )
        for revision in facts.base.graph.by_id.values()
        if revision.id not in read and revision.path not in paths
    ]


# --- parts of the change ---------------------------------------------------------------------------------


def _connected(new: frozenset[str], graph: Graph) -> list[frozenset[str]]:
    """The new revisions in the groups that edges between them make, in order of their least id."""
    left, groups = set(new), []
    while left:
        group, pending = set(), [min(left)]
        while pending:
            id = pending.pop()
            if id in left:
                left.discard(id)
                group.add(id)
                pending += [*graph.by_id[id].parents, *graph.children[id]]
        groups.append(frozenset(group))
    return groups


def _part(ids: frozenset[str], merged: Graph, base: Graph) -> _Part:
    edges: list[_Edge] = []
    rivals: list[tuple[_Edge, tuple[str, ...]]] = []
    for child in sorted(ids):
        for parent in merged.by_id[child].parents:
            if parent not in base:
                continue
            targets = _targets(parent, base)
            edges.append(
                _Edge(child, parent, targets[0] if len(targets) == 1 and targets[0] != parent else None)
            )
            if len(targets) > 1:
                rivals.append((edges[-1], targets))
    outside = frozenset(label for edge in edges for label in base.labels(edge.parent))
    heads = tuple(id for id in merged.heads if id in ids)
    plain = tuple(id for id in heads if not edges or not merged.labels(id) - outside)
    roots = tuple(id for id in sorted(ids) if not merged.by_id[id].parents)
    return _Part(ids, plain, roots, tuple(edges), tuple(rivals))


def _targets(parent: str, base: Graph) -> tuple[str, ...]:
    """The base's heads that a follower of `parent` belongs behind: those above it that stand on its own branch,
    not on one that a label of its own tells apart. `parent` itself while it is a head."""
    own = base.labels(parent)
    above = base.descendants(parent)
    return tuple(head for head in base.heads if head in above and not base.labels(head) - own)


def _faults(part: _Part, facts: Facts) -> Iterable[Refusal]:
    merged = facts.merged.graph
    if facts.base is None or not len(facts.base.graph):
        return
    if part.roots and not part.edges and not _is_own_lineage(part, facts):
        root = merged.by_id[part.roots[0]]
        text = (
            f"{root.path} starts a second history (revision {root.id} has no down_revision). If that is meant, give "
            "it a branch label or a version folder of its own; if not, let it follow "
            f"{' or '.join(facts.base.heads) or 'the base'}."
        )
        yield Refusal(Why.SECOND_BASE, text, (root.path,))


def _two_heads(heads: Sequence[str], paths: tuple[GitPath, ...]) -> Refusal:
    text = (
        f"The change has {len(heads)} heads of its own: {', '.join(heads)}. Which comes first is its author's to say: "
        "let one follow the other, or merge them."
    )
    return Refusal(Why.TWO_HEADS, text, paths)


def _is_own_lineage(part: _Part, facts: Facts) -> bool:
    """Whether a new base is labelled, or stands where the base branch has no revisions."""
    assert facts.base is not None  # noqa: S101 - asked only then
    merged = facts.merged.graph
    if all(merged.labels(root) for root in part.roots):
        return True
    used = {revision.path.rpartition("/")[0] for revision in facts.base.revisions}
    return all(merged.by_id[root].path.rpartition("/")[0] not in used for root in part.roots)


# --- repairs ---------------------------------------------------------------------------------------------


def _mend(
    parts: Sequence[_Part],
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
    crowds = _crowds(parts)
    if crowds and (policy.two_heads == "refuse" or not facts.order):
        return tuple(_two_heads(heads, tuple(merged.by_id[id].path for id in heads)) for heads in crowds)
    if not forked and not crowds:
        return clean if not renamed.ids else _reparent((), facts, renamed, clean)
    fronts = tuple(front for part in forked for front in _fronts(part, merged))
    if policy.on_fork == "stop":
        return (_stopped(forked, merged),)
    if policy.on_fork == "merge_revision" or any(part.ids & facts.released for part in forked):
        return _join(forked, facts, clean, fronts)
    stacked: dict[str, dict[str, str]] = {}
    for heads in crowds:
        ordered = _in_commit_order(heads, facts)
        stacked |= _stacked(merged, ordered)
        fronts += tuple(front(merged, merged.ancestors(a), merged.ancestors(b)) for a, b in pairwise(ordered))
    return _reparent(forked, facts, renamed, replace(clean, fronts=fronts), stacked)


def _crowds(parts: Sequence[_Part]) -> list[tuple[str, ...]]:
    """The change's heads that would end behind one place of the base, or have none, where they are several."""
    ends: dict[str, list[str]] = {}
    for part in parts:
        for place in {edge.target or edge.parent for edge in part.edges} or {min(part.ids)}:
            ends.setdefault(place, []).extend(part.heads)
    groups = dict.fromkeys(tuple(dict.fromkeys(heads)) for heads in ends.values())
    return [heads for heads in groups if len(heads) > 1]


def _in_commit_order(heads: Iterable[str], facts: Facts) -> list[str]:
    """Heads whose own chains began earlier come first; of one beginning, the head that came earlier."""
    ranks = {path: rank for rank, path in enumerate(facts.order)}
    merged = facts.merged.graph

    def rank(id: str) -> tuple[int, int, str]:
        own = [
            ranks[merged.by_id[each].path]
            for each in merged.ancestors(id)
            if merged.by_id[each].path in ranks
        ]
        return min(own, default=len(ranks)), ranks.get(merged.by_id[id].path, len(ranks)), id

    return sorted(heads, key=rank)


def _stacked(graph: Graph, heads: Sequence[str]) -> dict[str, dict[str, str]]:
    """Child -> old parent -> new parent, so that each head's own chain follows the head before it."""
    moved: dict[str, dict[str, str]] = {}
    below = graph.ancestors(heads[0])
    for before, head in pairwise(heads):
        own = graph.ancestors(head) - below
        for child in own:
            for parent in graph.by_id[child].parents:
                if parent not in own:
                    moved.setdefault(child, {})[parent] = before
        below |= own
    return moved


def _ambiguous(revision: Revision, edge: _Edge, targets: Sequence[str]) -> Refusal:
    text = (
        f"{revision.path} follows {edge.parent}, behind which the base itself has {len(targets)} heads: "
        f"{', '.join(targets)}. Heal the base first (pointsman heal --base BASE --head BASE), then this change."
    )
    return Refusal(Why.AMBIGUOUS_PARENT, text, (revision.path,))


def _stopped(forked: Sequence[_Part], merged: Graph) -> Refusal:
    paths = tuple(merged.by_id[id].path for part in forked for id in part.heads)
    heads = ", ".join(id for part in forked for id in part.heads)
    text = f"The change forks the migrations ({heads}) and the contract says `on_fork: stop`."
    return Refusal(Why.STOPPED, text, paths)


def _fronts(part: _Part, graph: Graph) -> list[Front]:
    """What runs on either side of each head of the base that the part forked from."""
    found = []
    for target in dict.fromkeys(edge.target for edge in part.edges if edge.target):
        ours, theirs = graph.ancestors(target), graph.ancestors(*part.heads)
        found.append(front(graph, ours, theirs))
    return found


def front(graph: Graph, ours: frozenset[str], theirs: frozenset[str]) -> Front:
    left, right, common = in_order(graph, ours - theirs), in_order(graph, theirs - ours), ours & theirs
    fork = {parent for r in (*left, *right) for parent in r.parents if parent in common}
    tips = tuple(sorted(id for id in fork if not (graph.descendants(id) - {id}) & fork))
    return Front(left, right, tips)


def in_order(graph: Graph, ids: Iterable[str]) -> tuple[Revision, ...]:
    """Those revisions, parents before children, ties by id."""
    left, ordered = set(ids), []
    while left:
        ready = sorted(id for id in left if not left & set(graph.by_id[id].parents)) or sorted(left)
        ordered += ready
        left -= set(ready)
    return tuple(graph.by_id[id] for id in ordered)


def _reparent(
    forked: Sequence[_Part],
    facts: Facts,
    renamed: numbers.Settled,
    plan: Plan,
    stacked: Mapping[str, Mapping[str, str]] | None = None,
) -> Plan | Refusals:
    """The plan that hangs each part behind its head of the base and, with `stacked`, parts behind one another."""
    merged = facts.merged.graph
    edges: dict[str, Mapping[str, str]] = {}
    for part in forked:
        edges |= _moved_edges(part, merged)
    edges |= stacked or {}
    parents = {
        child: tuple(dict.fromkeys(moved.get(p, p) for p in merged.by_id[child].parents))
        for child, moved in edges.items()
    }
    after = _with_parents(merged, parents)
    for child in list(parents):
        parents[child] = _irredundant(parents[child], after)
    drops = _redundant_merges(parents, facts)
    for gone in drops:
        for child in merged.children[gone.id]:
            now = parents.get(child, merged.by_id[child].parents)
            parents[child] = tuple(dict.fromkeys(parents[gone.id][0] if p == gone.id else p for p in now))
        del parents[gone.id]
    after = _with_parents(merged, parents, without={revision.id for revision in drops})
    plan = replace(plan, drops=drops, heads_after=after.heads)
    changed = {id: now for id, now in parents.items() if now != merged.by_id[id].parents}
    plan = numbers.renumber(plan, changed, after, facts, renamed)
    return _checked(plan, after, facts)


def _moved_edges(part: _Part, merged: Graph) -> dict[str, dict[str, str]]:
    """Child -> stale parent -> new parent. Of several stale parents that lead to one head, those that stand
    highest move: a merge revision takes the head in, and what it merges may stay where it forked."""
    moved: dict[str, dict[str, str]] = {}
    for target in dict.fromkeys(edge.target for edge in part.edges if edge.target):
        edges = [edge for edge in part.edges if edge.target == target]
        stale = {edge.parent for edge in edges}
        highest = {p for p in stale if not (merged.descendants(p) - {p}) & stale}
        for edge in edges:
            if edge.parent in highest and edge.target:
                moved.setdefault(edge.child, {})[edge.parent] = edge.target
    return moved


def _with_parents(graph: Graph, parents: dict[str, tuple[str, ...]], without: Iterable[str] = ()) -> Graph:
    gone = set(without)
    return Graph(
        replace(revision, parents=parents.get(id, revision.parents))
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


def _join(forked: Sequence[_Part], facts: Facts, clean: Plan, fronts: tuple[Front, ...]) -> Plan | Refusals:
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
        stacked |= _stacked(graph, sorted(group, key=lambda id: (-len(graph.ancestors(id)), id)))
    plan = replace(clean, fronts=tuple(fronts))
    if policy.published == "reparent":
        return _reparent((), facts, numbers.Settled(facts, {}), plan, stacked)
    return _joined(graph.forks, facts, plan)


def _checked(plan: Plan, after: Graph, facts: Facts) -> Plan | Refusals:
    """The plan, if the graph that it makes is sound and has no more heads in any lineage than the base."""
    paths = tuple(move.path for move in plan.moves)
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
            text = f"The lineage would still have {len(group)} heads: {', '.join(group)}."
            return (Refusal(Why.STILL_FORKED, text, paths),)
    return replace(plan, follows=_follows(plan, after, facts))


def _follows(plan: Plan, after: Graph, facts: Facts) -> tuple[tuple[str, str], ...]:
    by_path = {move.path: move.new_revision for move in plan.moves}
    final = {head: by_path.get(after.by_id[head].path, head) for head in after.heads}
    before = {*facts.merged.heads, *(facts.base.heads if facts.base else ())}
    pairs: dict[str, str] = {}
    for head in sorted(id for id in before if id in after):
        above = [top for top in after.heads if top in after.descendants(head)]
        pairs[head] = final[above[0]]
    for move in plan.moves:
        if move.revision not in pairs and move.new_revision in final.values():
            pairs[move.revision] = move.new_revision
    return tuple(pairs.items())
