"""`pointsman log`: shows the journal of every decision, or proves that nobody edited it; changes nothing."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import json_option, note, print_json, repository_option

if TYPE_CHECKING:
    from pointsman.core.journal import Broken, Intact
    from pointsman.core.queue.model import JournalLine
    from pointsman.ports import Store

PAGE = 1000
LOOK_AGAIN_SECONDS = 0.3


@click.command(short_help="Show or verify the journal of every decision.")
@repository_option
@click.option("--change", type=int, metavar="N", help="Only what concerns change #N and its candidates.")
@click.option("--lane", metavar="NAME", help="Only this base branch.")
@click.option("-n", "count", type=click.IntRange(min=0), metavar="N", help="Only the last N lines.")
@click.option("--follow", is_flag=True, help="Go on showing lines as they are written, until Ctrl-C.")
@click.option("--verify", is_flag=True, help="Check every line's hash, and that every end is recorded.")
@json_option
def log(
    directory: Path,
    change: int | None,
    lane: str | None,
    count: int | None,
    follow: bool,
    verify: bool,
    as_json: bool,
) -> int:
    """Show the journal: who decided what, when, and why, for every change that was ever submitted.

    Each line is sealed with a hash over itself and the line before, so an edit shows: `--verify` exits 1 and
    names the first line that is wrong. Exit code 0 otherwise.
    """
    if verify and (change is not None or lane or follow or count is not None):
        raise click.UsageError("--verify reads the whole journal: use it without filters and --follow.")
    if follow and as_json:
        raise click.UsageError("--json prints one object, --follow never ends: choose one.")
    from pointsman import wiring

    with closing(wiring.open_store(directory)) as store:
        if verify:
            return _verify(store, as_json=as_json)
        _show(store, change=change, lane=lane, count=count, follow=follow, as_json=as_json)
        return 0


def _show(
    store: Store, *, change: int | None, lane: str | None, count: int | None, follow: bool, as_json: bool
) -> None:
    first = 0
    if count is not None:
        first = _first_of_last(count, _about(_lines(store, lane), change))
    lines = _about(_lines(store, lane, follow=follow), change)
    shown = (line for line in lines if line.seq >= first)
    if as_json:
        print_json({"lines": [asdict(line) for line in shown]})
        return
    try:
        printed = sum(_print(line) for line in shown)
    except KeyboardInterrupt:
        if not follow:
            raise
        return
    if not printed and count != 0:
        note("No such line." if change or lane else "The journal is empty: nothing was submitted here yet.")


def _lines(store: Store, lane: str | None, *, follow: bool = False) -> Iterator[JournalLine]:
    """The journal in pages; with `follow` it waits at the end for more, and never ends."""
    last = 0
    while True:
        seen = store.version()
        while page := store.journal(after=last, lane=lane, limit=PAGE):
            yield from page
            last = page[-1].seq
        if not follow:
            return
        while store.version() == seen:
            time.sleep(LOOK_AGAIN_SECONDS)


def _about(lines: Iterable[JournalLine], change: int | None) -> Iterable[JournalLine]:
    from pointsman.core import journal

    return lines if change is None else journal.about(lines, change)


def _first_of_last(count: int, lines: Iterable[JournalLine]) -> int:
    """The number of the line that the last `count` begin with; past the end where there is none to show."""
    seen, tail = 0, deque[int](maxlen=count)
    for line in lines:
        seen = line.seq
        tail.append(line.seq)
    return tail[0] if tail else seen + 1


def _print(line: JournalLine) -> int:
    """One line for a person; colour is dropped by click where stdout is no terminal."""
    from pointsman.core.narrate import narrate, printable

    told = narrate(line.kind, line.body)
    word = click.style(f"{told.word:<10}", fg=told.colour)
    click.echo(f"{_local(line.at)}  {printable(str(line.lane))}  {word} {told.text}")
    return 1


def _local(at: float) -> str:
    """The local time; of a line that was tampered with, whatever stands there."""
    try:
        return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (TypeError, ValueError, OverflowError, OSError):
        return repr(at)


def _verify(store: Store, *, as_json: bool) -> int:
    from pointsman.core.journal import Broken

    outcome = _judge(store)
    if isinstance(outcome, Broken):
        if as_json:
            print_json({"intact": False, "line": outcome.seq, "why": outcome.why})
        else:
            click.echo(f"broken at line {outcome.seq}: {outcome.why}")
        return 1
    if as_json:
        print_json({"intact": True, "first": outcome.first, "count": outcome.count, "head": outcome.head})
    else:
        click.echo(f"intact: {outcome.count} lines, head {outcome.head}")
        if outcome.first > 1:
            click.echo(
                f"read from line {outcome.first} on: the lines before it are archived, and their files are not here; "
                "the journal itself says by which hash they end"
            )
    return 0


def _judge(store: Store) -> Intact | Broken:
    """The chain first, then what the chain can't show: lines cut off its end."""
    from pointsman.core.journal import Broken, missing_end, verify
    from pointsman.core.narrate import printable

    # Read before the lines: what has ended by now has its line by now, whatever is written meanwhile.
    written, _ = store.journal_head()
    changes = store.changes()
    outcome = verify(_lines(store, None))
    if isinstance(outcome, Broken):
        return outcome
    if outcome.count < written:
        return Broken(seq=outcome.count + 1, why=f"{written} lines were written: the last ones were cut off")
    since = next((line.at for line in _lines(store, None)), 0.0) if outcome.first > 1 else 0.0
    changes = tuple(change for change in changes if (change.ended_at or 0.0) >= since)
    untold = missing_end(changes, _lines(store, None))
    if untold is None:
        return outcome
    return Broken(
        seq=outcome.count + 1,
        why=f"the line is missing; change #{untold.id} {printable(untold.branch)} is {untold.state.value}, "
        "and no line says so: lines were cut off the end",
    )
