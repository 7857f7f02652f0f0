"""The inbox's file: how it is made, opened and recognised; no delivery is read or written here."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from pointsman.core.errors import EnvironmentProblem

APPLICATION = 0x504D494E
"""SQLite's `application_id` of this file ("PMIN"): another program's file is never taken for it."""

VERSION = 1
"""SQLite's `user_version`: the schema below."""

LOCK_SECONDS = 5.0
"""How long a write waits for another process: a webhook has to be answered within ten seconds (rule 6)."""

FILE_BYTES = 4_000_000_000
"""How much the file may hold before it takes no more: work that nobody does must not fill the disk."""

SCHEMA = """
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    event TEXT NOT NULL,
    repository INTEGER,
    received_at REAL NOT NULL,
    payload BLOB,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'aside')),
    due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    ended_at REAL,
    why TEXT NOT NULL DEFAULT ''
);
CREATE INDEX waiting ON deliveries (received_at) WHERE state = 'waiting';
CREATE INDEX due ON deliveries (seq, due_at) WHERE state = 'waiting';
CREATE INDEX ended ON deliveries (state, ended_at) WHERE state <> 'waiting';
"""


def check_room(connection: sqlite3.Connection, path: Path) -> None:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    if (pages - free) * size > FILE_BYTES:
        raise EnvironmentProblem(
            f"The inbox {path} holds {FILE_BYTES / 1e9:.0f} GB of deliveries that nobody works. It takes no more until "
            "the service has caught up: see its log for what it stumbles on."
        )


def make_file(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise EnvironmentProblem(
            f"The inbox {path} can't be opened for writing: {error.strerror}. "
            f"Check that {path.parent} is a folder that you may write to, on a disk with room."
        ) from error


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA journal_size_limit=67108864")
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an empty file to the schema; of several processes one does it."""
    if _version(connection, path) == VERSION:
        return
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        if _version(connection, path) != VERSION:
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION}")
            connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema, 0 for an empty file; EnvironmentProblem for another program's or a newer one."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION and tables:
        raise EnvironmentProblem(
            f"{path} is a database of some other program. Move it away, or name another folder for the state."
        )
    if version > VERSION:
        raise EnvironmentProblem(
            f"The inbox {path} was written by a newer pointsman (schema {version}; this one knows {VERSION}). "
            "Upgrade pointsman here; nothing was changed."
        )
    return version
