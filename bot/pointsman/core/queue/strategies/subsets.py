"""Speculate on everything: each change on every subset of those before it, likely or not. Only the simulator has a use
for it; no contract can name it."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.ground import Ground
from pointsman.core.queue.strategies.hotfix import start_hotfixes
from pointsman.core.queue.strategies.model import Facts, Plan
from pointsman.core.queue.strategies.sets import bits

REACH = 10
"""So many changes from the front of the line; the last of them alone has a thousand contents."""


def subsets(facts: Facts) -> Plan:
    """In line order, the fullest content of each change first, as far as the runners go."""
    ground = Ground(facts)
    start_hotfixes(ground)
    for content, bit in _contents(ground):
        if ground.free <= 0:
            break
        below = content & ~bit
        whole = not any(ground.waiting[one].needs & ~content for one in bits(content & ground.needy))
        fits = (whole and ground.can_join(bit, below, 0)) or content in ground.suspects()
        if fits and not ground.is_live(content):
            ground.start(content, bit, Purpose.CHAIN)
    return ground.plan


def _contents(ground: Ground) -> Iterator[tuple[int, int]]:
    ahead: list[int] = []
    for one in ground.facts.waiting[:REACH]:
        for left_out in range(1 << len(ahead)):
            yield one.bit | sum(bit for place, bit in enumerate(ahead) if not left_out >> place & 1), one.bit
        ahead.append(one.bit)
