"""In which order queued changes are tried, and which of them must wait for another; pure sorting."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.queue.model import Change, ChangeState
from pointsman.core.queue.observation import Standing


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The lane's line: `ready` in the order to be tried, `unmet` with the dependency that is not coming,
    `cycles` for changes that wait for each other."""

    ready: tuple[Change, ...]
    unmet: Mapping[int, str]
    cycles: Mapping[int, tuple[str, ...]]


def line_up(changes: Sequence[Change], standings: Mapping[str, Standing]) -> Line:
    """Dependencies first, then higher priority, then first come (by id); the same for any order of input.

    A dependency is a branch name or `#ID`; it is met by a change that landed, or that stands earlier in the
    line. O(n log n).
    """
    queued = {change.id: change for change in changes}
    unmet: dict[int, str] = {}
    blockers: dict[int, set[int]] = {}
    for change in changes:
        blockers[change.id] = set()
        if change.hold:
            unmet[change.id] = change.hold
        for name in change.depends_on:
            standing = standings.get(name)
            if standing is not None and standing.state is ChangeState.LANDED:
                continue
            if standing is not None and standing.change in queued:
                blockers[change.id].add(standing.change)
            else:
                unmet[change.id] = _why_unmet(name, standing)
    ordered = _topological(queued, blockers)
    cycles = {
        change_id: _cycle(change_id, blockers, queued)
        for change_id in _in_cycles(set(queued) - {change.id for change in ordered}, blockers)
    }
    stuck = _spread(unmet, blockers, queued, [change.id for change in ordered])
    ready = tuple(change for change in ordered if change.id not in stuck)
    return Line(ready=ready, unmet=stuck, cycles=cycles)


def waits_for(change: Change, standings: Mapping[str, Standing]) -> set[int]:
    """The queued changes that have to be on the base, or below in the same candidate, before this one."""
    known = (standings.get(name) for name in change.depends_on)
    return {one.change for one in known if one is not None and one.state is ChangeState.QUEUED}


def _why_unmet(name: str, standing: Standing | None) -> str:
    if standing is None:
        return f"depends on {name}, which was never submitted"
    return f"depends on {name} (#{standing.change}), which was {standing.state.value}"


def _topological(queued: Mapping[int, Change], blockers: Mapping[int, set[int]]) -> list[Change]:
    open_blockers = {change_id: set(blocked_by) for change_id, blocked_by in blockers.items()}
    dependents: dict[int, list[int]] = {}
    for change_id, blocked_by in blockers.items():
        for blocker in blocked_by:
            dependents.setdefault(blocker, []).append(change_id)
    heap = [_rank(queued[change_id]) for change_id, left in open_blockers.items() if not left]
    heapq.heapify(heap)
    ordered: list[Change] = []
    while heap:
        change = queued[heapq.heappop(heap)[1]]
        ordered.append(change)
        for dependent in dependents.get(change.id, ()):
            open_blockers[dependent].discard(change.id)
            if not open_blockers[dependent]:
                heapq.heappush(heap, _rank(queued[dependent]))
    return ordered


def _rank(change: Change) -> tuple[int, int]:
    return (-change.priority, change.id)


def _in_cycles(left: set[int], blockers: Mapping[int, set[int]]) -> set[int]:
    """Of the changes that topological order left over, those on a cycle (not merely behind one)."""
    return {change_id for change_id in left if _path_back(change_id, blockers)}


def _path_back(start: int, blockers: Mapping[int, set[int]]) -> list[int]:
    """A shortest way from `start` through its blockers back to it; empty when there is none."""
    came_from: dict[int, int] = {}
    frontier = [start]
    while frontier:
        following: list[int] = []
        for node in frontier:
            for blocker in sorted(blockers.get(node, ())):
                if blocker == start:
                    way = [node]
                    while way[-1] != start:
                        way.append(came_from[way[-1]])
                    return [*reversed(way), start]
                if blocker not in came_from:
                    came_from[blocker] = node
                    following.append(blocker)
        frontier = following
    return []


def _cycle(start: int, blockers: Mapping[int, set[int]], queued: Mapping[int, Change]) -> tuple[str, ...]:
    return tuple(queued[change_id].branch for change_id in _path_back(start, blockers))


def _spread(
    unmet: Mapping[int, str],
    blockers: Mapping[int, set[int]],
    queued: Mapping[int, Change],
    ordered: Sequence[int],
) -> dict[int, str]:
    """Whoever depends on a stuck change is stuck as well; `ordered` lists blockers before dependents."""
    stuck = dict(unmet)
    for change_id in ordered:
        for blocker in sorted(blockers[change_id]):
            if blocker in stuck and change_id not in stuck:
                stuck[change_id] = (
                    f"depends on {queued[blocker].branch} ({queued[blocker].label}), which waits itself"
                )
    return stuck
