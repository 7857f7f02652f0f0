"""Names that are two in git and one where a file system ignores case or normalises; no other rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pointsman.core.contract.patterns import fold
from pointsman.core.model import GitPath


def collisions(added: Iterable[GitPath], existing: Iterable[GitPath]) -> tuple[tuple[GitPath, GitPath], ...]:
    """Pairs (added name, other name), folders included, that differ and are equal NFC and case-folded."""
    wanted: dict[str, set[GitPath]] = {}
    for path in added:
        for name in _with_folders(path):
            wanted.setdefault(fold(name), set()).add(name)
    if not wanted:
        return ()
    found = {_pair(a, b) for names in wanted.values() for a in names for b in names if a < b}
    seen: set[GitPath] = set()
    for path in existing:
        for name in _with_folders(path):
            if name in seen:
                break
            seen.add(name)
            found |= {(mine, name) for mine in wanted.get(fold(name), ()) if mine != name}
    return _topmost(found)


def _pair(a: GitPath, b: GitPath) -> tuple[GitPath, GitPath]:
    return (a, b)


def _with_folders(path: GitPath) -> Iterator[GitPath]:
    """The path and every folder above it, longest first."""
    yield path
    while (cut := path.rfind("/")) > 0:
        path = path[:cut]
        yield path


def _topmost(found: set[tuple[GitPath, GitPath]]) -> tuple[tuple[GitPath, GitPath], ...]:
    """Each collision once: (a, b) not again as (b, a), nor once more for each name below two folders."""
    pairs = {(min(pair), max(pair)): pair for pair in sorted(found, reverse=True)}
    folded = {fold(one) for one, _ in pairs}
    kept = (p for p in pairs.values() if not any(fold(up) in folded for up in list(_with_folders(p[0]))[1:]))
    return tuple(sorted(kept))
