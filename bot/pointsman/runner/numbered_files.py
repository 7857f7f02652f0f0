"""The numbered migrations of one tree, in the order in which they run; reads folders and text, runs nothing.

Kept to Python 3.9's language. Imports nothing of Pointsman.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional

Json = dict[str, Any]
UP, DOWN, BOTH = "up", "down", "both"
FLYWAY = "V{version}__{title}.sql"
_FLYWAY = re.compile(r"([VU])(\d+(?:[._]\d+)*)(?:__(.*))?\.sql")
_WAYS = "up|do|down|undo|rollback|revert"
_COUNTED = re.compile(
    rf"(\d+)([a-z]?)(?:[._-](?P<first>{_WAYS}))?(?:(?:[ _-]+|\.(?=[a-z_]))(?P<title>.*?))?"
    rf"(?:[._-](?P<last>{_WAYS}))?\.(?:sql|go)",
    re.IGNORECASE,
)
_MARK = re.compile(r"^[ \t]*--[ \t]*(?:\+goose|\+migrate|migrate:)[ \t]*(up|down)\b(.*)$", re.I | re.M)
MAX_FILE = 4_000_000


@dataclass(frozen=True)
class File:
    """One file; `version` sorts as the tools do."""

    path: str
    version: tuple[Any, ...]
    number: str
    title: str
    way: str


@dataclass(frozen=True)
class Step:
    """One migration. `id` is its number, with the title where the number is not its own; `down` is None where it has no
    way back, or one that is empty."""

    id: str
    path: str
    up: str
    down: Optional[str]  # noqa: UP045 - read at run time by 3.9


def steps(tree: Path, job: Json) -> list[Step]:
    """Lowest number first."""
    files = sorted(_files(tree, job), key=lambda file: (file.version, file.title, file.path))
    ups = [file for file in files if file.way != DOWN and _is_loaded(file, job["template"])]
    counts = Counter(file.number for file in ups)
    downs: dict[str, list[File]] = {}
    for file in files:
        if file.way == DOWN:
            downs.setdefault(file.number, []).append(file)
    return [_step(tree, file, downs.get(file.number, []), alone=counts[file.number] == 1) for file in ups]


def _files(tree: Path, job: Json) -> Iterator[File]:
    for place in job["versions"]:
        folder = tree / place
        found = folder.rglob("*") if job["recursive"] else folder.glob("*")
        for path in found:
            file = read(path.name)
            if file is not None and path.is_file() and tree.resolve() in path.resolve().parents:
                yield replace(file, path=str(path.relative_to(tree)))


def read(name: str) -> File | None:
    """What a file's name says; None where it is not numbered."""
    flyway = _FLYWAY.fullmatch(name)
    if flyway is not None:
        parts = [int(part) for part in re.split("[._]", flyway[2])]
        while len(parts) > 1 and parts[-1] == 0:
            parts.pop()
        way = UP if flyway[1] == "V" else DOWN
        return File(name, (tuple(parts), ""), ".".join(map(str, parts)), flyway[3] or "", way)
    found = _COUNTED.fullmatch(name)
    if found is None or name.endswith("_test.go"):
        return None
    said = (found["first"] or found["last"] or "").lower()
    way = BOTH if not said else UP if said in ("up", "do") else DOWN
    number, letter = int(found[1]), found[2].lower()
    return File(name, ((number,), letter), f"{number}{letter}", found["title"] or "", way)


def _is_loaded(file: File, template: str) -> bool:
    flyway = file.path.rpartition("/")[2].startswith("V")
    if template == FLYWAY or flyway:
        return flyway and template == FLYWAY
    return file.way == UP or (".up." not in template)


def _step(tree: Path, file: File, downs: list[File], *, alone: bool) -> Step:
    text = _text(tree / file.path)
    mine = [down for down in downs if down.title == file.title] or (downs if alone else [])
    back = _text(tree / mine[0].path) if mine else section(text, DOWN)
    back = back if back is not None and statements(back) else None
    known = file.number if alone or not file.title else f"{file.number}_{file.title}"
    return Step(known, file.path, section(text, UP) or "", back)


def _text(path: Path) -> str:
    with path.open("rb") as opened:
        return opened.read(MAX_FILE).decode("utf-8-sig", "replace")


def section(text: str, way: str) -> str | None:
    """The part of a file between its marks; the whole of one without marks goes up, and has no way down."""
    marks = list(_MARK.finditer(text))
    if not marks:
        return text if way == UP else None
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    parts = [text[mark.end() : end] for mark, end in zip(marks, ends) if mark[1].lower() == way]  # noqa: B905
    return "".join(parts) if parts else None


_SPLIT = re.compile(r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$.*?\$\1\$|;""", re.DOTALL)


def statements(text: str) -> list[str]:
    """The statements of a text, split at semicolons that end one."""
    found, start = [], 0
    for token in _SPLIT.finditer(text):
        if token.group() == ";":
            found.append(text[start : token.end()])
            start = token.end()
    found.append(text[start:])
    return [
        one
        for one in found
        if _SPLIT.sub(lambda m: "" if m.group()[:2] in ("--", "/*") else m.group(), one).strip(" \t\r\n;")
    ]
