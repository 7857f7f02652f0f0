"""Folds the long chains of a picture into "(7 more)", so that what moved is seen; it draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from pointsman.core.migrations.drawing.model import Edge, Mark, Node, Picture, Stroke

_FIRST = {Mark.MOVED: 0, Mark.ADDED: 0, Mark.DROPPED: 1, Mark.FORK: 2, Mark.RENAMED: 3}


def folded(picture: Picture, rows: int) -> Picture:
    """The picture with at most `rows` nodes. What moved, came, went or forks stays as long as there is room; the
    middles of chains go first, then the rest of them, then renamed ones."""
    plain = frozenset({Mark.BASE, Mark.CHANGE})
    for marks, least in ((plain, 3), (plain, 2), (plain | {Mark.RENAMED}, 2)):
        shorter = _fold(picture, marks, least)
        if len(shorter.nodes) <= rows:
            return shorter
    return _cut(shorter, rows)


def _fold(picture: Picture, marks: frozenset[Mark], least: int) -> Picture:
    """Every run of at least `least` inner revisions of a chain as one node."""
    up = Counter(edge.parent for edge in picture.edges)
    down = Counter(edge.child for edge in picture.edges)
    ends = {key for e in picture.edges if e.stroke is not Stroke.KEPT for key in (e.parent, e.child)}
    forks = {node.key for node in picture.nodes if node.mark is Mark.FORK}
    ends |= {edge.child for edge in picture.edges if edge.parent in forks}
    inner = {
        node.key
        for node in picture.nodes
        if node.mark in marks and up[node.key] == down[node.key] == 1 and node.key not in ends
    }
    into = {key: run for run in _runs(picture, inner) if len(run) >= least for key in run}
    nodes: dict[str, Node] = {}
    for node in picture.nodes:
        run = into.get(node.key)
        one = node if run is None else _fold_of(run)
        nodes.setdefault(one.key, one)

    def name(key: str) -> str:
        return f"~{into[key][0]}" if key in into else key

    edges = dict.fromkeys(Edge(name(e.parent), name(e.child), e.stroke) for e in picture.edges)
    return replace(
        picture,
        nodes=tuple(nodes.values()),
        edges=tuple(edge for edge in edges if edge.parent != edge.child),
    )


def _fold_of(run: tuple[str, ...]) -> Node:
    return Node(key=f"~{run[0]}", label=f"({len(run)} more)", mark=Mark.FOLD)


def _runs(picture: Picture, inner: set[str]) -> Iterator[tuple[str, ...]]:
    next_of = {e.parent: e.child for e in picture.edges if e.parent in inner and e.child in inner}
    starts = [key for key in (node.key for node in picture.nodes) if key in inner]
    behind = set(next_of.values())
    for start in starts:
        if start in behind:
            continue
        run = [start]
        while run[-1] in next_of:
            run.append(next_of[run[-1]])
        yield tuple(run)


def _cut(picture: Picture, rows: int) -> Picture:
    """The nodes that matter most, as many as there is room for."""
    ranked = sorted(picture.nodes, key=lambda node: _FIRST.get(node.mark, 4))
    kept = {node.key for node in ranked[:rows]}
    return Picture(
        nodes=tuple(node for node in picture.nodes if node.key in kept),
        edges=tuple(edge for edge in picture.edges if {edge.parent, edge.child} <= kept),
        left_out=len(picture.nodes) - len(kept),
    )
