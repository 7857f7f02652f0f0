"""What came of one run of a workload, and its figures; nothing here runs anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pointsman.core.simulate.workloads import HOUR, MINUTE, Workload


@dataclass(kw_only=True, slots=True)
class Outcome:
    """`landed`: job -> when, in seconds; `overrun`: the queue grew past the limit and the run was ended there, at
    `ended`. `busy` is runner time, `wasted` that of it which was given up or red."""

    landed: dict[int, float] = field(default_factory=dict)
    returned: dict[int, float] = field(default_factory=dict)
    wrongly: int = 0
    builds: int = 0
    busy: float = 0.0
    wasted: float = 0.0
    decisions: int = 0
    ended: float = 0.0
    overrun: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """Turnaround of landed changes in minutes, submitted to landed; landings an hour while changes arrived; gate runs
    per landed change; the part of runner time that was given up or red."""

    p50: float
    p95: float
    p99: float
    per_hour: float
    builds: float
    wasted: float
    landed: int
    returned: int
    wrongly: int
    overrun: bool


def figures(work: Workload, outcome: Outcome) -> Figures:
    """Of an outcome with nothing landed the turnarounds are 0."""
    turns = sorted((at - work.jobs[job].at) / MINUTE for job, at in outcome.landed.items())
    last = outcome.ended if outcome.overrun else work.jobs[-1].at
    hours = max(1.0, last - work.jobs[0].at) / HOUR
    inside = sum(1 for at in outcome.landed.values() if at <= last)
    count = max(1, len(turns))
    return Figures(
        p50=percentile(turns, 0.5),
        p95=percentile(turns, 0.95),
        p99=percentile(turns, 0.99),
        per_hour=inside / hours,
        builds=outcome.builds / count,
        wasted=outcome.wasted / outcome.busy if outcome.busy else 0.0,
        landed=len(turns),
        returned=len(outcome.returned),
        wrongly=outcome.wrongly,
        overrun=outcome.overrun,
    )


def percentile(ordered: Sequence[float], part: float) -> float:
    """Nearest rank; 0 of nothing."""
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
