"""Runs the two sides of a fork in both orders, from the contract's seed rows where it names some, and compares.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.runner import rows
from pointsman.runner.rows import Rows
from pointsman.runner.verdict import NotProved, shortened

if TYPE_CHECKING:
    from pointsman.runner.prove_alembic import Proving
    from pointsman.runner.steps import Command, Done

NAMES = ("base, then the change", "the change, then the base")
SEEDED = "seeded"
UNSTEADY = "left out, for two runs in one order differ in it too"


class BothOrders:
    """Base then change, and change then base, on the graph as it was before the repair. `run` is called once."""

    def __init__(self, proving: Proving) -> None:
        self.proving = proving
        self.job = proving.job
        self.sides = (self.job["base_heads"], self.job["change_heads"])
        self.seed: str | None = self.job["seed"]

    def run(self, fresh: Done, without: str) -> None:
        """`without` is what the healed tree's own route is called. NotProved, or Failed, where they do not agree."""
        if self.seed is None and self.job["same_data"]:
            raise NotProved("both sides write rows of one table, and there are no seed rows to run them on")
        start = self._seeded() if self.seed is not None else None
        ends = [self._order(number, start) for number in (0, 1)]
        self.proving.same(ends[0].schema, ends[1].schema, NAMES)
        self.proving.same(fresh.schema, ends[0].schema, (without, NAMES[0]))
        if start is not None:
            self._same_rows(ends)
            self.proving.compared_rows = True

    def _seeded(self) -> Rows:
        """The schema where the two sides part, brought there by the base's own tree, and the seed's rows in it."""
        name, fork = self.job["seed_name"], self.job["fork_points"]
        if self.proving.base is None:
            raise NotProved(f"there is no base to load the seed {name} on")
        commands: list[Command] = [*(["upgrade", point] for point in fork), ["seed", str(self.seed)]]
        done = self.proving.fresh(self.proving.base, SEEDED, commands, rows=True)
        if done.problem is not None:
            where = (
                f"the schema at {', '.join(fork)}, where the two sides part" if fork else "an empty schema"
            )
            raise NotProved(f"the contract's seed {name} does not load on {where}: {done.problem.text}")
        found = done.rows or {}
        if rows.count(found) == 0:
            raise NotProved(f"the contract's seed {name} brings no rows")
        return found

    def _order(self, number: int, start: Rows | None) -> Done:
        first, second = self.sides if number == 0 else self.sides[::-1]
        place, name = f"order-{number}", NAMES[number]
        if start is None:
            done = self.proving.fresh(
                self.proving.healed, place, _upgrades([*first, *second]), parents=self.job["parents"]
            )
            self.proving.hold(name, done)
            return done
        self.proving.databases.copy(SEEDED, place)
        middle = self._on_seed(place, first)
        self.proving.hold(f"seed rows, {name}", middle)
        if self.job["same_data"]:
            self._moves_something(number, start, middle)
        done = self._on_seed(place, second)
        self.proving.routes.pop()  # one route, in two steps
        self.proving.hold(f"seed rows, {name}", done)
        return done

    def _on_seed(self, place: str, heads: list[str]) -> Done:
        return self.proving.step(
            self.proving.healed, place, _upgrades(heads), parents=self.job["parents"], rows=True
        )

    def _moves_something(self, number: int, start: Rows, middle: Done) -> None:
        """Rows that a side leaves as they are show nothing of what it does to rows."""
        side = ("the base's side", "the change's side")[number]
        before = self.proving.schemas.get(SEEDED)
        if middle.rows == start and middle.schema == before:
            raise NotProved(f"the seed {self.job['seed_name']} has no rows that {side} would change")

    def _same_rows(self, ends: list[Done]) -> None:
        first, second = (done.rows or {} for done in ends)
        told = rows.differences(first, second, NAMES)
        if not told:
            return
        again = self._again()
        unsteady = rows.unsteady(first, again)
        told = rows.differences(rows.leave_out(first, unsteady), rows.leave_out(second, unsteady), NAMES)
        if told:
            self.proving.fail(shortened(told))
        names = ", ".join(sorted(f"{table}.{column}" for table, column in unsteady))
        self.proving.routes[-1]["detail"] = f"{names} {UNSTEADY}"

    def _again(self) -> Rows:
        """The first order once more: what differs then is a clock's or a die's, not the order's."""
        self.proving.databases.copy(SEEDED, "order-again")
        heads = [*self.sides[0], *self.sides[1]]
        return self._on_seed("order-again", heads).rows or {}


def _upgrades(heads: list[str]) -> list[Command]:
    return [["upgrade", head] for head in heads]
