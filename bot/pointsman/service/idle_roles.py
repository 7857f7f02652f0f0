"""Which roles nobody has had for long, by the changes that a queue remembers; it reads no repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pointsman.core.contract import Contract, RoleFound, resolve_role
from pointsman.core.queue.model import Change
from pointsman.service.judging import local_author

IDLE_DAYS = 30
DAY = 86_400.0


def idle_days(contract: Contract, changes: Iterable[Change], now: float) -> Mapping[str, int]:
    """Role -> whole days since the last change under it, for those of IDLE_DAYS and more (R56).

    A role that never had one counts from the queue's first change: a contract that is new to the queue is not idle.
    `now` is in seconds since 1970.
    """
    remembered = tuple(changes)
    if not remembered:
        return {}
    last = dict.fromkeys(contract.roles, min(change.submitted_at for change in remembered))
    for change in remembered:
        outcome = resolve_role(contract, local_author(change.author), change.branch, worktree=change.worktree)
        if isinstance(outcome, RoleFound):
            last[outcome.role] = max(last[outcome.role], change.submitted_at)
    idle = {role: int((now - at) // DAY) for role, at in last.items()}
    return {role: days for role, days in idle.items() if days >= IDLE_DAYS}
