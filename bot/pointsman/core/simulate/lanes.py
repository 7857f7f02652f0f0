"""The contract of a lane on paper: one check, so many runners, and the strategy that is tried."""

from __future__ import annotations

from typing import Any, cast

from pointsman.core.contract import Contract
from pointsman.core.contract.model import Check, Limits, MatrixRow, Pattern, QueuePolicy, Retry
from pointsman.core.model import GitPath
from pointsman.core.queue.observation import Touch
from pointsman.core.simulate.rows import CHECK, ROLE


def lane_contract(strategy: str, *, runners: int, retry: Retry, areas: int = 0) -> Contract:
    """`strategy` is a name of core.queue.strategies.registry; `areas` may land beside each other untested."""
    independent = {f"area{area}": (Pattern(text=f"area{area}/**"),) for area in range(areas)}
    return Contract(
        version=1,
        base="main",
        identities={},
        roles={},
        checks={CHECK: Check(name=CHECK, run="gate")},
        matrix={"all": MatrixRow(add=(CHECK,)), ROLE: MatrixRow()},
        queue=QueuePolicy(mode=cast(Any, strategy), retry=retry, independent=independent),
        limits=Limits(running_gates=runners),
        digest=strategy,
    )


def touch_of(area: int, number: int) -> Touch:
    """A file of its own in the area: no two changes meet in a file."""
    return Touch(modified=frozenset({GitPath(f"area{area}/{number}")}))
