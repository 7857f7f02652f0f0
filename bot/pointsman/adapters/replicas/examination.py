"""Looks at the database that replicas share: reached, schemas, who has whose turn, the inbox; it changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from pointsman.adapters.replicas.share import APP
from pointsman.adapters.replicas.turns import key_of
from pointsman.adapters.store.address import Address
from pointsman.adapters.store.inbox_postgresql import INBOX
from pointsman.adapters.store.postgresql import Database
from pointsman.adapters.store.tables import HEAD_REVISION
from pointsman.core.diagnosis import Finding, Sheet
from pointsman.core.errors import PointsmanError

AREA = "database"
MOST_SCHEMAS = 200
SLOW_SECONDS = 0.05
"""Each decision asks several times: a database that is further away than this holds every lane up."""
OLD_HINT = 900.0

_SCHEMAS = """
SELECT n.nspname, coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_namespace n
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind = 'r'
WHERE n.nspname ~ '^pointsman_[a-z0-9_]+$' GROUP BY n.nspname ORDER BY n.nspname
"""
_TURNS = """
SELECT (l.classid::bigint << 32 | l.objid::bigint), coalesce(a.client_addr::text, 'this machine'), l.pid
FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_STATE = """
SELECT (SELECT version_num FROM "{0}".alembic_version), (SELECT holder FROM "{0}".ledger),
    (SELECT count(*) FROM "{0}".changes WHERE state = 'queued')
"""
_INBOX = f"SELECT count(*), coalesce(min(received_at), 0.0) FROM {INBOX}.deliveries WHERE state = 'waiting'"  # noqa: S608


def examine_database(address: Address) -> Iterator[Finding]:
    """Whether it can be used, and what is in it. Passwords are never told."""
    sheet = Sheet(area=AREA)
    begun = time.monotonic()
    try:
        with closing(Database.open(address)) as database, database.connect() as connection:
            yield _reached(sheet, connection, address, begun)
            with database.explained():
                yield from _Look(sheet=sheet, connection=connection).findings()
    except PointsmanError as problem:
        yield sheet.broken("reached", str(problem))


def _reached(sheet: Sheet, connection: psycopg.Connection[Any], address: Address, begun: float) -> Finding:
    connected = time.monotonic()
    connection.execute("SELECT 1")
    trip = time.monotonic() - connected
    version = connection.info.parameter_status("server_version") or "?"
    text = f"PostgreSQL {version} ({address}), connected in {connected - begun:.2f} s, asked in {trip * 1000:.1f} ms"
    if trip > SLOW_SECONDS:
        mend = "put the replicas nearer to the database: each decision asks it several times"
        return sheet.missing("reached", text, mend=mend)
    return sheet.ok("reached", text)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    sheet: Sheet
    connection: psycopg.Connection[Any]

    def findings(self) -> Iterator[Finding]:
        sizes: dict[str, int] = dict(self.connection.execute(_SCHEMAS).fetchall())
        held = {key: (where, pid) for key, where, pid in self.connection.execute(_TURNS)}
        states = [name for name in sizes if self._has(name, "ledger")]
        if not states:
            yield self.sheet.missing("schemas", "none yet: no `serve` or `run` has used this database")
        for name in states[:MOST_SCHEMAS]:
            yield replace(self._state(name, held), size=sizes[name])
        if len(states) > MOST_SCHEMAS:
            yield self.sheet.missing("schemas", f"{len(states) - MOST_SCHEMAS} more were not looked at")
        if self._has(INBOX, "deliveries"):
            yield replace(self._inbox(held), size=sizes.get(INBOX, 0))

    def _has(self, schema: str, table: str) -> bool:
        query = "SELECT 1 FROM pg_tables WHERE schemaname = %s AND tablename = %s"
        return self.connection.execute(query, [schema, table]).fetchone() is not None

    def _state(self, schema: str, held: dict[int, tuple[str, int]]) -> Finding:
        name = f"state {schema.removeprefix('pointsman_')}"
        found = self.connection.execute(_STATE.format(schema).encode()).fetchone()
        revision, holder, queued = found or (None, None, 0)
        if str(revision) > HEAD_REVISION:
            text = f"was written by a newer pointsman (schema {revision}; this one knows {HEAD_REVISION})"
            return self.sheet.broken(name, text, mend="upgrade pointsman here")
        if str(revision) < HEAD_REVISION:
            text = f"has schema {revision}: the next start of this version brings it to {HEAD_REVISION}"
            return self.sheet.missing(name, text)
        turn = held.get(key_of(schema))
        who = (holder or "?").rpartition(":")[0]
        if turn is not None:
            return self.sheet.ok(name, f"{queued} queued; {who} works it, from {turn[0]}")
        text = f"{queued} queued; nobody works it" + (f", {who} was the last" if holder else "")
        if queued:
            mend = "start `pointsman serve` or `pointsman run`, or see its log for why it does not take it"
            return self.sheet.broken(name, text, mend=mend)
        return self.sheet.missing(name, text)

    def _inbox(self, held: dict[int, tuple[str, int]]) -> Finding:
        waiting, oldest = self.connection.execute(_INBOX.encode()).fetchone() or (0, 0.0)
        who = "a replica hears of new repositories" if key_of(APP) in held else "no `serve` runs"
        age = time.time() - oldest if waiting else 0.0
        if age > OLD_HINT:
            text = f"deliveries wait, the oldest for {age / 60:.0f} min; {who}"
            mend = "start `pointsman serve`, or see its log for what it stumbles on"
            return replace(self.sheet.broken("inbox", text, mend=mend), count=waiting)
        return replace(self.sheet.ok("inbox", f"deliveries wait; {who}"), count=waiting)
