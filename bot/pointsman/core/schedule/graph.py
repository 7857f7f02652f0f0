"""What waits for what among tasks: cycles, how much a task unblocks, and the longest way behind it; pure graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointsman.core.schedule.model import Status, Task

MOST_CYCLES = 20
"""Cycles that are told of at once."""

ESTIMATE = 30
"""Minutes of a task that nobody estimated."""

Edges = Mapping[str, tuple[str, ...]]


def blockers(tasks: Sequence[Task]) -> dict[str, tuple[str, ...]]:
    """For each task the tasks of the same list that come first, whatever their status; by id."""
    ids = {task.id for task in tasks}
    by_branch = {task.branch: task.id for task in tasks if task.branch}
    return {
        task.id: tuple(
            dict.fromkeys(
                name if name in ids else by_branch[name]
                for name in task.depends_on
                if name in ids or name in by_branch
            )
        )
        for task in tasks
    }


def cycles(tasks: Sequence[Task]) -> tuple[tuple[str, ...], ...]:
    """Rings of tasks that wait for each other, each from its first task in the list, no task in two of them."""
    before = blockers(tasks)
    left = _on_rings(before)
    found: list[tuple[str, ...]] = []
    for task in tasks:
        if task.id in left and len(found) < MOST_CYCLES:
            ring = _way_back(task.id, before, left)
            found += [ring] if ring else []
            left -= set(ring) | {task.id}
    return tuple(found)


def unblocks(tasks: Sequence[Task]) -> dict[str, int]:
    """For each task that is not complete, how many others wait for it, directly or through each other."""
    behind = waiting_for(tasks)
    bits = {name: 1 << place for place, name in enumerate(behind)}
    masks: dict[str, int] = {}
    for name in reversed(_ordered(behind)):
        masks[name] = 0
        for later in behind[name]:
            masks[name] |= masks[later] | bits[later]
    return {name: mask.bit_count() for name, mask in masks.items()}


def chain_lengths(tasks: Sequence[Task]) -> dict[str, int]:
    """For each task that is not complete, the minutes of the longest chain that begins with it."""
    behind = waiting_for(tasks)
    minutes = {task.id: task.estimate or ESTIMATE for task in tasks}
    length: dict[str, int] = {}
    for name in reversed(_ordered(behind)):
        length[name] = minutes[name] + max((length[later] for later in behind[name]), default=0)
    return length


def waiting_for(tasks: Sequence[Task]) -> dict[str, list[str]]:
    """For each task that is not complete, those that wait for it directly; all in the order of the list."""
    behind: dict[str, list[str]] = {task.id: [] for task in tasks if task.status is not Status.COMPLETE}
    for later, firsts in blockers(tasks).items():
        for first in firsts:
            if later in behind and first in behind:
                behind[first].append(later)
    return behind


def _ordered(behind: Mapping[str, Sequence[str]]) -> list[str]:
    """Each before those that wait for it. There is no ring among them."""
    waits = dict.fromkeys(behind, 0)
    for laters in behind.values():
        for later in laters:
            waits[later] += 1
    ordered = [name for name, count in waits.items() if not count]
    for name in ordered:  # grows while it is walked
        for later in behind[name]:
            waits[later] -= 1
            if not waits[later]:
                ordered.append(later)
    return ordered


def _on_rings(before: Edges) -> set[str]:
    """Those that are left when whoever waits for nobody, or has nobody waiting, is taken away again and again."""
    left = _pruned(set(before), before)
    after: dict[str, tuple[str, ...]] = {}
    for name, firsts in before.items():
        for first in firsts:
            after[first] = (*after.get(first, ()), name)
    return _pruned(left, after)


def _pruned(left: set[str], edges: Edges) -> set[str]:
    """What remains of `left` when all are gone whose edges lead nowhere in it."""
    into: dict[str, list[str]] = {}
    count: dict[str, int] = {}
    for name in left:
        targets = [one for one in edges.get(name, ()) if one in left]
        count[name] = len(targets)
        for target in targets:
            into.setdefault(target, []).append(name)
    gone = [name for name in left if not count[name]]
    for name in gone:  # grows while it is walked
        for other in into.get(name, ()):
            count[other] -= 1
            if not count[other]:
                gone.append(other)
    return left - set(gone)


def _way_back(start: str, before: Edges, among: set[str]) -> tuple[str, ...]:
    """A shortest ring through `start`, in the order in which each waits for the next; () where there is none."""
    came_from: dict[str, str] = {}
    frontier = [start]
    for name in frontier:  # grows while it is walked
        for first in before[name]:
            if first == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if first in among and first not in came_from:
                came_from[first] = name
                frontier.append(first)
    return ()
