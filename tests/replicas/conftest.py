"""Connections to the test's own PostgreSQL database, and ways to cut them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest

from pointsman.adapters.store.address import Address
from pointsman.adapters.store.postgresql import Database

CUT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE %s"""

Opener = Callable[[], Database]


@pytest.fixture
def opened(database: str) -> Iterator[Opener]:
    """Opens the test's database, each time as another process would."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Database.open(Address(database, source="env:TEST"))))


@pytest.fixture
def cut(database: str) -> Callable[..., int]:
    """Ends the sessions whose application has that name, as a network does; how many."""

    def end(name: str = "%") -> int:
        with psycopg.connect(database, autocommit=True) as connection:
            return len(connection.execute(CUT, [name]).fetchall())

    return end
