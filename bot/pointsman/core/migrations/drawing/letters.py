"""Pieces of drawn text: spans with a tone, and how wide a text is on a terminal; it knows no revision."""

from __future__ import annotations

import unicodedata
from enum import Enum
from typing import NamedTuple

from pointsman.core.contract.names import shown
from pointsman.core.migrations.drawing.model import Mark


class Tone(Enum):
    """What a piece of text is, for whoever has colours."""

    PLAIN = "plain"
    QUIET = "quiet"
    BASE = "base"
    CHANGE = "change"
    NEW = "new"
    GONE = "gone"


class Span(NamedTuple):
    """Printable text on one line."""

    text: str
    tone: Tone = Tone.PLAIN


Line = tuple[Span, ...]

TONES = {
    Mark.FORK: Tone.PLAIN,
    Mark.BASE: Tone.BASE,
    Mark.CHANGE: Tone.CHANGE,
    Mark.MOVED: Tone.NEW,
    Mark.RENAMED: Tone.NEW,
    Mark.ADDED: Tone.NEW,
    Mark.DROPPED: Tone.GONE,
    Mark.FOLD: Tone.QUIET,
}


def fitted(text: str, limit: int) -> str:
    """The text printable and at most `limit` columns wide; the middle of a longer one is left out, since ids differ at
    their ends."""
    safe = shown(text)
    if width(safe) <= limit:
        return safe
    tail = max(0, (limit - 3) * 2 // 5)
    front, back = safe[: limit - 3 - tail], safe[len(safe) - tail :]
    while front and width(front) + 3 + width(back) > limit:
        front, back = front[:-1], back[1:] if width(back) > tail else back
    return f"{front}...{back}"


def cut(text: str, limit: int) -> str:
    """The text printable and at most `limit` columns wide, the end of a longer one left out."""
    safe = shown(text)
    if width(safe) <= limit:
        return safe
    while safe and width(safe) + 3 > limit:
        safe = safe[: min(len(safe) - 1, limit)]
    return f"{safe.rstrip()}..."


def width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def line_width(line: Line) -> int:
    return sum(width(span.text) for span in line)


def as_text(lines: tuple[Line, ...]) -> str:
    """Without tones, no blanks at line ends."""
    return "\n".join("".join(span.text for span in line).rstrip() for line in lines)
