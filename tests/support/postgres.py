"""One PostgreSQL server for all processes of a test session, and databases on it; it asserts nothing."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.postgresql.programs import find_driver, find_programs
from pointsman.adapters.postgresql.server import OwnServer
from pointsman.adapters.sandbox import Sandbox

MISSING = find_programs() is None or find_driver() is None
WHY = "no PostgreSQL: the wheel of the extra `postgres` is not made for this platform"


@dataclass(frozen=True, slots=True)
class TestServer:
    """`url` is its administrator's, of the database `postgres`."""

    __test__ = False
    url: str

    def named(self, database: str) -> str:
        """The address of another of its databases."""
        return self.url.replace("/postgres?", f"/{database}?")

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of an empty database, which goes away with all that are connected to it."""
        import psycopg

        name = f"t_{secrets.token_hex(6)}"
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy".encode())
        try:
            yield self.named(name)
        finally:
            with closing(psycopg.connect(self.url, autocommit=True)) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def shared_server(folder: Path) -> Iterator[TestServer]:
    """The server that the first process started that came here with this folder; that one ends last."""
    with _locked(folder / "postgresql.users", fcntl.LOCK_SH) as users:
        with _locked(folder / "postgresql.lock", fcntl.LOCK_EX):
            place = folder / "postgresql.url"
            own = None
            if not place.exists():
                own = OwnServer(Sandbox(), None)
                place.write_text(own.url())
            url = place.read_text()
        try:
            yield TestServer(url)
        finally:
            if own is not None:
                fcntl.flock(users, fcntl.LOCK_EX)  # waits for the others
                own.stop()


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)
