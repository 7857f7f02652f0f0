"""Tries the routes that databases take to a healed tree's heads, on scratch databases, and reports them.

`main` is started by adapters/proof inside the sandbox, perhaps under the project's own interpreter: kept to
Python 3.9's language. It imports Alembic and SQLAlchemy, runs the project's migrations in forks of itself, and
decides nothing beyond what each route showed.
"""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import Any

from pointsman.runner.databases import (
    SQLITE,
    Databases,
    PostgresDatabases,
)
from pointsman.runner.down import WayDown
from pointsman.runner.failures import BROKEN, CANT_TELL, ENVIRONMENT, OTHER_DATABASE, Failure, with_revision
from pointsman.runner.orders import BothOrders
from pointsman.runner.proving import Routes, prove
from pointsman.runner.schema import Schema
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
from pointsman.runner.verdict import Failed, NotProved

EMPTY, BASE = "empty -> head", "base head -> head"
MODELS = "alembic check"


class Proving(Routes):
    """See `Routes`."""

    def __init__(self, job: Json, databases: Databases) -> None:
        super().__init__(job, databases)
        self.healed = Path(job["healed"])
        self.base = Path(job["base"]) if job["base"] else None
        self.mode = ENV
        self.schemas: dict[str, Schema] = {}

    def try_all(self) -> None:
        base = self._base()
        fresh = self._from_empty()
        if base is not None:
            self._from_base(fresh)
        if self.job["models"]:
            self._models(base)
        WayDown(self).run(base, fresh, EMPTY)
        self._already_run(fresh)
        if self.job["both_orders"]:
            BothOrders(self).run(fresh, EMPTY)

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
            self.environment = "bare" if self.mode == BARE else "env.py"
            done = self.fresh(tree, name, commands)
            if done.problem is None or done.problem.kind != ENVIRONMENT:
                break
        assert done is not None  # noqa: S101 - there are three modes
        return done

    def _from_empty(self) -> Done:
        commands = [["upgrade", "heads"]]
        if self.base is None or not self.job["base_heads"]:
            done = self._first(self.healed, "fresh", commands)
        else:
            done = self.fresh(self.healed, "fresh", commands)
        self.hold(EMPTY, done)
        wanted = self.job["expected_heads"]
        if done.heads != sorted(wanted):
            self.fail(f"the healed tree has the heads {', '.join(done.heads)}; expected {', '.join(wanted)}")
        if not done.versions and wanted:
            raise NotProved("env.py connected elsewhere: the scratch database has no version table")
        self.at_heads(done)
        return done

    def _from_base(self, fresh: Done) -> None:
        self.databases.copy("base", "advanced")
        done = self.step(self.healed, "advanced", [["upgrade", "heads"]])
        self.hold(BASE, done)
        self.at_heads(done)
        self.same(fresh.schema, done.schema, (EMPTY, BASE))

    def _models(self, base: Done | None) -> None:
        """Row 45: `alembic check` at the healed heads. What differs on the base already is not the change's."""
        if self.mode == BARE:
            raise NotProved("the models can't be checked: env.py does not load here")
        done = self._checked(self.healed, "fresh")
        if done.differs is None:
            self.add(MODELS, done.seconds, None)
            return
        before = self._checked(self.base, "base") if base is not None and self.base else None
        if before is not None and before.differs is not None:
            said = f"not held against the change, for the base's own models differ already: {before.differs}"
            self.add(MODELS, done.seconds, said)
            return
        self.add(MODELS, done.seconds, done.differs, ok=False)
        if self.databases.kind == SQLITE and done.target not in (None, SQLITE):
            raise NotProved(f"{OTHER_DATABASE} to check the models: {done.differs}")
        raise Failed(f"{MODELS}: the schema is not that of the models: {done.differs}")

    def _checked(self, tree: Path, name: str) -> Done:
        done = self.step(tree, name, [["check"]])
        if done.problem is not None:
            self.add(MODELS, done.seconds, done.problem.text, ok=False)
            raise NotProved(f"the models can't be checked: {done.problem.text}")
        return done

    def _already_run(self, fresh: Done) -> None:
        """No repair of the graph can help a database that ran the change before it was healed; so say it."""
        before = {**fresh.graph, **self.job["parents"]}
        for head in self.job["change_heads"] if self.job["parents"] else ():
            skipped = ancestors(fresh.graph, [head]) - ancestors(before, [head])
            if skipped:
                missed, fork = ", ".join(sorted(skipped)), ", ".join(self.job["fork_points"])
                back = f", or take it down to {fork} first" if fork else ""
                said = (
                    f"a database that already ran {head} (a preview, staging) will never run {missed}, and Alembic "
                    f"will call it up to date: make it anew{back}; `on_fork: merge_revision` would let it catch up"
                )
                self.add(f"already at {head}", 0.0, said)

    def fresh(
        self, tree: Path, name: str, commands: list[Command], *, parents: Any = None, rows: bool = False
    ) -> Done:
        """Run them on an empty database of that name."""
        self.databases.fresh(name)
        return self.step(tree, name, commands, parents=parents, rows=rows)

    def step(
        self, tree: Path, name: str, commands: list[Command], *, parents: Any = None, rows: bool = False
    ) -> Done:
        """Run them on the database of that name as it is."""
        done = run_step(
            Step(tree, self.databases.at(name), self.mode, commands, parents or {}, rows), self.job
        )
        self.schemas[name] = done.schema
        return done

    def hold(self, name: str, done: Done, remark: str | None = None) -> None:
        """Write the route down; leave when it did not go through."""
        if done.problem is None:
            self.add(name, done.seconds, remark)
            return
        self.add(name, done.seconds, done.problem.text, ok=False)
        if done.problem.kind == CANT_TELL or self._lacks_package(done.problem):
            raise NotProved(with_revision(done.problem))
        self.routes[-1]["ended"] = False
        if done.problem.kind == BROKEN:
            raise Failed(f"{name}: {with_revision(done.problem)}")
        raise Failed(f"{name}: env.py runs on the base, but not here: {done.problem.text}")

    def _lacks_package(self, problem: Failure) -> bool:
        return problem.kind == ENVIRONMENT and problem.text.startswith("a package is not installed")

    def at_heads(self, done: Done) -> None:
        missing = list(not_reached(done, self.job["expected_heads"]))
        if missing:
            self.fail(
                f"the database stands at {', '.join(done.versions) or 'nothing'}, not at {', '.join(missing)}"
            )


def warm_up(kind: str) -> None:
    """Load once what every fork needs; also before the tree's own folders can stand in its way."""
    for name in ("alembic.command", "alembic.context", "alembic.op", f"sqlalchemy.dialects.{kind}"):
        importlib.import_module(name)
    with contextlib.suppress(ImportError):
        importlib.import_module("sqlalchemy.ext.asyncio")


def main() -> None:
    prove("Alembic", Proving, warm_up, PostgresDatabases)
