"""Draws a picture of one fork in a few lines, first revision on the left; others it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.drawing.letters import TONES, Line, Span, Tone, fitted, width
from pointsman.core.migrations.drawing.model import Node, Picture

ID = 24
"""How wide an id may be here; longer ones are better read in rows of their own."""
_LINK = Span(" ─── ", Tone.QUIET)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where it parts, the sides, and where they join again (None: they don't)."""

    fork: Node
    sides: tuple[tuple[Node, ...], ...]
    end: Node | None


def across(picture: Picture) -> tuple[Line, ...] | None:
    """One line a side; None where it is no single fork, or an id is too long."""
    shape = _shape(picture)
    if shape is None or any(width(node.label) > ID for node in picture.nodes):
        return None
    return tuple(_lines(shape))


def _shape(picture: Picture) -> _Shape | None:
    above: dict[str, list[Node]] = {node.key: [] for node in picture.nodes}
    below: dict[str, list[str]] = {node.key: [] for node in picture.nodes}
    nodes = {node.key: node for node in picture.nodes}
    for edge in picture.now:
        above[edge.parent].append(nodes[edge.child])
        below[edge.child].append(edge.parent)
    roots = [node for node in picture.nodes if not below[node.key]]
    joins = [node for node in picture.nodes if len(below[node.key]) > 1]
    if len(roots) != 1 or len(joins) > 1 or picture.left_out:
        return None
    end = joins[0] if joins else None
    if end and (above[end.key] or roots[0].key in below[end.key]):
        return None
    sides = tuple(_chain(start, above, end) for start in above[roots[0].key])
    seen = 1 + sum(len(side) for side in sides) + (end is not None)
    joined = end is None or len(below[end.key]) == len(sides)
    return _Shape(roots[0], sides, end) if seen == len(picture.nodes) and joined else None


def _chain(start: Node, above: dict[str, list[Node]], end: Node | None) -> tuple[Node, ...]:
    chain = [start]
    while len(above[chain[-1].key]) == 1 and above[chain[-1].key][0] is not end:
        chain.append(above[chain[-1].key][0])
    return tuple(chain)


def _lines(shape: _Shape) -> Iterator[Line]:
    fork = _name(shape.fork)
    if len(shape.sides) < 2:
        yield tuple(_row([shape.fork, *(node for side in shape.sides for node in side)]))
        return
    rows = [tuple(_row(side)) for side in shape.sides]
    widths = [sum(width(span.text) for span in row) for row in rows]
    for at, row in enumerate(rows):
        lead = (
            (fork, Span(" ─┬─ ", Tone.QUIET)) if at == 0 else (Span(" " * width(fork.text)), _joint(at, rows))
        )
        tail: tuple[Span, ...] = ()
        if shape.end is not None:
            pad = "─" * (max(widths) - widths[at])
            tail = (Span(f" ─{pad}{_END[min(at, 1) + (at == len(rows) - 1)]}", Tone.QUIET),)
            tail += (Span("─ ", Tone.QUIET), _name(shape.end)) if at == 0 else ()
        yield (*lead, *row, *tail)


_END = ("┬", "┤", "┘")


def _joint(at: int, rows: Sequence[Line]) -> Span:
    return Span("  └─ " if at == len(rows) - 1 else "  ├─ ", Tone.QUIET)


def _row(nodes: Sequence[Node]) -> Iterator[Span]:
    for at, node in enumerate(nodes):
        if at:
            yield _LINK
        yield _name(node)


def _name(node: Node) -> Span:
    return Span(fitted(node.label, ID), TONES[node.mark])
