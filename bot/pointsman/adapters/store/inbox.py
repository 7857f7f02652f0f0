"""Deliveries in one SQLite file of their own, on disk before anybody hears that they were accepted; it reads none."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from pointsman.adapters.store.failures import explained
from pointsman.adapters.store.inbox_file import check_room, connect, make_file, prepare
from pointsman.adapters.store.inbox_grouped import GroupedInbox, Run

SHRINK_PAGES = 4_000
"""What one pruning gives back to the disk at most: it happens while deliveries wait."""


class SqlInbox(GroupedInbox):
    """`ports.Inbox` over SQLite: any number of threads, and processes that each opened the file for themselves."""

    def __init__(self, path: Path, writer: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        super().__init__()
        self._path = path
        self._writer = writer
        self._reader, self._read_lock = reader, threading.Lock()

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

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self._path)

    def _what(self) -> str:
        return f"inbox {self._path}"

    @contextmanager
    def _writing(self, *, growing: bool) -> Iterator[Run]:
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            if growing:
                check_room(connection, self._path)
            yield _running(connection)
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _reading(self) -> Iterator[Run]:
        with explained(self._path), self._read_lock:
            yield _running(self._reader)

    def _shrink(self, run: Run) -> None:
        run(f"PRAGMA incremental_vacuum({SHRINK_PAGES})", {}).fetchall()


def _running(connection: sqlite3.Connection) -> Run:
    def run(statement: str, values: Mapping[str, Any]) -> sqlite3.Cursor:
        return connection.execute(statement, values)

    return run
