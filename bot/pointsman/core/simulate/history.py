"""A repository's own past as a workload: when changes came, how long gates took, which were red; it reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from pointsman.core.simulate.workloads import Fleet, Workload, fleet


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A change that came at `at` (seconds). `seconds` is how long its gate took, `red` and `together` whether it was
    red by itself, or only with another; None where that is not known."""

    at: float
    seconds: float | None = None
    red: bool | None = None
    together: bool | None = None


def replayed(past: Sequence[Past], like: Fleet, *, seed: int, name: str) -> Workload:
    """The changes as they came, by time. What is not known of them is drawn as in a fleet like that one; the gate is
    the median of those that are known. At least one change."""
    ordered = sorted(past, key=lambda one: one.at)
    drawn = fleet(like, changes=len(ordered), seed=seed)
    known = [one.seconds for one in ordered if one.seconds is not None]
    gate = median(known) if known else drawn.gate
    clashes = _clashes(ordered)
    jobs = tuple(
        replace(
            job,
            at=one.at - ordered[0].at,
            seconds=job.seconds * gate / drawn.gate if one.seconds is None else one.seconds,
            red=job.red if one.red is None else one.red,
            foes=job.foes if one.together is None else clashes.get(number, ()),
        )
        for number, (one, job) in enumerate(zip(ordered, drawn.jobs, strict=True))
    )
    return replace(drawn, name=name, jobs=jobs, gate=gate)


def _clashes(past: Sequence[Past]) -> dict[int, tuple[int, ...]]:
    """Whoever was red only together is taken to clash with the one before it."""
    pairs: dict[int, tuple[int, ...]] = {}
    for number, one in enumerate(past):
        if one.together and number:
            pairs[number] = (*pairs.get(number, ()), number - 1)
            pairs[number - 1] = (*pairs.get(number - 1, ()), number)
    return pairs
