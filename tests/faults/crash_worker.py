"""Runs the real queue in forked children and kills each with SIGKILL at one boundary; a program, no test.

usage: crash_worker.py TEMPLATE SCRATCH FIRST STEP
A boundary is the instant after one writing call of a port (store, git, forge, gates). For boundary FIRST,
FIRST + STEP, ... a copy of TEMPLATE is worked until that instant, killed, worked again to the end and judged
from outside. Ends after the first boundary that a run does not reach. One line of JSON a boundary on stdout.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from pointsman.adapters.local import LocalForge
from pointsman.service.loop import Loop
from pointsman.wiring import local_queue
from tests.faults.outside import EVIDENCE, judge_repository

WRITES = {
    "store": {"save"},
    "git": {"move_ref", "commit"},
    "forge": {"land"},
    "gates": {"start", "cancel", "sweep"},
}
"""Calls that change something. Dying around any other call is the same as dying at the last of these."""


class Countdown:
    """Counts boundaries and kills this very process at the one asked for."""

    def __init__(self, at: int) -> None:
        self.left = at

    def pass_by(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Fragile:
    """A port around whose every writing call there is a boundary."""

    def __init__(self, port: Any, name: str, countdown: Countdown) -> None:
        self._port = port
        self._name = name
        self._countdown = countdown

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._port, attribute)
        if attribute not in WRITES[self._name]:
            return value

        def call(*args: Any, **options: Any) -> Any:
            result = value(*args, **options)
            self._countdown.pass_by()
            return result

        return call


def make_fragile(loop: Loop, countdown: Countdown) -> None:
    """Put every port that the loop works through behind the countdown, and the forge's own git, so that a
    landing is also cut between moving the ref, and bringing a checkout along."""
    git = Fragile(loop.observer.git, "git", countdown)
    performer = loop.performer
    loop.observer.forge = performer.landings.forge = LocalForge(git=git)  # type: ignore[arg-type]
    parts = (performer.recorder, performer.pins, performer.runs, performer.departures, performer.landings)
    for part in (loop, loop.observer, performer, performer.runs.builder, *parts):
        for name in ("git", "store", "forge", "gates"):
            if hasattr(part, name):
                setattr(part, name, Fragile(getattr(part, name), name, countdown))


def work(repository: Path, die_at: int | None) -> None:
    """Work the queue of a repository to its end, or until boundary `die_at`."""
    with local_queue(repository, contract_needed=False) as queue:
        if not queue.lock.acquire():
            raise SystemExit(f"the lock of {repository} is held though its holder was killed")
        if die_at is not None:
            make_fragile(queue.loop, Countdown(die_at))
        queue.loop.run(once=True)


def in_child(repository: Path, die_at: int | None) -> int:
    """`work` in a forked child; its wait status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work(repository, die_at)
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitpid(child, 0)[1]


def main(template: Path, scratch: Path, first: int, step: int) -> None:
    boundary = first
    while True:
        copy = scratch / str(boundary)
        shutil.copytree(template, copy, symlinks=True)
        (template / EVIDENCE).unlink(missing_ok=True)
        killed = os.WIFSIGNALED(in_child(copy / "repo", boundary))
        again = in_child(copy / "repo", None) if killed else 0
        problems = (
            judge_repository(copy, template / EVIDENCE)
            if again == 0
            else [f"the next run ended with status {again}"]
        )
        outcome = {"boundary": boundary, "killed": killed, "problems": problems}
        print(json.dumps(outcome), flush=True)
        shutil.rmtree(copy)
        if not killed:
            return
        boundary += step


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
