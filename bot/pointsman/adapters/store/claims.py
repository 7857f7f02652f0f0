"""`ports.Claims` in the tables of a store: each decision is one write transaction; it decides nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

from sqlalchemy import Connection, Select, func, select

from pointsman.adapters.store import tables
from pointsman.adapters.store.home import Home
from pointsman.adapters.store.records import append, read
from pointsman.core.queue.model import Entry
from pointsman.core.schedule.model import Claim, Held, Ruling

_CLAIMS = tables.claims
_LEDGER = select(tables.ledger).with_for_update()
"""Whoever writes looks at the ledger first, and so waits for whoever writes now."""
AT_ONCE = 500
"""Names in one question: databases limit the parameters of a statement."""


class SqlClaims:
    """Over any `Home`; threads may share it, and each process has its own."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def held(self, tasks: Sequence[str] = (), *, at: float) -> Held:
        with self._home.transaction(write=False) as connection:
            return _held(connection, tasks, at)

    def claim(self, number: int) -> Claim | None:
        with self._home.transaction(write=False) as connection:
            found = read(connection, Claim, select(_CLAIMS).where(_CLAIMS.c.id == number))
        return found[0] if found else None

    def decide(
        self, rule: Callable[[Held], Ruling], *, tasks: Sequence[str], lane: str, by: str, at: float
    ) -> Ruling:
        with self._home.transaction(write=True) as connection:
            ledger = connection.execute(_LEDGER).one()
            ruling = rule(_held(connection, tasks, at))
            if not ruling.kind or ruling.claim is None:
                return ruling
            stored = _put(connection, ruling.claim)
            entry = Entry(lane=lane, kind=ruling.kind, body=_told(stored, by))
            append(connection, (entry,), at=at, ledger=ledger)
        return replace(ruling, claim=stored)


def _held(connection: Connection, tasks: Sequence[str], at: float) -> Held:
    live = _CLAIMS.c.ended_at.is_(None) & (_CLAIMS.c.expires_at > at)
    last: dict[str, Claim] = {}
    for first in range(0, len(tasks), AT_ONCE):
        last |= {
            claim.task: claim for claim in read(connection, Claim, _newest(tasks[first : first + AT_ONCE]))
        }
    return Held(live=read(connection, Claim, select(_CLAIMS).where(live).order_by(_CLAIMS.c.id)), last=last)


def _newest(tasks: Sequence[str]) -> Select[Any]:
    numbers = select(func.max(_CLAIMS.c.id)).where(_CLAIMS.c.task.in_(tasks)).group_by(_CLAIMS.c.task)
    return select(_CLAIMS).where(_CLAIMS.c.id.in_(numbers))


def _put(connection: Connection, claim: Claim) -> Claim:
    row = {field.name: getattr(claim, field.name) for field in fields(claim)}
    number = row.pop("id")
    if number:
        connection.execute(_CLAIMS.update().where(_CLAIMS.c.id == number), row)
        return claim
    key = connection.execute(_CLAIMS.insert(), row).inserted_primary_key
    assert key is not None  # noqa: S101 - an INSERT of one row always has one
    return replace(claim, id=key[0])


def _told(claim: Claim, by: str) -> dict[str, Any]:
    """What the journal says of it."""
    ended = {"outcome": claim.outcome.value} if claim.outcome is not None else {}
    return {
        "claim": claim.id,
        "task": claim.task,
        "role": claim.role,
        "holder": claim.holder,
        "branch": claim.branch,
        "resources": list(claim.resources),
        "status": claim.status.value,
        "expires": claim.expires_at,
        "by": by,
        **ended,
    }
