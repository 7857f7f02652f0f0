"""Draws a repair as text, before and after, for terminals and code fences; no colour and no markup here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from pointsman.core.contract.names import shown
from pointsman.core.migrations.drawing.across import across
from pointsman.core.migrations.drawing.down import down
from pointsman.core.migrations.drawing.letters import Line, Span, Tone, as_text, line_width
from pointsman.core.migrations.drawing.model import HealedGraph, Picture
from pointsman.core.migrations.drawing.pictures import after, before

WIDTH = 100
BEFORE, AFTER, TRIED = "before  ", "after   ", "tried   "
_GAP = Span("   ")
_ASCII = str.maketrans(
    {"─": "-", "│": "|", "╵": "|", "╷": "|", "╶": "-", "╴": "-", "┊": ":"}
    | {"●": "*", "◆": "@", "×": "x"}  # noqa: RUF001
    | dict.fromkeys("┬┴├┤┼╭╮╰╯┘└", "+")
)


def draw(graph: HealedGraph, *, width: int = WIDTH) -> tuple[Line, ...]:
    """The fork before and the chain after, at most `width` columns: across where that fits, else downwards, the two
    beside each other where there is room. Without the environment's name; () where there is nothing to draw."""
    pictures = (before(graph), after(graph))
    if not any(picture.nodes for picture in pictures if picture is not None):
        return ()
    second = TRIED if graph.tried else AFTER
    lines = _across(pictures, second)
    if lines is not None and all(line_width(line) <= width for line in lines):
        return lines
    return tuple(_downwards(pictures, width, second))


def draw_before_after(graph: HealedGraph) -> str:
    """The environment, the fork as it was and as it is after the repair, for a code fence."""
    return f"{name_of(graph)}\n{as_text(draw(graph))}"


def name_of(graph: HealedGraph) -> str:
    """The environment, by its config and the section of it."""
    layout = graph.plan.layout
    return shown(f"{layout.config} [{layout.name}]" if layout.name else layout.config)


def in_ascii(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The same for terminals that know no other characters; ids that have some are escaped."""
    return tuple(
        tuple(
            Span(span.text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii"), span.tone)
            for span in line
        )
        for line in lines
    )


def _across(pictures: Sequence[Picture | None], then: str) -> tuple[Line, ...] | None:
    lines: list[Line] = []
    for title, picture in zip((BEFORE, then), pictures, strict=True):
        if picture is None:
            continue
        drawn = across(picture)
        if drawn is None:
            return None
        heads = (title, *([" " * len(title)] * (len(drawn) - 1)))
        lines += [(Span(head, Tone.QUIET), *line) for head, line in zip(heads, drawn, strict=True)]
    return tuple(lines)


def _downwards(pictures: tuple[Picture, Picture | None], width: int, then: str) -> Iterator[Line]:
    first, second = pictures
    if second is None:
        yield from down(first, limit=width)
        return
    for slugs in (True, False):
        left, right = (down(each, limit=(width - 3) // 2, slugs=slugs) for each in (first, second))
        if _is_whole(left, first) and _is_whole(right, second):
            yield from _beside(left, right, then)
            return
    for title, picture in ((BEFORE, first), (then, second)):
        yield (Span(title.strip(), Tone.QUIET),)
        yield from ((Span("  "), *line) for line in down(picture, limit=width - 2))


def _is_whole(lines: tuple[Line, ...], picture: Picture) -> bool:
    """Whether no id had to be shortened."""
    drawn = [span.text for line in lines for span in line]
    return all(shown(node.label) in drawn for node in picture.nodes)


def _beside(left: tuple[Line, ...], right: tuple[Line, ...], then: str) -> Iterator[Line]:
    wide = max((line_width(line) for line in left), default=0)
    for a, b in zip_longest(
        ((Span(BEFORE.strip(), Tone.QUIET),), *left),
        ((Span(then.strip(), Tone.QUIET),), *right),
        fillvalue=(),
    ):
        yield (*a, Span(" " * (wide - line_width(a))), _GAP, *b)
