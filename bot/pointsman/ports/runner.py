"""Where checks run, and the time."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # annotations only: reading heads must not load the contract or the queue
    from pointsman.core.contract import Check
    from pointsman.core.contract.model import Sandbox
    from pointsman.core.gates import GateResult
    from pointsman.core.model import Sha


class Gates(Protocol):
    """The runner: where checks run, away from every token. Runs are named by their id."""

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None = None) -> None:
        """Start one check on the commit's exact tree, shut in as the contract's `sandbox` asks."""
        ...

    def poll(self, run_id: int) -> GateResult | None:
        """The result once it has ended, else None. A run that nobody runs any more ended `lost`."""
        ...

    def cancel(self, run_id: int) -> None: ...

    def sweep(self, keep: Collection[int]) -> None:
        """Remove what runs other than these left behind."""
        ...


class Clock(Protocol):
    """The time, so that a test can own it."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None: ...
