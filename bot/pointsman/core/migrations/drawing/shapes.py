"""Shapes at their places on a page, in pixels from the top left; nothing here knows what they mean, or any markup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pointsman.core.migrations.drawing.letters import width

MONO, SANS, SMALL = 7.4, 7.0, 6.3
"""How wide one column of text is taken to be, in pixels; rather more than fonts of that size have."""
_COLUMN = {"m": MONO, "q": MONO * 11 / 12, "h": 10.6, "n": SMALL, "s": SMALL}


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    w: float
    h: float

    def overlaps(self, other: Box) -> bool:
        apart = self.x + self.w <= other.x or other.x + other.w <= self.x
        return not (apart or self.y + self.h <= other.y or other.y + other.h <= self.y)


@dataclass(frozen=True, slots=True)
class Text:
    """One line, its base line at `y`. `look` is a word for its font and colours, the first for the font."""

    x: float
    y: float
    text: str
    look: str

    @property
    def box(self) -> Box:
        return Box(self.x, self.y - 11, text_width(self.text, self.look), 14)


@dataclass(frozen=True, slots=True)
class Dot:
    """A circle around a place."""

    x: float
    y: float
    r: float
    look: str

    @property
    def box(self) -> Box:
        return Box(self.x - self.r, self.y - self.r, 2 * self.r, 2 * self.r)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A line from (x1, y1) by way of the column `by` to (x2, y2), downwards; `bend` is how high a bend may be."""

    x1: float
    y1: float
    by: float
    x2: float
    y2: float
    bend: float
    look: str


@dataclass(frozen=True, slots=True)
class Card:
    """A rounded ground on which other shapes stand."""

    box: Box
    look: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A small sign before a line: yes, no or unknown."""

    x: float
    y: float
    look: str


Shape = Text | Dot | Stretch | Card | Tick


@dataclass(slots=True)
class Page:
    """Shapes, and how far they reach."""

    shapes: list[Shape] = field(default_factory=list)
    width: float = 0
    height: float = 0

    def add(self, shape: Shape) -> None:
        self.shapes.append(shape)
        match shape:
            case Text() | Dot() | Card():
                self.width = max(self.width, shape.box.x + shape.box.w)
                self.height = max(self.height, shape.box.y + shape.box.h)
            case Stretch():
                self.width = max(self.width, shape.x1, shape.x2, shape.by)
            case Tick():
                pass

    def boxes(self) -> Iterator[Box]:
        """Of all that may not lie upon one another."""
        return (shape.box for shape in self.shapes if isinstance(shape, Text | Dot))


def text_width(text: str, look: str) -> float:
    return width(text) * _COLUMN.get(look.partition(" ")[0], SANS)
