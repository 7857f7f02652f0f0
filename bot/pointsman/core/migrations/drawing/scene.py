"""Lays a repair out on a page: the fork, the chain after it, why people have to decide; it writes no markup."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pointsman.core.contract.names import shown
from pointsman.core.migrations.drawing.layout import Map, Stop, Track, placed
from pointsman.core.migrations.drawing.letters import cut, fitted
from pointsman.core.migrations.drawing.model import HealedGraph, Mark, Picture, Stroke, Told
from pointsman.core.migrations.drawing.pictures import after, before
from pointsman.core.migrations.drawing.quotes import quotes
from pointsman.core.migrations.drawing.shapes import Box, Card, Dot, Page, Stretch, Text, Tick, text_width
from pointsman.core.migrations.drawing.text import name_of
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.proof import NAMES, Proof

MARGIN, PAD, GAP = 20, 16, 16
ROW, NOTE, LANE, STOP, LABEL = 30, 15, 20, 6, 18
TOP, BOTTOM = 44, -8
WIDEST = 920
"""How wide two panels may be beside each other; wider ones stand one below the other."""
ID, SLUG = 44, 32
COLUMNS = 104
CODE, CODE_LINES, PAIRS = 64, 4, 2
ROUTES, LINES = 8, 5


def page_of(told: Told, *, rows: int, most: int) -> Page:
    """All of it; at most `most` environments with at most `rows` revisions in a picture."""
    page = Page()
    page.add(Tick(MARGIN + 1, 33, _TICKS.get(told.status, "maybe")))
    page.add(Text(MARGIN + 24, 38, fitted(told.title, 64), "h"))
    y = 48.0
    y = _paragraphs(page, told.lines, y, "t")
    for graph in told.graphs[:most]:
        y = _environment(page, graph, told.refusals, y + 12, rows)
    if not told.graphs and told.refusals:
        y = _clash(page, told.refusals, MARGIN, y + 12) + 4
    if len(told.graphs) > most:
        y = _paragraphs(page, [f"and {len(told.graphs) - most} more environments"], y + 4, "n")
    if told.proof is not None:
        y = _proof(page, told.proof, y + 6)
    y = _paragraphs(page, told.hints, y + 2, "n")
    page.width = max(page.width + MARGIN, 480)
    page.height = y + MARGIN
    return page


_TICKS = {"healed": "yes", "clean": "yes", "refused": "no"}


def _paragraphs(page: Page, lines: Sequence[str], y: float, look: str) -> float:
    """The first few wrapped below `y`; says where they end."""
    more = [f"and {len(lines) - LINES} more"] if len(lines) > LINES else []
    for line in [*lines[:LINES], *more]:
        for part in textwrap.wrap(shown(line), COLUMNS)[:4]:
            y += 19
            page.add(Text(MARGIN, y, part, look))
    return y


def _environment(page: Page, graph: HealedGraph, refusals: Sequence[Refusal], y: float, rows: int) -> float:
    page.add(Text(MARGIN, y + 14, fitted(name_of(graph), 80), "m b"))
    y += 26
    first, second = before(graph, rows), after(graph, rows)
    width, height = _size(first)
    then = "tried" if graph.tried else "after"
    beside = MARGIN + width + GAP
    if second is not None:
        wide, high = _size(second)
        if beside + wide > WIDEST:
            _panel(page, first, "before", Box(MARGIN, y, max(width, wide), height))
            y += height + GAP
            _panel(page, second, then, Box(MARGIN, y, max(width, wide), high))
            return y + high
        _panel(page, first, "before", Box(MARGIN, y, width, max(height, high)))
        _panel(page, second, then, Box(beside, y, wide, max(height, high)))
        return y + max(height, high)
    _panel(page, first, "before", Box(MARGIN, y, width, height))
    if not refusals:
        return y + height
    if beside + _CLASH <= WIDEST:
        return max(y + height, _clash(page, refusals, beside, y))
    return _clash(page, refusals, MARGIN, y + height + GAP)


def _size(picture: Picture) -> tuple[float, float]:
    """Of the panel that it needs."""
    shape = placed(picture)
    texts = [_row_width(stop) for stop in shape.stops]
    wide = 2 * PAD + STOP + 2 + (shape.lanes - 1) * LANE + LABEL + max([*texts, 90])
    return wide, TOP + sum(_heights(shape)) + BOTTOM + (18 if picture.left_out else 0)


def _heights(shape: Map) -> list[int]:
    return [ROW + (NOTE if stop.node.note else 0) for stop in shape.stops]


def _row_width(stop: Stop) -> float:
    node = stop.node
    name = text_width(fitted(node.label, ID), "m b")
    slug = 8 + text_width(cut(node.slug, SLUG), "s") if node.slug else 0
    return max(name + slug, text_width(fitted(node.note, ID + 8), "n"))


def _panel(page: Page, picture: Picture, title: str, box: Box) -> None:
    shape = placed(picture)
    heights = _heights(shape)
    tops = [box.y + TOP + sum(heights[:at]) for at in range(len(heights))]
    page.add(Card(box, "card"))
    page.add(Text(box.x + PAD, box.y + 22, title.upper(), "n dim"))
    left = box.x + PAD + STOP + 2
    for track in sorted(shape.tracks, key=lambda track: _ORDER[track.edge.stroke]):
        page.add(_stretch(track, left, tops))
    for stop in shape.stops:
        _stop(page, stop, left, tops[stop.row], left + (shape.lanes - 1) * LANE + LABEL)
    if picture.left_out:
        text = f"and {picture.left_out} more revisions"
        page.add(Text(box.x + PAD, box.y + box.h - 12, text, "n dim"))


_ORDER = {Stroke.OLD: 0, Stroke.KEPT: 1, Stroke.NEW: 2}


def _stretch(track: Track, left: float, tops: Sequence[float]) -> Stretch:
    start, end = track.start, track.end
    return Stretch(
        left + start.lane * LANE,
        tops[start.row],
        left + track.lane * LANE,
        left + end.lane * LANE,
        tops[end.row],
        ROW - 2,
        _track_look(track),
    )


def _track_look(track: Track) -> str:
    if track.edge.stroke is not Stroke.KEPT:
        return f"line {track.edge.stroke.value}"
    above = track.end.node.mark
    mark = track.start.node.mark if above is Mark.FOLD else above
    return f"line {_side(mark)}"


def _side(mark: Mark) -> str:
    match mark:
        case Mark.CHANGE:
            return "change"
        case Mark.MOVED | Mark.ADDED | Mark.RENAMED:
            return "new"
        case Mark.DROPPED:
            return "gone"
        case Mark.BASE | Mark.FORK | Mark.FOLD:
            return "base"


def _stop(page: Page, stop: Stop, left: float, y: float, right: float) -> None:
    node, x = stop.node, left + stop.lane * LANE
    name = fitted(node.label, ID)
    if node.mark is Mark.FOLD:
        page.add(Dot(x, y, STOP - 1, "fold"))
        page.add(Text(right, y + 4, name, "n dim"))
        return
    full = " full" if node.mark in (Mark.MOVED, Mark.ADDED, Mark.RENAMED) else ""
    page.add(Dot(x, y, STOP, f"stop {_side(node.mark)}{full}"))
    look = {"new": "m b new", "gone": "m gone"}.get(_side(node.mark), "m")
    page.add(Text(right, y + 4, name, look))
    if node.slug:
        page.add(Text(right + text_width(name, look) + 8, y + 4, cut(node.slug, SLUG), "s dim"))
    if node.note:
        page.add(Text(right, y + 4 + NOTE, fitted(node.note, ID + 8), f"n {_side(node.mark)}"))


_CLASH = 2 * PAD + (CODE + 4) * 6.8
"""How wide the card of a clash is."""


def _clash(page: Page, refusals: Sequence[Refusal], x: float, y: float) -> float:
    """A card with what stands against each other; says where it ends."""
    inner = Page()
    top = y + 22
    inner.add(Text(x + PAD, top, "WHY", "n dim"))
    for refusal in refusals[:PAIRS]:
        top = _refusal(inner, refusal, x + PAD, top)
    if len(refusals) > PAIRS:
        top += 18
        inner.add(Text(x + PAD, top, f"and {len(refusals) - PAIRS} more reasons", "n dim"))
    page.add(Card(Box(x, y, _CLASH, top - y + 14), "card"))
    for shape in inner.shapes:
        page.add(shape)
    return top + 14


def _refusal(page: Page, refusal: Refusal, x: float, y: float) -> float:
    found = quotes(refusal)
    if not found:
        lines = [part for line in refusal.message.splitlines() for part in textwrap.wrap(shown(line), 70)]
        for line in [*lines[:12], *(["..."] if len(lines) > 12 else [])]:
            y += 18
            page.add(Text(x, y, line, "t"))
        return y
    said = ""
    for quote in found[: 2 * PAIRS]:
        if quote.why != said:
            said = quote.why
            y += 4
            for part in textwrap.wrap(shown(said.rpartition(" [")[0] or said), 68)[:3]:
                y += 18
                page.add(Text(x, y, part, "t b"))
        y += 19
        page.add(Text(x, y, f"{_end(quote.path, 56)}:{quote.line}", "n dim"))
        for line in _code(quote.text):
            y += 16
            page.add(Text(x + 8, y, line, "q"))
    if len(found) > 2 * PAIRS:
        y += 18
        page.add(Text(x, y, f"and {len(found) // 2 - PAIRS} more pairs", "n dim"))
    return y


def _end(path: str, limit: int) -> str:
    """The path, or its end: what a file is called stands there."""
    safe = shown(path)
    return safe if len(safe) <= limit else f"...{safe[3 - limit :]}"


def _code(text: str) -> list[str]:
    """The first few lines of an operation, long ones wrapped."""
    lines = [part for line in text.splitlines() for part in textwrap.wrap(shown(line), CODE)]
    return [*lines[:CODE_LINES], *(["..."] if len(lines) > CODE_LINES else [])]


def _proof(page: Page, proof: Proof, y: float) -> float:
    if not proof.ran:
        return _marked(page, f"Not proved: {proof.reason}", "maybe", y + 4)
    where = NAMES[proof.database]
    if proof.passed:
        text = f"Proved on scratch {where} in {proof.seconds:.1f} s: every route ends in one schema"
        y = _marked(page, text, "yes", y + 4)
    else:
        y = _marked(page, f"The proof on scratch {where} failed: {proof.reason}", "no", y + 4)
    ranked = sorted(proof.routes, key=lambda route: route.ok)
    for route in ranked[:ROUTES]:
        y += 17
        look = "no" if not route.ok else "maybe" if route.detail else "yes"
        said = f": {route.detail}" if route.ok and route.detail else ""
        page.add(Tick(MARGIN + 25, y - 4, f"small {look}"))
        page.add(Text(MARGIN + 42, y, cut(f"{route.name}, {route.seconds:.1f} s{said}", 100), "n"))
    if len(proof.routes) > ROUTES:
        y += 17
        page.add(Text(MARGIN + 42, y, f"and {len(proof.routes) - ROUTES} more routes", "n dim"))
    return y + 4


def _marked(page: Page, text: str, look: str, y: float) -> float:
    page.add(Tick(MARGIN + 1, y + 15, look))
    for part in textwrap.wrap(shown(" ".join(text.split())), COLUMNS - 4)[:4]:
        y += 20
        page.add(Text(MARGIN + 24, y, part, "t"))
    return y
