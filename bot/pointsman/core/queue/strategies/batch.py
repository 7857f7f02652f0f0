"""Batches, one at a time, halved while they are red, as bors does it; of size one it is the serial queue. It foretells
nothing."""

from __future__ import annotations

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.ground import Ground
from pointsman.core.queue.strategies.hotfix import start_hotfixes
from pointsman.core.queue.strategies.model import Facts, Plan
from pointsman.core.queue.strategies.sets import is_single, union

SIZE = 8
"""Changes in a batch where the contract names no number."""


def batch(facts: Facts) -> Plan:
    """A batch of the first in line; `depth` more stand on it."""
    return in_batches(facts, facts.max_batch or SIZE)


def serial(facts: Facts) -> Plan:
    """The first in line by itself; `depth` more stand on it."""
    return in_batches(facts, 1)


def in_batches(facts: Facts, size: int) -> Plan:
    """Batches of `size`, the suspects of a red one first, by halves."""
    ground = Ground(facts)
    start_hotfixes(ground)
    while ground.free > 0 and _running(ground) <= (facts.depth or 0):
        if not _start_next(ground, size):
            break
    return ground.plan


def _running(ground: Ground) -> int:
    """What runs and has not passed; hotfixes run beside the line."""
    return sum(1 for run in ground.live if not run.passed and run.purpose is not Purpose.INSURE)


def _start_next(ground: Ground, size: int) -> bool:
    """Start what comes next; False when there is nothing."""
    chain = ground.chain()
    top = chain[-1].content if chain else 0
    for alone in (*ground.suspects(), *ground.lost(top)):
        ground.start(alone, alone, Purpose.SCREEN)
        return True
    added = _half(ground, top) or _batch(ground, top, size)
    if not added or ground.is_live(top | added):
        return False
    ground.start(top | added, added, Purpose.CHAIN)
    return True


def _half(ground: Ground, top: int) -> int:
    """Half of the smallest red set of which nothing is being tested."""
    busy = union(run.content for run in ground.live)
    for red in sorted(ground.reds, key=int.bit_count):
        if not red & busy and not is_single(red):
            todo = [one for one in ground.facts.waiting if one.bit & red]
            if added := ground.front(todo, top, max(1, len(todo) // 2)):
                return added
    return 0


def _batch(ground: Ground, top: int, size: int) -> int:
    """The next in line that no red set is about."""
    busy = top | union(ground.reds) | ground.screened()
    return ground.front((one for one in ground.facts.waiting if not one.bit & busy), top, size)
