"""Finds the change's other files that name a revision file which a repair renames; it reads them and edits none."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE, GitPath, TreeEntry
from pointsman.ports import Git

MAX_FILES = 200
_ENDING = re.compile(r"(?:\.(?:up|down))?\.\w+$")


def mentions(
    git: Git,
    renamed: Mapping[GitPath, GitPath],
    before: Mapping[GitPath, TreeEntry],
    after: Mapping[GitPath, TreeEntry],
) -> tuple[str, ...]:
    """A sentence for each file that the change touches and that has the old name in it, in order of path. Which of
    them mean the file nobody can tell, so they are left as they are. The first `MAX_FILES` are looked at."""
    names = {_bare(old): _bare(new) for old, new in renamed.items() if _bare(old) != _bare(new)}
    if not names:
        return ()
    touched = sorted(
        path
        for path, entry in after.items()
        if before.get(path) != entry and path not in renamed and entry.mode in (MODE_FILE, MODE_EXECUTABLE)
    )[:MAX_FILES]
    oids = {path: after[path].oid for path in touched}
    read = dict(git.read(list(dict.fromkeys(oids.values())))) if oids else {}
    return tuple(
        f"{path} names {old}, which is {new} now: let it follow."
        for path, oid in oids.items()
        for old, new in names.items()
        if old.encode() in read[oid]
    )


def _bare(path: GitPath) -> str:
    return _ENDING.sub("", path.rpartition("/")[2])
