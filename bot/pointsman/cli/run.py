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
@repository_option
def run(directory: Path, once: bool, wait: bool, quiet: bool) -> int:
    """Work the queue: build candidates, heal forks, run the gate, land what passed, one at a time.

    Only one `run` works a repository; a second waits for it. Ctrl-C (or SIGTERM) stops after the current
    step: running gates are stopped and run again next time, nothing is lost. So is after kill -9.
    """
    from pointsman.wiring import local_queue

    with _stoppable() as stop, local_queue(directory, contract_needed=False) as queue:
        if not _take_lock(queue.lock, wait=wait, stop=stop):
            return 0 if stop.asked else 1
        queue.listen(lambda entry: None if quiet else _say(entry))
        queue.loop.run(once=once, stop=lambda: stop.asked)
        queue.stop_runs()
    return 130 if stop.asked else 0


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


def _take_lock(lock: object, *, wait: bool, stop: Stop) -> bool:
    import time

    from pointsman.adapters.local import RunLock

    assert isinstance(lock, RunLock)  # noqa: S101 - wiring gives nothing else
    if lock.acquire():
        return True
    note(f"Another run (process {lock.holder()}) works this repository" + ("; waiting." if wait else "."))
    while wait and not stop.asked:
        time.sleep(WAIT_SECONDS)
        if lock.acquire():
            return True
    return False


def _say(entry: Entry) -> None:
    """One line for each step that changes something; what is about to happen is left to the journal."""
    from pointsman.core.narrate import narrate

    if entry.kind not in TOLD or entry.body.get("state") == "cancelled":
        return
    told = narrate(entry.kind, entry.body)
    click.echo(f"{click.style(told.word.ljust(10), fg=told.colour)} {told.text}")
