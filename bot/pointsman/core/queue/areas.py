"""Parts the line of a lane whose contract names independent areas, so that each has a chain of its own; plans none."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.contract import Contract
from pointsman.core.queue.model import Change
from pointsman.core.queue.observation import Observation
from pointsman.core.queue.overlap import area_of
from pointsman.core.queue.survey import Stand

PATIENCE = 1.0
"""Gates after which a change that belongs to no area holds back those behind it: else it would start again whenever one
of them lands."""


def groups(
    now: Observation, contract: Contract, line: Sequence[Change], stands: Sequence[Stand]
) -> list[list[Change]]:
    """The line by area, those of no area together; the group with the fewest candidates under test first, then the one
    whose first change has waited longest. One group where the contract names no areas."""
    areas = contract.queue.independent
    if not areas:
        return [list(line)]
    parts: dict[str | None, list[Change]] = {}
    for change in line:
        touch = now.touches.get(change.id)
        area = area_of(touch, areas) if touch is not None else None
        parts.setdefault(area, []).append(change)
        if area is None and now.at - change.submitted_at > PATIENCE * now.pace.gate:
            break
    return sorted(parts.values(), key=lambda part: (_tested(part, stands), part[0].submitted_at))


def _tested(part: Sequence[Change], stands: Sequence[Stand]) -> int:
    inside = {change.id for change in part}
    return sum(1 for stand in stands if not stand.passed and stand.changes <= inside)
