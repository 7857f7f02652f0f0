"""Draws what was simulated, as PNG and SVG; matplotlib is imported here alone, and only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.core.simulate.comparison import Comparison

COLOURS = {
    "oracle": "#777777",
    "speculate": "#0072b2",
    "window": "#d55e00",
    "batch": "#009e73",
    "subsets": "#cc79a7",
    "serial": "#999933",
}
MARKS = {"speculate": "o", "window": "s", "batch": "^", "subsets": "D", "serial": "v"}
"""Told apart without colour as well."""


def draw_turnarounds(found: Comparison, folder: Path) -> list[Path]:
    """Which part of the landed changes had landed after so many minutes."""
    return draw_parts(found.turns, found.name, folder)


def draw_parts(turns: Mapping[str, Sequence[float]], title: str, folder: Path) -> list[Path]:
    """`turns`: sorted minutes by strategy, the oracle among them."""
    with _Figure(folder, "turnaround", size=(7, 4)) as (figure, axes):
        for name, minutes in turns.items():
            parts = [(place + 1) / len(minutes) for place in range(len(minutes))]
            style = "--" if name == "oracle" else "-"
            axes.plot(minutes, parts, style, color=COLOURS[name], label=name, linewidth=1.6)
        axes.set(xscale="log", xlabel="minutes from submitted to landed", ylabel="part of what landed")
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
        return figure.save()


def draw_cells(
    cells: Sequence[tuple[str, Mapping[str, float]]], folder: Path, name: str, title: str
) -> list[Path]:
    """For each workload a line, for each strategy a mark at its multiple of the oracle's turnaround."""
    with _Figure(folder, name, size=(8, 0.36 * len(cells) + 1.4)) as (figure, axes):
        for strategy, mark in MARKS.items():
            points = [(times[strategy], place) for place, (_, times) in enumerate(cells) if strategy in times]
            if points:
                across, down = zip(*points, strict=True)
                axes.plot(across, down, mark, color=COLOURS[strategy], label=strategy, markersize=6)
        axes.set(xscale="log", yticks=range(len(cells)), xlabel=title)
        axes.set_yticklabels([label for label, _ in cells], fontsize=8)
        axes.invert_yaxis()
        axes.axvline(1, color="#777777", linewidth=1)
        axes.grid(alpha=0.3, axis="x")
        axes.legend(fontsize=8, loc="upper right")
        return figure.save()


class _Figure:
    """A figure that is closed whatever happens; UserError where matplotlib is missing."""

    def __init__(self, folder: Path, name: str, *, size: tuple[float, float]) -> None:
        if find_spec("matplotlib") is None:
            raise UserError('plots need matplotlib, which is not installed: pip install "pointsman[plots]"')
        self.folder, self.name, self.size = folder, name, size

    def __enter__(self) -> tuple[_Figure, Any]:
        import matplotlib

        matplotlib.use("Agg")
        matplotlib.rcParams["svg.hashsalt"] = "pointsman"
        from matplotlib import pyplot

        self.figure, axes = pyplot.subplots(figsize=self.size, layout="constrained")
        return self, axes

    def __exit__(self, *_: object) -> None:
        from matplotlib import pyplot

        pyplot.close(self.figure)

    def save(self) -> list[Path]:
        """The same bytes for the same figures: no date is written in."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return list(self._saved())

    def _saved(self) -> Iterator[Path]:
        for kind, about in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            path = self.folder / f"{self.name}.{kind}"
            self.figure.savefig(path, dpi=110, metadata=about)
            yield path
