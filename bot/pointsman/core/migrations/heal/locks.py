"""Files that hold the current head beside the revisions (a lock against silent forks): found and rewritten."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from pointsman.core.migrations.model import Layout
from pointsman.core.model import GitPath

NAMES = frozenset(
    {
        "current_alembic_head",
        "current_head",
        "alembic_head",
        "alembic_head.txt",
        "head",
        "head.txt",
        "HEAD",
        "HEADS",
        "heads.txt",
        "max_migration.txt",
        "migrations_lockfile.txt",
    }
)
SHARED = frozenset({"migrations_lockfile.txt"})
"""Those of a whole project: lines of `app: head`, among words for people."""
_LINE = re.compile(r"^(\w+): *(\S+)\r?$", re.MULTILINE)


def candidates(layout: Layout, paths: Iterable[GitPath]) -> tuple[GitPath, ...]:
    """Paths of the tree that may be head lock files of the environment: well-known names in the script folder,
    its version folders, the config's folder and the folders between; those of a whole project also above."""
    places = set(layout.versions) | {layout.home}
    config = layout.config.rpartition("/")[0]
    folder = layout.home
    while folder and folder != config:
        folder = folder.rpartition("/")[0]
        places.add(folder)
    places.add(config)
    return tuple(
        path
        for path in paths
        if (found := _split(path))[1] in NAMES
        and (found[0] in places or (found[1] in SHARED and _is_above(found[0], layout.home)))
    )


def updated(
    content: bytes, heads: Mapping[str, str], after: Collection[str], label: str = ""
) -> bytes | None:
    """The lock with the old heads that it holds replaced; None if it holds anything else, or is right.

    `heads` maps each id that was a head, on either side, to the one that takes its place. A lock of one line
    holds the head; one of several lines holds all of them, one a line; in one with a line of `label: head`, that is
    all there is to replace."""
    text = content.decode("utf-8", "surrogateescape")
    if label and (line := next((one for one in _LINE.finditer(text) if one.group(1) == label), None)):
        here = slice(*line.span(2))
        named = text[: here.start] + heads.get(line.group(2), line.group(2)) + text[here.stop :]
        return None if named == text else named.encode("utf-8", "surrogateescape")
    lines = text.split()
    if not lines or any(line not in heads and line not in after for line in lines):
        return None
    now = list(dict.fromkeys(heads.get(line, line) for line in lines))
    if len(now) == 1 and len(lines) == 1:
        result = text.replace(lines[0], now[0])
    else:
        end = "\r\n" if "\r\n" in text else "\n"
        result = end.join(now) + (end if text.endswith("\n") else "")
    new = result.encode("utf-8", "surrogateescape")
    return None if new == content else new


def is_shared(path: GitPath) -> bool:
    """Whether a lock holds the heads of several environments."""
    return _split(path)[1] in SHARED


def keeps(theirs: bytes, now: bytes, heads: Collection[str]) -> bool:
    """Whether a lock as it is `now` loses nothing of what the change wrote into its own, `theirs`, but `heads` that
    others have taken the place of."""
    before, after = (text.decode("utf-8", "replace") for text in (theirs, now))
    named = _LINE.findall(before)
    if not named:
        return set(before.split()) <= set(heads)
    kept = dict(_LINE.findall(after))
    words = _LINE.sub("", before) == _LINE.sub("", after)
    return words and all(kept.get(label) == head or head in heads for label, head in named)


def _is_above(folder: str, home: str) -> bool:
    return not folder or home.startswith(folder + "/")


def _split(path: GitPath) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name
