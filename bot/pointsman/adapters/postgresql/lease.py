"""Lends a proof a role and a database on a PostgreSQL server, and takes both back, also those of a crashed proof.

The role can do nothing but own databases; it can't see another proof's. As long as a proof runs, its owner keeps a
connection that carries the role's name, and the name carries when it expires: so whoever comes next knows what is left
over. An address is never logged and never part of a message.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

MARK = "pointsman_proof"
SPARE_SECONDS = 60
"""How long a proof's role outlives the time that the proof may take."""
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 60
LOCK_SECONDS = 20
_LEFT = """SELECT rolname FROM pg_roles r WHERE rolname ~ '^pointsman_proof_[0-9]+_[0-9a-f]+$'
AND (split_part(rolname, '_', 3)::bigint < extract(epoch FROM now())
  OR NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.application_name = r.rolname))"""
"""Roles whose time is over, and those whose owner's connection ended: the server notices that at once."""
_OWNED = "SELECT datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba WHERE r.rolname = %s"


class Unusable(Exception):
    """The server can't be used; the text says why, without the address."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """A role and the database of the same name; its other databases begin with that name too."""

    name: str
    password: str


@contextlib.contextmanager
def leased(url: str, *, seconds: float) -> Iterator[Lease]:
    """One proof's part of the server. Unusable when the server says no."""
    expires = int(time.time() + seconds) + SPARE_SECONDS
    lease = Lease(name=f"{MARK}_{expires}_{secrets.token_hex(4)}", password=secrets.token_urlsafe(24))
    with _connected(url, lease.name) as held:
        with _problems(url):
            sweep(held)
            _create(held, lease)
        try:
            yield lease
        finally:
            _take_back(url, held, lease.name)


def sweep(connection: psycopg.Connection[Any]) -> None:
    """Take back what proofs left that did not come to their end."""
    for (name,) in connection.execute(_LEFT).fetchall():
        _drop(connection, name)


def _take_back(url: str, held: psycopg.Connection[Any], role: str) -> None:
    """Through the connection that was kept, or a new one where that was lost meanwhile."""
    import psycopg

    try:
        _drop(held, role)
    except psycopg.OperationalError:
        with _connected(url, role) as again, _problems(url):
            _drop(again, role)


@contextlib.contextmanager
def _connected(url: str, name: str) -> Iterator[psycopg.Connection[Any]]:
    import psycopg

    with _problems(url):
        connection = psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name=name
        )
    with contextlib.closing(connection):
        yield connection


@contextlib.contextmanager
def _problems(url: str) -> Iterator[None]:
    """What the driver says may hold the address."""
    import psycopg

    try:
        yield
    except psycopg.Error as problem:
        raise Unusable(redacted(str(problem), url)) from None


def redacted(text: str, url: str) -> str:
    """The first line, without the address, its password or its user."""
    line = (text.strip().splitlines() or ["no reason given"])[0]
    for secret in sorted({url, *re.split(r"[:/@?&=]+", url)}, key=len, reverse=True):
        if len(secret) > 3 and secret not in ("postgresql", "postgres", "localhost", "host"):
            line = line.replace(secret, "***")
    return line


def _create(connection: psycopg.Connection[Any], lease: Lease) -> None:
    from psycopg import sql

    name = sql.Identifier(lease.name)
    settings = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "synchronous_commit": "off",
    }
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN CREATEDB NOSUPERUSER NOCREATEROLE PASSWORD {}").format(
            name, sql.Literal(lease.password)
        )
    )
    try:
        for setting, value in settings.items():
            connection.execute(
                sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )
        # Who is not a superuser may give databases only to roles that it is a member of.
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {0} OWNER {0} TEMPLATE template1").format(name))
    except BaseException:
        _drop(connection, lease.name)
        raise


def _drop(connection: psycopg.Connection[Any], role: str) -> None:
    from psycopg import sql

    name = sql.Identifier(role)
    with contextlib.suppress(Exception):  # it may be gone: another proof swept it at the same time
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
    for (database,) in connection.execute(_OWNED, [role]).fetchall():
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database))
        )
    connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(name))
