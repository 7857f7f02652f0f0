"""Deliveries of a forge as they are kept until they are worked: hints that something changed, never the truth."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One webhook delivery. `id` is the forge's own for it (a repeated one has the same), `received_at` is in seconds
    since 1970; `repository` is the id of the repository it speaks of, None where it speaks of none."""

    id: str
    event: str
    repository: int | None
    payload: bytes = field(repr=False)
    received_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneFigures:
    """One lane as numbers."""

    repository: str
    lane: str
    queued: int
    testing: int
    running: int
    paused: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What the running service counts: totals since it started, and its lanes as they stand.

    `requests` are API requests by repository; `deliveries` are (event, outcome) pairs; `oldest_hint` is the age in
    seconds of the oldest delivery that is not worked yet, 0 when there is none.
    """

    lanes: tuple[LaneFigures, ...] = ()
    requests: tuple[tuple[str, int], ...] = ()
    deliveries: tuple[tuple[tuple[str, str], int], ...] = ()
    landed: int = 0
    returned: int = 0
    healed: int = 0
    pending_hints: int = 0
    oldest_hint: float = 0.0
    last_round: float = 0.0
    troubles: int = 0
