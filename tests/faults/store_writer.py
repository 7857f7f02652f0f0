"""A process that writes to a store, for tests that kill it; started as a script, it asserts nothing.

append PATH NAME COUNT   save COUNT new changes, each with its line
forever PATH             take changes from submitted to landed until killed; prints one line when it begins
each-statement PATH      for each SQL statement of one save: a child that is killed (SIGKILL) just before it
fill PATH                save with a file size limit a little above what the file has now
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from pointsman.adapters.store.sql import SqlStore
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.model import Sha
from pointsman.core.queue.model import Change, ChangeState, Entry

HEAD = Sha("a" * 40)


def submit(store: SqlStore, branch: str, *, title: str = "t") -> Change:
    change = Change(id=0, lane="main", branch=branch, head=HEAD, author="ada", title=title, submitted_at=1.0)
    entry = Entry(lane="main", kind="submitted", body={"change": "$0", "branch": branch})
    (stored,) = store.save(change, entries=[entry], at=1.0)
    assert isinstance(stored, Change)
    return stored


def land(store: SqlStore, *changes: Change) -> None:
    """The end of a batch: several records and two lines, in one save."""
    entries = [
        Entry(lane="main", kind="landing", body={"changes": [change.id for change in changes]}),
        Entry(lane="main", kind="landed", body={"changes": [change.id for change in changes]}),
    ]
    landed = [replace(change, state=ChangeState.LANDED, landed=HEAD) for change in changes]
    store.save(*landed, entries=entries, at=2.0)


def append(path: Path, name: str, count: str) -> None:
    store = SqlStore.open(path)
    for number in range(int(count)):
        submit(store, f"{name}/{number}")


def forever(path: Path) -> None:
    store = SqlStore.open(path)
    print("begun", flush=True)
    for number in itertools.count():
        land(store, *(submit(store, f"{os.getpid()}/{number}/{place}") for place in range(2)))


def each_statement(path: Path) -> None:
    """Prints at which statements a child died; ends with the first save that needed no more of them."""
    store = SqlStore.open(path)
    submit(store, "first")
    store.close()
    for statement in itertools.count(1):
        child = os.fork()
        if not child:
            land_until_killed(path, statement)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return
        print(statement, flush=True)


def land_until_killed(path: Path, statement: int) -> None:
    store = SqlStore.open(path)
    queued = store.changes(states=[ChangeState.QUEUED])
    seen = itertools.count(1)

    def die(*_: Any) -> None:
        if next(seen) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", die)
    event.listen(Engine, "commit", die)
    land(store, *queued)


def fill(path: Path) -> None:
    """Prints what the failure says to the user."""
    store = SqlStore.open(path)
    submit(store, "first")
    log = path.with_name(path.name + "-wal")
    room = max(path.stat().st_size, log.stat().st_size) + 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        for number in itertools.count():
            submit(store, f"more/{number}", title="x" * 3000)
    except EnvironmentProblem as problem:
        print(problem, flush=True)


COMMANDS: dict[str, Callable[..., None]] = {
    "append": append,
    "forever": forever,
    "each-statement": each_statement,
    "fill": fill,
}

if __name__ == "__main__":
    command, file, *rest = sys.argv[1:]
    COMMANDS[command](Path(file), *rest)
