"""Made-up work: when changes arrive, how long their gates take, which are red and with whom; the same for a seed.
It knows no strategy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

MINUTE, HOUR = 60.0, 3600.0

SPREAD = 0.25
"""Standard deviation of the logarithm of a gate's time."""

RISKY, TIMES_MORE, TIMES_LESS = 0.25, 2.5, 0.5
"""So many changes are of the kind that is red so much more often than the mean; the others so much less."""

REACH = 1.5
"""Changes that arrived within so many gates may be red together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One change: when it arrives and how long its gate takes (seconds), whether it is red by itself, after which part
    of the gate a red run ends, which jobs it is red together with, and what it is like in words."""

    at: float
    seconds: float
    red: bool = False
    ends: float = 1.0
    foes: tuple[int, ...] = ()
    words: tuple[str, ...] = ()
    area: int = 0
    priority: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """`jobs` by arrival; `gate` is the usual time of a gate, in seconds. `flaky`: how often a run is red by chance.
    `areas`: how many there are, 0 where nobody tells them apart."""

    name: str
    jobs: Sequence[Job]
    gate: float
    runners: int
    flaky: float = 0.0
    areas: int = 0
    seed: int = 0

    @property
    def span(self) -> float:
        """Seconds from the first arrival to the last."""
        return self.jobs[-1].at - self.jobs[0].at if self.jobs else 0.0

    @property
    def load(self) -> float:
        """Gate time that arrives while one passes, per runner, were every change tested once and by itself."""
        if not self.span:
            return 0.0
        return sum(job.seconds for job in self.jobs) / self.span / self.runners

    @property
    def bits(self) -> float:
        """Bits of outcome that arrive per run that there is time for. A run tells one bit at most: above one nobody who
        does not know the outcomes beforehand keeps up, whatever the strategy."""
        return self.load * self._entropy()

    def _entropy(self) -> float:
        kinds: dict[tuple[str, ...], list[bool]] = {}
        for job in self.jobs:
            kinds.setdefault(job.words, []).append(job.red or bool(job.foes))
        return sum(len(reds) * _entropy(sum(reds) / len(reds)) for reds in kinds.values()) / len(self.jobs)


def _entropy(p: float) -> float:
    return 0.0 if p <= 0 or p >= 1 else -p * math.log2(p) - (1 - p) * math.log2(1 - p)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """Agents at work: changes an hour, minutes of a gate, gates at once; the part that is red alone, and the part that
    is red only together with another. `fail_fast`: a red run ends when the first test fails. `kinds`: what a change
    is like tells something of its risk."""

    per_hour: float
    gate: float
    runners: int
    red: float
    together: float
    fail_fast: bool = True
    kinds: bool = True
    flaky: float = 0.0

    @property
    def name(self) -> str:
        return (
            f"{self.per_hour:g}/h, {self.gate:g} min, {self.runners} runners, "
            f"{self.red:.0%} red alone, {self.together:.0%} together"
        )


def fleet(cell: Fleet, *, changes: int, seed: int) -> Workload:
    """Arrivals at random; pairs that are red together are drawn by the later of the two from those that arrived within
    the last gates, whatever a strategy makes of them."""
    dice = _dice(seed)
    near = max(3, int(cell.per_hour / 60 * cell.gate * REACH))
    pairs: list[tuple[int, int]] = []
    jobs: list[Job] = []
    now = 0.0
    for number in range(changes):
        now += dice.expovariate(cell.per_hour / HOUR)
        risky = dice.random() < RISKY
        red = cell.red if not cell.kinds else min(0.6, cell.red * (TIMES_MORE if risky else TIMES_LESS))
        jobs.append(
            Job(
                at=now,
                seconds=_seconds(dice, cell.gate * MINUTE),
                red=dice.random() < red,
                ends=dice.uniform(0.1, 1) if cell.fail_fast else 1.0,
                words=("kind:risky" if risky else "kind:usual",) if cell.kinds else (),
            )
        )
        other = dice.randrange(max(0, number - near), number) if number else 0
        if dice.random() < cell.together and number:
            pairs.append((other, number))
    return Workload(
        name=cell.name,
        jobs=_paired(jobs, pairs),
        gate=cell.gate * MINUTE,
        runners=cell.runners,
        flaky=cell.flaky,
        seed=seed,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Monorepo:
    """Work as Uber's paper has it: areas with a falling share of the changes, and in each the published curve of
    conflicts (EuroSys 2019: 5 % of changes at two concurrent ones, 40 % at sixteen)."""

    per_hour: float
    gate: float
    runners: int
    red: float = 0.04
    areas: int = 40

    @property
    def name(self) -> str:
        return f"{self.per_hour:g}/h, {self.gate:g} min, {self.runners} runners, {self.areas} areas"


CURVE = math.log(math.log(0.6) / math.log(0.95)) / math.log(15)


def conflicts(concurrent: int) -> float:
    """The part of changes that conflict with another when so many are at work in their area."""
    return 0.0 if concurrent < 2 else 1 - 0.95 ** ((concurrent - 1) ** CURVE)


def monorepo(cell: Monorepo, *, changes: int, seed: int) -> Workload:
    """A pair is drawn once, by the later of the two, from those of its area that arrived within the last gate."""
    dice = _dice(seed)
    shares = [1 / (1 + area / 8) for area in range(cell.areas)]
    recent: dict[int, list[int]] = {}
    pairs: list[tuple[int, int]] = []
    jobs: list[Job] = []
    now = 0.0
    for number in range(changes):
        now += dice.expovariate(cell.per_hour / HOUR)
        risky = dice.random() < RISKY
        (area,) = dice.choices(range(cell.areas), shares)
        jobs.append(
            Job(
                at=now,
                seconds=_seconds(dice, cell.gate * MINUTE),
                red=dice.random() < cell.red * (TIMES_MORE if risky else TIMES_LESS),
                ends=dice.uniform(0.1, 1),
                words=("kind:risky" if risky else "kind:usual",),
                area=area,
            )
        )
        near = [one for one in recent.get(area, ()) if jobs[one].at > now - cell.gate * MINUTE]
        recent[area] = [*near, number]
        if near and dice.random() < 1 - math.sqrt(1 - conflicts(len(near) + 1)):
            pairs.append((dice.choice(near), number))
    return Workload(
        name=cell.name,
        jobs=_paired(jobs, pairs),
        gate=cell.gate * MINUTE,
        runners=cell.runners,
        areas=cell.areas,
        seed=seed,
    )


def _dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a workload, no secret


def _seconds(dice: Random, mean: float) -> float:
    return mean * math.exp(dice.gauss(0, SPREAD) - SPREAD * SPREAD / 2)


def _paired(jobs: Sequence[Job], pairs: Sequence[tuple[int, int]]) -> tuple[Job, ...]:
    foes: dict[int, list[int]] = {}
    for one, other in pairs:
        foes.setdefault(one, []).append(other)
        foes.setdefault(other, []).append(one)
    return tuple(
        replace(job, foes=tuple(foes[number])) if number in foes else job for number, job in enumerate(jobs)
    )
