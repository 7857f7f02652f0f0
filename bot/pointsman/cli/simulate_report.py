"""Writes docs/performance.md: every published cell, as tables and plots; it claims nothing that no run showed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pointsman.cli.simulate_words import (
    CHANGES,
    FLEET_NOTES,
    HARDER_LABELS,
    HARDER_NOTES,
    INTRODUCTION,
    LIMIT,
    LIMITS,
    NAMES,
    PLOTS,
    SEEDS,
    SHOWN,
    STRICT_CHANGES,
    UBER_CHANGES,
    UBER_LABELS,
    UBER_NOTES,
    WHY,
)
from pointsman.core.contract import Retry
from pointsman.core.errors import UserError
from pointsman.core.simulate.cells import FLEETS, HARDER, MONOREPO
from pointsman.core.simulate.comparison import GOAL_P50, GOAL_P95, STRATEGIES, Settings, compare
from pointsman.core.simulate.workloads import Fleet, fleet, monorepo

FIGURES = "performance.json"

Row = dict[str, Any]
Tell = Callable[[str], None]


def run_cells(tell: Tell) -> Iterator[Row]:
    """Simulate every cell: minutes to an hour of one processor."""
    granted = Settings(limit=LIMIT, retry=Retry())
    for place, cell in enumerate(FLEETS):
        yield _run_fleet("fleet", place, cell, STRATEGIES, Settings(limit=LIMIT), tell)
    yield _run_fleet("retry", SHOWN, FLEETS[SHOWN], ("speculate", "window"), granted, tell)
    for place, cell in enumerate(HARDER):
        settings = granted if cell.flaky else Settings(limit=LIMIT)
        yield _run_fleet("harder", place, cell, ("speculate", "window"), settings, tell)
    big = MONOREPO
    tell(f"independent areas: {big.name}")
    work = monorepo(big, changes=UBER_CHANGES, seed=SEEDS[0])
    lanes = compare([work], ("speculate", "window", "batch"), Settings(limit=None, lanes=True))
    yield {**lanes.to_json(), "kind": "uber", "i": 0}
    tell(f"one chain: {big.name}")
    work = monorepo(big, changes=STRICT_CHANGES, seed=SEEDS[0])
    yield {
        **compare([work], ("speculate", "window"), Settings(limit=None)).to_json(),
        "kind": "strict",
        "i": 0,
    }


def _run_fleet(
    kind: str, place: int, cell: Fleet, strategies: Sequence[str], settings: Settings, tell: Tell
) -> Row:
    tell(f"{kind}: {cell.name}")
    works = [fleet(cell, changes=CHANGES, seed=seed) for seed in SEEDS]
    found = compare(works, strategies, settings)
    row = {**found.to_json(), "kind": kind, "i": place}
    if kind == "fleet" and place == SHOWN:
        row["turns"] = {name: [round(turn, 2) for turn in turns] for name, turns in found.turns.items()}
    return row


def write_report(folder: Path, *, figures: Path | None, tell: Tell) -> list[Path]:
    """performance.md, its plots and its figures; with `figures` from an earlier run nothing is simulated."""
    from pointsman.cli.simulate_plots import draw_cells, draw_parts

    rows = read_figures(figures) if figures is not None else list(run_cells(tell))
    images = folder / "images"
    fleets = _of_kind(rows, "fleet")
    paths = [
        *draw_parts(
            next(row["turns"] for row in fleets if "turns" in row), fleets[SHOWN]["workload"], images
        ),
        *draw_cells(
            _marks(fleets, "p50"), images, "fleets-p50", "P50 of turnaround, as a multiple of the oracle's"
        ),
        *draw_cells(
            _marks(fleets, "p95"), images, "fleets-p95", "P95 of turnaround, as a multiple of the oracle's"
        ),
    ]
    page, data = folder / "performance.md", images / FIGURES
    page.write_text(page_of(rows), encoding="utf-8")
    data.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")
    return [page, data, *paths]


def read_figures(path: Path) -> list[Row]:
    """Figures of an earlier run, in the order in which the page has them. UserError names the file."""
    try:
        rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--figures {path}: {error}") from error
    return sorted(rows, key=lambda row: (row["kind"], row["i"]))


def _of_kind(rows: Sequence[Row], kind: str) -> list[Row]:
    return [row for row in rows if row["kind"] == kind]


def _marks(fleets: Sequence[Row], figure: str) -> list[tuple[str, Mapping[str, float]]]:
    """What fell behind has no turnaround to draw; where all did, there is no line."""
    cells = [
        (
            row["workload"],
            {name: one["of_oracle"][figure] for name, one in row["strategies"].items() if not one["overrun"]},
        )
        for row in fleets
    ]
    return [(label, times) for label, times in cells if times]


def page_of(rows: Sequence[Row]) -> str:
    """The whole page, from figures alone."""
    fleets = _of_kind(rows, "fleet")
    reached = [row for row in fleets if len(_goals(row)) == 2]
    parts = [
        INTRODUCTION,
        _verdict(fleets, reached),
        "## Fleets\n" + FLEET_NOTES,
        _table(fleets),
        PLOTS,
        _why(fleets, reached),
        "## What makes it harder\n" + HARDER_NOTES,
        _small_table([*_of_kind(rows, "harder"), *_of_kind(rows, "retry")], HARDER_LABELS),
        *_uber([*_of_kind(rows, "uber"), *_of_kind(rows, "strict")]),
        LIMITS,
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _uber(rows: Sequence[Row]) -> list[str]:
    """Nothing where none was simulated."""
    if not rows:
        return []
    behind = [row for row in rows if not _is_first(row, "p95")]
    told = [f"Ours is not the first at P95 in {len(behind)} of these {len(rows)}."] if behind else []
    return ["## Uber's load\n" + UBER_NOTES, _small_table(rows, UBER_LABELS), *told]


def _goals(row: Row) -> list[str]:
    """Which halves of the goal ours reaches."""
    ours = row["strategies"]["speculate"]
    if ours["overrun"]:
        return []
    goals = (("P50", "p50", GOAL_P50), ("P95", "p95", GOAL_P95))
    return [name for name, figure, most in goals if ours["of_oracle"][figure] <= most]


def _is_first(row: Row, figure: str) -> bool:
    """Whether it keeps up, and none of those that do is ahead."""
    kept = {name: one["of_oracle"][figure] for name, one in row["strategies"].items() if not one["overrun"]}
    return "speculate" in kept and kept["speculate"] <= min(kept.values())


def _verdict(fleets: Sequence[Row], reached: Sequence[Row]) -> str:
    first50 = sum(1 for row in fleets if _is_first(row, "p50"))
    first95 = sum(1 for row in fleets if _is_first(row, "p95"))
    middle = sum(1 for row in fleets if "P50" in _goals(row))
    behind = [row["workload"] for row in fleets if row["strategies"]["speculate"]["overrun"]]
    told = f" It fell behind itself in {len(behind)}: {'; '.join(behind)}." if behind else ""
    return (
        f"**In short**, of {len(fleets)} fleet cells: the goal, {GOAL_P50:g} times the oracle at P50 and {GOAL_P95:g} "
        f"times at P95, is reached in {len(reached)} (at P50 in {middle}). Ours is first, or level with the first, "
        f"among the strategies that keep up at P50 in {first50} and at P95 in {first95}.{told}"
    )


def _table(fleets: Sequence[Row]) -> str:
    head = "| cell | load | bits | in flight | oracle P50 / P95 | " + " | ".join(NAMES.values()) + " | goal |"
    lines = [head, "|" + "---|" * (6 + len(NAMES))]
    for row in fleets:
        best = row["oracle"]
        strategies = [_told(name, row["strategies"][name]) for name in NAMES]
        goals = " ".join(_goals(row)) or "missed"
        flight = row["bits"] * row["runners"]
        lines.append(
            f"| {row['workload']} | {row['load']:.2f} | {row['bits']:.2f} | {flight:.1f} "
            f"| {best['p50']:.1f} / {best['p95']:.1f} min | {' | '.join(strategies)} | {goals} |"
        )
    return "\n".join(lines)


def _told(name: str, one: Row) -> str:
    times = one["of_oracle"]
    if one["overrun"]:
        return f"fell behind ({times['per_hour']:.2f})"
    turns = f"{times['p50']:.2f} / {times['p95']:.2f}"
    if name != "speculate":
        return turns
    return f"**{turns} / {times['p99']:.2f}** ({times['per_hour']:.2f}; {one['builds']:.1f} runs)"


def _small_table(rows: Sequence[Row], labels: Mapping[tuple[str, int], str]) -> str:
    lines = ["| cell | strategy | P50 / P95 / P99 | landed | runs | wasted |", "|---|---|---|---|---|---|"]
    for row in rows:
        label = f"{row['workload']}: {labels[row['kind'], row['i']]}"
        for name, one in row["strategies"].items():
            times = one["of_oracle"]
            lines.append(
                f"| {label} | {NAMES[name]} | {times['p50']:.2f} / {times['p95']:.2f} / {times['p99']:.2f} "
                f"| {times['per_hour']:.2f} | {one['builds']:.1f} | {one['wasted']:.0%} |"
            )
    return "\n".join(lines)


def _why(fleets: Sequence[Row], reached: Sequence[Row]) -> str:
    missed = [row for row in fleets if row not in reached]
    if not missed:
        return ""
    within = max((row["bits"] * row["runners"] for row in reached), default=0.0)
    above = sum(1 for row in missed if row["bits"] * row["runners"] > within)
    return WHY.format(missed=len(missed), within=f"{within:.1f}", above=above)
