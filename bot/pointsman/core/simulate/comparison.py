"""Strategies side by side on the same work, beside the oracle; averages over seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from statistics import fmean
from typing import Any

from pointsman.core.contract import Retry
from pointsman.core.simulate.lanes import lane_contract
from pointsman.core.simulate.oracle import oracle
from pointsman.core.simulate.outcome import Figures, figures
from pointsman.core.simulate.workloads import MINUTE, Workload
from pointsman.core.simulate.world import World

STRATEGIES = ("speculate", "window", "batch", "subsets", "serial")
"""Ours first; `subsets` only exists on paper."""

GOAL_P50, GOAL_P95 = 1.2, 1.5
"""What a turnaround may be of the oracle's."""

Progress = Callable[[str, int, int], None]
"""Told now and then: the strategy, how many changes have ended, of how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """`limit`: a strategy with more changes waiting has fallen behind, and its run ends there."""

    retry: Retry = field(default_factory=lambda: Retry(max=1))
    limit: int | None = 200
    lanes: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """`turns` are the turnarounds of landed changes in minutes, sorted, of the first seed."""

    name: str
    load: float
    bits: float
    runners: int
    gate: float
    oracle: Figures
    strategies: Mapping[str, Figures]
    turns: Mapping[str, Sequence[float]]

    def times(self, strategy: str) -> tuple[float, float, float, float]:
        """P50, P95, P99 and landings an hour, each as a multiple of the oracle's; 0 where the oracle has none."""
        mine, best = self.strategies[strategy], self.oracle
        pairs = (
            (mine.p50, best.p50),
            (mine.p95, best.p95),
            (mine.p99, best.p99),
            (mine.per_hour, best.per_hour),
        )
        p50, p95, p99, landed = (one / other if other else 0.0 for one, other in pairs)
        return p50, p95, p99, landed

    def to_json(self) -> dict[str, Any]:
        times = ("p50", "p95", "p99", "per_hour")
        return {
            "workload": self.name,
            "load": round(self.load, 3),
            "bits": round(self.bits, 3),
            "runners": self.runners,
            "gate_minutes": self.gate / MINUTE,
            "oracle": _rounded(asdict(self.oracle)),
            "strategies": {
                name: {
                    **_rounded(asdict(one)),
                    "of_oracle": dict(zip(times, (round(x, 3) for x in self.times(name)), strict=True)),
                }
                for name, one in self.strategies.items()
            },
        }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in values.items()}


def compare(
    works: Sequence[Workload], strategies: Sequence[str], settings: Settings, progress: Progress | None = None
) -> Comparison:
    """The same work with several seeds under each strategy. InCircles, Stuck: a defect of the queue."""
    best = [oracle(work) for work in works]
    turns = {"oracle": _turns(works[0], best[0].landed)}
    found: dict[str, Figures] = {}
    for strategy in strategies:
        outcomes = []
        for work in works:
            contract = lane_contract(
                strategy,
                runners=work.runners,
                retry=settings.retry,
                areas=work.areas if settings.lanes else 0,
            )
            told = _telling(progress, strategy, len(work.jobs))
            outcomes.append(World(work, contract, limit=settings.limit, progress=told).run())
        found[strategy] = mean_of([figures(work, out) for work, out in zip(works, outcomes, strict=True)])
        turns[strategy] = _turns(works[0], outcomes[0].landed)
    return Comparison(
        name=works[0].name,
        load=fmean(work.load for work in works),
        bits=fmean(work.bits for work in works),
        runners=works[0].runners,
        gate=works[0].gate,
        oracle=mean_of([figures(work, out) for work, out in zip(works, best, strict=True)]),
        strategies=found,
        turns=turns,
    )


def _telling(progress: Progress | None, strategy: str, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    return lambda done: progress(strategy, done, total)


def _turns(work: Workload, landed: Mapping[int, float]) -> list[float]:
    return sorted((at - work.jobs[job].at) / MINUTE for job, at in landed.items())


def mean_of(several: Sequence[Figures]) -> Figures:
    """Of each figure the mean; overrun if one is."""
    values: dict[str, Any] = {}
    for one in fields(Figures):
        column = [getattr(each, one.name) for each in several]
        if one.name == "overrun":
            values[one.name] = any(column)
        elif one.name in ("landed", "returned", "wrongly"):
            values[one.name] = sum(column)
        else:
            values[one.name] = fmean(column)
    return Figures(**values)
