"""What a run says in a workload: only what is in the tree decides, whoever asks; no strategy may look in here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from pointsman.core.simulate.workloads import Workload


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """Of one run: `culprits` are the jobs without which it would not have been red, () when it is green; a flake has
    none although it is red."""

    green: bool
    seconds: float
    culprits: tuple[int, ...] = ()


class Truth:
    """`landed` says since which tip (they are counted up) each job is on the base."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.landed: dict[int, int] = {}

    def ask(self, members: Sequence[int], *, tip: int, question: str) -> Answer:
        """Run the gate on those members, in order, on top of the `tip`-th tip. The same `question`, the same answer."""
        jobs = self.work.jobs
        seconds = jobs[members[-1]].seconds
        culprits = self._culprits(members, tip)
        if culprits:
            ends = min(jobs[one].ends for one in culprits)
            return Answer(green=False, seconds=seconds * ends, culprits=culprits)
        if self.work.flaky:
            dice = Random(f"{self.work.seed}:{question}")  # noqa: S311 - a workload, no secret
            if dice.random() < self.work.flaky:
                return Answer(green=False, seconds=seconds * dice.uniform(0.1, 1))
        return Answer(green=True, seconds=seconds)

    def _culprits(self, members: Sequence[int], tip: int) -> tuple[int, ...]:
        """Who is red alone, or clashes with what stands below it."""
        below: set[int] = set()
        found: list[int] = []
        for one in members:
            job = self.work.jobs[one]
            if job.red or any(self._is_below(foe, below, tip) for foe in job.foes):
                found.append(one)
            below.add(one)
        return tuple(found)

    def _is_below(self, job: int, below: Collection[int], tip: int) -> bool:
        return job in below or self.landed.get(job, tip + 1) <= tip
