"""Deliveries in a schema of a PostgreSQL database, shared by several replicas; it reads none."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg

from pointsman.adapters.store.inbox_file import FILE_BYTES
from pointsman.adapters.store.inbox_grouped import GroupedInbox, Run
from pointsman.adapters.store.postgresql import MIGRATING
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery

if TYPE_CHECKING:
    from pointsman.adapters.store.postgresql import Database

INBOX = "pointsman_inbox"
"""The schema; one for all replicas of the app."""

VERSION = "1"
"""The table's comment: what the program knows of its form."""

SCHEMA = f"""
CREATE SCHEMA IF NOT EXISTS {INBOX};
CREATE TABLE IF NOT EXISTS {INBOX}.deliveries (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    event text NOT NULL,
    repository bigint,
    received_at double precision NOT NULL,
    payload bytea,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'aside')),
    due_at double precision NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    ended_at double precision,
    why text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS waiting ON {INBOX}.deliveries (received_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS due ON {INBOX}.deliveries (seq, due_at) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS ended ON {INBOX}.deliveries (state, ended_at) WHERE state <> 'waiting';
COMMENT ON TABLE {INBOX}.deliveries IS '{VERSION}'
"""
FOUND = "SELECT obj_description(to_regclass(%s), 'pg_class')"
TABLE = f"{INBOX}.deliveries"

DUE_OF = """
SELECT seq, length(payload) FROM deliveries WHERE state = 'waiting' AND due_at <= :now
    AND (repository = ANY(:mine) OR (:rest AND (repository IS NULL OR NOT repository = ANY(:known))))
ORDER BY seq LIMIT :limit
"""

ROOM_SECONDS = 60.0
"""How often the table is measured."""

DOUBT_SECONDS = 2.0

_NAME = re.compile(r":([a-z]+)\b")


class PostgresInbox(GroupedInbox):
    """`ports.Inbox` over PostgreSQL. Lost connections are made again by the next who asks."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._writer = _Line(database)
        self._reader, self._read_lock = _Line(database), threading.Lock()
        self._measured_at = float("-inf")

    @classmethod
    def open(cls, database: Database) -> PostgresInbox:
        """The inbox in that database, made where there is none. EnvironmentProblem if it can't be reached or made, or
        is of a newer program."""
        with database.explained(), database.connect() as connection:
            (version,) = connection.execute(FOUND, [TABLE]).fetchone() or (None,)
            if version is None:
                with connection.transaction():
                    connection.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATING])
                    connection.execute(SCHEMA.encode())
            elif version != VERSION:
                raise EnvironmentProblem(
                    f"The schema {INBOX} of the database was written by a newer pointsman (form {version}; this one "
                    f"knows {VERSION}). Upgrade pointsman here; nothing was changed."
                )
        return cls(database)

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._writer.close()
            self._reader.close()

    def pending_of(
        self, mine: Collection[int], known: Collection[int], *, rest: bool, now: float, limit: int = 100
    ) -> tuple[Delivery, ...]:
        """As `pending`, of the repositories `mine`, and with `rest` those of none or of one that is not `known`."""
        values = {"mine": list(mine), "known": list(known), "rest": rest, "now": now, "limit": limit}
        return self._pending(DUE_OF, values)

    def _explained(self) -> AbstractContextManager[None]:
        found: AbstractContextManager[None] = self._database.explained()
        return found

    def _what(self) -> str:
        return f"inbox in the database ({self._database.address})"

    @contextmanager
    def _writing(self, *, growing: bool) -> Iterator[Run]:
        with self._writer.connected() as connection:
            if growing:
                self._check_room(connection)
            with connection.transaction():
                yield _running(connection)

    @contextmanager
    def _reading(self) -> Iterator[Run]:
        with self._database.explained(), self._read_lock, self._reader.connected() as connection:
            yield _running(connection)

    def _shrink(self, run: Run) -> None:
        """PostgreSQL uses the room of what was deleted again, by itself."""

    def _check_room(self, connection: psycopg.Connection[Any]) -> None:
        if time.monotonic() < self._measured_at + ROOM_SECONDS:
            return
        query = "SELECT coalesce(sum(length(payload)), 0) FROM deliveries WHERE state = 'waiting'"
        ((size,),) = connection.execute(query).fetchall()
        if size > FILE_BYTES:
            raise EnvironmentProblem(
                f"The {self._what()} holds {FILE_BYTES / 1e9:.0f} GB of deliveries that nobody works. It takes no more "
                "until the service has caught up: see its log for what it stumbles on."
            )
        self._measured_at = time.monotonic()


class _Line:
    """One connection, made when it is needed and again after it broke. One thread at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None
        self._closed = False
        self._used_at = 0.0

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        if self._closed:
            raise EnvironmentProblem("The inbox was closed.")
        self._doubt()
        if self._connection is None:
            made = self._database.connect()
            made.execute(f"SET search_path TO {INBOX}".encode())
            self._connection = made
        try:
            yield self._connection
            self._used_at = time.monotonic()
        except BaseException:
            if self._connection.broken or self._connection.closed:
                self._drop()
            raise

    def close(self) -> None:
        self._closed = True
        self._drop()

    def _doubt(self) -> None:
        """A connection that was idle may have been cut: nobody's delivery should be what finds out."""
        if self._connection is not None and time.monotonic() > self._used_at + DOUBT_SECONDS:
            try:
                self._connection.execute("SELECT 1")
            except psycopg.Error:
                self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None


def _running(connection: psycopg.Connection[Any]) -> Run:
    def run(statement: str, values: Mapping[str, Any]) -> psycopg.Cursor[Any]:
        return connection.execute(_NAME.sub(r"%(\1)s", statement).encode(), values)

    return run
