"""Facts for tables: one task, one claim, one board, each with only what differs written out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pointsman.core import contract as contracts
from pointsman.core.contract import Contract
from pointsman.core.queue.observation import Touch
from pointsman.core.schedule.model import Board, Claim, Held, Queued, Task, Traffic

NOW = 10_000.0
CONTRACT = """
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles:
  coder: {who: [ada], branches: ["agent/*"], owns: ["**"], cannot_touch: [/ops/]}
  tester: {who: [ada], branches: ["test/*"], owns: ["/tests/"]}
checks: {unit: {run: make test}}
writers:
  staging-db: {holder: coder, kind: database}
  main: {holder: queue, kind: branch}
%s
"""


def contract(more: str = "") -> Contract:
    loaded = contracts.load((CONTRACT % more).encode())
    assert isinstance(loaded, Contract), loaded
    return loaded


PLAIN = contract()


def task(name: str, *depends_on: str, **facts: Any) -> Task:
    return Task(**{"id": name, "depends_on": depends_on, "role": "coder", **facts})


def claim(name: str, **facts: Any) -> Claim:
    """Live, by somebody else."""
    plain: dict[str, Any] = {
        "id": 1,
        "task": name,
        "role": "coder",
        "holder": "bob",
        "claimed_at": NOW - 600,
        "expires_at": NOW + 600,
    }
    return Claim(**{**plain, **facts})


def board(*tasks: Task, claims: Iterable[Claim] = (), **traffic: Any) -> Board:
    """`claims` in the order in which they were made."""
    made = tuple(claims)
    live = tuple(one for one in made if one.is_live(NOW))
    held = Held(live=live, last={one.task: one for one in made})
    return Board(tasks=tasks, held=held, traffic=Traffic(**traffic), at=NOW)


def queued(number: int, *, modified: str = "", added: str = "", **facts: Any) -> Queued:
    touch = Touch(modified=frozenset(modified.split()), added=frozenset(added.split()))
    return Queued(**{"label": f"#{number}", "branch": f"agent/q{number}", "touch": touch, **facts})
