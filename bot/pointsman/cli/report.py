"""`pointsman report`: what the fleet's work cost; it prints figures and changes nothing."""

from __future__ import annotations

import io
import os
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import json_option, note, print_json, repository_option
from pointsman.core.errors import EnvironmentProblem, UserError

if TYPE_CHECKING:
    from pointsman.core.contract import Contract
    from pointsman.core.report.compose import Asked
    from pointsman.core.report.figures import Report
    from pointsman.wiring.reporting import Kept

SILENCE = 2.0
"""Seconds after which a terminal is told what is being read."""

_AGO = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def _when(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """`30d`, `12h`, `2w` ago, or a date or time as ISO 8601 has it, in local time where no zone stands."""
    if value is None:
        return None
    text = value.strip()
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        raise click.BadParameter(
            f"{text!r} is neither an age (90m, 12h, 30d, 2w) nor a date (2026-03-31)"
        ) from None


@click.command()
@click.option(
    "--since", callback=_when, metavar="30d|DATE", help="Work first submitted since then.  [default: all]"
)
@click.option("--until", callback=_when, metavar="7d|DATE", help="Work first submitted before then.")
@click.option("--lane", metavar="BRANCH", help="Only this base branch.")
@click.option(
    "--by",
    type=click.Choice(["role", "author", "model", "area"]),
    help="One more table, by this. Areas: top folders.",
)
@click.option(
    "--no-commits", is_flag=True, help="Don't read commits: no trailers but those of texts; faster."
)
@click.option("--csv", "as_csv", is_flag=True, help="One row for each piece of work.")
@click.option("--jsonl", "as_lines", is_flag=True, help="One JSON object a line for each that landed.")
@click.option(
    "--append", is_flag=True, help="With --jsonl: add new lines to the contract's metrics.out instead."
)
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write one page there.",
)
@repository_option
@json_option
def report(
    directory: Path,
    since: float | None,
    until: float | None,
    lane: str | None,
    by: str | None,
    no_commits: bool,
    as_csv: bool,
    as_lines: bool,
    append: bool,
    page: Path | None,
    as_json: bool,
) -> int:
    """What the work cost: time in each state, runner time, heals, returns, retries, people, agents' own figures.

    A piece of work is everything that was submitted of one branch or pull request until it landed. Costs are those
    of all work that was started, also of what never landed; they are given per landed and per started. Runs that
    tested several changes are shared evenly by them.

    The commits' and texts' trailers `Agent-Model:`, `Agent-Cost:` (`1.20 USD`), `Agent-Tokens:` and `Task-Type:` are
    read where they stand. What is not stated is shown as missing, never as zero.

    For a server (SQLite), DIR is its folder of one repository: STATE/repositories/ID.

    Exit codes: 0 it ran, also where there is nothing to report; 2 a usage or environment error.
    """
    if sum((as_json, as_csv, as_lines, page is not None)) > 1:
        raise click.UsageError("--json, --csv, --jsonl and --html exclude each other: choose one.")
    if append and not as_lines:
        raise click.UsageError("--append belongs to --jsonl.")
    from pointsman.core.report.compose import Asked
    from pointsman.core.report.figures import By
    from pointsman.wiring.reporting import open_kept

    asked = Asked(since=since, until=until, lane=lane, by=By(by) if by else None)
    with open_kept(directory) as kept:
        lanes = kept.store.lanes()
        if lane is not None and lane not in lanes:
            raise UserError(f"no change was ever submitted to {lane!r}; lanes: {', '.join(lanes) or 'none'}")
        contract = _contract(kept, lane)
        out = _figures_file(kept, contract) if append else None
        made = _make(kept, asked, contract, commits=not no_commits)
    if out is not None:
        _append(out, made)
        return 0
    _show(made, kept.name, as_json=as_json, as_csv=as_csv, as_lines=as_lines, page=page)
    return 0


def _make(kept: Kept, asked: Asked, contract: Contract | None, *, commits: bool) -> Report:
    from pointsman.service.report import Reporter

    reporter = Reporter(
        git=kept.git,
        store=kept.store,
        now=time.time(),
        day_of=_day,
        contract=contract,
        tips=kept.tips,
        tell=_progress(),
    )
    return reporter.report(asked, commits=commits)


def _contract(kept: Kept, lane: str | None) -> Contract | None:
    """The one in force; a report needs none, and says so where there is one that can't be read."""
    from pointsman.service.contracts import NoContract

    try:
        return kept.contract(lane)
    except NoContract:
        return None
    except UserError as problem:
        note(f"without a contract: no roles of changes that were never built, no suggestions ({problem})")
        return None


def _show(made: Report, name: str, *, as_json: bool, as_csv: bool, as_lines: bool, page: Path | None) -> None:
    if page is not None:
        from pointsman.core.report.page import to_html

        _write(page, to_html(made, name=name, period=_period(made), made=_moment(made.now)))
        note(f"{page} holds {_pieces(len(made.pieces))}")
    elif as_json or as_csv or as_lines:
        from pointsman.core.report.lines import landed_lines, report_json, to_csv

        if as_json:
            print_json(report_json(made))
        elif as_csv:
            sys.stdout.reconfigure(newline="") if isinstance(sys.stdout, io.TextIOWrapper) else None
            click.echo(to_csv(made), nl=False)
        else:
            for line in landed_lines(made):
                click.echo(line)
    else:
        from pointsman.core.report.text import to_text

        click.echo(click.style(name, bold=True) + f"  {_period(made)}")
        click.echo(to_text(made, bold=sys.stdout.isatty()), nl=False)


def _figures_file(kept: Kept, contract: Contract | None) -> Path:
    from pointsman.cli.report_file import figures_file

    metrics = contract.metrics if contract is not None else None
    return figures_file(metrics.out if metrics is not None else None, kept.folder)


def _append(path: Path, made: Report) -> None:
    from pointsman.cli.report_file import append
    from pointsman.core.report.lines import landed_lines
    from pointsman.core.report.words import count

    note(f"{path}: {count(append(path, landed_lines(made)), 'new line')}")


def _pieces(number: int) -> str:
    from pointsman.core.report.words import count

    return count(number, "piece of work", "pieces of work")


def _write(page: Path, text: str) -> None:
    """Whole or not at all: who looks at the page while it is made again sees the old one."""
    beside = page.with_name(f".{page.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")
        beside.replace(page)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise EnvironmentProblem(f"{page} can't be written: {error.strerror}") from error


def _progress() -> Callable[[str, int, int], None]:
    """On a terminal, what is being read, once a second; elsewhere nothing."""
    began = told = time.monotonic()

    def tell(what: str, done: int, of: int) -> None:
        nonlocal told
        if sys.stderr.isatty() and time.monotonic() - began > SILENCE and time.monotonic() - told > 1:
            told = time.monotonic()
            note(f"read {done} of {of} {what}")

    return tell


def _period(made: Report) -> str:
    since = f"since {_moment(made.since)}" if made.since is not None else "since the beginning"
    return f"{since} until {_moment(made.until)}" if made.until is not None else since


def _day(at: float) -> str:
    return _moment(at)[:10]


def _moment(at: float) -> str:
    """Local time to the minute; of a time that no calendar has, 1970."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01 00:00"
