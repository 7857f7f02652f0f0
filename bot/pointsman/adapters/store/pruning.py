"""Takes the oldest of what has ended out of a state file, a bounded piece at a time; what is queued, live or evidence
for a queued change stays, and so does whatever that names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    bindparam,
    delete,
    func,
    literal,
    not_,
    or_,
    select,
)

from pointsman.adapters.store import tables
from pointsman.core.bounds import Bounds
from pointsman.core.queue.model import LIVE, CandidateState, ChangeState, RunState

PIECE = 5_000
"""Rows of a table that one transaction takes: writers wait for it."""

EVIDENCE = (CandidateState.FAILED, CandidateState.CLEARED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """Ids that stay whatever their age."""

    changes: frozenset[int]
    candidates: frozenset[int]


def forget(connection: Connection, bounds: Bounds) -> dict[str, int]:
    """Remove up to a piece of each table's rows beyond its bound; how many, by table. The caller holds the write
    lock. Rows that name others go first, so that it may be cut off anywhere between two calls."""
    kept = _kept(connection)
    gone = {
        "runs": _runs(connection, bounds.runs, kept),
        "candidates": _candidates(connection, bounds.candidates, kept),
        "changes": _changes(connection, bounds.changes, kept),
        "claims": _claims(connection, bounds.claims),
    }
    return {name: count for name, count in gone.items() if count}


def _kept(connection: Connection) -> Kept:
    table = tables.changes
    queued = connection.execute(
        select(table.c.id, table.c.submitted_at, table.c.depends_on).where(
            table.c.state == ChangeState.QUEUED
        )
    ).all()
    waiting = {row.id for row in queued}
    candidates = _working(connection, waiting, min((row.submitted_at for row in queued), default=0.0))
    members = {member for ids in candidates.values() for member in ids}
    newest = connection.scalars(select(func.max(table.c.id)).group_by(table.c.lane))
    needed = _named(connection, {name for row in queued for name in row.depends_on})
    return Kept(changes=frozenset({*waiting, *members, *newest, *needed}), candidates=frozenset(candidates))


def _working(connection: Connection, waiting: set[int], since: float) -> dict[int, set[int]]:
    """Live candidates, and evidence that holds a queued change, with their members."""
    table = tables.candidates
    evidence = and_(table.c.state.in_(EVIDENCE), table.c.created_at >= since)
    rows = connection.execute(
        select(table.c.id, table.c.state, table.c.members).where(or_(table.c.state.in_(LIVE), evidence))
    )
    found = {row.id: (row.state, {member.change for member in row.members}) for row in rows}
    return {id: members for id, (state, members) in found.items() if state in LIVE or members & waiting}


def _named(connection: Connection, names: set[str]) -> Sequence[int]:
    """The changes that a `Depends-on:` may mean: by branch, by number or by id."""
    table = tables.changes
    numbers = _listed({int(name[1:]) for name in names if name[:1] == "#" and name[1:].isdecimal()})
    wanted = or_(table.c.branch.in_(names), table.c.number.in_(numbers), table.c.id.in_(numbers))
    return connection.scalars(select(table.c.id).where(wanted)).all() if names else ()


def _runs(connection: Connection, most: int, kept: Kept) -> int:
    table = tables.runs
    last = _nth_newest(connection, table, most)
    if last is None:
        return 0
    due = or_(
        table.c.candidate.in_(_listed(kept.candidates)),
        and_(table.c.candidate.is_(None), table.c.change.in_(_listed(kept.changes))),
    )
    old = and_(
        table.c.id <= last, table.c.state != RunState.RUNNING, not_(func.coalesce(due, literal(False)))
    )
    return _delete(connection, table, old)


def _candidates(connection: Connection, most: int, kept: Kept) -> int:
    table, runs = tables.candidates, tables.runs
    last = _nth_newest(connection, table, most)
    if last is None:
        return 0
    used = select(runs.c.id).where(runs.c.candidate == table.c.id).exists()
    old = and_(table.c.id <= last, table.c.state.not_in(LIVE), table.c.id.not_in(_listed(kept.candidates)))
    return _delete(connection, table, and_(old, not_(used)))


def _changes(connection: Connection, most: int, kept: Kept) -> int:
    """With the approvals and grants that were given to them."""
    table, runs = tables.changes, tables.runs
    ended = select(table.c.ended_at).where(table.c.state != ChangeState.QUEUED)
    last = connection.scalar(ended.order_by(table.c.ended_at.desc()).limit(1).offset(most))
    if last is None:
        return 0
    used = select(runs.c.id).where(runs.c.change == table.c.id).exists()
    old = and_(table.c.state != ChangeState.QUEUED, table.c.ended_at <= last, not_(used))
    ids = connection.scalars(
        select(table.c.id)
        .where(old, table.c.id.not_in(_listed(kept.changes)))
        .order_by(table.c.id)
        .limit(PIECE)
    ).all()
    for given in (tables.approvals, tables.grants):
        connection.execute(delete(given).where(given.c.change.in_(_listed(ids))))
    connection.execute(delete(table).where(table.c.id.in_(_listed(ids))))
    return len(ids)


def _claims(connection: Connection, most: int) -> int:
    table = tables.claims
    last = _nth_newest(connection, table, most)
    return (
        0
        if last is None
        else _delete(connection, table, and_(table.c.id <= last, table.c.ended_at.is_not(None)))
    )


def _nth_newest(connection: Connection, table: Table, most: int) -> int | None:
    """The newest id beyond the bound; None within it."""
    query = select(table.c.id).order_by(table.c.id.desc()).limit(1).offset(most)
    found: int | None = connection.scalar(query)
    return found


def _delete(connection: Connection, table: Table, old: ColumnElement[bool]) -> int:
    ids = select(table.c.id).where(old).order_by(table.c.id).limit(PIECE)
    return connection.execute(delete(table).where(table.c.id.in_(ids))).rowcount


def _listed(ids: Collection[int]) -> Any:
    """The ids as text of the statement, so that no database's limit on parameters matters."""
    return bindparam(None, sorted(ids), type_=Integer, expanding=True, literal_execute=True)
