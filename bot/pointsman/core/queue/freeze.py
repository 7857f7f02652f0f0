"""Whether a time is in a freeze, and when that ends; pure, `at` is an argument (seconds since 1970)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from pointsman.core.contract.model import MIDNIGHT, Freeze
from pointsman.core.contract.zones import zone_named

FOLLOWED = 64
"""Of so many windows that follow on each other the end is looked for; after that there is none in sight."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """A freeze that holds: why, until when (None: no end in sight), and how to write that down for people."""

    reason: str
    until: float | None
    zone: str

    @property
    def ends(self) -> str:
        """`2027-01-04 09:00 Europe/Berlin`, '' where no end is in sight."""
        if self.until is None:
            return ""
        return (
            f"{datetime.fromtimestamp(self.until, zone_named(self.zone) or UTC):%Y-%m-%d %H:%M} {self.zone}"
        )


def frozen(freezes: Sequence[Freeze], at: float) -> Frozen | None:
    """The first of the freezes that holds at that time, with the end of all that follow on each other."""
    first = next((freeze for freeze in freezes if window(freeze, at) is not None), None)
    if first is None:
        return None
    until: float | None = at
    for _ in range(FOLLOWED):
        assert until is not None  # noqa: S101 - for mypy
        ends = [spell[1] for freeze in freezes if (spell := window(freeze, until)) is not None]
        if not ends:
            return Frozen(reason=first.reason, until=until, zone=first.zone)
        until = max(ends)
    return Frozen(reason=first.reason, until=None, zone=first.zone)


def window(freeze: Freeze, at: float) -> tuple[float, float] | None:
    """The freeze's window [from, until) that holds `at`; of several the one that ends last."""
    found = [(start, end) for start, end in _windows(freeze, at) if start <= at < end]
    return max(found, key=lambda spell: spell[1], default=None)


def _windows(freeze: Freeze, at: float) -> Iterator[tuple[float, float]]:
    """Those that could hold `at`."""
    if freeze.since is not None and freeze.until is not None:
        yield freeze.since, freeze.until
        return
    zone = zone_named(freeze.zone) or UTC
    today = datetime.fromtimestamp(at, zone).date()
    for days in range(-2, 2):
        day = today + timedelta(days=days)
        if day.weekday() in freeze.days:
            last = day if freeze.end > freeze.start else day + timedelta(days=1)
            yield min(_readings(day, freeze.start, zone)), max(_readings(last, freeze.end, zone))


def _readings(day: date, minute: int, zone: tzinfo) -> tuple[float, float]:
    """When the clocks show that time: two instants where they show it twice, and where they skip it those at which they
    would have. A freeze takes the earlier to begin and the later to end: it holds whenever it may be meant to."""
    if minute >= MIDNIGHT:
        day, minute = day + timedelta(days=1), minute - MIDNIGHT
    shown = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=zone)
    return shown.replace(fold=0).timestamp(), shown.replace(fold=1).timestamp()
