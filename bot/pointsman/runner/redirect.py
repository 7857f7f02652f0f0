"""Makes sure that code which connects to a database reaches one scratch database and nothing else.

For the process that it is called in; there is no way back. Kept to Python 3.9's language, for it may run
under a project's own interpreter. Imports nothing of Pointsman outside this
package.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from pointsman.runner.databases import POSTGRESQL, SQLITE, Database

URL_NAMES = (
    "ALEMBIC_DATABASE_URL",
    "DATABASE_URI",
    "DATABASE_URL",
    "DB_URI",
    "DB_URL",
    "POSTGRES_URL",
    "SQLALCHEMY_DATABASE_URI",
    "SQLALCHEMY_DATABASE_URL",
    "SQLALCHEMY_URL",
    "TEST_DATABASE_URL",
)
DECOY = "postgresql://scratch:scratch@127.0.0.1:5432/scratch"
"""For settings that accept PostgreSQL's addresses only; nothing ever connects to it."""


class Elsewhere(Exception):
    """The environment did not use the scratch database."""


class Redirected:
    """What was seen of the code's own wishes: `targets` are the kinds of database that it asked for."""

    def __init__(self, scratch: Database) -> None:
        self.scratch = scratch
        self.targets: list[str] = []
        self.version_table: str | None = None

    @property
    def url(self) -> str:
        return self.scratch.url


def close_doors(allowed: Path, *, sockets: str | None = None) -> None:
    """No sockets from Python but those in the folder `sockets`, and no SQLite file outside `allowed`, until the
    process ends. C code is held by the jail, not by this."""
    inside = str(allowed) + os.sep
    server = f"{sockets}/.s.PGSQL." if sockets else None

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            if server is not None and isinstance(args[1], str) and args[1].startswith(server):
                return
            raise PermissionError(f"a proof has no network (it tried {args[1]!r})")
        if event == "sqlite3.connect":
            name = os.fsdecode(args[0]) if isinstance(args[0], (bytes, os.PathLike)) else str(args[0])
            path = name[5:].partition("?")[0] if name.startswith("file:") else name
            if path not in ("", ":memory:") and not os.path.realpath(path).startswith(inside):
                raise PermissionError(f"a proof opens no other database (it tried {name})")

    sys.addaudithook(hook)


def redirect(scratch: Database, names: tuple[str, ...], *, decoy: bool) -> Redirected:
    """From here on every engine of SQLAlchemy is one on `scratch`, and Alembic refuses any other connection."""
    seen = Redirected(scratch)
    for name in names:
        os.environ[name] = DECOY if decoy else seen.url
    if scratch.kind == POSTGRESQL:
        _point_libpq(scratch)
    _redirect_engines(seen)
    _redirect_async_engines()
    _guard_migrations(seen)
    return seen


def _redirect_engines(seen: Redirected) -> None:
    import sqlalchemy
    from sqlalchemy import event, pool
    from sqlalchemy.engine import create as engine_create
    from sqlalchemy.engine import make_url

    original = engine_create.create_engine

    def create_engine(url: Any, **options: Any) -> Any:
        asked = str(url)
        if asked not in (seen.url, DECOY):
            seen.targets.append(make_url(url).get_backend_name())
        if seen.scratch.kind == POSTGRESQL:
            return original(seen.url, poolclass=pool.NullPool, **_that_matter(options))
        engine = original(seen.url, poolclass=pool.NullPool)
        event.listen(engine, "connect", _trust_the_disk)
        return engine

    modules: tuple[Any, ...] = (engine_create, sqlalchemy, sqlalchemy.engine)
    for module in modules:
        module.create_engine = create_engine


def _that_matter(options: Any) -> Any:
    """What changes how migrations run; what only says how to reach the real server would fail here."""
    kept = {name: options[name] for name in ("isolation_level", "execution_options") if name in options}
    said = options.get("connect_args", {}).get("options")
    return {**kept, "connect_args": {"options": said}} if isinstance(said, str) else kept


def _trust_the_disk(connection: Any, _: Any) -> None:
    """A scratch file need not survive a power cut, and waiting for the disk is most of a small migration."""
    connection.execute("PRAGMA synchronous = OFF")


def _point_libpq(scratch: Database) -> None:
    """For code that connects without SQLAlchemy, or by parts of an address."""
    from sqlalchemy.engine import make_url

    url = make_url(scratch.url)
    said = {
        "PGHOST": url.query["host"],
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    os.environ.update({name: str(value) for name, value in said.items()})


def _redirect_async_engines() -> None:
    """An engine with async's manners on top of an ordinary one: no greenlet and no driver is needed."""
    import sqlalchemy.engine
    from sqlalchemy.engine import create as engine_create

    try:
        from sqlalchemy.ext import asyncio
        from sqlalchemy.ext.asyncio import engine as asyncio_engine
    except ImportError:
        return

    class Scratch(asyncio.AsyncEngine):
        def __init__(self, engine: Any) -> None:
            self.sync_engine = engine
            with contextlib.suppress(AttributeError):  # in SQLAlchemy 2.1 it follows from the other
                self._proxied = engine  # type: ignore[misc]

        def connect(self) -> Any:
            return ScratchConnection(self.sync_engine.connect())

        def begin(self) -> Any:
            return ScratchConnection(self.sync_engine.connect(), commit=True)

        async def dispose(self, close: bool = True) -> None:
            self.sync_engine.dispose()

    def create(url: Any, **_: Any) -> Any:
        return Scratch(engine_create.create_engine(url))

    def from_config(configuration: Any, prefix: str = "sqlalchemy.", **_: Any) -> Any:
        return Scratch(
            sqlalchemy.engine.engine_from_config({f"{prefix}url": configuration[f"{prefix}url"]}, prefix)
        )

    modules: tuple[Any, ...] = (asyncio, asyncio_engine)
    for module in modules:
        module.create_async_engine = create
        module.async_engine_from_config = from_config


class ScratchConnection:
    """As much of an AsyncConnection as an env.py uses; everything else is the ordinary connection's."""

    def __init__(self, connection: Any, *, commit: bool = False) -> None:
        self.sync_connection = connection
        self._commit = commit

    def __await__(self) -> Any:
        return self._itself().__await__()

    async def _itself(self) -> ScratchConnection:
        return self

    async def __aenter__(self) -> ScratchConnection:
        return self

    async def __aexit__(self, kind: Any, *_: Any) -> None:
        if self._commit and kind is None:
            self.sync_connection.commit()
        self.sync_connection.close()

    async def run_sync(self, work: Any, *args: Any, **kwargs: Any) -> Any:
        return work(self.sync_connection, *args, **kwargs)

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        return self.sync_connection.execute(*args, **kwargs)

    async def commit(self) -> None:
        self.sync_connection.commit()

    async def rollback(self) -> None:
        self.sync_connection.rollback()

    async def close(self) -> None:
        self.sync_connection.close()


def _guard_migrations(seen: Redirected) -> None:
    from alembic.runtime.migration import MigrationContext

    original = MigrationContext.run_migrations

    def run_migrations(self: Any, **kwargs: Any) -> None:
        if self.as_sql or self.connection is None:
            raise Elsewhere("env.py writes SQL instead of connecting")
        url = self.connection.engine.url
        database = url.database or ""
        if seen.scratch.kind == SQLITE:
            database = os.path.realpath(database)
        if url.get_backend_name() != seen.scratch.kind or database != seen.scratch.name:
            raise Elsewhere("env.py connected elsewhere than to the scratch database")
        seen.version_table = self.version_table
        original(self, **kwargs)

    MigrationContext.run_migrations = run_migrations  # type: ignore[method-assign]
