"""Processes that claim and release tasks as launchers would; started as a script, it asserts nothing.

PATH COUNT   COUNT processes share twenty tasks that all need one resource; each prints `CLAIM TASK` for what it got
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from pointsman.adapters.store.claims import SqlClaims
from pointsman.adapters.store.sqlite import SqliteHome
from pointsman.core.schedule.admit import Ask, admit
from pointsman.core.schedule.ending import release
from pointsman.core.schedule.model import Board, Claim, Held, Outcome, Ruling, Task
from tests.core.schedule.facts import PLAIN

TASKS = tuple(Task(id=f"t{number}", role="coder", resources=("staging-db",)) for number in range(20))


def take(claims: SqlClaims, name: str, holder: str, tasks: tuple[Task, ...] = TASKS) -> Ruling:
    now = time.time()

    def rule(held: Held) -> Ruling:
        return admit(Ask(task=name, role="", holder=holder), Board(tasks=tasks, held=held, at=now), PLAIN)

    return claims.decide(rule, tasks=[task.id for task in tasks], lane="main", by=holder, at=now)


def give_back(claims: SqlClaims, claim: Claim) -> None:
    now = time.time()

    def rule(held: Held) -> Ruling:
        return release(claim, held, Outcome.DONE, holder="", at=now)

    claims.decide(rule, tasks=(claim.task,), lane="main", by=claim.holder, at=now)


def work(path: Path, holder: str, tasks: tuple[Task, ...]) -> None:
    home = SqliteHome.open(path)
    claims = SqlClaims(home)
    for task in tasks:
        while (claim := take(claims, task.id, holder).claim) is None:
            time.sleep(0.01)
        print(f"{claim.id} {claim.task}", flush=True)
        give_back(claims, claim)
    home.close()


def main(path: str, count: str) -> int:
    children = []
    for number in range(int(count)):
        child = os.fork()  # before anything is opened: each has its own
        if not child:
            work(Path(path), f"launcher {number}", TASKS[number :: int(count)])
            os._exit(0)
        children.append(child)
    return max(os.waitpid(child, 0)[1] for child in children)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
