"""`pointsman simulate`: strategies side by side on paper, beside an oracle; it changes no repository."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pointsman.cli.common import json_option, note, print_json, repository_option
from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.core.simulate.comparison import Comparison
    from pointsman.core.simulate.workloads import Workload

NAMES = {
    "speculate": "speculate (ours)",
    "window": "window (Zuul)",
    "batch": "batch (bors)",
    "subsets": "every subset",
    "serial": "serial",
}
PER_AGENT = 1.2
"""Changes an hour of one agent: fleets of 6 to 100 bring some 10 to 120."""
SILENCE = 2.0
"""Seconds between two lines of progress."""


class Asked(NamedTuple):
    """The work that the options describe."""

    per_hour: float
    gate: float
    runners: int
    red: float
    together: float
    changes: int
    flaky: float


@click.command()
@click.option("--workload", type=click.Choice(["fleet", "uber"]), default="fleet", show_default=True)
@click.option(
    "--history", metavar="FILE|-", help="JSON lines instead of made-up work: at, seconds, red, together."
)
@click.option(
    "--from-queue", is_flag=True, help="The past of the repository's own queue, else of its base branch."
)
@click.option("--agents", type=click.IntRange(1, 10_000), help=f"{PER_AGENT} changes an hour each.")
@click.option(
    "--per-hour", type=click.FloatRange(0.01, 100_000), help="Changes an hour.  [default: 30; uber: 100]"
)
@click.option(
    "--gate", type=click.FloatRange(0.01, 10_000), help="Minutes of a gate.  [default: 10; uber: 30]"
)
@click.option("--runners", type=click.IntRange(1, 10_000), help="Gates at once.  [default: 6; uber: 100]")
@click.option("--red", type=click.FloatRange(0, 0.9), default=0.08, show_default=True, help="Red alone.")
@click.option(
    "--together", type=click.FloatRange(0, 0.9), default=0.03, show_default=True, help="Red with another."
)
@click.option("--flaky", type=click.FloatRange(0, 0.5), default=0.0, show_default=True, help="Red by chance.")
@click.option(
    "--attempts", type=click.IntRange(1, 5), default=1, show_default=True, help="The contract's retry.max."
)
@click.option(
    "--independent", is_flag=True, help="uber: let areas land beside each other, untested together."
)
@click.option("--changes", type=click.IntRange(1, 100_000), default=500, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option(
    "--seeds", type=click.IntRange(1, 100), default=1, show_default=True, help="How many, from --seed on."
)
@click.option(
    "--strategy", default="speculate,window,batch,serial", show_default=True, help=f"Of {', '.join(NAMES)}."
)
@click.option(
    "--limit", type=click.IntRange(1), default=300, show_default=True, help="Waiting changes; then it ends."
)
@click.option(
    "--plot", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Draw PNG and SVG there."
)
@click.option(
    "--report",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Simulate every published cell (long) and write DIR/performance.md.",
)
@click.option(
    "--figures",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For --report: figures of an earlier run.",
)
@repository_option
@json_option
def simulate(
    directory: Path,
    workload: str,
    history: str | None,
    from_queue: bool,
    agents: int | None,
    per_hour: float | None,
    gate: float | None,
    runners: int | None,
    red: float,
    together: float,
    flaky: float,
    attempts: int,
    independent: bool,
    changes: int,
    seed: int,
    seeds: int,
    strategy: str,
    limit: int,
    plot: Path | None,
    report: Path | None,
    figures: Path | None,
    as_json: bool,
) -> int:
    """Strategies side by side on the same work, and beside an oracle that knows every outcome.

    Made-up changes go through the decisions that a real lane makes, on a clock of their own; the same options
    give the same figures. Turnaround is from submitted to landed. A strategy that has more than --limit changes
    waiting has fallen behind: its run ends there, and its turnarounds are those of the few that landed.

    With --from-queue the work is this repository's: what its queue saw, or, where there was no queue, when its
    base branch moved; what is not known of those changes is drawn as --red, --together and --gate say.

    Exit codes: 0 it ran; 2 unusable options or file. Ctrl-C prints nothing (130).
    """
    from pointsman.core.contract import Retry
    from pointsman.core.simulate.comparison import Settings, compare

    if report is not None:
        from pointsman.cli.simulate_report import write_report

        for path in write_report(report, figures=figures, tell=note):
            note(f"written: {path}")
        return 0
    strategies = _strategies(strategy)
    uber = workload == "uber"
    asked = Asked(
        per_hour=per_hour or (agents * PER_AGENT if agents else (100 if uber else 30)),
        gate=gate or (30 if uber else 10),
        runners=runners or (100 if uber else 6),
        red=red,
        together=together,
        changes=changes,
        flaky=flaky,
    )
    past = history or ("queue" if from_queue else "")
    works = [_work(asked, seed + more, uber=uber, history=past, directory=directory) for more in range(seeds)]
    settings = Settings(retry=Retry(max=attempts), limit=limit, lanes=independent)
    began = time.monotonic()
    found = compare(works, strategies, settings, _Progress())
    if plot is not None:
        _draw(found, plot)
    if as_json:
        print_json({**found.to_json(), "changes": len(works[0].jobs), "seed": seed, "seeds": seeds})
    else:
        _say(found, works[0], time.monotonic() - began)
    return 0


def _strategies(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in NAMES]
    if unknown or not names:
        wrong = unknown[0] if unknown else ""
        raise UserError(f"--strategy {text}: no strategy {wrong!r}; there are {', '.join(NAMES)}")
    return list(dict.fromkeys(names))


def _work(asked: Asked, seed: int, *, uber: bool, history: str, directory: Path) -> Workload:
    from pointsman.core.simulate.history import replayed
    from pointsman.core.simulate.workloads import Fleet, Monorepo, fleet, monorepo

    if uber and not history:
        cell = Monorepo(per_hour=asked.per_hour, gate=asked.gate, runners=asked.runners, red=asked.red)
        return monorepo(cell, changes=asked.changes, seed=seed)
    like = Fleet(
        per_hour=asked.per_hour,
        gate=asked.gate,
        runners=asked.runners,
        red=asked.red,
        together=asked.together,
        flaky=asked.flaky,
    )
    if not history:
        return fleet(like, changes=asked.changes, seed=seed)
    from pointsman.cli.simulate_history import past_of_file, past_of_repository

    past, name = (
        past_of_repository(directory, asked.changes)
        if history == "queue"
        else past_of_file(history, asked.changes)
    )
    return replayed(past, like, seed=seed, name=name)


class _Progress:
    """A line on stderr now and then."""

    def __init__(self) -> None:
        self.told = time.monotonic()

    def __call__(self, strategy: str, done: int, total: int) -> None:
        if time.monotonic() - self.told > SILENCE:
            self.told = time.monotonic()
            note(f"{strategy}: {done} of {total} changes")


def _say(found: Comparison, work: Workload, seconds: float) -> None:
    best = found.oracle
    click.echo(found.name)
    click.echo(
        f"{len(work.jobs)} changes, load {found.load:.2f}, {found.bits:.2f} bits to learn a run"
        f"{' (over 1: nobody keeps up)' if found.bits > 1 else ''}; in minutes, and as a multiple of the oracle's"
    )
    click.echo(f"{'':18}{'P50':>16}{'P95':>16}{'P99':>16}{'landed/h':>10}{'runs':>7}{'wasted':>8}")
    click.echo(
        f"{'oracle':18}{best.p50:>8.1f}{'':8}{best.p95:>8.1f}{'':8}{best.p99:>8.1f}{'':8}"
        f"{best.per_hour:>10.1f}{best.builds:>7.2f}{best.wasted:>8.0%}"
    )
    for name, one in found.strategies.items():
        p50, p95, p99, _ = found.times(name)
        cells = "".join(
            f"{value:>8.1f}{f'{times:.2f}x':>8}"
            for value, times in ((one.p50, p50), (one.p95, p95), (one.p99, p99))
        )
        behind = "  fell behind" if one.overrun else ""
        click.echo(
            f"{NAMES[name]:18}{cells}{one.per_hour:>10.1f}{one.builds:>7.2f}{one.wasted:>8.0%}{behind}"
        )
    if sys.stdout.isatty():
        note(f"simulated in {seconds:.1f} s; `runs` are gate runs for each landed change")


def _draw(found: Comparison, folder: Path) -> None:
    from pointsman.cli.simulate_plots import draw_turnarounds

    for path in draw_turnarounds(found, folder):
        note(f"drawn: {path}")


def parse_line(text: str, where: str) -> dict[str, Any]:
    """One line of a history as an object. UserError names the place."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError(f'{where}: expected an object such as {{"at": 0}}, got {text[:40]!r}')
    return value
