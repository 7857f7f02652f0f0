"""Finds the operations that a refusal quotes, with their files and lines; it judges nothing."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.model import GitPath

MAX_QUOTES = 24


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What stands at a line of a file, and why it is quoted."""

    path: GitPath
    line: int
    text: str
    why: str


def quotes(refusal: Refusal) -> tuple[Quote, ...]:
    """In the order of the refusal's text, whose form is that of `operations.render`; () where it quotes nothing.
    Only files that the refusal itself names count."""
    known = {f"  {path}:": path for path in refusal.paths}
    found: list[Quote] = []
    why = ""
    lines = refusal.message.splitlines()
    for index, line in enumerate(lines):
        head, _, number = line.rpartition(":")
        path = known.get(f"{head}:")
        if path is not None and number.isascii() and number.isdigit():
            text = _text(lines[index + 1 :])
            found.append(Quote(path=path, line=max(1, int(number[:9])), text=text, why=why))
        elif not line.startswith("  "):
            why = line
    return tuple(found[:MAX_QUOTES])


def _text(rest: list[str]) -> str:
    quoted: list[str] = []
    for line in rest:
        if not line.startswith("    "):
            break
        quoted.append(line[4:])
    return "\n".join(quoted)
