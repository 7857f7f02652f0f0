"""Scratch databases of one proof: made, cloned and looked at; files of SQLite, or databases of one PostgreSQL role.

Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.machinery
import os
import shutil
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pointsman.runner import rows, schema, schema_postgresql
from pointsman.runner.rows import Rows
from pointsman.runner.schema import Schema

SQLITE, POSTGRESQL = "sqlite", "postgresql"
END_SECONDS = 10.0
DRIVERS = ("psycopg", "psycopg2", "pg8000")
"""Of those that SQLAlchemy drives without async, in the order in which they are taken."""


class NoDriver(Exception):
    """The interpreter of the proof has no package that talks to PostgreSQL."""


@dataclass(frozen=True)
class Database:
    """Where one route's database is; `name` is a path for SQLite."""

    kind: str
    name: str
    url: str

    def schema(self, *, without: str | None) -> Schema:
        """What is there, but for the version table."""
        if self.kind == SQLITE:
            return schema.read_schema(Path(self.name), without=without)
        with _connected(self.url) as connection:
            _end_others(connection)
            return schema_postgresql.read_schema(connection, without=without)

    def versions(self, table: str) -> list[str]:
        """The revisions that the version table names; empty when there is no such table."""
        if self.kind == SQLITE:
            return schema.read_versions(Path(self.name), table)
        with _connected(self.url) as connection:
            return schema_postgresql.read_versions(connection, table)

    def rows(self, *, without: str | None) -> Rows:
        """Those of every table but the version table. rows.TooMuch where there are too many."""
        if self.kind == SQLITE:
            return rows.read_sqlite(Path(self.name), without=without)
        with _connected(self.url) as connection:
            return rows.read_postgresql(connection, without=without)

    def load(self, script: str) -> None:
        """Run a script of SQL on it, all or nothing."""
        if self.kind == SQLITE:
            with contextlib.closing(sqlite3.connect(self.name)) as connection:
                connection.executescript(script)
                connection.commit()
            return
        with _connected(self.url) as connection:
            # Without parameters a driver sends it as it is: several statements, and no meaning to a percent sign.
            connection.connection.driver_connection.cursor().execute(script)


class Databases(Protocol):
    """All of one proof's; names are the proof's own."""

    kind: str

    def at(self, name: str) -> Database: ...

    def fresh(self, name: str) -> Database:
        """An empty one, whatever was there before."""
        ...

    def copy(self, name: str, other: str) -> None:
        """Make `other` as `name` is now."""
        ...


class SqliteFiles:
    """Files in one folder."""

    kind = SQLITE

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def at(self, name: str) -> Database:
        path = Path(os.path.realpath(self.folder)) / f"{name}.db"
        return Database(SQLITE, str(path), f"sqlite:///{path}")

    def fresh(self, name: str) -> Database:
        found = self.at(name)
        Path(found.name).unlink(missing_ok=True)
        return found

    def copy(self, name: str, other: str) -> None:
        shutil.copyfile(self.at(name).name, self.at(other).name)


class PostgresDatabases:
    """Databases whose names begin with `home`, which is one itself, on the server that `url` names."""

    kind = POSTGRESQL

    def __init__(self, url: str, home: str) -> None:
        self.home = home
        self._url = with_driver(url)

    def at(self, name: str) -> Database:
        full = f"{self.home}_{name.replace('-', '_')}"
        return Database(POSTGRESQL, full, on_database(self._url, full))

    def fresh(self, name: str) -> Database:
        return self._clone("template1", name)

    def copy(self, name: str, other: str) -> None:
        self._clone(self.at(name).name, other)

    def _clone(self, template: str, name: str) -> Database:
        found = self.at(name)
        with _connected(on_database(self._url, self.home)) as connection:
            connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{found.name}" WITH (FORCE)')
            connection.exec_driver_sql(f'CREATE DATABASE "{found.name}" TEMPLATE "{template}"')
        return found


class Lent:
    """Finds a driver in a folder of ours, and nothing else that lies there, for a project that has none."""

    PACKAGES = ("psycopg", "psycopg_binary", "typing_extensions")

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name in self.PACKAGES:
            return importlib.machinery.PathFinder.find_spec(name, [self.folder])
        return None


def lend_driver(folder: str) -> None:
    """Behind all that the interpreter has itself."""
    sys.meta_path.append(Lent(folder))


def with_driver(url: str) -> str:
    """The address for a driver that this interpreter has. NoDriver when it has none."""
    for name in DRIVERS:
        try:
            importlib.import_module(name)
            # SQLAlchemy 1.4 drives psycopg2 and not its successor.
            importlib.import_module(f"sqlalchemy.dialects.postgresql.{name}")
        except ImportError:
            continue
        else:
            return url.replace("postgresql://", f"postgresql+{name}://", 1)
    raise NoDriver(f"the interpreter has no PostgreSQL driver ({', '.join(DRIVERS)})")


def on_database(url: str, name: str) -> str:
    """The same server, another database. Only for addresses that we made: `.../?host=...`"""
    before, _, after = url.partition("/?")
    return f"{before}/{name}?{after}"


def _end_others(connection: Any) -> None:
    """What a process left running on the server would go on after its own end."""
    others = (
        "FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
        "AND pid <> pg_backend_pid()"
    )
    until = time.monotonic() + END_SECONDS
    while connection.exec_driver_sql(f"SELECT pg_terminate_backend(pid) {others}").fetchall():
        if time.monotonic() > until:
            raise TimeoutError("a session of the migrations does not end")
        time.sleep(0.01)


@contextlib.contextmanager
def _connected(url: str) -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()
