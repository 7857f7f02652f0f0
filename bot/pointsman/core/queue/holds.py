"""What keeps a change out of the gate, or a tested one from landing, though nothing is wrong with it: the owner's
policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pointsman.core import messages
from pointsman.core.queue.model import Change, Reason, Wait
from pointsman.core.queue.observation import Observation


def admission(now: Observation, ready: Sequence[Change]) -> Mapping[int, Wait]:
    """Changes of the line that may not be tested now."""
    return {}


def refusals(now: Observation) -> Mapping[int, Reason]:
    """Changes that are one too many and are given back."""
    return {}


def landing_hold(now: Observation, *, hotfix: bool) -> Wait | None:
    """Why nothing may land now."""
    return None


def breaker(now: Observation) -> str | None:
    """Why the lane is to be paused until a person resumes it."""
    if now.contract is not None and 0 < now.contract.queue.pause_after <= now.lane.failures:
        return messages.too_many_failures(now.lane.failures)
    return None
