"""Tests hotfixes at once, on the tip, beside all that runs; shared by every strategy."""

from __future__ import annotations

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.ground import Ground, oldest
from pointsman.core.queue.strategies.model import Live, Waiting
from pointsman.core.queue.strategies.sets import holds

CHEAPEST = (Purpose.INSURE, Purpose.SCREEN, Purpose.CHAIN)
"""What is pushed out by a hotfix, the first first."""


def start_hotfixes(ground: Ground) -> None:
    """Start each hotfix that no run carries with nothing but other hotfixes, on top of the one before it."""
    hotfixes = [one for one in ground.facts.waiting if one.hotfix]
    base = 0
    for one in hotfixes:
        mine = [
            run.content for run in ground.live if run.content & one.bit and holds(ground.urgent, run.content)
        ]
        base = max(mine, default=0, key=int.bit_count) or _start(ground, one, base) or base


def _start(ground: Ground, hotfix: Waiting, base: int) -> int:
    """What is tested now, 0 when it can't be."""
    for below in (base, 0) if base else (0,):
        added = ground.needed(hotfix.bit) & ~below
        if _fits(ground, added, below):
            if not _make_room(ground):
                return 0
            return ground.start(below | added, added, Purpose.INSURE).content
    if hotfix.bit in ground.suspects() and _make_room(ground):
        return ground.start(hotfix.bit, hotfix.bit, Purpose.SCREEN).content
    return 0


def _fits(ground: Ground, added: int, base: int) -> bool:
    """Whether one link can add all of it, in line order."""
    todo = [one for one in ground.facts.waiting if one.bit & added]
    return bool(added) and ground.front(todo, base, added.bit_count()) == added


def _make_room(ground: Ground) -> bool:
    """Whether a runner is free; pushes out the youngest run that carries no hotfix if that helps."""
    if ground.free <= 0:
        for purpose in CHEAPEST:
            if others := [run for run in ground.of(purpose) if _may_go(ground, run)]:
                ground.drop(oldest(others)[-1])
                break
    return ground.free > 0


def _may_go(ground: Ground, run: Live) -> bool:
    return run.id >= 0 and not run.passed and not holds(ground.urgent, run.content)
