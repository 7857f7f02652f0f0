"""The report as one page of HTML that loads nothing and runs nothing; it counts nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from pointsman.core.narrate import printable
from pointsman.core.report.figures import Report, Totals
from pointsman.core.report.model import Piece, Spent
from pointsman.core.report.pictures import pictures
from pointsman.core.report.style import STYLE
from pointsman.core.report.text import GROUP_COLUMNS, group_row, per_piece, spread_words, to_text
from pointsman.core.report.words import count, duration, money, percent, ratio

NEWEST = 200
"""Rows of the table of single pieces of work; the others are in JSON and CSV."""


def to_html(report: Report, *, name: str, period: str, made: str) -> str:
    """The page; `name` is the repository's, `period` and `made` are times in words."""
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>What the work on {_safe(name)} cost</title><style>{STYLE}</style></head><body><main>"
    )
    lane = f", lane {_safe(report.lane)}" if report.lane else ""
    top = f'<h1>What the work on {_safe(name)} cost</h1><p class="soft">{_safe(period)}{lane}; made {_safe(made)}</p>'
    body = "".join(_body(report)) if report.totals.started else f"<p>{escape(to_text(report).strip())}</p>"
    return f"{head}{top}{body}</main></body></html>\n"


def _body(report: Report) -> Iterator[str]:
    yield f"<dl>{''.join(_tiles(report))}</dl>"
    yield f'<h2>At a glance</h2><div class="plots">{"".join(pictures(report))}</div>'
    for title, groups in _tables(report):
        yield f"<h2>{escape(title)}</h2>{_group_table(groups)}"
    if report.suggestions:
        yield "<h2>The same yes, again and again</h2>"
        for one in report.suggestions:
            yield f"<p>{_safe(one.text)}</p><pre>{escape(one.yaml)}</pre>"
    yield f"<h2>{_newest_words(len(report.pieces))}</h2>{_work_table(report.pieces)}"


def _tables(report: Report) -> Iterator[tuple[str, Mapping[str, Totals]]]:
    yield "By role", report.roles
    if report.by is not None and report.by.value != "role":
        yield f"By {report.by.value}", report.groups


def _tiles(report: Report) -> Iterator[str]:
    totals = report.totals
    gate = totals.gate_seconds
    acts = sum(totals.interventions.values()) + (totals.by_others or 0)
    wasted = percent(totals.gate.get(Spent.WASTED, 0.0), gate)
    yield _tile("Started and landed", f"{totals.started} and {totals.landed}", _rest(totals))
    yield _tile("From submission to landing", duration(_typical(totals)), spread_words(totals.turnaround))
    yield _tile(
        "Runner time",
        duration(gate),
        f"{duration(totals.per_landed(gate))} per landed, {duration(totals.per_started(gate))} per started; "
        f"{wasted} wasted",
    )
    yield _tile(
        "Candidates per landed",
        ratio(totals.per_landed(totals.candidates)),
        f"{count(totals.candidates, 'candidate')}, {totals.rebuilds} rebuilds, {totals.conflicts} conflicts",
    )
    yield _tile(
        "Heals",
        str(sum(totals.heals.values())),
        f"{totals.landed_healed} of {totals.landed} landings healed; {duration(totals.heal_seconds)} in all",
    )
    yield _tile(
        "Human interventions",
        str(acts),
        f"{ratio(totals.per_landed(totals.interventions_on_landed))} per landed change",
    )
    cost = totals.cost
    stated = f"{per_piece(cost)}; stated by {cost.stated} of {cost.of}, the rest is not known"
    yield _tile("Agents' cost", money(cost.cost) if cost.cost else "not stated", stated if cost.cost else "")


def _typical(totals: Totals) -> float | None:
    return totals.turnaround.p50 if totals.turnaround.p50 is not None else totals.turnaround.mean


def _rest(totals: Totals) -> str:
    return f"{totals.returned} returned, {totals.withdrawn} withdrawn, {totals.queued} in the queue"


def _tile(name: str, value: str, more: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(more)}</small></dd></div>"


def _group_table(groups: Mapping[str, Totals]) -> str:
    head = "".join(f"<th scope=col>{escape(name)}</th>" for name in ("", *GROUP_COLUMNS))
    rows = "".join(
        f"<tr><th scope=row>{_safe(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in group_row(one))}</tr>"
        for name, one in groups.items()
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _newest_words(number: int) -> str:
    return "Each piece of work" if number <= NEWEST else f"The newest {NEWEST} of {number} pieces of work"


_COLUMNS = (
    "Work",
    "Role",
    "Model",
    "State",
    "Took",
    "Gate",
    "Candidates",
    "Returned because of",
    "People",
    "Cost",
)


def _work_table(pieces: Sequence[Piece]) -> str:
    newest = sorted(pieces, key=lambda piece: (-piece.submitted_at, piece.changes))[:NEWEST]
    left = {"Role", "Model", "State", "Returned because of"}
    head = "".join(f"<th scope=col{' class=l' if name in left else ''}>{name}</th>" for name in _COLUMNS)
    rows = "".join(_work_row(piece) for piece in newest)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _work_row(piece: Piece) -> str:
    said = piece.stated
    returns = ", ".join(dict.fromkeys(piece.returns))
    return (
        f'<tr><td class="t">{_safe(piece.label)} {_safe(piece.title)}<br><small>{_safe(piece.branch)}</small></td>'
        f'<td class="l">{_safe(piece.role or "-")}</td><td class="l">{_safe(said.model or "not stated")}</td>'
        f'<td class="l">{_safe(piece.state)}</td><td>{duration(piece.elapsed)}</td>'
        f"<td>{duration(piece.gate_seconds)}</td><td>{piece.candidates}</td>"
        f'<td class="l">{_safe(returns)}</td><td>{piece.touched_by_people}</td>'
        f"<td>{_safe(money(said.cost) if said.cost else 'not stated')}</td></tr>"
    )


def _safe(text: str) -> str:
    """Text of anybody's, for a page: nothing in it is markup, moves what follows or hides."""
    return escape(printable(text))
