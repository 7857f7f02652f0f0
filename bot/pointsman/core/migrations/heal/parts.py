"""The change's revisions in the groups that hang together, and where on the base each belongs; it decides nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.model import Facts

NOTHING = ""
"""Stands for the parent of a revision that has none, in the edge to the place that it gets."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A parent on the base that a new revision names. `place` is the base's head that followers of it belong
    behind (None: none does), `target` the same where the edge has to move there (None: it is well)."""

    child: str
    parent: str
    place: str | None
    target: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """New revisions that hang together. `heads` are the merged tree's heads among them that no label of their
    own tells apart from the base's lines; `rivals` says, for a stale parent, between which heads to choose."""

    ids: frozenset[str]
    heads: tuple[str, ...]
    roots: tuple[str, ...]
    edges: tuple[Edge, ...]
    rivals: tuple[tuple[Edge, tuple[str, ...]], ...]


def connected(new: frozenset[str], graph: Graph) -> list[frozenset[str]]:
    """The new revisions in the groups that edges between them make, in order of their least id."""
    left, groups = set(new), []
    for first in sorted(new):
        if first not in left:
            continue
        group, pending = set(), [first]
        while pending:
            id = pending.pop()
            if id in left:
                left.discard(id)
                group.add(id)
                pending += [*graph.by_id[id].parents, *graph.children[id]]
        groups.append(frozenset(group))
    return groups


def part_of(ids: frozenset[str], merged: Graph, base: Graph, *, ordered: bool = False) -> Part:
    """`ordered`: the tool knows nothing but one order, so what follows nothing has its place in it all the same."""
    edges: list[Edge] = []
    rivals: list[tuple[Edge, tuple[str, ...]]] = []
    known: dict[str, tuple[str, ...]] = {}
    for child in sorted(ids):
        for parent in merged.by_id[child].parents:
            if parent not in base:
                continue
            targets = known[parent] = known.get(parent) or targets_of(parent, base)
            place = targets[0] if len(targets) == 1 else None
            # A head of the base that the change takes in already, by another way, is no rival.
            stale = place is not None and place != parent and place in merged.heads
            edges.append(Edge(child, parent, place, place if stale else None))
            if len(targets) > 1 and any(target in merged.heads for target in targets):
                rivals.append((edges[-1], targets))
    outside = frozenset(label for edge in edges for label in base.labels(edge.parent))
    heads = tuple(id for id in merged.heads if id in ids)
    plain = tuple(id for id in heads if not edges or not merged.labels(id) - outside)
    roots = tuple(id for id in sorted(ids) if not merged.by_id[id].parents)
    if ordered and len(base.heads) == 1:
        (place,) = base.heads
        edges += [Edge(id, NOTHING, place, place if place in merged.heads else None) for id in roots]
    return Part(ids, plain, roots, tuple(edges), tuple(rivals))


def targets_of(parent: str, base: Graph) -> tuple[str, ...]:
    """The base's heads that a follower of `parent` belongs behind: those above it that stand on its own branch,
    not on one that a label of its own tells apart. `parent` itself while it is a head."""
    own = base.labels(parent)
    above = base.descendants(parent)
    return tuple(head for head in base.heads if head in above and not base.labels(head) - own)


def crowded_heads(parts: Sequence[Part], merged: Graph) -> list[tuple[str, ...]]:
    """The change's heads that would end behind one place of the base, or that stand on one new branch, where they
    are several."""
    ends: dict[str, list[str]] = {}
    for part in parts:
        for place in {edge.place or edge.parent for edge in part.edges} or {min(part.ids)}:
            ends.setdefault(place, []).extend(part.heads)
    new = frozenset(id for part in parts for id in part.ids)
    own = [tuple(head for head in group if head in new) for group in merged.forks]
    groups = dict.fromkeys(tuple(sorted(set(heads))) for heads in [*ends.values(), *own])
    return [heads for heads in groups if len(heads) > 1]


def in_commit_order(heads: Iterable[str], facts: Facts) -> list[str]:
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


def stack(
    graph: Graph, heads: Sequence[str], movable: Container[str], places: Mapping[tuple[str, str], str]
) -> dict[str, dict[str, str]]:
    """Child -> old parent -> new parent, so that each head's own chain follows the head before it, and the first
    follows the base: `places` says where on it, by child and parent. Only `movable` revisions move."""
    moved: dict[str, dict[str, str]] = {}
    below = graph.ancestors(*places.values())
    for before, head in zip([None, *heads], heads, strict=False):
        own = frozenset(id for id in graph.ancestors(head) - below if id in movable)
        for child in own:
            for parent in graph.by_id[child].parents:
                onto = before or places.get((child, parent))
                if parent not in own and onto is not None and onto != parent:
                    moved.setdefault(child, {})[parent] = onto
        below |= graph.ancestors(head)
    return moved


def moved_edges(part: Part, merged: Graph) -> dict[str, dict[str, str]]:
    """Child -> stale parent -> new parent. Of several stale parents that lead to one head, those that stand
    highest move: a merge revision takes the head in, and what it merges may stay where it forked."""
    moved: dict[str, dict[str, str]] = {}
    for target in dict.fromkeys(edge.target for edge in part.edges if edge.target):
        edges = [edge for edge in part.edges if edge.target == target]
        stale = {edge.parent for edge in edges}
        highest = merged.topmost(stale)
        for edge in edges:
            if edge.parent in highest and edge.target:
                moved.setdefault(edge.child, {})[edge.parent] = edge.target
    return moved
