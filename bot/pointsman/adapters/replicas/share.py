"""One replica's share of the app's repositories: which it works, whose deliveries it takes, which others it wakes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from pointsman.adapters.replicas.turns import LaneLock, Turns
from pointsman.adapters.replicas.wakeups import Wakeups
from pointsman.adapters.store.inbox_postgresql import PostgresInbox
from pointsman.adapters.store.sql import SqlStore

if TYPE_CHECKING:
    from pointsman.adapters.store.postgresql import Database
    from pointsman.core.hints import Delivery

TAKE_SECONDS = 1.0
"""How often repositories that nobody works are looked for: what a replica that died costs its repositories."""

TAKEN_AT_ONCE = 4
"""New ones in one look, so that replicas that start together share what there is."""

SHUN_SECONDS = 60.0
"""For how long others may take a repository that this replica could not open."""

APP = "pointsman_app"
"""The turn, and the queue, of what concerns no repository that is known: installations, new repositories."""


class Share:
    """`ports.Inbox`, of the deliveries that are this replica's to work. `heard` is called, from any thread and without
    being allowed to block, when one of them may have come in."""

    def __init__(self, database: Database, heard: Callable[[], None]) -> None:
        """EnvironmentProblem when the database can't be used."""
        self._database = database
        self._inbox = PostgresInbox.open(database)
        self._turns = Turns(database)
        self._wakeups = Wakeups(database, lambda _name: heard())
        self._known: frozenset[int] = frozenset()
        self._mine: frozenset[int] = frozenset()
        self._rest = False
        self._looked_at = float("-inf")
        self._shunned: dict[int, float] = {}

    def mine(self, repositories: Collection[int]) -> frozenset[int]:
        """Of all repositories of the app those whose turn this replica has; it takes what nobody has, now and then.

        EnvironmentProblem when the database can't be reached: it has none then."""
        self._known = frozenset(repositories)
        held = {number for number in self._mine & self._known if self._turns.holds(schema_of(number))}
        try:
            if time.monotonic() >= self._looked_at + TAKE_SECONDS:
                self._looked_at = time.monotonic()
                held |= self._take(sorted(self._known - held))
        finally:
            self._mine = frozenset(number for number in held if self._turns.holds(schema_of(number)))
            self._rest = self._turns.holds(APP)
            self._wakeups.listen([*map(schema_of, self._mine), *([APP] if self._rest else [])])
        return self._mine

    def open(self, repository: int) -> tuple[SqlStore, LaneLock]:
        """The repository's store, and its turn, which is this replica's already. The store is closed with this.

        EnvironmentProblem where the turn was lost again."""
        schema = schema_of(repository)
        store = SqlStore(self._database.home(schema))
        turn = LaneLock(self._turns, schema, store)
        turn.take_over()
        return store, turn

    def give_up(self, repository: int) -> None:
        """Let another replica have it, for this one stumbles on it; nothing where the turn was lost anyway."""
        if not self._turns.holds(schema_of(repository)):
            return
        self._turns.release(schema_of(repository))
        self._shunned[repository] = time.monotonic() + SHUN_SECONDS

    def close(self) -> None:
        self._wakeups.close()
        self._turns.close()
        self._inbox.close()

    def add(self, delivery: Delivery) -> bool:
        is_new = self._inbox.add(delivery)
        if is_new:
            known = delivery.repository in self._known
            self._wakeups.send(schema_of(delivery.repository or 0) if known else APP)
        return is_new

    def pending(self, *, now: float, limit: int = 100) -> tuple[Delivery, ...]:
        return self._inbox.pending_of(self._mine, self._known, rest=self._rest, now=now, limit=limit)

    def done(self, delivery_id: str, *, at: float) -> None:
        self._inbox.done(delivery_id, at=at)

    def later(self, delivery_id: str, *, at: float, why: str) -> bool:
        return self._inbox.later(delivery_id, at=at, why=why)

    def size(self) -> tuple[int, float]:
        """Of all replicas together."""
        return self._inbox.size()

    def _take(self, free: Collection[int]) -> set[int]:
        self._turns.take([APP])
        now = time.monotonic()
        wanted = {schema_of(number): number for number in free if self._shunned.get(number, 0.0) < now}
        return {wanted[name] for name in self._turns.take(list(wanted), most=TAKEN_AT_ONCE)}


def schema_of(repository: int) -> str:
    """The schema of the repository with that number on GitHub, and the name of its turn."""
    return f"pointsman_r{repository}"
