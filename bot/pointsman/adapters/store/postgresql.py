"""One PostgreSQL database for all repositories of a process, a schema each, through one pool of connections.

It knows no record. Session state (locks, LISTEN) is for connections of one's own: see `connect`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from pointsman.adapters.store.failures_postgresql import explained
from pointsman.adapters.store.schema import LOCK_SECONDS, migrate
from pointsman.adapters.store.tables import HEAD_REVISION
from pointsman.core.errors import EnvironmentProblem

if TYPE_CHECKING:
    from pointsman.adapters.store.address import Address

OLDEST = 140000
"""PostgreSQL 14: `idle_session_timeout`, which ends the lock of a process that was stopped, came with it."""

CONNECTIONS = 4
MORE_CONNECTIONS = 8
"""How many stay open in a process at most, and how many more there may be at once: a server has 100 by default."""

STALLED_SECONDS = 15
"""A process that is stopped in the middle of a save must not keep others from theirs: the server ends its session."""

CONNECT_SECONDS = 10
DEFAULTS: dict[str, Any] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "pointsman",
}
"""What the address may say otherwise. A network that swallows packets is noticed within half a minute."""

MIGRATING = 0x706F696E74736D61
"""The advisory lock of whoever brings any schema of this database up to date ("pointsma")."""


class Database:
    """Safe to share between threads. Connections are made when they are needed, and again after they were lost."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(autocommit=False),
            pool_size=CONNECTIONS,
            max_overflow=MORE_CONNECTIONS,
            pool_pre_ping=True,
            hide_parameters=True,
        )

    @classmethod
    def open(cls, address: Address) -> Database:
        """EnvironmentProblem when it can't be reached, or is older than PostgreSQL 14."""
        database = cls(address)
        with database.explained(), database.connect() as connection:
            if connection.info.server_version < OLDEST:
                raise EnvironmentProblem(
                    f"The server is PostgreSQL {connection.info.server_version // 10000}; 14 or newer is needed."
                )
        return database

    @property
    def conninfo(self) -> str:
        """For a driver only: it may hold a password."""
        return _with_defaults(self.address.url)

    def connect(self) -> psycopg.Connection[Any]:
        """A connection of one's own, each statement its own transaction. EnvironmentProblem where there is none."""
        with self.explained():
            return self._connect(autocommit=True)

    def home(self, schema: str, *, alone: bool = False) -> PostgresHome:
        """The tables in that schema, made or brought to the present schema first: of several processes one does it.
        `alone`: closing the home closes the database.

        EnvironmentProblem when that can't be, or the schema is of a newer program."""
        with self.explained():
            _ensure_current(self._engine, schema)
        return PostgresHome(self, self._engine, schema, alone=alone)

    def explained(self) -> Any:
        """A context in which the database's failures are EnvironmentProblem."""
        return explained(self.address)

    def close(self) -> None:
        self._engine.dispose()

    def _connect(self, *, autocommit: bool) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self.conninfo, autocommit=autocommit)
        connection.execute(
            "SELECT set_config('lock_timeout', %s, false), "
            "set_config('idle_in_transaction_session_timeout', %s, false)",
            (f"{LOCK_SECONDS:.0f}s", f"{STALLED_SECONDS}s"),
        )
        if not autocommit:
            connection.commit()
        return connection


class PostgresHome:
    """`Home` in one schema of the database. Closing it leaves the database's connections to other homes' use."""

    dialect = "postgresql"

    def __init__(self, database: Database, engine: Engine, schema: str, *, alone: bool) -> None:
        self._database = database
        self._alone = alone
        self._engine = engine.execution_options(schema_translate_map={None: schema})
        self._schema = schema

    @property
    def file(self) -> None:
        return None

    @property
    def what(self) -> str:
        return f"schema {self._schema} of the database ({self._database.address})"

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Connection]:
        """One question is its own transaction; what writes begins by locking the ledger's row."""
        level = "READ COMMITTED" if write else "AUTOCOMMIT"
        with (
            self._database.explained(),
            self._engine.connect().execution_options(isolation_level=level) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        if self._alone:
            self._database.close()


def _with_defaults(url: str) -> str:
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    return make_conninfo(**(DEFAULTS | conninfo_to_dict(url) | {"client_encoding": "UTF8"}))


def _ensure_current(engine: Engine, schema: str) -> None:
    with engine.connect() as connection:
        if _revision(connection, schema) == HEAD_REVISION:
            return
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
        found = _revision(connection, schema)
        if found == HEAD_REVISION:
            return
        if not connection.scalar(
            text("SELECT 1 FROM pg_namespace WHERE nspname = :schema"), {"schema": schema}
        ):
            connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
        use_schema(connection, schema)
        if found is not None:
            # A writer takes its snapshot only once it has this table: it sees the new revision, or waits for it.
            connection.exec_driver_sql("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
        names = inspect(connection).get_table_names(schema)
        migrate(connection, found, others=names, what=f"schema {schema} of the database")


def use_schema(connection: Connection, schema: str) -> None:
    """For the rest of the transaction names without a schema mean those of this one, and of no other."""
    connection.exec_driver_sql(f'SET LOCAL search_path TO "{schema}"')


def _revision(connection: Connection, schema: str) -> str | None:
    """None where there are no tables yet."""
    # Not to_regclass: it looks into a cache that does not yet know what was made while this waited for a lock.
    query = "SELECT 1 FROM pg_tables WHERE schemaname = :schema AND tablename = 'alembic_version'"
    if connection.scalar(text(query), {"schema": schema}) is None:
        return None
    found: str | None = connection.scalar(text(f'SELECT version_num FROM "{schema}".alembic_version'))  # noqa: S608 - ours
    return found
