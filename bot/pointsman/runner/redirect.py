"""Makes sure that code which connects to a database reaches one scratch file and nothing else.

For the process that it is called in; there is no way back. Kept to Python 3.9's language, for it may run
under a project's own interpreter. Imports nothing of Pointsman.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

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

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.targets: list[str] = []
        self.version_table: str | None = None

    @property
    def url(self) -> str:
        return f"sqlite:///{self.scratch}"


def close_doors(allowed: Path) -> None:
    """No sockets from Python, and no SQLite file outside `allowed`, until the process ends."""
    inside = str(allowed) + os.sep

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            raise PermissionError(f"a proof has no network (it tried {args[1]!r})")
        if event == "sqlite3.connect":
            name = os.fsdecode(args[0]) if isinstance(args[0], (bytes, os.PathLike)) else str(args[0])
            path = name[5:].partition("?")[0] if name.startswith("file:") else name
            if path not in ("", ":memory:") and not os.path.realpath(path).startswith(inside):
                raise PermissionError(f"a proof opens no other database (it tried {name})")

    sys.addaudithook(hook)


def redirect(scratch: Path, names: tuple[str, ...], *, decoy: bool) -> Redirected:
    """From here on every engine of SQLAlchemy is one on `scratch`, and Alembic refuses any other connection."""
    seen = Redirected(scratch)
    for name in names:
        os.environ[name] = DECOY if decoy else seen.url
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

    def create_engine(url: Any, **_: Any) -> Any:
        asked = str(url)
        if asked not in (seen.url, DECOY):
            seen.targets.append(make_url(url).get_backend_name())
        engine = original(seen.url, poolclass=pool.NullPool)
        event.listen(engine, "connect", _trust_the_disk)
        return engine

    modules: tuple[Any, ...] = (engine_create, sqlalchemy, sqlalchemy.engine)
    for module in modules:
        module.create_engine = create_engine


def _trust_the_disk(connection: Any, _: Any) -> None:
    """A scratch file need not survive a power cut, and waiting for the disk is most of a small migration."""
    connection.execute("PRAGMA synchronous = OFF")


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
        database = self.connection.engine.url.database
        if not database or os.path.realpath(database) != os.path.realpath(seen.scratch):
            raise Elsewhere("env.py connected elsewhere than to the scratch database")
        seen.version_table = self.version_table
        original(self, **kwargs)

    MigrationContext.run_migrations = run_migrations  # type: ignore[method-assign]
