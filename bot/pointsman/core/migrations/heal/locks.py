"""Files that hold the current head beside the revisions (a lock against silent forks): found and rewritten."""

from __future__ import annotations

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


def candidates(layout: Layout, paths: Iterable[GitPath]) -> tuple[GitPath, ...]:
    """Paths of the tree that may be head lock files of the environment: well-known names in the script folder,
    its version folders, the config's folder and the folders between."""
    places = set(layout.versions) | {layout.home}
    config = layout.config.rpartition("/")[0]
    folder = layout.home
    while folder and folder != config:
        folder = folder.rpartition("/")[0]
        places.add(folder)
    places.add(config)
    return tuple(path for path in paths if _split(path)[1] in NAMES and _split(path)[0] in places)


def updated(content: bytes, heads: Mapping[str, str], after: Collection[str]) -> bytes | None:
    """The lock with the old heads that it holds replaced; None if it holds anything else, or is right.

    `heads` maps each id that was a head, on either side, to the one that takes its place. A lock of one line
    holds the head; one of several lines holds all of them, one a line."""
    text = content.decode("utf-8", "surrogateescape")
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


def _split(path: GitPath) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name
