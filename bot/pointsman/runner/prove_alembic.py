"""Tries the routes that databases take to a healed tree's heads, on scratch databases, and reports them.

`main` is started by adapters/proof inside the sandbox, perhaps under the project's own interpreter: kept to
Python 3.9's language. It imports Alembic and SQLAlchemy, runs the project's migrations in forks of itself, and
decides nothing beyond what each route showed.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from pointsman.runner import answer
from pointsman.runner.databases import Databases, NoDriver, PostgresDatabases, SqliteFiles, lend_driver
from pointsman.runner.failures import BROKEN, CANT_TELL, ENVIRONMENT, Failure
from pointsman.runner.redirect import close_doors
from pointsman.runner.schema import Schema, differences
from pointsman.runner.steps import (
    BARE,
    DECOY_ENV,
    ENV,
    Command,
    Done,
    Json,
    Step,
    ancestors,
    not_reached,
    run_step,
)

EMPTY, BASE, ORDERS = "empty -> head", "base head -> head", "both orders"
SHOWN_DIFFERENCES = 3


class NotProved(Exception):
    """Nothing can be shown on this machine; the text says why."""


class Failed(Exception):
    """A route does not hold; it is the last one in the list."""


class Proving:
    """One proof. `run` is called once; each database is one route's own."""

    def __init__(self, job: Json, databases: Databases) -> None:
        self.job = job
        self.databases = databases
        self.healed = Path(job["healed"])
        self.base = Path(job["base"]) if job["base"] else None
        self.mode = ENV
        self.routes: list[Json] = []

    def run(self) -> Json:
        begin = time.monotonic()
        ran, reason = True, None
        try:
            self._routes()
        except NotProved as outcome:
            ran, reason = False, str(outcome)
        except Failed as outcome:
            reason = str(outcome)
        return {
            "ran": ran,
            "passed": reason is None,
            "reason": reason,
            "routes": self.routes,
            "environment": "bare" if self.mode == BARE else "env.py",
            "database": self.databases.kind,
            "seconds": round(time.monotonic() - begin, 3),
        }

    def _routes(self) -> None:
        base = self._base()
        fresh = self._from_empty()
        if base is not None:
            self._from_base(fresh)
        self._down_and_up(base, fresh)
        self._already_run(fresh)
        if self.job["both_orders"]:
            self._both_orders(fresh)

    def _base(self) -> Done | None:
        """The base's own tree brought to its heads, which also shows what of the project runs here at all."""
        if self.base is None or not self.job["base_heads"]:
            return None
        done = self._first(self.base, "base", [["upgrade", "heads"]])
        if done.problem is not None:
            raise NotProved(f"the base's own migrations do not run here: {done.problem.text}")
        if list(not_reached(done, self.job["base_heads"])):
            raise NotProved(
                "env.py connected elsewhere: the scratch database was not brought to the base's heads"
            )
        return done

    def _first(self, tree: Path, name: str, commands: list[Command]) -> Done:
        """Run with the project's env.py where it can be loaded, else with the migrations alone; stays that way."""
        done = None
        for self.mode in (ENV, DECOY_ENV, BARE):
            done = self._fresh(tree, name, commands)
            if done.problem is None or done.problem.kind != ENVIRONMENT:
                break
        assert done is not None  # noqa: S101 - there are three modes
        return done

    def _from_empty(self) -> Done:
        commands = [["upgrade", "heads"]]
        if self.base is None or not self.job["base_heads"]:
            done = self._first(self.healed, "fresh", commands)
        else:
            done = self._fresh(self.healed, "fresh", commands)
        self._hold(EMPTY, done)
        wanted = self.job["expected_heads"]
        if done.heads != sorted(wanted):
            self._fail(f"the healed tree has the heads {', '.join(done.heads)}; expected {', '.join(wanted)}")
        if not done.versions and wanted:
            raise NotProved("env.py connected elsewhere: the scratch database has no version table")
        self._at_heads(done)
        return done

    def _from_base(self, fresh: Done) -> None:
        self.databases.copy("base", "advanced")
        done = self._step(self.healed, "advanced", [["upgrade", "heads"]])
        self._hold(BASE, done)
        self._at_heads(done)
        self._same(fresh.schema, done.schema, (EMPTY, BASE))

    def _down_and_up(self, base: Done | None, fresh: Done) -> None:
        """Down as far as downgrades exist that work; a published one that does not is not the change's fault."""
        target, remark = self._lowest(base, fresh)
        if target is None:
            self._add("down and up again", 0.0, remark)
            return
        name = f"down to {', '.join(target)} and up again"
        self.databases.copy("fresh", "returned")
        commands = [["downgrade", one] for one in target]
        done = self._step(self.healed, "returned", [*commands, ["upgrade", "heads"]])
        ours = fresh.graph.keys() - ancestors(fresh.graph, self.job["base_heads"])
        if done.problem is not None and (done.problem.kind == CANT_TELL or done.problem.revision not in ours):
            self._add(name, done.seconds, f"not tried to the end: {_with_revision(done.problem)}")
            return
        self._hold(name, done, remark)
        self._at_heads(done)
        self._same(fresh.schema, done.schema, (EMPTY, name))

    def _lowest(self, base: Done | None, fresh: Done) -> tuple[list[str] | None, str | None]:
        """The revisions to go down to, or None; and a remark when that is not the fork."""
        heads = self.job["base_heads"]
        published = ancestors(fresh.graph, heads)
        stuck = [one for one in fresh.graph if one not in published and not fresh.undoable[one]]
        if stuck:
            return None, f"not tried: {', '.join(sorted(stuck))} has no downgrade()"
        fork = lowest(fresh.graph, self.job["fork_points"])
        if base is None or not heads:
            return ["base"], None
        if not fork or set(fork) == set(heads):
            return list(heads), None
        between = published - ancestors(fresh.graph, fork)
        stuck = sorted(one for one in between if not fresh.undoable.get(one, False))
        if stuck:
            return list(heads), f"not down to {', '.join(fork)}: {', '.join(stuck)} has no downgrade()"
        self.databases.copy("base", "base-returned")
        commands = [["downgrade", one] for one in fork]
        done = self._step(self.base or self.healed, "base-returned", [*commands, ["upgrade", "heads"]])
        if done.problem is not None or differences(base.schema, done.schema, ("", "")):
            return list(heads), f"not down to {', '.join(fork)}: the base itself can't go there and back"
        return list(fork), None

    def _already_run(self, fresh: Done) -> None:
        """No repair of the graph can help a database that ran the change before it was healed; so say it."""
        before = {**fresh.graph, **self.job["parents"]}
        for head in self.job["change_heads"] if self.job["parents"] else ():
            skipped = ancestors(fresh.graph, [head]) - ancestors(before, [head])
            if skipped:
                said = f"a database that already ran {head} will never run {', '.join(sorted(skipped))}"
                self._add(f"already at {head}", 0.0, said)

    def _both_orders(self, fresh: Done) -> None:
        """Base then change, and change then base, on the graph as it was before the repair."""
        sides = (self.job["base_heads"], self.job["change_heads"])
        found: list[Done] = []
        for number, (first, second) in enumerate((sides, sides[::-1])):
            commands = [["upgrade", head] for head in (*first, *second)]
            name = "base, then the change" if number == 0 else "the change, then the base"
            done = self._fresh(self.healed, f"order-{number}", commands, parents=self.job["parents"])
            self._hold(name, done)
            found.append(done)
        names = ("base, then the change", "the change, then the base")
        self._same(found[0].schema, found[1].schema, names)
        self._same(fresh.schema, found[0].schema, (EMPTY, names[0]))

    def _fresh(self, tree: Path, name: str, commands: list[Command], parents: Any = None) -> Done:
        self.databases.fresh(name)
        return self._step(tree, name, commands, parents)

    def _step(self, tree: Path, name: str, commands: list[Command], parents: Any = None) -> Done:
        return run_step(Step(tree, self.databases.at(name), self.mode, commands, parents or {}), self.job)

    def _hold(self, name: str, done: Done, remark: str | None = None) -> None:
        """Write the route down; leave when it did not go through."""
        if done.problem is None:
            self._add(name, done.seconds, remark)
            return
        self._add(name, done.seconds, done.problem.text, ok=False)
        if done.problem.kind == CANT_TELL or self._lacks_package(done.problem):
            raise NotProved(_with_revision(done.problem))
        if done.problem.kind == BROKEN:
            raise Failed(f"{name}: {_with_revision(done.problem)}")
        raise Failed(f"{name}: env.py runs on the base, but not here: {done.problem.text}")

    def _lacks_package(self, problem: Failure) -> bool:
        return problem.kind == ENVIRONMENT and problem.text.startswith("a package is not installed")

    def _at_heads(self, done: Done) -> None:
        missing = list(not_reached(done, self.job["expected_heads"]))
        if missing:
            self._fail(
                f"the database stands at {', '.join(done.versions) or 'nothing'}, not at {', '.join(missing)}"
            )

    def _same(self, one: Schema, other: Schema, names: tuple[str, str]) -> None:
        told = differences(one, other, names)
        if told:
            rest = len(told) - SHOWN_DIFFERENCES
            more = [f"and {rest} more"] if rest > 0 else []
            self._fail("; ".join([*told[:SHOWN_DIFFERENCES], *more]))

    def _fail(self, why: str) -> None:
        self.routes[-1].update(ok=False, detail=why)
        raise Failed(f"{self.routes[-1]['name']}: {why}")

    def _add(self, name: str, seconds: float, detail: str | None, *, ok: bool = True) -> None:
        self.routes.append({"name": name, "ok": ok, "detail": detail, "seconds": seconds})


def lowest(graph: dict[str, list[str]], points: list[str]) -> list[str]:
    """Those that no other one comes before: going down to one of these passes the rest."""
    return [one for one in points if not (ancestors(graph, [one]) - {one}).intersection(points)]


def _with_revision(problem: Failure) -> str:
    return f"revision {problem.revision}: {problem.text}" if problem.revision else problem.text


def warm_up(kind: str) -> None:
    """Load once what every fork needs; also before the tree's own folders can stand in its way."""
    gc.disable()  # nothing that is loaded here goes away again
    for name in ("alembic.command", "alembic.context", "alembic.op", f"sqlalchemy.dialects.{kind}"):
        importlib.import_module(name)
    with contextlib.suppress(ImportError):
        importlib.import_module("sqlalchemy.ext.asyncio")


def main() -> None:
    answer.keep_apart()
    job = json.loads(Path(sys.argv[-1]).read_text())
    server = job["postgresql"]
    found: Json = {"ran": False, "passed": False, "routes": [], "environment": "env.py", "seconds": 0.0}
    found["database"] = "postgresql" if server else "sqlite"
    try:
        warm_up(found["database"])
        if server and server["driver"]:
            lend_driver(server["driver"])
        databases: Databases = (
            PostgresDatabases(server["url"], server["home"]) if server else SqliteFiles(Path(job["scratch"]))
        )
    except ImportError as problem:
        found["reason"] = f"{sys.executable} has no Alembic: {problem}"
    except NoDriver as problem:
        found["reason"] = str(problem)
    else:
        close_doors(Path(os.path.realpath(job["scratch"])), sockets=server["sockets"] if server else None)
        gc.freeze()  # a fork shares what nobody touches
        gc.enable()
        answer.begin()
        found = Proving(job, databases).run()
    answer.tell(found)
