"""Runs the two sides of a Django fork in both orders; with seed rows as orders.py does it, else the shorter way.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.runner.orders import NAMES, BothOrders

if TYPE_CHECKING:
    from pointsman.runner.django_steps import Done
    from pointsman.runner.prove_django import Proving


def both_orders(proving: Proving, base: Done | None, fresh: Done, without: str) -> None:
    """Base then change, and change then base, on the graph as it was before the repair. `without` is what the healed
    tree's own route is called. NotProved, or Failed, where they do not agree."""
    job = proving.job
    if job.get("seed") is not None or job.get("same_data"):
        seeded: Any = _Seeded(proving)  # orders.py knows only what the two tools' proofs have in common
        ends: Any = fresh
        try:
            BothOrders(seeded).run(ends, without)
        finally:
            proving.compared_rows = seeded.compared_rows
        return
    ours, theirs = _to(job["base_heads"]), _to(job["change_heads"])
    if base is not None:  # what brings a database to the base's leaves has run once already
        proving.databases.copy("base", "order-0")
        done = proving.step(proving.healed, "order-0", [*theirs, ["up"]], parents=job["parents"])
    else:
        done = proving.fresh(proving.healed, "order-0", [*ours, *theirs, ["up"]], parents=job["parents"])
    proving.hold(NAMES[0], done)
    proving.same(fresh.schema, done.schema, (without, NAMES[0]))
    done = proving.fresh(proving.healed, "order-1", [*theirs, *ours, ["up"]], parents=job["parents"])
    proving.hold(NAMES[1], done)
    proving.same(fresh.schema, done.schema, (without, NAMES[1]))


def _to(names: list[str]) -> list[list[str]]:
    return [["upgrade", name] for name in names]


class _Seeded:
    """A proof as orders.py drives it. Where both sides of the app are there, all other apps follow to their leaves, for
    that is what the healed tree's own route comes to."""

    def __init__(self, proving: Proving) -> None:
        self.job = proving.job
        self.base, self.healed = proving.base, proving.healed
        self.databases = proving.databases
        self.routes = proving.routes
        self.schemas: dict[str, dict[str, str]] = {}
        self.compared_rows = False
        self._proving = proving
        self._there: dict[str, set[str]] = {}

    def fresh(self, tree: Path, name: str, commands: list[list[str]], **more: Any) -> Done:
        self.databases.fresh(name)
        return self.step(tree, name, commands, **more)

    def step(
        self, tree: Path, name: str, commands: list[list[str]], *, parents: Any = None, rows: bool = False
    ) -> Done:
        there = self._there.setdefault(name, set())
        there.update(command[1] for command in commands if command[0] == "upgrade")
        whole = there.issuperset([*self.job["base_heads"], *self.job["change_heads"]])
        more = [["up"]] if whole else []
        done = self._proving.step(tree, name, [*commands, *more], parents=parents, rows=rows)
        self.schemas[name] = done.schema
        return done

    def hold(self, name: str, done: Done) -> None:
        self._proving.hold(name, done)

    def same(self, one: dict[str, str], other: dict[str, str], names: tuple[str, str]) -> None:
        self._proving.same(one, other, names)

    def fail(self, why: str) -> None:
        self._proving.fail(why)
