"""Which lines of a comment speak: plain lines of paragraphs, outside quotes, lists, code and HTML. It follows
CommonMark's block structure, and where readers differ it takes the line for hidden; no command is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pointsman.core.pulls.commands.blocks import read_rows
from pointsman.core.pulls.commands.inlines import hidden_rows

_LINE_END = re.compile(r"\r\n|\n|\r")
_FENCE = re.compile(r"[ \t]*+(?:(?:[-+*]|[0-9]{1,9}[.)])[ \t]++)*+(`{3,}+|~{3,}+)(.*)", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """`number` counts from 1; `text` is without the spaces around it."""

    number: int
    text: str


def spoken_lines(body: str) -> Iterator[Line]:
    """The lines that stand openly in a paragraph of the comment itself, in order. Linear in the length."""
    lines = _LINE_END.split(body)
    rows = read_rows(lines)
    silent = hidden_rows(rows) | _fenced_loosely(lines)
    for row in rows:
        if row.speaks and row.number not in silent:
            yield Line(number=row.number + 1, text=lines[row.number].strip(" \t"))


def _fenced_loosely(lines: list[str]) -> set[int]:
    """Lines between two fences wherever these stand: people indent and list them carelessly."""
    inside: set[int] = set()
    fence = ""
    for number, line in enumerate(lines):
        matched = _FENCE.fullmatch(line)
        if fence:
            inside.add(number)
            if matched and matched[1].startswith(fence) and not matched[2].strip():
                fence = ""
        elif matched and not (matched[1][0] == "`" and "`" in matched[2]):
            fence = matched[1]
    return inside
