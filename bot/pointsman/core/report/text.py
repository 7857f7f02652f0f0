"""The report as text for a terminal; it counts nothing and colours nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pointsman.core.narrate import printable
from pointsman.core.report.figures import FEWEST, Report, Spread, Statement, Totals
from pointsman.core.report.words import count, duration, money, percent, ratio, spent_words, stage_words

NOTHING = "Nothing has ended yet"
MOST = 12
"""Rows of a table that nobody asked for."""


def to_text(report: Report, *, bold: bool = False) -> str:
    """The whole report; `bold` marks headings for a terminal."""
    return "\n".join(_lines(report, "\x1b[1m{}\x1b[0m" if bold else "{}")) + "\n"


def _lines(report: Report, heading: str) -> Iterator[str]:
    totals = report.totals
    if not totals.started:
        yield (
            "Nothing was submitted in that time."
            if report.since or report.until
            else "Nothing was submitted yet."
        )
        return
    yield heading.format("Work") + f"  {_states(totals)}"
    if not totals.landed and not totals.returned and not totals.withdrawn:
        yield f"  {NOTHING}; what follows is so far."
    yield from _work(totals)
    yield ""
    yield heading.format("Where the time went")
    yield from _shares({stage_words(name): value for name, value in totals.stages.items()}, totals.started)
    yield ""
    yield heading.format("Gate")
    yield from _gate(totals)
    yield ""
    yield heading.format("People and agents")
    yield from _people(totals, report.lane_acts)
    if totals.returns:
        yield ""
        yield heading.format("Returned because of")
        yield from _counts(totals.returns)
    if report.by is not None:
        yield ""
        yield heading.format(f"By {report.by.value}")
        yield from _groups(report.groups)
    if report.suggestions:
        yield ""
        yield heading.format("The same yes, again and again")
        for one in report.suggestions:
            yield f"  {printable(one.text)}"
            yield from (f"    {line}" for line in one.yaml.splitlines())


def _states(totals: Totals) -> str:
    others = {
        "returned": totals.returned,
        "withdrawn": totals.withdrawn,
        "in the queue": totals.queued,
    }
    rest = "".join(f", {number} {word}" for word, number in others.items() if number)
    again = totals.submissions - totals.started
    more = f" ({count(again, 'further submission')})" if again else ""
    return f"{totals.started} started{more}, {totals.landed} landed{rest}"


def _work(totals: Totals) -> Iterator[str]:
    yield _row("from submission to landing", spread_words(totals.turnaround))
    yield _row("conflicts", str(totals.conflicts))
    if totals.heals:
        kinds = ", ".join(f"{number} {printable(name)}" for name, number in totals.heals.items())
        landed = f"{totals.landed_healed} of {totals.landed} landings healed"
        yield _row("heals", f"{kinds} in {duration(totals.heal_seconds)}; {landed}")
    else:
        yield _row("heals", "none")


def spread_words(spread: Spread) -> str:
    """`half within 3 min, 95 % within 9 min (n = 41)`; a mean where there are too few for more."""
    if not spread.n:
        return "nothing has landed yet"
    if spread.p50 is None:
        return f"{duration(spread.mean)} on average (n = {spread.n}; percentiles from {FEWEST[50]} on)"
    parts = [f"half within {duration(spread.p50)}"]
    parts += [f"95 % within {duration(spread.p95)}"] if spread.p95 is not None else []
    parts += [f"99 % within {duration(spread.p99)}"] if spread.p99 is not None else []
    return f"{', '.join(parts)} (n = {spread.n})"


def _gate(totals: Totals) -> Iterator[str]:
    seconds = totals.gate_seconds
    yield _row("runner time", f"{duration(seconds)} in {count(totals.runs, 'run')}")
    yield _row("per landed", duration(totals.per_landed(seconds)))
    yield _row("per started", duration(totals.per_started(seconds)))
    for spent, value in totals.gate.items():
        yield _row(f"  {spent_words(spent)}", f"{duration(value)}  {percent(value, seconds)}")
    retries = count(totals.retries, "retry", "retries")
    runs = f"{totals.failed_checks} failed, {retries}, {totals.stopped} cancelled or lost"
    yield _row("runs", runs)
    per = ratio(totals.per_landed(totals.candidates))
    yield _row("candidates", f"{totals.candidates} built, {per} per landed; {totals.rebuilds} rebuilds")


def _people(totals: Totals, lane_acts: Mapping[str, int]) -> Iterator[str]:
    kinds = dict(totals.interventions)
    if totals.by_others:
        kinds["commit by somebody else"] = totals.by_others
    listed = ", ".join(f"{number} {name}" for name, number in sorted(kinds.items()))
    per = ratio(totals.per_landed(totals.interventions_on_landed))
    yield _row("interventions", f"{listed or 'none'}; {per} per landed")
    if totals.by_others is None:
        yield _row("", "commits by others after submission: not known")
    if lane_acts:
        acts = ", ".join(f"{number} {name}" for name, number in sorted(lane_acts.items()))
        yield _row("on the queue", acts)
    yield _row("new heads while queued", str(totals.review_fixes))
    yield _row("model", _models(totals))
    yield _row("cost", _stated(totals.cost, _cost(totals.cost)))
    tokens = f"{totals.tokens.tokens:,}" if totals.tokens.tokens is not None else ""
    yield _row("tokens", _stated(totals.tokens, tokens))


def _models(totals: Totals) -> str:
    if not totals.models:
        return "not stated"
    ordered = sorted(totals.models.items(), key=lambda item: (-item[1], item[0]))
    listed = ", ".join(f"{number} {printable(name)}" for name, number in ordered[:MOST])
    return f"{listed} (stated by {sum(totals.models.values())} of {totals.started})"


def _cost(said: Statement) -> str:
    return f"{money(said.cost)}, {per_piece(said)}" if said.cost else ""


def per_piece(said: Statement) -> str:
    """`1.08 USD per landed, 0.81 USD per started`; both of those that state a cost."""
    cost = said.cost or {}
    landed = {name: one / said.landed for name, one in cost.items()} if said.landed else {}
    started = {name: one / said.stated for name, one in cost.items()}
    return (f"{money(landed)} per landed, " if landed else "") + f"{money(started)} per started"


def _stated(said: Statement, value: str) -> str:
    """The value and how many state it: one that is missing is missing, not zero."""
    if not said.stated:
        return "not stated"
    return f"{value} (stated by {said.stated} of {said.of})"


def _shares(values: Mapping[str, float], pieces: int) -> Iterator[str]:
    """In all, its share, and on average."""
    whole = sum(values.values())
    for name, value in values.items():
        yield _row(
            printable(name),
            f"{duration(value):>12}  {percent(value, whole):>5}  {duration(value / pieces):>12} each",
        )


def _counts(values: Mapping[str, int]) -> Iterator[str]:
    for name, number in sorted(values.items(), key=lambda item: (-item[1], item[0]))[:MOST]:
        yield _row(printable(name), str(number))


GROUP_COLUMNS = ("started", "landed", "returned", "half within", "gate", "per landed", "people", "cost")


def group_row(totals: Totals) -> tuple[str, ...]:
    """The cells under `GROUP_COLUMNS`."""
    return (
        str(totals.started),
        str(totals.landed),
        str(sum(totals.returns.values())),
        duration(totals.turnaround.p50),
        duration(totals.gate_seconds),
        duration(totals.per_landed(totals.gate_seconds)),
        str(sum(totals.interventions.values()) + (totals.by_others or 0)),
        f"{money(totals.cost.cost)} ({totals.cost.stated} of {totals.cost.of})" if totals.cost.cost else "-",
    )


def _groups(groups: Mapping[str, Totals]) -> Iterator[str]:
    rows = [("", *GROUP_COLUMNS), *((printable(name), *group_row(one)) for name, one in groups.items())]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    for row in rows:
        yield "  " + _aligned(row, widths)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()


def _row(name: str, value: str) -> str:
    return f"  {name:<30}{value}".rstrip()
