"""Puts the story on a screen with rich: live at a terminal, plain lines elsewhere; knows nothing of git."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import IO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

WIDTH = 100
QUOTED_LINES = 14
QUOTE_INDENT = 26
TAIL_LINES = 3
SOURCE_WIDTH = 9
COLOURS = {
    "landed": "green",
    "merged": "green",
    "refused": "red",
    "healed": "cyan",
    "returned": "red",
    "waiting": "yellow",
    "asked": "blue",
    "submits": "dim",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the closing table."""

    change: int
    title: str
    agent: str
    end: str
    why: str


class Show:
    """Writes to `stream` (None: stdout), at most 100 columns wide; colour as rich and NO_COLOR have it."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        wanted = self._console.width if self._console.is_terminal else WIDTH
        self._console.width = min(WIDTH, wanted)
        self._status: Status | None = None

    def heading(self, text: str, about: str = "") -> None:
        self._console.print()
        self._console.print(Text.assemble((text, "bold"), ("  " + about if about else "", "dim")))

    def say(self, text: str) -> None:
        self._console.print(Padding(Text(text), (0, 0, 0, 2), expand=False))

    def step(self, word: str, who: str, text: str, *, source: str = "") -> None:
        """One thing that happened: `landed`, `#3 lockers`, and what there is to say of it; where there is more than
        one place for things to happen, `source` says in which."""
        grid = Table.grid(padding=(0, 1))
        if source:
            grid.add_column(width=SOURCE_WIDTH, style="dim")
        grid.add_column(width=9)
        grid.add_column(width=13, overflow="fold")
        grid.add_column(overflow="fold")
        cells = [Text(word, COLOURS.get(word, "")), Text(who), Text(text)]
        grid.add_row(*([Text(source)] if source else []), *cells)
        self._console.print(Padding(grid, (0, 0, 0, 2), expand=False))

    def quote(self, text: str, *, end: bool = False) -> None:
        """Words of somebody else, such as the two sides of a conflict, set in and cut short; of a log only
        the `end`."""
        lines = textwrap.dedent(text).strip("\n").splitlines()
        if end:
            lines = [line for line in lines if line.strip(" -=")][-TAIL_LINES:]
        if len(lines) > QUOTED_LINES:
            lines = [*lines[: QUOTED_LINES - 1], f"... {len(lines) - QUOTED_LINES + 1} more lines"]
        for line in lines:
            indent = " " * (len(line) - len(line.lstrip()))
            room = self._console.width - QUOTE_INDENT - 2
            for part in textwrap.wrap(line, room, subsequent_indent=indent + "  ") or [""]:
                self._console.print(Padding(Text("| " + part, "dim"), (0, 0, 0, QUOTE_INDENT), expand=False))

    def command(self, line: str, output: str, *, ok: bool) -> None:
        """A command as one would type it, and what it printed."""
        self._console.print(Padding(Text.assemble(("$ ", "dim"), (line, "bold")), (0, 0, 0, 2), expand=False))
        for text in output.rstrip().splitlines():
            self._console.print(Padding(Text(text, "" if ok else "red"), (0, 0, 0, 4), expand=False))

    def table(self, rows: Iterable[Row]) -> None:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
        table.add_column("#", width=4, no_wrap=True)
        table.add_column("change", width=27, overflow="fold")
        table.add_column("agent", width=8, overflow="fold")
        table.add_column("outcome", width=8)
        table.add_column("why", overflow="fold")
        for row in rows:
            cells: Sequence[RenderableType] = (
                Text(f"#{row.change}"),
                Text(row.title),
                Text(row.agent),
                Text(row.end, COLOURS.get(row.end, "")),
                Text(row.why),
            )
            table.add_row(*cells)
        self._console.print(Padding(Group(table), (0, 0, 0, 2), expand=False))

    def verdict(self, text: str, *, ok: bool) -> None:
        self._console.print()
        self._console.print(Text(text, "bold green" if ok else "bold red"))

    def live(self) -> AbstractContextManager[object]:
        """While it is open, `now` shows a moving line at a terminal and nothing elsewhere."""
        if not self._console.is_terminal:
            return nullcontext()
        self._status = Status("", console=self._console, spinner="line")
        return self._status

    def now(self, text: str) -> None:
        if self._status is not None:
            self._status.update(Text(text, "dim", no_wrap=True, overflow="crop"))
