"""Keeps what is said of a change's code from being said by it: a channel and a process that it can't reach.

A proof has two kinds of processes. The first one, which imports nothing of the project, looks at the databases and
answers; the project's code runs in forks of it (`run_apart`), which lose the channel before anything else. What such a
fork reports is hearsay: a route counts for what the first one then sees for itself.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Optional

from pointsman.runner import isolate, kernel
from pointsman.runner.processes import descendants

Json = dict[str, Any]

CHANNEL = 3
"""The descriptor that the supervisor gave us for the answer (see launch)."""
STARTED = b"started\n"
MOST_SAID = 32 << 20
KILL_PATIENCE = 10.0
CHUNK = 1 << 16
POLL = 0.02
LONGEST_TEXT = 4000
MOST_ROUTES = 100


class NotAlone(Exception):
    """Something that a fork started can't be ended."""


@dataclass(frozen=True)
class Ended:
    """What a fork reported (None: nothing that can be read), and how it ended where that was not in order.

    `by_itself`: it chose to end early; nobody and nothing ended it."""

    said: Optional[Json]  # noqa: UP045 - read at run time by 3.9
    how: str
    by_itself: bool
    seconds: float


def keep_apart() -> None:
    """To be called first, before anything of the project is loaded: no process of ours can trace this one, read its
    memory or open its descriptors, and what is orphaned below it becomes its child."""
    with contextlib.suppress(OSError):
        os.set_inheritable(CHANNEL, False)
    with contextlib.suppress(OSError):
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    isolate.adopt_orphans()


def begin() -> None:
    """To be called before anything of the project may run: until then the proof may be started again elsewhere."""
    os.write(CHANNEL, STARTED)


def tell(found: Json) -> None:
    """Give the answer and close the channel. To be called last, once."""
    routes = found.get("routes", [])[:MOST_ROUTES]
    cut = {**found, "reason": _cut(found.get("reason")), "routes": [_short(route) for route in routes]}
    data = json.dumps(cut).encode()
    while data:
        data = data[os.write(CHANNEL, data) :]
    os.close(CHANNEL)


def _short(route: Json) -> Json:
    return {**route, "detail": _cut(route.get("detail"))}


def _cut(text: Any) -> Any:
    return f"{text[:LONGEST_TEXT]} [...]" if isinstance(text, str) and len(text) > LONGEST_TEXT else text


def run_apart(work: Callable[[], Json]) -> Ended:
    """Do `work` in a fork and wait for its end; then end all that it started, so that nothing moves any more when this
    returns. NotAlone where that can't be done."""
    begin = time.monotonic()
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_fork(work, writer)
    os.close(writer)
    try:
        said, status = _listen(reader, child)
        end_all()
    finally:
        os.close(reader)
    seconds = round(time.monotonic() - begin, 3)
    killed = os.WIFSIGNALED(status)
    how = signal.Signals(os.WTERMSIG(status)).name if killed else f"exit {status >> 8}"
    return Ended(_read(said), how, not killed, seconds)


def _in_fork(work: Callable[[], Json], writer: int) -> NoReturn:
    try:
        with contextlib.suppress(OSError):
            os.close(CHANNEL)
        with contextlib.suppress(OSError):
            kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        isolate.die_with_parent()
        data = json.dumps(work()).encode()
        while data:
            data = data[os.write(writer, data) :]
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _listen(reader: int, child: int) -> tuple[bytes, int]:
    """What it says until it ends, not until everybody has let go of the pipe: a daemon may hold it for ever."""
    os.set_blocking(reader, False)
    said = bytearray()
    ended = _end_of(child)
    waiting = [reader, *([] if ended is None else [ended])]
    try:
        while True:
            ready = select.select(waiting, [], [], POLL if ended is None else None)[0]
            if reader in ready and not _take(reader, said):
                waiting.remove(reader)
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid == child:
                while reader in waiting and select.select([reader], [], [], 0)[0] and _take(reader, said):
                    pass
                return bytes(said), status
    finally:
        if ended is not None:
            os.close(ended)


def _take(reader: int, said: bytearray) -> bool:
    """False at the end of the pipe, and where it is more than anything honest."""
    try:
        data = os.read(reader, CHUNK)
    except BlockingIOError:
        return True
    said += data
    return bool(data) and len(said) <= MOST_SAID


def _end_of(child: int) -> Optional[int]:  # noqa: UP045
    """Something to wait on for its end; None where the system has no such thing."""
    try:
        return os.pidfd_open(child)
    except (AttributeError, OSError):
        return None


def _read(said: bytes) -> Optional[Json]:  # noqa: UP045
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def end_all() -> None:
    """SIGKILL to every process below this one, until none is left."""
    until = time.monotonic() + KILL_PATIENCE
    while True:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if _reap():
            return
        if time.monotonic() > until:
            raise NotAlone("a process of the migrations can't be ended")
        time.sleep(0.002)


def _reap() -> bool:
    """True when no child is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return False
