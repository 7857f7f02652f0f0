"""Makes new state files fast: as the chain of migrations leaves them, without a run of it each; alters no old one."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from sqlalchemy import Connection

from pointsman.adapters.store import schema

really_migrate = schema.migrate
_made: list[str] = []


def _migrate(connection: Connection, found: str | None, *, others: Collection[str], what: str) -> None:
    fresh = found is None and not others and connection.dialect.name == "sqlite"
    if not fresh or not _made:
        really_migrate(connection, found, others=others, what=what)
    else:
        for statement in _made:
            connection.exec_driver_sql(statement)
    if fresh and not _made:
        file = connection.connection.driver_connection
        assert file is not None
        _made.extend(line for line in file.iterdump() if line not in {"BEGIN TRANSACTION;", "COMMIT;"})


def copied(patch: pytest.MonkeyPatch) -> None:
    """From now on the chain makes the first new state file of this process only; others repeat its statements."""
    patch.setattr(schema, "migrate", _migrate)
