"""Names that are two in git and one where a file system ignores case or normalises; no other rule."""

from __future__ import annotations

from collections.abc import Container, Iterable

from pointsman.core.contract.patterns import fold
from pointsman.core.model import GitPath


def collisions(added: Iterable[GitPath], existing: Iterable[GitPath]) -> tuple[tuple[GitPath, GitPath], ...]:
    """Pairs (added name, other name), folders included, that differ and are equal NFC and case-folded.

    One pair for each name that has several spellings, and none for what is below two such folders.
    """
    mine = _spellings(added)
    if not mine:
        return ()
    everything = _spellings(existing)
    pairs = {}
    for key, names in mine.items():
        others = (names | everything.get(key, set())) - {min(names)}
        if others:
            pairs[key] = (min(names), min(others))
    return tuple(sorted(pair for key, pair in pairs.items() if not _is_below(key, pairs)))


def _spellings(paths: Iterable[GitPath]) -> dict[GitPath, set[GitPath]]:
    """Folded name -> how it is spelled, for every path and every folder above one."""
    found: dict[GitPath, set[GitPath]] = {}
    seen: set[GitPath] = set()
    for path in paths:
        name = path
        while name and name not in seen:
            seen.add(name)
            found.setdefault(fold(name), set()).add(name)
            name = name.rpartition("/")[0]
    return found


def _is_below(key: GitPath, pairs: Container[GitPath]) -> bool:
    parts = key.split("/")
    return any("/".join(parts[:depth]) in pairs for depth in range(1, len(parts)))
