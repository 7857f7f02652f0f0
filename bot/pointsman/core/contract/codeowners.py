"""CODEOWNERS as GitHub reads it: which owners the last matching line gives a path; not how it is enforced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.core.contract.matching import pattern_set
from pointsman.core.contract.patterns import pattern_problem
from pointsman.core.model import GitPath

CODEOWNERS_LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order (docs.github.com, About code owners); the first that exists counts."""

_FIELD = re.compile(r"(?:\\.|[^\s\\])+")


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnersLine:
    """`owners` as written (`@login`, `@org/team`, an address); () says that nobody owns what it matches."""

    line: int
    pattern: str
    owners: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnusableLine:
    line: int
    text: str
    why: str


def parse_codeowners(data: bytes) -> tuple[tuple[OwnersLine, ...], tuple[UnusableLine, ...]]:
    """The lines that can be used, and those that can't; a pattern that ends in `**/` is read as `**`."""
    good: list[OwnersLine] = []
    bad: list[UnusableLine] = []
    text = data.decode("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), start=1):
        fields = _FIELD.findall(line)
        if not fields or fields[0].startswith("#"):
            continue
        comment = next((at for at, word in enumerate(fields) if at and word.startswith("#")), len(fields))
        pattern = re.sub(r"\\(.)", r"\1", fields[0])
        pattern = pattern.removesuffix("/") if pattern.endswith("**/") else pattern
        why = pattern_problem(pattern)
        if why:
            bad.append(UnusableLine(line=number, text=line.strip(), why=why))
        else:
            good.append(OwnersLine(line=number, pattern=pattern, owners=tuple(fields[1:comment])))
    return tuple(good), tuple(bad)


def owners_of(lines: Sequence[OwnersLine], path: GitPath) -> tuple[str, ...] | None:
    """The owners by the last line that matches; None if none does, () if that line names nobody."""
    found = pattern_set(tuple(line.pattern for line in lines)).matches(path)
    return lines[max(found)].owners if found else None
