"""How deliveries are kept in any database: statements, groups of writes that share a commit, what is forgotten."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery

TRIES = 10
KEPT_DONE = 7 * 86400.0
"""GitHub sends a delivery again, when asked, for three days; its id has to be known for longer."""

DONE_ROWS = 1_000_000
"""Ids of worked deliveries that are kept at most, 150 MB of them. One that comes again after its id went is worked
again, which changes nothing: it is a hint."""

KEPT_ASIDE = 30 * 86400.0
ASIDE_ROWS, ASIDE_BYTES = 500, 1_000_000
"""How many deliveries that failed for good are kept, and how large a payload of one is kept with it."""

PRUNE_EVERY, PRUNE_AGAIN = 3600.0, 1.0
"""Seconds until the next pruning: as a rule, and where the last one may have left more to go."""

PRUNE_ROWS = 20_000
"""What one pruning takes at most: it happens while deliveries wait."""

GROUP_ROWS, GROUP_BYTES = 256, 32_000_000
"""What one commit takes at most, so that the first of a crowd does not wait for the last."""

READ_BYTES = 32_000_000
WHY_CHARACTERS = 500

ADD = """
INSERT INTO deliveries (id, event, repository, received_at, payload, due_at)
VALUES (:id, :event, :repository, :at, :payload, :at)
ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, received_at = excluded.received_at,
    due_at = excluded.due_at, state = 'waiting', tries = 0, ended_at = NULL, why = ''
WHERE deliveries.state = 'aside'
"""
"""One that was put aside and is sent again, by hand, gets a new start; every other repetition changes nothing."""

DONE = """
UPDATE deliveries SET state = 'done', payload = NULL, ended_at = :at, why = '' WHERE id = :id AND state <> 'done'
"""

LATER = """
UPDATE deliveries SET tries = tries + 1, due_at = :at, why = :why WHERE id = :id AND state = 'waiting'
"""
ASIDE = """
UPDATE deliveries SET state = 'aside', ended_at = due_at,
    payload = CASE WHEN length(payload) > :most THEN NULL ELSE payload END
WHERE id = :id AND state = 'waiting' AND tries >= :tries
"""
WAITS = "SELECT 1 FROM deliveries WHERE id = :id AND state = 'waiting'"

DUE = """
SELECT seq, length(payload) FROM deliveries WHERE state = 'waiting' AND due_at <= :now ORDER BY seq LIMIT :limit
"""
DELIVERY = """
SELECT id, event, repository, received_at, payload FROM deliveries WHERE seq = :seq AND payload IS NOT NULL
"""
SIZE = "SELECT count(*), coalesce(min(received_at), 0.0) FROM deliveries WHERE state = 'waiting'"

FORGET = """
DELETE FROM deliveries WHERE seq IN (
    SELECT seq FROM deliveries
    WHERE (state = 'done' AND ended_at < :done) OR (state = 'aside' AND ended_at < :aside) LIMIT :limit)
"""

WORKED = "SELECT count(*) FROM deliveries WHERE state = 'done'"

OLDEST = """
DELETE FROM deliveries WHERE seq IN (
    SELECT seq FROM deliveries WHERE state = 'done' ORDER BY ended_at LIMIT :limit)
"""

CROWDED = """
DELETE FROM deliveries WHERE seq IN (
    SELECT seq FROM deliveries WHERE state = 'aside' ORDER BY ended_at DESC LIMIT 1000000 OFFSET :kept)
"""

Run = Callable[[str, Mapping[str, Any]], Any]
"""Runs one statement in the transaction that is open; its cursor, with `rowcount`, `fetchone` and `fetchall`."""

Step = Callable[[Run], bool]


@dataclass(kw_only=True, slots=True)
class Wish:
    """One write that waits for its commit: what to do, and how it went once `settled`."""

    step: Step
    size: int
    settled: bool = False
    answer: bool = False
    failure: Exception | None = None


class GroupedInbox(ABC):
    """`ports.Inbox` but for the database. Any number of threads: writes that meet share one commit, for whoever holds
    the lock writes what all have asked for."""

    def __init__(self) -> None:
        self._write_lock = threading.Lock()
        self._wishes: deque[Wish] = deque()
        self._pruned_at = 0.0

    @abstractmethod
    def _explained(self) -> AbstractContextManager[None]:
        """A context in which the database's failures are EnvironmentProblem."""

    @abstractmethod
    def _what(self) -> str:
        """How a message names it, after "the"."""

    @abstractmethod
    def _writing(self, *, growing: bool) -> AbstractContextManager[Run]:
        """One transaction, on disk when it ends well. `growing`: EnvironmentProblem where there is no room for more."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Run]: ...

    @abstractmethod
    def _shrink(self, run: Run) -> None:
        """Give room back, at the end of a pruning."""

    def add(self, delivery: Delivery) -> bool:
        """As the port has it; EnvironmentProblem when it can't be kept (nothing of it is then there)."""
        row = {
            "id": delivery.id,
            "event": delivery.event,
            "repository": delivery.repository,
            "at": delivery.received_at,
            "payload": delivery.payload,
        }
        self._prune(delivery.received_at)
        return self._write(lambda run: _changed(run, ADD, row), size=len(delivery.payload))

    def done(self, delivery_id: str, *, at: float) -> None:
        self._write(lambda run: _changed(run, DONE, {"at": at, "id": delivery_id}))

    def later(self, delivery_id: str, *, at: float, why: str) -> bool:
        short = why[:WHY_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()

        def step(run: Run) -> bool:
            if not _changed(run, LATER, {"at": at, "why": short, "id": delivery_id}):
                return False
            run(ASIDE, {"most": ASIDE_BYTES, "tries": TRIES, "id": delivery_id})
            return run(WAITS, {"id": delivery_id}).fetchone() is not None

        return self._write(step)

    def pending(self, *, now: float, limit: int = 100) -> tuple[Delivery, ...]:
        """As the port has it; fewer than `limit` where the payloads are large, but at least one if one is due."""
        return self._pending(DUE, {"now": now, "limit": limit})

    def size(self) -> tuple[int, float]:
        with self._reading() as run:
            count, oldest = run(SIZE, {}).fetchone()
            return int(count), float(oldest)

    def _pending(self, query: str, values: Mapping[str, Any]) -> tuple[Delivery, ...]:
        """What `query` finds of (seq, size), in that order."""
        with self._reading() as run:
            chosen: list[int] = []
            size = 0
            for seq, length in run(query, values).fetchall():
                size += length
                if chosen and size > READ_BYTES:
                    break
                chosen.append(seq)
            return tuple(found for seq in chosen if (found := _delivery(run, seq)))

    def _prune(self, now: float) -> None:
        """Forget what is old, at most once an hour, with the next commit."""
        if now < self._pruned_at + PRUNE_EVERY:
            return
        self._pruned_at = now
        self._wishes.append(Wish(step=lambda run: self._forget(run, now), size=0))

    def _write(self, step: Step, *, size: int = 0) -> bool:
        wish = Wish(step=step, size=size)
        self._wishes.append(wish)
        with self._write_lock:
            while not wish.settled:
                self._commit(self._group())
        if wish.failure is not None:
            raise wish.failure
        return wish.answer

    def _group(self) -> list[Wish]:
        """The oldest wishes, as many as one commit takes; never none, for the caller's own is among those that wait."""
        group = [self._wishes.popleft()]
        size = group[0].size
        while self._wishes and len(group) < GROUP_ROWS and size + self._wishes[0].size <= GROUP_BYTES:
            group.append(self._wishes.popleft())
            size += group[-1].size
        return group

    def _commit(self, group: list[Wish]) -> None:
        """One transaction for the whole group: all of it is on disk, or each hears why not."""
        try:
            with self._explained(), self._writing(growing=any(wish.size for wish in group)) as run:
                answers = [wish.step(run) for wish in group]
        except Exception as failure:  # noqa: BLE001 - raised again by each whose write was in the group
            _settle(group, failure)
        except BaseException:
            _settle(
                group, EnvironmentProblem(f"Writing to the {self._what()} was interrupted; nothing was kept.")
            )
            raise
        else:
            for wish, answer in zip(group, answers, strict=True):
                wish.answer, wish.settled = answer, True

    def _forget(self, run: Run, now: float) -> bool:
        old: int = run(
            FORGET, {"done": now - KEPT_DONE, "aside": now - KEPT_ASIDE, "limit": PRUNE_ROWS}
        ).rowcount
        many: int = min(max(0, run(WORKED, {}).fetchone()[0] - DONE_ROWS), PRUNE_ROWS)
        if many:
            run(OLDEST, {"limit": many})
        if max(old, many) >= PRUNE_ROWS:
            self._pruned_at = now - PRUNE_EVERY + PRUNE_AGAIN
        run(CROWDED, {"kept": ASIDE_ROWS})
        self._shrink(run)
        return True


def _settle(group: list[Wish], failure: Exception) -> None:
    for wish in group:
        wish.failure, wish.settled = failure, True


def _changed(run: Run, statement: str, row: Mapping[str, Any]) -> bool:
    changed: int = run(statement, row).rowcount
    return changed > 0


def _delivery(run: Run, seq: int) -> Delivery | None:
    """None when another process has worked it meanwhile."""
    row = run(DELIVERY, {"seq": seq}).fetchone()
    if row is None:
        return None
    return Delivery(id=row[0], event=row[1], repository=row[2], received_at=row[3], payload=bytes(row[4]))
