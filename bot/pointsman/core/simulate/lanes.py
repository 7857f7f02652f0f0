"""The contract of a lane on paper: one check, so many runners, and the strategy that is tried."""

from __future__ import annotations

from typing import Any, cast

from pointsman.core.contract import Contract
from pointsman.core.contract.model import Check, Limits, MatrixRow, QueuePolicy, Retry
from pointsman.core.simulate.rows import CHECK, ROLE


def lane_contract(strategy: str, *, runners: int, retry: Retry | None = None) -> Contract:
    """`strategy` is a name of core.queue.strategies.registry."""
    return Contract(
        version=1,
        base="main",
        identities={},
        roles={},
        checks={CHECK: Check(name=CHECK, run="gate")},
        matrix={"all": MatrixRow(add=(CHECK,)), ROLE: MatrixRow()},
        queue=QueuePolicy(mode=cast(Any, strategy), retry=retry or Retry()),
        limits=Limits(running_gates=runners),
        digest=strategy,
    )
