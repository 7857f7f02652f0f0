"""How Django names migrations, whose file name is their id; it reads no file."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pointsman.core.migrations.model import Revision
from pointsman.core.model import GitPath

FIRST, LATEST = "__first__", "__latest__"
SPECIAL = frozenset({FIRST, LATEST})
_DIGITS = re.compile(r"\d+")
_SQUASHED = re.compile(r".*_squashed_(\d+)")
_LONGEST_LEAVES = 47


def stem(path: GitPath) -> str:
    """The migration's name: its module's."""
    return path.rpartition("/")[2].removesuffix(".py")


def number(name: str) -> int | None:
    """The number that `makemigrations` counts on from (django/db/migrations/autodetector.py, parse_number)."""
    squashed = _SQUASHED.match(name)
    if squashed:
        return int(squashed.group(1))
    found = _DIGITS.match(name)
    return int(found.group()) if found else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """`Naming`: counts on from the highest parent. `when` dates the names of merges with long leaves."""

    when: int

    def follow(
        self, revision: Revision, below: Sequence[tuple[str, GitPath]], taken: Collection[str]
    ) -> tuple[str, GitPath]:
        """See `Naming`: a number that is above the parents' and that no other migration has is kept."""
        found = _DIGITS.match(revision.id)
        if found is None or "_squashed_" in revision.id:
            return revision.id, revision.path
        top = max((number(id) or 0 for id, _ in below), default=0)
        used = {number(id) for id in taken}
        if int(found.group()) > top and int(found.group()) not in used:
            return revision.id, revision.path
        value = top + 1
        while value in used:
            value += 1
        id = str(value).zfill(len(found.group())) + revision.id[found.end() :]
        folder = revision.path.rpartition("/")[0]
        return id, f"{folder}/{id}.py" if folder else f"{id}.py"

    def merge_id(self, parents: Sequence[Revision], taken: Collection[str]) -> str:
        """What `makemigrations --merge` would call it."""
        numbers = [value for one in parents if (value := number(one.id)) is not None]
        leaves = "_".join(sorted(one.id for one in parents))
        date = datetime.fromtimestamp(self.when, UTC)
        rest = leaves if len(leaves) <= _LONGEST_LEAVES else f"{date:%Y%m%d_%H%M}"
        name = f"{max(numbers, default=1) + 1:04d}_merge_{rest}"
        while name in taken:
            name += "_1"
        return name
