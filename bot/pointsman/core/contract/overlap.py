"""Can one name match two patterns? A question about patterns alone; no repository is read."""

from __future__ import annotations

from functools import lru_cache

from pointsman.core.contract.matching import ANY_DEPTH, branch_parts, path_parts
from pointsman.core.contract.patterns import fold


def branches_meet(a: str, b: str) -> bool:
    """Is there a branch name that both patterns match?"""
    return _parts_meet(branch_parts(a), branch_parts(b))


def paths_meet(a: str, b: str) -> bool:
    """Is there a path that both path patterns match, case and normalisation aside?"""
    return any(_parts_meet(one, other) for one in path_parts(fold(a)) for other in path_parts(fold(b)))


@lru_cache(maxsize=4096)
def _parts_meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    if not a or not b:
        return all(part == ANY_DEPTH for part in a + b)
    if a[0] == ANY_DEPTH:
        return _parts_meet(a[1:], b) or _parts_meet(a, b[1:])
    if b[0] == ANY_DEPTH:
        return _parts_meet(a, b[1:]) or _parts_meet(a[1:], b)
    return _names_meet(a[0], b[0]) and _parts_meet(a[1:], b[1:])


@lru_cache(maxsize=4096)
def _names_meet(a: str, b: str) -> bool:
    """Filled from the ends: can the rest of `a` from i and the rest of `b` from j name the same text?"""
    if not {"*", "?"} & {*a, *b}:
        return a == b
    reachable = [[False] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a), -1, -1):
        for j in range(len(b), -1, -1):
            reachable[i][j] = _can_go(a, b, i, j, reachable)
    return reachable[0][0]


def _can_go(a: str, b: str, i: int, j: int, reachable: list[list[bool]]) -> bool:
    if i == len(a) and j == len(b):
        return True
    if i < len(a) and a[i] == "*":
        return reachable[i + 1][j] or (j < len(b) and reachable[i][j + 1])
    if j < len(b) and b[j] == "*":
        return reachable[i][j + 1] or (i < len(a) and reachable[i + 1][j])
    if i == len(a) or j == len(b):
        return False
    return (a[i] == b[j] or "?" in (a[i], b[j])) and reachable[i + 1][j + 1]
