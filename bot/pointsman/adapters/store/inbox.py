"""Deliveries in one SQLite file of their own, on disk before anybody hears that they were accepted; it reads none."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.store.failures import explained
from pointsman.adapters.store.inbox_file import check_room, connect, make_file, prepare
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery

TRIES = 10
KEPT_DONE = 7 * 86400.0
"""GitHub sends a delivery again, when asked, for three days; its id has to be known for longer."""

KEPT_ASIDE = 30 * 86400.0
ASIDE_ROWS, ASIDE_BYTES = 500, 1_000_000
"""How many deliveries that failed for good are kept, and how large a payload of one is kept with it."""

PRUNE_EVERY = 3600.0
PRUNE_ROWS = 20_000
SHRINK_PAGES = 4_000
"""What one pruning gives back to the disk at most: it happens while deliveries wait."""

GROUP_ROWS, GROUP_BYTES = 256, 32_000_000
"""What one commit takes at most, so that the first of a crowd does not wait for the last."""

READ_BYTES = 32_000_000
WHY_CHARACTERS = 500

ADD = """
INSERT INTO deliveries (id, event, repository, received_at, payload, due_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET payload = excluded.payload, received_at = excluded.received_at,
    due_at = excluded.due_at, state = 'waiting', tries = 0, ended_at = NULL, why = ''
WHERE state = 'aside'
"""
"""One that was put aside and is sent again, by hand, gets a new start; every other repetition changes nothing."""

DONE = """
UPDATE deliveries SET state = 'done', payload = NULL, ended_at = ?, why = '' WHERE id = ? AND state <> 'done'
"""

LATER = """
UPDATE deliveries SET tries = tries + 1, due_at = ?1, why = ?2,
    state = CASE WHEN tries + 1 >= ?3 THEN 'aside' ELSE 'waiting' END,
    ended_at = CASE WHEN tries + 1 >= ?3 THEN ?1 END,
    payload = CASE WHEN tries + 1 >= ?3 AND length(payload) > ?4 THEN NULL ELSE payload END
WHERE id = ?5 AND state = 'waiting'
"""

DUE = (
    "SELECT seq, length(payload) FROM deliveries WHERE state = 'waiting' AND due_at <= ? ORDER BY seq LIMIT ?"
)

FORGET = """
DELETE FROM deliveries WHERE seq IN (
    SELECT seq FROM deliveries
    WHERE (state = 'done' AND ended_at < ?) OR (state = 'aside' AND ended_at < ?) LIMIT ?)
"""

CROWDED = """
DELETE FROM deliveries WHERE seq IN (
    SELECT seq FROM deliveries WHERE state = 'aside' ORDER BY ended_at DESC LIMIT -1 OFFSET ?)
"""

Step = Callable[[sqlite3.Connection], bool]


@dataclass(kw_only=True, slots=True)
class Wish:
    """One write that waits for its commit: what to do, and how it went once `settled`."""

    step: Step
    size: int
    settled: bool = False
    answer: bool = False
    failure: Exception | None = None


class SqlInbox:
    """`ports.Inbox` over SQLite: any number of threads, and processes that each opened the file for themselves.

    Writes of several threads that meet share one commit: whoever holds the lock writes what all have asked for.
    """

    def __init__(self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self._path = path
        self._writer, self._write_lock = writer, threading.Lock()
        self._reader, self._read_lock = reader, threading.Lock()
        self._wishes: deque[Wish] = deque()
        self._pruned_at = 0.0

    @classmethod
    def open(cls, path: Path) -> SqlInbox:
        """The inbox in that file, made (mode 0600, its folder 0700) where there is none.

        EnvironmentProblem if it can't be read or written, is damaged, or is not an inbox that this program knows."""
        make_file(path)
        with explained(path):
            writer = connect(path)
            try:
                prepare(writer, path)
                return cls(path, writer, connect(path))
            except BaseException:
                writer.close()
                raise

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()

    def add(self, delivery: Delivery) -> bool:
        """As the port has it; EnvironmentProblem when it can't be kept (nothing of it is then there)."""
        row = (
            delivery.id,
            delivery.event,
            delivery.repository,
            delivery.received_at,
            delivery.payload,
            delivery.received_at,
        )
        self._prune(delivery.received_at)
        return self._write(lambda connection: _changed(connection, ADD, row), size=len(delivery.payload))

    def done(self, delivery_id: str, *, at: float) -> None:
        self._write(lambda connection: _changed(connection, DONE, (at, delivery_id)))

    def later(self, delivery_id: str, *, at: float, why: str) -> bool:
        short = why[:WHY_CHARACTERS].encode("utf-8", "replace").decode()
        row = (at, short, TRIES, ASIDE_BYTES, delivery_id)
        return self._write(
            lambda connection: _changed(connection, LATER, row) and _waits(connection, delivery_id)
        )

    def pending(self, *, now: float, limit: int = 100) -> tuple[Delivery, ...]:
        """As the port has it; fewer than `limit` where the payloads are large, but at least one if one is due."""
        with self._reading() as connection:
            chosen: list[int] = []
            size = 0
            for seq, length in connection.execute(DUE, (now, limit)).fetchall():
                size += length
                if chosen and size > READ_BYTES:
                    break
                chosen.append(seq)
            return tuple(found for seq in chosen if (found := _delivery(connection, seq)))

    def size(self) -> tuple[int, float]:
        with self._reading() as connection:
            query = "SELECT count(*), coalesce(min(received_at), 0.0) FROM deliveries WHERE state = 'waiting'"
            count, oldest = connection.execute(query).fetchone()
            return int(count), float(oldest)

    def _prune(self, now: float) -> None:
        """Forget what is old, at most once an hour, with the next commit."""
        if now < self._pruned_at + PRUNE_EVERY:
            return
        self._pruned_at = now
        self._wishes.append(Wish(step=lambda connection: _forget(connection, now), size=0))

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
            with explained(self._path):
                answers = self._transaction(group)
        except Exception as failure:  # noqa: BLE001 - raised again by each whose write was in the group
            _settle(group, failure)
        except BaseException:
            _settle(group, EnvironmentProblem(f"Writing to {self._path} was interrupted; nothing was kept."))
            raise
        else:
            for wish, answer in zip(group, answers, strict=True):
                wish.answer, wish.settled = answer, True

    def _transaction(self, group: list[Wish]) -> list[bool]:
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            if any(wish.size for wish in group):
                check_room(connection, self._path)
            answers = [wish.step(connection) for wish in group]
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise
        return answers

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with explained(self._path), self._read_lock:
            yield self._reader


def _settle(group: list[Wish], failure: Exception) -> None:
    for wish in group:
        wish.failure, wish.settled = failure, True


def _changed(connection: sqlite3.Connection, statement: str, row: tuple[object, ...]) -> bool:
    return connection.execute(statement, row).rowcount > 0


def _waits(connection: sqlite3.Connection, delivery_id: str) -> bool:
    query = "SELECT 1 FROM deliveries WHERE id = ? AND state = 'waiting'"
    return connection.execute(query, (delivery_id,)).fetchone() is not None


def _forget(connection: sqlite3.Connection, now: float) -> bool:
    connection.execute(FORGET, (now - KEPT_DONE, now - KEPT_ASIDE, PRUNE_ROWS))
    connection.execute(CROWDED, (ASIDE_ROWS,))
    connection.execute(f"PRAGMA incremental_vacuum({SHRINK_PAGES})").fetchall()
    return True


def _delivery(connection: sqlite3.Connection, seq: int) -> Delivery | None:
    """None when another process has worked it meanwhile."""
    query = "SELECT id, event, repository, received_at, payload FROM deliveries WHERE seq = ? AND payload IS NOT NULL"
    row = connection.execute(query, (seq,)).fetchone()
    if row is None:
        return None
    return Delivery(id=row[0], event=row[1], repository=row[2], received_at=row[3], payload=row[4])
