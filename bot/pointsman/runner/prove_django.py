"""Tries the routes that databases take to a healed app's leaves, with the project's own Django on scratch databases.

`main` is started by adapters/proof inside the sandbox, perhaps under the project's own interpreter: kept to
Python 3.9's language. It runs the project's migrations in forks of itself and decides nothing beyond what each
route showed. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, Optional

from pointsman.runner.databases import Databases
from pointsman.runner.django_databases import DjangoPostgres
from pointsman.runner.django_orders import both_orders
from pointsman.runner.django_steps import Done, Json, Step, run_step
from pointsman.runner.failures import CANT_TELL, ENVIRONMENT, Failure
from pointsman.runner.proving import Routes, prove
from pointsman.runner.verdict import Failed, NotProved, shortened

EMPTY, BASE = "empty -> leaves", "base leaves -> leaves"


class Proving(Routes):
    """See `Routes`."""

    def __init__(self, job: Json, databases: Databases) -> None:
        super().__init__(job, databases)
        self.label: str = job["name"]
        self.healed = Path(job["healed"])
        self.base = Path(job["base"]) if job["base"] else None

    def try_all(self) -> None:
        base = self._base()
        fresh = self.fresh(self.healed, "fresh", self._up())
        if base is None and fresh.problem is not None and fresh.problem.kind == ENVIRONMENT:
            raise NotProved(fresh.problem.text)
        self.hold(EMPTY, fresh)
        self._at_leaves(fresh)
        self._models(base, fresh)
        if base is not None:
            self.databases.copy("base", "advanced")
            done = self.step(self.healed, "advanced", [["up"]])
            self.hold(BASE, done)
            self._at_leaves(done)
            self.same(fresh.schema, done.schema, (EMPTY, BASE))
        self._down_and_up(fresh)
        self._already_run()
        if self.job["both_orders"]:
            both_orders(self, base, fresh, EMPTY)

    def _up(self) -> list[list[str]]:
        return [["up"], *([["models"]] if self.job.get("models") else [])]

    def _base(self) -> Optional[Done]:  # noqa: UP045 - read at run time by 3.9
        """The base's own tree brought to its leaves, which also shows what of the project runs here at all."""
        if self.base is None or not self.job["base_heads"]:
            return None
        done = self.fresh(self.base, "base", self._up())
        if done.problem is not None:
            raise NotProved(f"the base's own migrations do not run here: {done.problem.text}")
        missing = set(self.job["base_heads"]) - set(done.applied)
        if missing:
            raise NotProved(
                f"the scratch database was not brought to the base's {', '.join(sorted(missing))}"
            )
        return done

    def _models(self, base: Optional[Done], fresh: Done) -> None:  # noqa: UP045 - read at run time by 3.9
        """Row 45: the models against the migrations, as `makemigrations --check` has it."""
        if not self.job.get("models"):
            return
        name = "models against migrations"
        if base is not None and base.lacking:
            self.add(name, 0.0, f"not judged: on the base already they differ ({shortened(base.lacking)})")
            return
        self.add(name, 0.0, None)
        if fresh.lacking:
            self.fail(f"the models have what no migration brings: {shortened(fresh.lacking)}")

    def _down_and_up(self, fresh: Done) -> None:
        points = self.job["fork_points"]
        if not points:
            self.add("down and up again", 0.0, "not tried: there is nothing to go down to")
            return
        name = f"down to {', '.join(points)} and up again"
        self.databases.copy("fresh", "returned")
        done = self.step(self.healed, "returned", [*(["downgrade", one] for one in points), ["up"]])
        if done.stuck:
            said = f"not tried: {', '.join(done.stuck)} can't be reversed"
            self.add("down and up again", done.seconds, said)
            return
        ours = set(fresh.applied) - set(self.job["base_heads"])
        if done.problem is not None and (done.problem.kind == CANT_TELL or done.problem.revision not in ours):
            self.add(name, done.seconds, f"not tried to the end: {_with_revision(done.problem)}")
            return
        self.hold(name, done)
        self._at_leaves(done)
        self.same(fresh.schema, done.schema, (EMPTY, name))

    def _already_run(self) -> None:
        """No repair of the graph can help a database that ran the change before it was healed; so say it."""
        for new, below in sorted(self.job["parents"].items()):
            old = self.job["renamed"].get(new, new)
            if old != new:
                said = (
                    f"a database that already ran {old} does not know it as {new} and would run it again: bring it to "
                    f"what {new} depends on, then `migrate {self.label} {new} --fake`"
                )
            else:
                said = (
                    f"a database that already ran {new} has it too early, and Django refuses to go on: take it back "
                    f"with the change's own code (`migrate {self.label} {(below or ['zero'])[0]}`), or let the "
                    "contract merge (on_fork: merge_revision)"
                )
            self.add(f"already at {old}", 0.0, said)

    def fresh(
        self, tree: Path, name: str, commands: list[list[str]], *, parents: Any = None, rows: bool = False
    ) -> Done:
        """Run them on an empty database of that name."""
        self.databases.fresh(name)
        return self.step(tree, name, commands, parents=parents, rows=rows)

    def step(
        self, tree: Path, name: str, commands: list[list[str]], *, parents: Any = None, rows: bool = False
    ) -> Done:
        """Run them on the database of that name as it is."""
        return run_step(Step(tree, self.databases.at(name), commands, parents or {}, rows), self.job)

    def hold(self, name: str, done: Done) -> None:
        """Write the route down; leave when it did not go through."""
        if done.problem is None:
            self.add(name, done.seconds, None)
            return
        self.add(name, done.seconds, done.problem.text, ok=False)
        self.routes[-1]["ended"] = False
        if done.problem.kind == CANT_TELL:
            raise NotProved(_with_revision(done.problem))
        if done.problem.kind == ENVIRONMENT:
            raise Failed(f"{name}: the project loads on the base, but not here: {done.problem.text}")
        raise Failed(f"{name}: {_with_revision(done.problem)}")

    def _at_leaves(self, done: Done) -> None:
        wanted = sorted(self.job["expected_heads"])
        if sorted(done.leaves) != wanted:
            self.fail(f"{self.label} has the leaves {', '.join(done.leaves)}; expected {', '.join(wanted)}")
        missing = [name for name in wanted if name not in done.applied]
        if missing:
            self.fail(f"the database did not come to {', '.join(missing)}")


def _with_revision(problem: Failure) -> str:
    return f"migration {problem.revision}: {problem.text}" if problem.revision else problem.text


def warm_up(kind: str) -> None:
    """Load once what every fork needs; also before the tree's own folders can stand in its way."""
    importlib.import_module("django.db.migrations.executor")
    if kind == "sqlite":
        importlib.import_module("django.db.backends.sqlite3.base")


def main() -> None:
    prove("Django", Proving, warm_up, DjangoPostgres)
