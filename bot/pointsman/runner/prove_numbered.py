"""Tries the routes that databases take to the last of a healed folder's numbered migrations, on scratch databases.

`main` is started by adapters/proof inside the sandbox: kept to Python 3.9's language. It applies the files as their
tool would, one after the other, and decides nothing beyond what each route showed. Imports nothing of Pointsman
outside this package.
"""

from __future__ import annotations

import importlib
import time
from pathlib import Path

from pointsman.runner.databases import Databases, PostgresDatabases
from pointsman.runner.failures import CANT_TELL, OTHER_DATABASE
from pointsman.runner.numbered_files import Json, Step, steps
from pointsman.runner.numbered_orders import BothOrders
from pointsman.runner.numbered_steps import MYSQL, POSTGRESQL, Stopped, apply_step, meant_for
from pointsman.runner.proving import Routes, prove
from pointsman.runner.schema import Schema
from pointsman.runner.verdict import Failed, NotProved

EMPTY, BASE = "empty -> head", "base head -> head"
PAIRED = "{version}_{title}.up.sql"


class Proving(Routes):
    """See `Routes`."""

    def __init__(self, job: Json, databases: Databases) -> None:
        super().__init__(job, databases)
        self.all = steps(Path(job["healed"]), job)
        published = steps(Path(job["base"]), job) if job["base"] and job["base_heads"] else []
        # Of two published files of one number, the one that is numbered anew is as if it had never run.
        moved = {old for new, old in job["renamed"].items() if new != old}
        self.elsewhere = bool(job["base"] and job["base_heads"]) and not published
        self.before = [step for step in published if step.id not in moved]
        paths = {step.path for step in published}
        self.ours = [step for step in self.all if step.path not in paths]
        self.target = meant_for([text for step in self.all for text in (step.up, step.down or "")])

    def try_all(self) -> None:
        self._can_be_judged()
        if self.before:
            self._base()
        fresh = self._from_empty()
        if self.before:
            self.databases.copy("base", "advanced")
            self.same(fresh, self.route(BASE, "advanced", self.ours), (EMPTY, BASE))
        self._down_and_up(fresh)
        self._already_run()
        if self.job["both_orders"]:
            BothOrders(self).run(fresh, EMPTY)

    def _can_be_judged(self) -> None:
        if self.elsewhere:
            raise NotProved(
                "the base keeps its migrations in another folder, so nothing shows what it has run"
            )
        if self.target == MYSQL:
            raise NotProved(
                "the files are written for MySQL or the like, and a proof has SQLite and PostgreSQL only"
            )
        if self.target == POSTGRESQL and self.databases.kind != POSTGRESQL:
            raise NotProved(f"{OTHER_DATABASE}: the files are written for PostgreSQL")

    def _base(self) -> None:
        """The base's own files, which also show what of the project runs here at all."""
        self.databases.fresh("base")
        try:
            self.apply("base", self.before)
        except Stopped as stopped:
            raise NotProved(f"the base's own migrations do not run here: {stopped}") from stopped

    def _from_empty(self) -> Schema:
        self.databases.fresh("fresh")
        found = self.route(EMPTY, "fresh", self.all)
        last = [self.all[-1].id] if self.all else []
        wanted = sorted(self.job["expected_heads"])
        if last != wanted:
            self.fail(f"the healed tree ends with {', '.join(last)}; expected {', '.join(wanted)}")
        return found

    def _down_and_up(self, fresh: Schema) -> None:
        """Down to the fork as far as there is a way; a published file that lacks one, or fails, is not the change's
        fault."""
        stuck = [step.id for step in self.ours if step.down is None]
        if stuck:
            self.add("down and up again", 0.0, f"not tried: {', '.join(stuck)} has no way down")
            return
        later = self.above_fork()
        remark = None
        stuck = [step.id for step in later if step.down is None]
        if stuck:
            later, remark = [], f"no further: {', '.join(stuck)} has no way down"
        again = [*later, *self.ours]
        name = f"down to {self._before(again[0]) if again else 'the fork'} and up again"
        self.databases.copy("fresh", "returned")
        begin = time.monotonic()
        try:
            self.apply("returned", again[::-1], up=False)
        except Stopped as stopped:
            published = stopped.problem.revision not in {step.id for step in self.ours}
            if published or stopped.problem.kind == CANT_TELL:
                self.add(name, _since(begin), f"not tried to the end: {stopped}")
                return
            self.add(name, _since(begin), str(stopped), ok=False)
            raise Failed(f"{name}: {stopped}") from stopped
        self.same(fresh, self.route(name, "returned", again, remark), (EMPTY, name))

    def above_fork(self) -> list[Step]:
        """The base's steps that came after the two sides parted; all, where they part before the first."""
        points = self.job["fork_points"]
        return self.before[
            1 + max((i for i, step in enumerate(self.before) if step.id in points), default=-1) :
        ]

    def _before(self, first: Step) -> str:
        place = self.all.index(first)
        return self.all[place - 1].id if place else "nothing"

    def _already_run(self) -> None:
        """No renumbering can help a database that ran the change before it; so say it."""
        for new, old in sorted(self.job["renamed"].items()):
            if old != new:
                said = f"a database that already ran {old} does not know it as {new}: take the change back there first"
                self.add(f"already at {old}", 0.0, said)

    def route(self, name: str, database: str, run: list[Step], remark: str | None = None) -> Schema:
        """Apply them, write the route down, and leave when it did not go through."""
        begin = time.monotonic()
        try:
            self.apply(database, run)
        except Stopped as stopped:
            self.add(name, _since(begin), str(stopped), ok=False)
            self.routes[-1]["ended"] = False
            if stopped.problem.kind == CANT_TELL:
                raise NotProved(str(stopped)) from stopped
            raise Failed(f"{name}: {stopped}") from stopped
        found = self.databases.at(database).schema(without=None)
        self.add(name, _since(begin), remark)
        return found

    def apply(self, database: str, run: list[Step], *, up: bool = True) -> None:
        splits = self.job["template"] != PAIRED
        for step in run:
            apply_step(self.databases.at(database), step, up=up, target=self.target, splits=splits)


def _since(begin: float) -> float:
    return round(time.monotonic() - begin, 3)


def warm_up(kind: str) -> None:
    """What reads schemas needs SQLAlchemy."""
    importlib.import_module(f"sqlalchemy.dialects.{kind}")


def main() -> None:
    prove("SQLAlchemy", Proving, warm_up, PostgresDatabases)
