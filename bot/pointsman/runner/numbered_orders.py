"""Runs the two sides of a fork of numbered migrations in both orders, from the contract's seed rows where it has some.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.runner import rows
from pointsman.runner.orders import NAMES, SEEDED, UNSTEADY
from pointsman.runner.rows import Rows, TooMuch
from pointsman.runner.verdict import NotProved, shortened

if TYPE_CHECKING:
    from pointsman.runner.prove_numbered import Proving
    from pointsman.runner.schema import Schema


class BothOrders:
    """Base then change, and change then base, each from where the two part. `run` is called once."""

    def __init__(self, proving: Proving) -> None:
        self.proving = proving
        self.job = proving.job
        later = proving.above_fork()
        self.shared = proving.before[: len(proving.before) - len(later)]
        self.sides = (later, proving.ours)

    def run(self, fresh: Schema, without: str) -> None:
        """`without` is what the healed tree's own route is called. NotProved, or Failed, where they do not agree."""
        if self.job["seed"] is None and self.job["same_data"]:
            raise NotProved("both sides write rows of one table, and there are no seed rows to run them on")
        start = self._seeded() if self.job["seed"] is not None else None
        ends = [self._order(number, start) for number in (0, 1)]
        self.proving.same(ends[0], ends[1], NAMES)
        self.proving.same(fresh, ends[0], (without, NAMES[0]))
        if start is not None:
            self._same_rows()
            self.proving.compared_rows = True

    def _seeded(self) -> Rows:
        """The schema where the two sides part, and the seed's rows in it."""
        name = self.job["seed_name"]
        self.proving.databases.fresh(SEEDED)
        self.proving.apply(SEEDED, self.shared)
        try:
            self.proving.databases.at(SEEDED).load(Path(self.job["seed"]).read_text(errors="replace"))
        except Exception as problem:
            said = " ".join(str(problem).split())[:400]
            where = f"the schema at {self.shared[-1].id}" if self.shared else "an empty schema"
            raise NotProved(f"the contract's seed {name} does not load on {where}: {said}") from problem
        found = self._rows(SEEDED)
        if rows.count(found) == 0:
            raise NotProved(f"the contract's seed {name} brings no rows")
        return found

    def _order(self, number: int, start: Rows | None) -> Schema:
        first, second = self.sides if number == 0 else self.sides[::-1]
        place, name = f"order-{number}", NAMES[number]
        if start is None:
            self.proving.databases.fresh(place)
            return self.proving.route(name, place, [*self.shared, *first, *second])
        self.proving.databases.copy(SEEDED, place)
        before = self.proving.databases.at(place).schema(without=None)
        middle = self.proving.route(f"seed rows, {name}", place, first)
        if self.job["same_data"] and middle == before and self._rows(place) == start:
            side = ("the base's side", "the change's side")[number]
            raise NotProved(f"the seed {self.job['seed_name']} has no rows that {side} would change")
        self.proving.routes.pop()  # one route, in two steps
        return self.proving.route(f"seed rows, {name}", place, second)

    def _same_rows(self) -> None:
        first, second = self._rows("order-0"), self._rows("order-1")
        if not rows.differences(first, second, NAMES):
            return
        self.proving.databases.copy(SEEDED, "order-again")
        self.proving.apply("order-again", [*self.sides[0], *self.sides[1]])
        # What differs between two runs in one order is a clock's or a die's.
        unsteady = rows.unsteady(first, self._rows("order-again"))
        told = rows.differences(rows.leave_out(first, unsteady), rows.leave_out(second, unsteady), NAMES)
        if told:
            self.proving.fail(shortened(told))
        names = ", ".join(sorted(f"{table}.{column}" for table, column in unsteady))
        self.proving.routes[-1]["detail"] = f"{names} {UNSTEADY}"

    def _rows(self, place: str) -> Rows:
        try:
            return self.proving.databases.at(place).rows(without=None)
        except TooMuch as problem:
            raise NotProved(f"the rows can't be compared: {problem}") from problem
