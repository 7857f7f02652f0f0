"""Draws a picture with one line for each revision, first revision on top, tracks to its left; for any shape."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.core.migrations.drawing.layout import Map, Track, placed
from pointsman.core.migrations.drawing.letters import TONES, Line, Span, Tone, cut, fitted, width
from pointsman.core.migrations.drawing.model import Mark, Node, Picture

SLUG, LEAST = 40, 16
"""How wide a file's name may be beside an id, and how much room it needs at least."""
_NORTH, _EAST, _SOUTH, _WEST = 1, 2, 4, 8
_TRACKS = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
"""One character for each set of directions that it leads to."""
_STOPS = {Mark.MOVED: "◆", Mark.ADDED: "◆", Mark.DROPPED: "×", Mark.FOLD: "┊"}  # noqa: RUF001
_STOP = "●"


def down(picture: Picture, *, limit: int, slugs: bool = True) -> tuple[Line, ...]:
    """At most `limit` columns; what is to be said of a revision stands behind it. What is gone is not drawn."""
    shape = placed(Picture(nodes=picture.nodes, edges=picture.now, left_out=picture.left_out))
    room = max(16, limit - 2 * shape.lanes)
    lines: list[Line] = []
    for stop in shape.stops:
        lines.append((*_tracks(shape, stop.row), *_said(stop.node, room, slugs=slugs)))
        lines += _between(shape, stop.row)
    if picture.left_out:
        lines.append((Span(f"and {picture.left_out} more revisions", Tone.QUIET),))
    return tuple(lines)


def _said(node: Node, room: int, *, slugs: bool) -> Iterator[Span]:
    name = fitted(node.label, room)
    yield Span(name, TONES[node.mark])
    room -= width(name) + 2
    note = fitted(node.note, 60)
    note = note if width(note) <= room else ""
    room -= width(note) + 2 if note else 0
    slug = cut(node.slug, min(room, SLUG)) if slugs and room >= LEAST else ""
    if slug:
        yield Span(f"  {slug}", Tone.QUIET)
    if note:
        yield Span(f"  {note}", TONES[node.mark])


def _tracks(shape: Map, row: int) -> Iterator[Span]:
    """The line of a stop: itself, and what runs past."""
    passing = {track.lane for track in shape.tracks if track.start.row < row < track.end.row}
    here = next(stop for stop in shape.stops if stop.row == row)
    for lane in range(shape.lanes):
        if lane == here.lane:
            yield Span(f"{_STOPS.get(here.node.mark, _STOP)} ", TONES[here.node.mark])
        else:
            yield Span("│ " if lane in passing else "  ", Tone.QUIET)


def _between(shape: Map, row: int) -> Iterator[Line]:
    """The lines under a stop: tracks that change lanes as they leave it, then those that do as they come to the next;
    none where all go straight on."""
    leaving = [track for track in shape.tracks if track.start.row == row]
    passing = [track for track in shape.tracks if track.start.row < row < track.end.row]
    ahead = [*leaving, *passing]
    yield from _bent(shape, passing, [(track, track.start.lane, track.lane) for track in leaving])
    coming = [track for track in ahead if track.end.row == row + 1]
    straight = [track for track in ahead if track.end.row > row + 1]
    yield from _bent(shape, straight, [(track, track.lane, track.end.lane) for track in coming])


def _bent(shape: Map, straight: list[Track], bends: list[tuple[Track, int, int]]) -> Iterator[Line]:
    if all(start == end for _, start, end in bends):
        return
    cells = [0] * (2 * shape.lanes)
    for track in straight:
        cells[2 * track.lane] |= _NORTH | _SOUTH
    for _, start, end in bends:
        low, high = sorted((2 * start, 2 * end))
        cells[2 * start] |= _NORTH
        cells[2 * end] |= _SOUTH
        for at in range(low, high):
            cells[at] |= _EAST
            cells[at + 1] |= _WEST
    yield (Span("".join(_TRACKS[cell] for cell in cells).rstrip(), Tone.QUIET),)
