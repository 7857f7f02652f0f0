"""Zuul's dependent pipeline: each change on all before it, in a window that grows while they land and halves when one
is returned. It foretells nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.ground import Ground
from pointsman.core.queue.strategies.hotfix import start_hotfixes
from pointsman.core.queue.strategies.model import Facts, Plan, Start, Waiting

FIRST, FLOOR = 20, 3
"""How many changes are tested at once at first, and at the least (Zuul's `window` and `window-floor`)."""


def window(facts: Facts) -> Plan:
    """The window's changes on each other; those behind one that is red stand on the nearest that is not."""
    ground = Ground(facts)
    start_hotfixes(ground)
    size = window_size(facts.ended)
    if facts.depth is not None:
        size = min(size, facts.depth + 1)
    wanted = list(_wanted(ground, size))
    contents = {link.content for _, link in wanted}
    for run in ground.of(Purpose.CHAIN):
        if run.content not in contents and not run.passed:
            ground.drop(run)
    have = {run.content for run in ground.live}
    for place, link in wanted:
        if ground.free > 0 and place < size and link.content not in have:
            ground.start(link.content, link.added, link.purpose)
    return ground.plan


def window_size(ended: Sequence[bool]) -> int:
    """One more for each change that landed, half for each that was returned, oldest first."""
    size = FIRST
    for landed in ended:
        size = size + 1 if landed else max(FLOOR, size // 2)
    return size


def _wanted(ground: Ground, size: int) -> Iterator[tuple[int, Start]]:
    """What the window and what runs already come to, each with its place in line: links of the chain, and suspects by
    themselves. What runs goes on when the window shrinks."""
    suspects = ground.suspects()
    running, order = _in_order(ground)
    top = max((run.content for run in ground.live if run.passed), default=0, key=int.bit_count)
    for place, one in enumerate(order[: max(size, running)]):
        if one.bit & top:
            continue
        if ground.can_join(one.bit, top, 0):
            top |= one.bit
            yield place, Start(content=top, added=one.bit, purpose=Purpose.CHAIN)
        elif one.bit in suspects or one.bit in ground.lost(top):
            yield place, Start(content=one.bit, added=one.bit, purpose=Purpose.SCREEN)


def _in_order(ground: Ground) -> tuple[int, list[Waiting]]:
    """How many are in the chain, and all: those in it as they are there, then the line. Who comes first later does not
    restart those before."""
    place: dict[int, int] = {}
    for number, run in enumerate(ground.chain()):
        for one in ground.facts.waiting:
            if one.bit & run.content:
                place.setdefault(one.bit, number)
    last = len(place)
    return last, sorted(ground.facts.waiting, key=lambda one: place.get(one.bit, last))
