"""Puts text from outside into Markdown so that it stays text: no mention, link, tag, command or end of a fold.

Every such text stands in a code span, a fence or a `<pre>`, where GitHub makes no mention and no link of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from pointsman.core.contract.names import shown

LINE = 400
"""How many characters of a name or a line are shown."""
BLOCK = 12_000
"""How many bytes of a log or a quote are shown."""

_BACKTICKS = re.compile("`+")


def code(text: str, limit: int = LINE) -> str:
    """The text as a code span of one line; what is not printable is escaped, what is too long is cut."""
    line = _cut(shown(text.strip().replace("\n", " ")), limit)
    ticks = "`" * (_longest_run(line) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}" if line else "` `"


def codes(texts: Iterable[str], most: int = 5) -> str:
    """Several code spans, the rest counted."""
    listed = list(texts)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(code(text) for text in listed[:most]) + more


def fence(text: str, language: str = "text", *, tail: bool = False, limit: int = BLOCK) -> str:
    """The text in a fence longer than any run of backticks in it; of a text that is too long its beginning, or with
    `tail` its end. `language` is our own word."""
    lines = printable_lines(text)
    kept = bounded(lines, limit, tail=tail)
    ticks = "`" * max(3, _longest_run(kept) + 1)
    return f"{ticks}{language}\n{kept}\n{ticks}"


def pre(text: str, limit: int = BLOCK) -> str:
    """The text for an HTML table's cell, in one line of source, so that no blank line ends the block."""
    kept = bounded(printable_lines(text), limit)
    return f"<pre>{'&#10;'.join(html.escape(line) or ' ' for line in kept.splitlines())}</pre>"


def fold(title: str, body: str) -> str:
    """A folded section; both are Markdown of our own making, with texts from outside already made safe."""
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def joined(parts: Iterable[str], limit: int) -> tuple[str, int]:
    """As many of the parts as there is room for, in order, a blank line between them, and how many were left out;
    each is whole or not there, so that no fence is cut open."""
    kept: list[str] = []
    skipped = 0
    for part in parts:
        size = len(part.encode()) + 2
        if size > limit:
            skipped += 1
            continue
        kept.append(part)
        limit -= size
    return "\n\n".join(kept), skipped


def plain(text: str, limit: int = LINE) -> str:
    """One printable line for places that show no Markdown at all, such as a check run's title."""
    return _cut(shown(" ".join(text.split())), limit)


def printable_lines(text: str) -> str:
    """Every line printable, tabs as spaces."""
    return "\n".join(shown(line.replace("\t", "    ")).rstrip() for line in text.splitlines())


def bounded(text: str, limit: int, *, tail: bool = False) -> str:
    """At most `limit` bytes of whole lines, from the end with `tail`; says how many were left out."""
    if len(text.encode()) <= limit:
        return text
    lines = text.splitlines()
    kept: list[str] = []
    room = limit
    for line in reversed(lines) if tail else lines:
        line = _cut(line, LINE)
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    left_out = f"... {len(lines) - len(kept)} more lines"
    return "\n".join([left_out, *reversed(kept)] if tail else [*kept, left_out])


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def _longest_run(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)
