"""Sets of changes as whole numbers, a bit each: subset tests are one `&`. No rule of the queue stands here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def bits(content: int) -> Iterator[int]:
    """Each bit of a set as a set of its own, the lowest first."""
    while content:
        bit = content & -content
        yield bit
        content ^= bit


def union(contents: Iterable[int]) -> int:
    """All that is in any of them; 0 of none."""
    whole = 0
    for content in contents:
        whole |= content
    return whole


def holds(content: int, part: int) -> bool:
    """Whether `part` is a subset of `content`."""
    return part & ~content == 0


def is_single(content: int) -> bool:
    """Whether it is a set of exactly one."""
    return content > 0 and content & (content - 1) == 0
