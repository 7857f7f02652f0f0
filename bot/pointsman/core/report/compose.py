"""Makes a report of records: which pieces of work are in it, their figures, and what to suggest; it reads nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.contract.model import Contract
from pointsman.core.queue.model import Change, ChangeState
from pointsman.core.report.drift import suggestions
from pointsman.core.report.figures import By, Report, by_day, grouped, total
from pointsman.core.report.model import Commits, Override, Records
from pointsman.core.report.pieces import Ledger, gather
from pointsman.core.report.timeline import History, follow


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a report is asked for: work first submitted from `since` on and before `until` (seconds since 1970, None is
    open), on one lane or all, with a table by one thing or none."""

    since: float | None = None
    until: float | None = None
    lane: str | None = None
    by: By | None = None


def choose(changes: Sequence[Change], asked: Asked) -> list[tuple[Change, ...]]:
    """The pieces of work that were asked for, as their submissions."""
    begin = float("-inf") if asked.since is None else asked.since
    end = float("inf") if asked.until is None else asked.until
    pieces = gather([one for one in changes if asked.lane is None or one.lane == asked.lane])
    return [piece for piece in pieces if begin <= piece[0].submitted_at < end]


def compose(
    records: Records,
    asked: Asked,
    *,
    day_of: Callable[[float], str],
    commits: Mapping[int, Commits] | None = None,
    overrides: Sequence[Override] = (),
    contract: Contract | None = None,
) -> Report:
    """The report. `commits` are by the first change of a piece of work; `day_of` names the day of a time."""
    chosen = choose(records.changes, asked)
    history = follow(records.lines, records.changes, now=records.now)
    ledger = Ledger.of(records, history)
    known = commits or {}
    pieces = tuple(ledger.piece(one, known.get(one[0].id, Commits())) for one in chosen)
    ids = {change for piece in pieces for change in piece.changes}
    built = sum(1 for one in records.candidates if any(member.change in ids for member in one.members))
    return Report(
        since=asked.since,
        until=asked.until,
        now=records.now,
        lane=asked.lane,
        by=asked.by,
        pieces=pieces,
        totals=total(pieces, candidates=built),
        groups=grouped(pieces, asked.by) if asked.by is not None else {},
        roles=grouped(pieces, By.ROLE),
        days=by_day(pieces, _ends(chosen), day_of),
        lane_acts=_lane_acts(history, asked),
        suggestions=suggestions(overrides, pieces, contract) if contract is not None else (),
    )


def _ends(chosen: Iterable[tuple[Change, ...]]) -> list[tuple[float, str]]:
    return [
        (change.ended_at, change.state.value)
        for piece in chosen
        for change in piece
        if change.ended_at is not None and change.state in (ChangeState.LANDED, ChangeState.RETURNED)
    ]


def _lane_acts(history: History, asked: Asked) -> Counter[str]:
    begin = float("-inf") if asked.since is None else asked.since
    end = float("inf") if asked.until is None else asked.until
    return Counter(
        act
        for at, lane, act in history.lane_acts
        if begin <= at < end and (asked.lane is None or lane == asked.lane)
    )
