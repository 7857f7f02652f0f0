"""`pointsman run`: works the queue in the foreground and says what it does, a line a step."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import note, repository_option

if TYPE_CHECKING:
    from pointsman.core.queue.model import Entry
    from pointsman.ports import Turn

WAIT_SECONDS = 0.2
TOLD = frozenset(
    {
        "built",
        "run_ended",
        "landed",
        "returned",
        "trouble",
        "waiting",
        "discarded",
        "cleared",
        "restacked",
        "split",
        "blocked",
        "paused",
    }
)
"""The kinds of journal entries that are told as they happen."""


@click.command()
@click.option("--once", is_flag=True, help="Return when the queue has nothing left to do.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait while another run works it.")
@click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
@click.option(
    "--database",
    metavar="WHERE",
    help="Keep the state in PostgreSQL: env:NAME, a file that holds the address, or an address without a password. "
    "Several runs may share it.  [default: $POINTSMAN_DATABASE, else SQLite beside the repository]",
)
@repository_option
def run(directory: Path, once: bool, wait: bool, quiet: bool, database: str | None) -> int:
    """Work the queue: build candidates, heal forks, run the gate, land what passed, one at a time.

    Only one `run` works a repository; a second waits for it. Ctrl-C (or SIGTERM) stops after the current
    step: running gates are stopped and run again next time, nothing is lost. So is after kill -9.

    With the state in PostgreSQL the second may run on another machine that sees the same repository, and takes over
    when the first dies or loses the database. Set POINTSMAN_DATABASE for the other commands, too.
    """
    from pointsman.core.errors import LaneLost
    from pointsman.wiring import local_queue

    with _stoppable() as stop, local_queue(directory, contract_needed=False, database=database) as queue:
        queue.listen(lambda entry: None if quiet else _say(entry))
        while _take_lock(queue.lock, wait=wait, stop=stop):
            try:
                queue.loop.run(once=once, stop=lambda: stop.asked)
            except LaneLost as problem:
                note(str(problem))
            else:
                return 130 if stop.asked else 0
            finally:
                queue.stop_runs()
                queue.lock.release()
    return 0 if stop.asked else 1


class Stop:
    """Set by the first Ctrl-C or SIGTERM; the second one ends the process at once."""

    asked = False

    def __call__(self, number: int, frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        note("Stopping after this step; once more to stop at once.")


@contextmanager
def _stoppable() -> Iterator[Stop]:
    stop = Stop()
    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _take_lock(lock: Turn, *, wait: bool, stop: Stop) -> bool:
    """A database that can't be reached for now is waited for, too."""
    import time

    from pointsman.core.errors import EnvironmentProblem

    told = ""
    while not stop.asked:
        try:
            if lock.acquire():
                return True
            why = f"Another run (process {lock.holder()}) works this repository"
        except EnvironmentProblem as problem:
            if not wait:
                raise
            why = str(problem)
        if why != told:
            note(why + ("; waiting." if wait else "."))
            told = why
        if not wait:
            break
        time.sleep(WAIT_SECONDS)
    return False


def _say(entry: Entry) -> None:
    """One line for each step that changes something; what is about to happen is left to the journal."""
    from pointsman.core.narrate import narrate

    if entry.kind not in TOLD or entry.body.get("state") == "cancelled":
        return
    told = narrate(entry.kind, entry.body)
    click.echo(f"{click.style(told.word.ljust(10), fg=told.colour)} {told.text}")
