"""Which repositories this process may work as their one writer: a session advisory lock each, on one connection.

The server takes the locks back the moment that the session ends, and ends the session of a process that says nothing
for a while (it was stopped, or its machine is gone): no clock of ours decides who holds what."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import threading
from collections.abc import Collection
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg

from pointsman.core.errors import EnvironmentProblem, LaneLost

if TYPE_CHECKING:
    from pointsman.adapters.store.postgresql import Database
    from pointsman.adapters.store.sql import SqlStore

SILENT_SECONDS = 30
"""How long the server waits for a word of this process."""

PING_SECONDS = 5.0


_FREE = """
SELECT key FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted (key, place) WHERE NOT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32 | objid::bigint) = key)
ORDER BY place
"""


class Turns:
    """Safe to share between threads. A lock is held until it is released, or until its connection is lost: then none
    is held any more, and `take` begins anew."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.RLock()
        self._connection: psycopg.Connection[Any] | None = None
        self._session = 0
        self._held: dict[str, int] = {}
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    def take(self, names: Collection[str], *, most: int | None = None) -> frozenset[str]:
        """Take whichever of them nobody holds, `most` new ones; those of them that this process holds now.

        EnvironmentProblem when the database can't be reached: none is held then."""
        with self._lock:
            wanted = {key_of(name): name for name in names if name not in self._held}
            left = len(wanted) if most is None else most
            if wanted:
                free = [key for (key,) in self._ask(_FREE, [list(wanted)])]
                # Asked for one by one: a lock that is tried and not wanted would have to be given back.
                for key in free[:left]:
                    ((taken,),) = self._ask("SELECT pg_try_advisory_lock(%s)", [key])
                    if taken:
                        self._held[wanted[key]] = key
            return frozenset(name for name in names if name in self._held)

    def holds(self, name: str) -> bool:
        """As far as is known without asking: `check` asks."""
        return name in self._held

    def check(self, name: str) -> None:
        """LaneLost unless the lock is held at this very moment, as far as the server knows."""
        with self._lock:
            if name in self._held:
                with contextlib.suppress(EnvironmentProblem):
                    self._ping()
            if name not in self._held:
                raise LaneLost(
                    "This process is not the writer of these lanes any more: its connection to the database was lost, "
                    "and the lock with it. It stops, and works them again when it gets the lock back."
                )

    def release(self, name: str) -> None:
        """Let others have it; a connection that is lost has done so already."""
        with self._lock, contextlib.suppress(EnvironmentProblem):
            key = self._held.pop(name, None)
            if key is not None:
                self._ask("SELECT pg_advisory_unlock(%s)", [key])

    def close(self) -> None:
        self._ended.set()
        with self._lock:
            self._drop()
        if self._keeper is not None:
            self._keeper.join()

    def _ping(self) -> None:
        """A pooler that hands sessions around would answer, too, but from another session."""
        ((session,),) = self._ask("SELECT pg_backend_pid()", [])
        if session != self._session:
            self._drop()

    def _ask(self, query: str, values: list[Any]) -> list[Any]:
        try:
            with self._database.explained():
                return self._connected().execute(query.encode(), values).fetchall()
        except BaseException:
            self._drop()
            raise

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            made = self._database.connect()
            try:
                made.execute(f"SET idle_session_timeout = '{SILENT_SECONDS}s'".encode())
                made.execute("SET application_name = 'pointsman lanes'")
            except BaseException:
                made.close()
                raise
            self._connection, self._session = made, made.info.backend_pid
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="lane locks", daemon=True)
                self._keeper.start()
        return self._connection

    def _drop(self) -> None:
        self._held.clear()
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

    def _keep(self) -> None:
        while not self._ended.wait(PING_SECONDS):
            with self._lock, contextlib.suppress(EnvironmentProblem):
                if self._connection is not None:
                    self._ping()


class LaneLock:
    """The turn of one repository, with saves fenced: once another took it, nothing of this process's is saved."""

    def __init__(self, turns: Turns, name: str, store: SqlStore) -> None:
        self._turns = turns
        self._name = name
        self._store = store

    def acquire(self) -> bool:
        """True when this process is now the one writer; False when another is."""
        if self._name not in self._turns.take([self._name]):
            return False
        try:
            self.take_over()
        except BaseException:
            self._turns.release(self._name)
            raise
        return True

    def take_over(self) -> None:
        """Fence off whoever had the lock, which this process has now. LaneLost where it has not."""
        self.check()
        self._store.hold(f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}")

    def check(self) -> None:
        """LaneLost unless this process is the one writer at this moment."""
        self._turns.check(self._name)

    def holder(self) -> str:
        """Machine and process of whoever took it last, for people; `?` when nobody has yet."""
        host, _, rest = self._store.holder().rpartition(":")[0].rpartition(":")
        return f"{rest} on {host}" if host else "?"

    def release(self) -> None:
        self._store.let_go()
        self._turns.release(self._name)


def key_of(name: str) -> int:
    """The advisory lock's number, of 64 bits with a sign."""
    return int.from_bytes(sha256(b"pointsman lanes " + name.encode()).digest()[:8], signed=True)
