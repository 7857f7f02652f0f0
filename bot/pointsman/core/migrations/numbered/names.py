"""What the name of a numbered migration's file says: number, title and which way it goes; it reads no file."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from pointsman.core.model import GitPath

_DIGITS: Final = 30
_FLYWAY = re.compile(
    rf"(?P<kind>[VU])(?P<written>\d{{1,{_DIGITS}}}(?:[._]\d{{1,{_DIGITS}}}){{0,9}})(?P<rest>(?:__(?P<title>.*))?\.sql)"
)
_COUNTED = re.compile(
    rf"(?P<written>\d{{1,{_DIGITS}}}(?P<letter>[a-z]?))"
    r"(?P<rest>(?:[._-](?P<first>up|do|down|undo|rollback|revert))?"
    r"(?:(?:[ _-]+|\.(?=[a-z_]))(?P<title>.*?))?"
    r"(?:[._-](?P<last>up|do|down|undo|rollback|revert))?\.(?P<suffix>sql|go))",
    re.IGNORECASE,
)
_DOWN = frozenset({"down", "undo", "rollback", "revert"})
_UP = frozenset({"up", "do"})


class Style(Enum):
    """The family of names that a folder keeps; its value shows one."""

    FLYWAY = "V{version}__{title}.sql"
    PAIRED = "{version}_{title}.up.sql"
    PLAIN = "{version}_{title}.sql"


class Way(Enum):
    """`BOTH`: the file does not say; it goes up, and may hold a section that goes down."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class Version(NamedTuple):
    """A number as tools compare it: leading zeros and, where it has dots, trailing ones do not count."""

    parts: tuple[int, ...]
    letter: str = ""

    def __str__(self) -> str:
        return ".".join(map(str, self.parts)) + self.letter


class Name(NamedTuple):
    """One file's name. `written` is the number as it stands there, `before` and `rest` what is around it."""

    folder: GitPath
    before: str
    written: str
    rest: str
    version: Version
    title: str
    way: Way

    def numbered(self, written: str) -> GitPath:
        """The path that it has under another number."""
        name = f"{self.before}{written}{self.rest}"
        return f"{self.folder}/{name}" if self.folder else name


@lru_cache(maxsize=1 << 16)
def read(path: GitPath) -> tuple[Style, Name] | None:
    """What the name says, and of which family it is by itself; None where it is not numbered."""
    folder, _, file = path.rpartition("/")
    first = file[:1]
    # Nearly every path of a tree ends here.
    if not (first.isdigit() or first in ("V", "U")) or not file.endswith((".sql", ".go")):
        return None
    if file.endswith("_test.go"):
        return None
    if found := _FLYWAY.fullmatch(file):
        way = Way.UP if found["kind"] == "V" else Way.DOWN
        version = Version(_without_zeros(re.split("[._]", found["written"])))
        title = found["title"] or ""
        return Style.FLYWAY, Name(folder, found["kind"], found["written"], found["rest"], version, title, way)
    found = _COUNTED.fullmatch(file)
    if found is None:
        return None
    letter = found["letter"].lower()
    version = Version((int(found["written"][: len(found["written"]) - len(letter)]),), letter)
    said = (found["first"] or found["last"] or "").lower()
    way = Way.DOWN if said in _DOWN else Way.UP if said in _UP else Way.BOTH
    style = Style.PLAIN if way is Way.BOTH else Style.PAIRED
    return style, Name(folder, "", found["written"], found["rest"], version, found["title"] or "", way)


def is_loaded(style: Style, path: GitPath) -> bool:
    """Whether a tool that keeps this style takes the file as a step up."""
    found = read(path)
    if found is None:
        return False
    of, name = found
    if name.way is Way.DOWN or (style is not Style.PLAIN and path.endswith(".go")):
        return False
    # In a folder of plain names, one that says `up` is a step like the others.
    return of is style or (style is Style.PLAIN and of is Style.PAIRED)


def _without_zeros(parts: list[str]) -> tuple[int, ...]:
    """Flyway (MigrationVersion.compareTo) takes 1.0 for 1."""
    numbers = [int(part) for part in parts]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
