"""Draws bars and columns as SVG for a page: each says what it shows in words, too; it counts nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 640
ROW = 26
LABEL = 210
VALUE = 110
HEIGHT = 220
LEFT = 46
BOTTOM = 34
TOP = 12
LONGEST_LABEL = 32
GAP = 14
THICKEST = 56
CHARACTER = 6.7
"""Pixels that a character takes at 12 px, at most on average."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """Values of one kind, in the order of the plot's labels; `colour` is a class of the page's style."""

    name: str
    values: Sequence[float]
    colour: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """What is drawn: `labels` along one side, series beside or on each other. `said` gives a value in words; `told` is
    the plot in a sentence, for who can't see it."""

    name: str
    title: str
    told: str
    labels: Sequence[str]
    series: Sequence[Series]
    said: Callable[[float], str]


def bars(plot: Plot) -> str:
    """Horizontal bars, one a label, its series end to end, the sum written behind it."""
    sums = [math.fsum(one.values[place] for one in plot.series) for place in range(len(plot.labels))]
    most = max(sums, default=0.0) or 1.0
    room = WIDTH - LABEL - VALUE
    parts: list[str] = []
    for place, label in enumerate(plot.labels):
        y = TOP + place * ROW
        parts.append(_text(LABEL - 8, y + 15, shortened(label), anchor="end"))
        x = float(LABEL)
        for one in plot.series:
            width = room * one.values[place] / most
            if width > 0:
                tip = f"{label}, {one.name}: {plot.said(one.values[place])}"
                parts.append(_rect(x, y + 3, max(width, 1.0), ROW - 8, one.colour, tip))
                x += width
        parts.append(_text(x + 6, y + 15, plot.said(sums[place])))
    return _figure(plot, TOP * 2 + ROW * len(plot.labels), parts)


def columns(plot: Plot) -> str:
    """Vertical columns, the series of a label side by side, over a scale of whole numbers."""
    most = max((value for one in plot.series for value in one.values), default=0.0)
    step = _step(most)
    top = max(step, math.ceil(most / step) * step)
    room, slot = HEIGHT - BOTTOM - TOP, (WIDTH - LEFT) / max(1, len(plot.labels))
    parts: list[str] = []
    for mark in range(0, top + 1, step):
        y = TOP + room * (1 - mark / top)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 8, y + 4, str(mark), anchor="end"))
    thick = min(float(THICKEST), slot * 0.8) / max(1, len(plot.series))
    for place, label in enumerate(plot.labels):
        x = LEFT + slot * (place + 0.5) - thick * len(plot.series) / 2
        for at, one in enumerate(plot.series):
            height = room * one.values[place] / top
            if height > 0:
                tip = f"{label}, {one.name}: {plot.said(one.values[place])}"
                parts.append(_rect(x + at * thick, TOP + room - height, thick, height, one.colour, tip))
    parts += _ticks(plot.labels, slot)
    return _figure(plot, HEIGHT, parts)


def _ticks(labels: Sequence[str], slot: float) -> Iterator[str]:
    """As many labels under the columns as there is room for, from the left, the first always."""
    free = 0.0
    for place, label in enumerate(labels):
        half = len(label) * CHARACTER / 2
        x = max(LEFT + slot * (place + 0.5), half)
        if x - half >= free and x + half <= WIDTH:
            yield _text(x, HEIGHT - 12, label, anchor="middle")
            free = x + half + GAP


def _step(most: float) -> int:
    """The distance of the scale's marks: 1, 2 or 5 times a power of ten, so that there are at most six."""
    power = 1
    while True:
        for step in (power, 2 * power, 5 * power):
            if most / step <= 5:
                return step
        power *= 10


def _figure(plot: Plot, height: int, parts: Sequence[str]) -> str:
    names = f'aria-labelledby="{plot.name}-t {plot.name}-d"'
    legend = "".join(
        f'<span><i class="{one.colour}"></i>{escape(one.name)}</span>'
        for one in plot.series
        if len(plot.series) > 1
    )
    return (
        f"<figure><figcaption>{escape(plot.title)}<small>{legend}</small></figcaption>"
        f'<svg role="img" {names} viewBox="0 0 {WIDTH} {height}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{plot.name}-t">{escape(plot.title)}</title><desc id="{plot.name}-d">{escape(plot.told)}</desc>'
        f"{''.join(parts)}</svg></figure>"
    )


def _rect(x: float, y: float, width: float, height: float, colour: str, tip: str) -> str:
    box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{colour}" {box}><title>{escape(tip)}</title></rect>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def shortened(text: str) -> str:
    """What there is room for beside a bar."""
    return text if len(text) <= LONGEST_LABEL else text[: LONGEST_LABEL - 1] + "…"
