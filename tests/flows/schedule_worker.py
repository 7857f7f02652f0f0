"""A process that claims and releases tasks as a launcher's agents would; started as a script, it asserts nothing.

PATH NAME FIRST LAST   claim task tFIRST..tLAST of twenty that all need one resource; prints `at ID` and `off ID` lines
"""

from __future__ import annotations

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


def main(path: str, holder: str, first: str, last: str) -> None:
    home = SqliteHome.open(Path(path))
    claims = SqlClaims(home)
    for number in range(int(first), int(last) + 1):
        while (claim := take(claims, f"t{number}", holder).claim) is None:
            time.sleep(0.01)
        print(f"{claim.id} {claim.task}", flush=True)
        give_back(claims, claim)
    home.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
