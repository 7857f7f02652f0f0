"""Adds pieces of work up to figures, over all and by group; it reads nothing and words nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pointsman.core.report.model import FAILED, RETRY, STOPPED, Piece, Spent, Suggestion

FEWEST = {50: 5, 95: 20, 99: 100}
"""A percentile is said from so many values on: below, it would only be one of them."""

UNKNOWN = "not known"
NOT_STATED = "not stated"


class By(StrEnum):
    """What pieces of work are grouped by."""

    ROLE = "role"
    AUTHOR = "author"
    MODEL = "model"
    AREA = "area"


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How times (seconds) are spread. None: too few values (`FEWEST`), or none at all."""

    n: int
    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        ordered = sorted(values)
        return cls(
            n=len(ordered),
            mean=math.fsum(ordered) / len(ordered) if ordered else None,
            p50=percentile(ordered, 50),
            p95=percentile(ordered, 95),
            p99=percentile(ordered, 99),
        )


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The smallest value that `percent` of all are not above (nearest rank); None where there are too few."""
    if len(ordered) < FEWEST[percent]:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@dataclass(frozen=True, kw_only=True, slots=True)
class Statement:
    """A sum of what trailers state, how many of the pieces of work state it, and how many of these landed. The others
    are not zero: what is divided by pieces of work is divided by those that state it."""

    stated: int
    landed: int
    of: int
    tokens: int | None = None
    cost: Mapping[str, float] | None = None

    def per_landed(self, amount: float) -> float | None:
        return amount / self.landed if self.landed else None

    def per_started(self, amount: float) -> float | None:
        return amount / self.stated if self.stated else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The figures of some pieces of work; times in seconds. What is given per landed is the cost of *all* of them over
    those that landed. `models`: how many name each."""

    started: int
    landed: int
    returned: int
    withdrawn: int
    queued: int
    submissions: int
    turnaround: Spread
    stages: Mapping[str, float]
    gate: Mapping[str, float]
    runs: int
    failed_checks: int
    retries: int
    stopped: int
    candidates: int
    rebuilds: int
    heals: Mapping[str, int]
    heal_seconds: float
    landed_healed: int
    returns: Mapping[str, int]
    conflicts: int
    review_fixes: int
    interventions: Mapping[str, int]
    interventions_on_landed: int
    by_others: int | None
    models: Mapping[str, int]
    tokens: Statement
    cost: Statement

    @property
    def gate_seconds(self) -> float:
        return math.fsum(self.gate.values())

    def per_landed(self, amount: float) -> float | None:
        """None where nothing landed."""
        return amount / self.landed if self.landed else None

    def per_started(self, amount: float) -> float | None:
        return amount / self.started if self.started else None


def total(pieces: Sequence[Piece], candidates: int | None = None) -> Totals:
    """The figures of those pieces; `candidates` is how many different ones held them, where that is known (one that
    held several counts once), else their sum."""
    states = Counter(piece.state for piece in pieces)
    landed = [piece for piece in pieces if piece.state == "landed"]
    built = [piece.candidates for piece in pieces]
    ran = {run: what for piece in pieces for run, what in piece.ran.items()}
    was = Counter(name for what in ran.values() for name in what)
    asked = [piece.by_others for piece in pieces if piece.by_others is not None]
    return Totals(
        started=len(pieces),
        landed=len(landed),
        returned=states["returned"],
        withdrawn=states["withdrawn"],
        queued=states["queued"],
        submissions=sum(len(piece.changes) for piece in pieces),
        turnaround=Spread.of(piece.elapsed for piece in landed),
        stages=_sum(piece.stages for piece in pieces),
        gate=_sum(piece.gate for piece in pieces),
        runs=len(ran),
        failed_checks=was[FAILED],
        retries=was[RETRY],
        stopped=was[STOPPED],
        candidates=sum(built) if candidates is None else candidates,
        rebuilds=sum(piece.rebuilds for piece in pieces),
        heals=Counter(strategy for piece in pieces for strategy, _ in piece.heals),
        heal_seconds=math.fsum(seconds for piece in pieces for _, seconds in piece.heals),
        landed_healed=sum(1 for piece in landed if piece.landed_healed),
        returns=Counter(code for piece in pieces for code in piece.returns),
        conflicts=sum(piece.conflicts for piece in pieces),
        review_fixes=sum(piece.review_fixes for piece in pieces),
        interventions=_counted(piece.interventions for piece in pieces),
        interventions_on_landed=sum(piece.touched_by_people for piece in landed),
        by_others=sum(asked) if asked else None,
        models=Counter(one.stated.model for one in pieces if one.stated.model is not None),
        tokens=_tokens(pieces),
        cost=_cost(pieces),
    )


def _sum(each: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Added up by key, the greatest first."""
    parts: dict[str, list[float]] = {}
    for one in each:
        for key, value in one.items():
            parts.setdefault(key, []).append(value)
    sums = {key: math.fsum(values) for key, values in parts.items()}
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _counted(each: Iterable[Mapping[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for one in each:
        counted.update(one)
    return counted


def _tokens(pieces: Sequence[Piece]) -> Statement:
    saying = [piece for piece in pieces if piece.stated.tokens is not None]
    tokens = sum(piece.stated.tokens or 0 for piece in saying)
    return Statement(
        stated=len(saying), landed=_landed(saying), of=len(pieces), tokens=tokens if saying else None
    )


def _cost(pieces: Sequence[Piece]) -> Statement:
    saying = [piece for piece in pieces if piece.stated.cost is not None]
    cost = _sum(piece.stated.cost or {} for piece in saying)
    return Statement(
        stated=len(saying), landed=_landed(saying), of=len(pieces), cost=cost if saying else None
    )


def _landed(pieces: Iterable[Piece]) -> int:
    return sum(1 for piece in pieces if piece.state == "landed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """What happened on one day (`YYYY-MM-DD`, in the reader's zone)."""

    date: str
    started: int
    landed: int
    returned: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """Everything that a report says. `since` and `until` (seconds since 1970, None is open) bound when a piece of work
    was first submitted. `lane_acts` is what people did to whole lanes; `trailers`: were commits read?"""

    since: float | None
    until: float | None
    now: float
    lane: str | None
    by: By | None
    pieces: Sequence[Piece]
    totals: Totals
    groups: Mapping[str, Totals]
    roles: Mapping[str, Totals]
    days: Sequence[Day]
    lane_acts: Mapping[str, int]
    suggestions: Sequence[Suggestion]


def grouped(pieces: Sequence[Piece], by: By) -> dict[str, Totals]:
    """The figures by group, the largest first; a piece of several areas counts in each of them, so that groups of
    areas may add up to more than all."""
    groups: dict[str, list[Piece]] = {}
    for piece in pieces:
        for name in _names(piece, by):
            groups.setdefault(name, []).append(piece)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: total(members) for name, members in ordered}


def _names(piece: Piece, by: By) -> tuple[str, ...]:
    match by:
        case By.ROLE:
            return (piece.role or UNKNOWN,)
        case By.AUTHOR:
            return (piece.author,)
        case By.MODEL:
            return (piece.stated.model or NOT_STATED,)
        case By.AREA:
            return piece.areas or (UNKNOWN,)


def by_day(
    pieces: Sequence[Piece],
    ends: Iterable[tuple[float, str]],
    day_of: Callable[[float], str],
) -> tuple[Day, ...]:
    """Started, landed and returned (every return, not only the last) by day; days on which nothing happened between
    two on which something did are left out."""
    started = Counter(day_of(piece.submitted_at) for piece in pieces)
    ended = Counter((day_of(at), state) for at, state in ends)
    dates = sorted({*started, *(date for date, _ in ended)})
    return tuple(
        Day(date=date, started=started[date], landed=ended[date, "landed"], returned=ended[date, "returned"])
        for date in dates
    )


def totals_json(totals: Totals) -> dict[str, Any]:
    """The figures for a program: times in seconds, rounded to milliseconds; null is not known."""
    return {
        "started": totals.started,
        "landed": totals.landed,
        "returned": totals.returned,
        "withdrawn": totals.withdrawn,
        "queued": totals.queued,
        "submissions": totals.submissions,
        "turnaround": _spread_json(totals.turnaround),
        "stages": _rounded(totals.stages),
        "gate": {
            "seconds": round(totals.gate_seconds, 3),
            "per_landed": _round(totals.per_landed(totals.gate_seconds)),
            "per_started": _round(totals.per_started(totals.gate_seconds)),
            **{spent.value: round(totals.gate.get(spent, 0.0), 3) for spent in Spent},
            "runs": totals.runs,
            "failed": totals.failed_checks,
            "retries": totals.retries,
            "stopped": totals.stopped,
        },
        "candidates": {
            "built": totals.candidates,
            "per_landed": _round(totals.per_landed(totals.candidates)),
            "rebuilds": totals.rebuilds,
        },
        "heals": {
            "count": sum(totals.heals.values()),
            "seconds": round(totals.heal_seconds, 3),
            "landed": totals.landed_healed,
            "per_landed": _round(totals.per_landed(totals.landed_healed)),
            "by_strategy": dict(totals.heals),
        },
        "returns": dict(sorted(totals.returns.items(), key=lambda item: (-item[1], item[0]))),
        "conflicts": totals.conflicts,
        "review_fixes": totals.review_fixes,
        "interventions": {
            "by_kind": dict(totals.interventions),
            "commits_by_others": totals.by_others,
            "on_landed": totals.interventions_on_landed,
            "per_landed": _round(totals.per_landed(totals.interventions_on_landed)),
        },
        "models": {
            "stated": sum(totals.models.values()),
            "of": totals.started,
            "by_name": dict(totals.models),
        },
        "tokens": _tokens_json(totals.tokens),
        "cost": _cost_json(totals.cost),
    }


def _tokens_json(said: Statement) -> dict[str, Any]:
    return {
        "stated": said.stated,
        "of": said.of,
        "sum": said.tokens,
        "per_landed": _round(said.per_landed(said.tokens)) if said.tokens is not None else None,
        "per_started": _round(said.per_started(said.tokens)) if said.tokens is not None else None,
    }


def _cost_json(said: Statement) -> dict[str, Any]:
    """By currency; null where nobody states a cost."""
    cost = said.cost
    return {
        "stated": said.stated,
        "of": said.of,
        "sum": _rounded(cost) if cost is not None else None,
        "per_landed": {name: _round(said.per_landed(one)) for name, one in cost.items()} if cost else None,
        "per_started": {name: _round(said.per_started(one)) for name, one in cost.items()} if cost else None,
    }


def _spread_json(spread: Spread) -> dict[str, Any]:
    return {
        "n": spread.n,
        "mean": _round(spread.mean),
        "p50": _round(spread.p50),
        "p95": _round(spread.p95),
        "p99": _round(spread.p99),
    }


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {key: round(value, 3) for key, value in values.items()}


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
