"""Chooses where the state is: SQLite, which needs nothing, or the PostgreSQL that the user names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.adapters.replicas.share import Share
    from pointsman.adapters.store.address import Address
    from pointsman.adapters.store.home import Home
    from pointsman.adapters.store.sql import SqlStore
    from pointsman.core.diagnosis import Finding
    from pointsman.ports import Turn

VARIABLE = "POINTSMAN_DATABASE"
NONE = ""
"""Asks for SQLite whatever the environment says."""


def named(word: str | None) -> Address | None:
    """The PostgreSQL that `word` names, or, where it is None, the environment's POINTSMAN_DATABASE; None for SQLite.

    UserError for a word that names none, or has a password in it, and where the packages for it are missing."""
    if word == NONE or (word is None and not os.environ.get(VARIABLE)):
        return None
    from pointsman.adapters.store.address import address, of_environment
    from pointsman.wiring.extras import require_postgres

    found = address(word) if word is not None else of_environment(os.environ, VARIABLE)
    require_postgres()
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A repository's store, and the turn of whoever may work its lanes."""

    store: SqlStore
    turn: Turn


@contextmanager
def local_state(folder: Path, word: str | None) -> Iterator[State]:
    """The state of the plain repository whose state folder that is."""
    found = named(word)
    if found is None:
        with _in_file(folder) as state:
            yield state
        return
    from pointsman.adapters.replicas.turns import LaneLock, Turns
    from pointsman.adapters.store.postgresql import Database
    from pointsman.adapters.store.sql import SqlStore

    schema = _schema(folder)
    with closing(Database.open(found)) as database, closing(Turns(database)) as turns:
        store = SqlStore(database.home(schema))
        yield State(store=store, turn=LaneLock(turns, schema, store))


def open_home(folder: Path, word: str | None = None) -> Home:
    """Only the tables of that state, for whoever works no lanes."""
    found = named(word)
    if found is None:
        from pointsman.adapters.store.sqlite import SqliteHome

        return SqliteHome.open(folder / "state.db")
    from pointsman.adapters.store.postgresql import Database

    return Database.open(found).home(_schema(folder), alone=True)


@contextmanager
def app_share(word: str | None, heard: Callable[[], None]) -> Iterator[Share | None]:
    """This replica's share of the app's repositories; None where the state is in the folder, and all are its own."""
    found = named(word)
    if found is None:
        yield None
        return
    from pointsman.adapters.replicas.share import Share
    from pointsman.adapters.store.postgresql import Database

    with closing(Database.open(found)) as database, closing(Share(database, heard)) as share:
        yield share


def examine_database(word: str | None = None) -> tuple[Finding, ...]:
    """What there is to know of the database that is named so; () where none is."""
    from pointsman.core.diagnosis import Sheet
    from pointsman.core.errors import UserError

    try:
        found = named(word)
    except UserError as problem:
        return (Sheet(area="database").broken("address", str(problem)),)
    if found is None:
        return ()
    from pointsman.adapters.replicas import examination

    return tuple(examination.examine_database(found))


def _schema(folder: Path) -> str:
    """Of the git directory's place: every replica sees the repository there."""
    from pointsman.adapters.store.address import schema_name

    return schema_name(str(folder.parent.resolve()))


@contextmanager
def _in_file(folder: Path) -> Iterator[State]:
    from pointsman.adapters.local import RunLock
    from pointsman.adapters.store.sql import SqlStore

    turn = RunLock(folder / "run.lock")
    with closing(SqlStore.open(folder / "state.db")) as store:
        try:
            yield State(store=store, turn=turn)
        finally:
            turn.release()
