"""Which plots a report's page has and what each shows; how they are drawn is `plots`' business."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from pointsman.core.narrate import printable
from pointsman.core.report.figures import Day, Report, Totals
from pointsman.core.report.model import Spent
from pointsman.core.report.plots import Plot, Series, bars, columns
from pointsman.core.report.text import MOST, spread_words
from pointsman.core.report.words import DAY, HOUR, MINUTE, count, duration, spent_words, stage_words

DAYS = 45
"""So many days are drawn one by one; of more, weeks."""


def pictures(report: Report) -> Iterator[str]:
    """The plots of a report, each a figure; one that would be empty is left out."""
    totals = report.totals
    landed = [piece.elapsed for piece in report.pieces if piece.state == "landed"]
    if landed:
        yield columns(_spread_plot(landed, spread_words(totals.turnaround)))
    days = _by_week(report.days) if len(report.days) > DAYS else report.days
    yield columns(_days_plot(days, "week" if len(report.days) > DAYS else "day"))
    if totals.stages:
        yield bars(_one_series("stages", "Where the time went", totals.stages, stage_words, duration))
    if totals.returns:
        counts = {name: float(number) for name, number in totals.returns.items()}
        yield bars(_one_series("returns", "Returned because of", counts, str, lambda value: f"{value:.0f}"))
    if totals.gate_seconds:
        yield bars(_gate_plot(report.roles))


def _one_series(
    name: str,
    title: str,
    values: Mapping[str, float],
    words: Callable[[str], str],
    said: Callable[[float], str],
) -> Plot:
    top = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    shown = [(printable(words(key)), value) for key, value in top[:MOST]]
    shown += [("the rest", math.fsum(value for _, value in top[MOST:]))] if len(top) > MOST else []
    return Plot(
        name=name,
        title=title,
        told="; ".join(f"{label}: {said(value)}" for label, value in shown),
        labels=[label for label, _ in shown],
        series=[Series(name=title, values=[value for _, value in shown], colour="a")],
        said=said,
    )


def _gate_plot(roles: Mapping[str, Totals]) -> Plot:
    top = sorted(roles.items(), key=lambda item: (-item[1].gate_seconds, item[0]))[:MOST]
    colours = {Spent.LANDED: "d", Spent.LEARNED: "a", Spent.WASTED: "b", Spent.OPEN: "c"}
    used = [spent for spent in Spent if any(one.gate.get(spent, 0.0) for _, one in top)]
    return Plot(
        name="gate",
        title="Runner time by role",
        told="; ".join(f"{printable(name)}: {duration(one.gate_seconds)}" for name, one in top),
        labels=[printable(name) for name, _ in top],
        series=[
            Series(
                name=spent_words(spent),
                values=[one.gate.get(spent, 0.0) for _, one in top],
                colour=colours[spent],
            )
            for spent in used
        ],
        said=duration,
    )


_MINUTES = (2, 3, 4, 5, 7, 10, 15, 20, 30, 45)
_HOURS = (1, 2, 3, 4, 6, 8, 12)
_DAYS = (1, 2, 3, 5, 7)
_EDGES = (
    *(5, 10, 20, 30, 45, 60),
    *(MINUTE * one for one in _MINUTES),
    *(HOUR * one for one in _HOURS),
    *(DAY * one for one in _DAYS),
)
"""Seconds where one column of turnarounds ends and the next begins."""


def _spread_plot(elapsed: Sequence[float], told: str) -> Plot:
    counts = [0] * (len(_EDGES) + 1)
    for value in elapsed:
        counts[bisect_right(_EDGES, value)] += 1
    first = next(place for place, number in enumerate(counts) if number)
    last = len(counts) - next(place for place, number in enumerate(reversed(counts)) if number)
    labels = [f"< {duration(edge)}" for edge in _EDGES] + [f">= {duration(_EDGES[-1])}"]
    return Plot(
        name="turnaround",
        title="From submission to landing",
        told=told,
        labels=labels[first:last],
        series=[Series(name="landed", values=counts[first:last], colour="d")],
        said=lambda value: f"{value:.0f}",
    )


def _days_plot(days: Sequence[Day], unit: str) -> Plot:
    landed, returned = sum(day.landed for day in days), sum(day.returned for day in days)
    return Plot(
        name="days",
        title=f"Landed and returned by {unit}",
        told=f"{landed} landed and {returned} returned over {count(len(days), unit)}",
        labels=[day.date for day in days],
        series=[
            Series(name="landed", values=[day.landed for day in days], colour="d"),
            Series(name="returned", values=[day.returned for day in days], colour="b"),
        ],
        said=lambda value: f"{value:.0f}",
    )


def _by_week(days: Sequence[Day]) -> list[Day]:
    """By the Monday that a week begins with."""
    weeks: dict[str, list[Day]] = {}
    for day in days:
        parsed = date.fromisoformat(day.date)
        weeks.setdefault((parsed - timedelta(days=parsed.weekday())).isoformat(), []).append(day)
    return [
        Day(
            date=monday,
            started=sum(day.started for day in week),
            landed=sum(day.landed for day in week),
            returned=sum(day.returned for day in week),
        )
        for monday, week in weeks.items()
    ]
