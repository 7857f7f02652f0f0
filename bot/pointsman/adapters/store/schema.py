"""Brings a store to the program's schema; loads Alembic only when there is something to do."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from pointsman.adapters.store.failures import is_busy
from pointsman.adapters.store.tables import HEAD_REVISION
from pointsman.core.errors import EnvironmentProblem

SCRIPTS = "pointsman.adapters.store:migrations"
"""Where Alembic finds the chain: a folder inside the package, so that a wheel carries it."""

LOCK_SECONDS = 30.0
"""How long a process waits for another that holds the file."""


def ensure_current(engine: Engine, path: Path) -> None:
    """Create or upgrade the schema. Of several processes one does the work, the others wait for it.

    EnvironmentProblem if the file is of a newer program, or another program's."""
    with engine.connect() as connection:
        if revision_of(connection) == HEAD_REVISION:
            return
    _use_wal(engine)
    with engine.connect().execution_options(begin="BEGIN EXCLUSIVE") as connection, connection.begin():
        found = revision_of(connection)
        if found != HEAD_REVISION:
            tables = inspect(connection).get_table_names()
            migrate(connection, found, others=tables, what=f"state file {path}")


def revision_of(connection: Connection) -> str | None:
    """The revision that the file is at; None if it has none."""
    if not connection.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'")):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _use_wal(engine: Engine) -> None:
    """The journal mode stays with the file. It can't change in a transaction, and SQLite does not always call
    its busy handler for it when several processes ask at once, so this waits by itself."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT", begin=None) as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                return
        except DBAPIError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def migrate(connection: Connection, found: str | None, *, others: Collection[str], what: str) -> None:
    """Bring the tables from revision `found` (None: there are none) to the program's, in the caller's transaction.
    `others` are the tables that are there; `what` is how a message names their home, after "the"."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", SCRIPTS)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise EnvironmentProblem(
            f"The {what} was written by a newer pointsman (schema {found}; this one knows "
            f"{HEAD_REVISION}). Upgrade pointsman here; nothing was changed."
        )
    if found is None and set(others) - {"alembic_version"}:
        raise EnvironmentProblem(
            f"The {what} is of some other program. Move it away, or name another place for the state."
        )
    command.upgrade(config, "head")
