"""Quotes what two sides did to one path, so that a conflict can be read where it is reported; resolves nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from pointsman.core.model import Conflicted, ConflictedPath, Sha
from pointsman.ports import Git

MAX_PATHS = 5
MAX_LINES = 8
MAX_BYTES = 200_000


def quote(git: Git, conflict: Conflicted) -> str:
    """Each path with the lines that either side added or removed, cut to a readable length."""
    parts = [part for path in conflict.paths[:MAX_PATHS] for part in _path(git, path)]
    if len(conflict.paths) > MAX_PATHS:
        parts.append(f"... and {len(conflict.paths) - MAX_PATHS} more paths")
    return "\n".join(parts)


def _path(git: Git, path: ConflictedPath) -> Iterator[str]:
    yield f"{path.path} ({path.kind})"
    before = _lines(git, path.base)
    for side, oid in (("base", path.ours), ("change", path.theirs)):
        after = _lines(git, oid)
        if oid is None:
            yield f"  {side}: deleted or absent"
        elif before is None or after is None:
            yield f"  {side}: not text, or too long to quote"
        else:
            yield f"  {side}:"
            yield from _changed(before, after)


def _changed(before: list[str], after: list[str]) -> Iterator[str]:
    lines = [
        line
        for line in difflib.unified_diff(before, after, n=0, lineterm="")
        if line[:3] not in ("---", "+++")
    ]
    shown = [line for line in lines if not line.startswith("@@")]
    for line in shown[:MAX_LINES]:
        yield f"    {line[:160]}"
    if len(shown) > MAX_LINES:
        yield f"    ... {len(shown) - MAX_LINES} more lines"


def _lines(git: Git, oid: Sha | None) -> list[str] | None:
    """The blob's lines; [] where there is none, None where it is no text or too long to compare."""
    if oid is None:
        return []
    ((_, blob),) = git.read([oid])
    if len(blob) > MAX_BYTES or b"\0" in blob[:8000]:
        return None
    return blob.decode("utf-8", "replace").splitlines()
