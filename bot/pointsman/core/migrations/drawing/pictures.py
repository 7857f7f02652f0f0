"""Makes the two pictures of a repair, the fork as it was and the chain as it is; it places nothing on a page."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.drawing.folding import folded
from pointsman.core.migrations.drawing.model import Edge, HealedGraph, Mark, Node, Picture, Stroke
from pointsman.core.migrations.drawing.sides import Key, Known, known

ROWS = 24
"""How many revisions one picture shows at most."""


def before(graph: HealedGraph, rows: int = ROWS) -> Picture:
    """The fork, as the files of the merged tree have it."""
    every = [one for one in known(graph) if one.mark is not Mark.ADDED]
    left = {front.left[-1].path for front in graph.plan.fronts if front.left}
    nodes = [
        Node(
            key=one.key,
            label=one.was,
            mark=_origin(one, graph),
            slug=_slug(one),
            note=_side(one, left, published=graph.published),
        )
        for one in every
    ]
    return folded(_ordered(nodes, list(_Parents(every, after=False).edges())), rows)


def after(graph: HealedGraph, rows: int = ROWS) -> Picture | None:
    """What the repair makes of it, the edges that are gone among them; None where there is no repair."""
    if graph.refused:
        return None
    every = known(graph)
    here = [one for one in every if one.mark is not Mark.DROPPED]
    kept, moved = {one.key for one in here}, {one.key for one in here if one.mark is Mark.MOVED}
    was = dict.fromkeys(_Parents(every, after=False).edges())
    now = dict.fromkeys(_Parents(here, after=True).edges())
    edges = [Edge(e.parent, e.child, Stroke.KEPT if e in was else Stroke.NEW) for e in now]
    edges += [
        Edge(e.parent, e.child, Stroke.OLD)
        for e in was
        if e not in now and e.child in moved and e.parent in kept
    ]
    names = {one.id: one.was or one.id for one in every}
    nodes = [
        Node(
            key=one.key,
            label=one.now,
            mark=_origin(one, graph) if one.mark is Mark.CHANGE else one.mark,
            slug=_slug(one),
            note=_done(one, [names.get(id, id) for id in one.below_was if id not in one.below_now]),
        )
        for one in here
    ]
    return folded(_ordered(nodes, edges), rows)


def slug_of(path: str, *ids: str) -> str:
    """What a file's name says beside the revision's id, its number and its endings: `add users` of
    `ab12_add_users.py`; '' where that is all there is."""
    stem = re.sub(r"\.(?:py|sql)$", "", path.rpartition("/")[2])
    stem = re.sub(r"\.(?:up|down|undo|do)$", "", stem)
    for id in dict.fromkeys(filter(None, ids)):
        found = re.search(rf"(?<![a-zA-Z0-9]){re.escape(id)}(?![a-zA-Z0-9])", stem)
        if found:
            stem = stem[found.end() :] or stem[: found.start()]
    stem = re.sub(r"^[a-zA-Z]?[\d._-]+(?=[_-]|$)", "", stem)
    return re.sub(r"[_\-\s]+", " ", stem).strip(" .")


def _slug(one: Known) -> str:
    return slug_of(one.path, one.now, one.was)


def _origin(one: Known, graph: HealedGraph) -> Mark:
    """The side that it came from; with all of it published there is but one."""
    if one.mark in (Mark.FORK, Mark.DROPPED, Mark.BASE, Mark.FOLD):
        return one.mark
    return Mark.BASE if graph.published else Mark.CHANGE


def _side(one: Known, left: set[str], *, published: bool) -> str:
    if not one.is_tip:
        return ""
    return "on the base" if published or one.key in left else "this change"


def _done(one: Known, parents: Sequence[str]) -> str:
    was = f"was {one.was}" if one.was and one.was != one.now else ""
    match one.mark:
        case Mark.MOVED:
            return was or (f"was behind {' and '.join(parents)}" if parents else "moved")
        case Mark.RENAMED:
            return was or "renumbered"
        case Mark.ADDED:
            return "merge revision, added"
        case _:
            return ""


@dataclass(slots=True)
class _Parents:
    """Finds the parents of revisions among themselves: as they are `after` the repair, or were before it."""

    every: Sequence[Known]
    after: bool

    def edges(self) -> Iterator[Edge]:
        """Of several files that have an id, the one on the child's own side; a parent that is not drawn is none."""
        by_id: dict[str, list[Known]] = {}
        for one in self.every:
            for id in {one.now or one.id} if self.after else {one.id, one.was}:
                by_id.setdefault(id, []).append(one)
        for child in self.every:
            for id in dict.fromkeys(child.below_now if self.after else child.below_was):
                named = [one for one in by_id.get(id, ()) if one.key != child.key]
                own = [one for one in named if _is_base(one) == _is_base(child)]
                yield from (Edge(one.key, child.key) for one in (own or named)[:1])


def _is_base(one: Known) -> bool:
    return one.mark is Mark.BASE


def _ordered(nodes: Sequence[Node], edges: Sequence[Edge]) -> Picture:
    """Parents before children, else in the order given; what stands in a circle comes last."""
    ranks = {node.key: rank for rank, node in enumerate(nodes)}
    above: dict[Key, list[Key]] = {}
    waits = dict.fromkeys(ranks, 0)
    for edge in edges:
        if edge.stroke is not Stroke.OLD:
            above.setdefault(edge.parent, []).append(edge.child)
            waits[edge.child] += 1
    ready = [ranks[key] for key, count in waits.items() if count == 0]
    heapq.heapify(ready)
    done: dict[Key, Node] = {}
    while ready:
        node = nodes[heapq.heappop(ready)]
        done[node.key] = node
        for key in above.get(node.key, ()):
            waits[key] -= 1
            if waits[key] == 0:
                heapq.heappush(ready, ranks[key])
    done |= {node.key: node for node in nodes if node.key not in done}
    places = {key: place for place, key in enumerate(done)}
    ordered = sorted(edges, key=lambda edge: (places[edge.child], places[edge.parent]))
    return Picture(nodes=tuple(done.values()), edges=tuple(ordered))
