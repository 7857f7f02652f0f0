"""When a freeze holds and ends, held against what the clocks of its zone show, over every change of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.contract.model import DAYS, MIDNIGHT, Freeze
from pointsman.core.queue.freeze import frozen, window

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = (
    Freeze(reason="late", days=frozenset({4}), start=16 * 60, zone="Europe/Berlin"),
    Freeze(reason="weekend", days=frozenset({5, 6}), zone="Europe/Berlin"),
)


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        pytest.param("2026-11-20 15:59", None, id="Friday, a minute before"),
        pytest.param("2026-11-20 16:00", "2026-11-23 00:00 Europe/Berlin", id="Friday, the first minute"),
        pytest.param("2026-11-21 12:00", "2026-11-23 00:00 Europe/Berlin", id="Saturday"),
        pytest.param("2026-11-22 23:59", "2026-11-23 00:00 Europe/Berlin", id="Sunday, the last minute"),
        pytest.param("2026-11-23 00:00", None, id="Monday"),
        pytest.param("2026-10-24 23:00", "2026-10-26 00:00 Europe/Berlin", id="clocks go back within"),
    ],
)
def test_freezes_that_follow_on_each_other_end_together(moment: str, ends: str | None) -> None:
    found = frozen(WEEKEND, at(moment))
    assert (found.ends if found else None) == ends


def test_over_midnight_it_is_the_day_it_begins_on_that_counts() -> None:
    night = Freeze(reason="night", days=frozenset({4}), start=16 * 60, end=9 * 60, zone="Europe/Berlin")
    assert frozen([night], at("2026-11-20 15:59")) is None  # Friday
    assert frozen([night], at("2026-11-21 08:59")) is not None  # Saturday morning
    assert frozen([night], at("2026-11-21 09:00")) is None
    assert frozen([night], at("2026-11-20 08:00")) is None  # Thursday has no night


def test_one_that_comes_once_holds_from_its_first_instant_up_to_its_end() -> None:
    once = Freeze(reason="holidays", since=1000.0, until=2000.0)
    assert [frozen([once], float(time)) is not None for time in (999, 1000, 1999, 2000)] == [
        False,
        True,
        True,
        False,
    ]


def test_one_without_an_end_says_so() -> None:
    found = frozen([Freeze(reason="always")], 0.0)
    assert found is not None
    assert (found.until, found.ends) == (None, "")


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kathmandu",
)
CHANGES = [datetime(2026, month, 1, tzinfo=UTC).timestamp() for month in (3, 4, 9, 10, 11)]


@given(
    zone=st.sampled_from(ZONES),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    start=st.integers(0, MIDNIGHT - 1),
    end=st.integers(0, MIDNIGHT),
    month=st.sampled_from(CHANGES),
    seconds=st.integers(0, 31 * 86400),
)
def test_it_holds_whenever_the_clocks_show_one_of_its_minutes(
    zone: str, days: frozenset[int], start: int, end: int, month: float, seconds: int
) -> None:
    """The oracle reads the clock; the other way round it may only hold longer where the clocks are changed."""
    freeze = Freeze(reason="x", days=days, start=start, end=end, zone=zone)
    moment = month + seconds
    holds = window(freeze, moment) is not None
    if _shown(freeze, moment):
        assert holds
    elif holds:
        offsets = {_local(freeze, moment + hours * 3600).utcoffset() for hours in (-25, 0, 25)}
        assert len(offsets) > 1


@given(
    zone=st.sampled_from(ZONES),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    seconds=st.integers(0, 366 * 86400),
)
def test_it_ends_when_it_says(zone: str, days: frozenset[int], seconds: int) -> None:
    freezes = [
        Freeze(reason="x", days=days, start=600, end=540, zone=zone),
        Freeze(reason="y", days=days, end=60, zone=zone),
    ]
    found = frozen(freezes, float(seconds))
    if found is not None and found.until is not None:
        assert found.until > seconds
        assert frozen(freezes, found.until) is None
        assert frozen(freezes, found.until - 1) is not None


def _local(freeze: Freeze, moment: float) -> datetime:
    return datetime.fromtimestamp(moment, ZoneInfo(freeze.zone))


def _shown(freeze: Freeze, moment: float) -> bool:
    """What somebody who looks at a wall clock and a calendar says."""
    clock = _local(freeze, moment)
    minute = clock.hour * 60 + clock.minute
    today = clock.weekday() in freeze.days
    yesterday = (clock.date() - timedelta(days=1)).weekday() in freeze.days
    if freeze.end > freeze.start:
        return today and freeze.start <= minute < freeze.end
    return (today and minute >= freeze.start) or (yesterday and minute < freeze.end)


def test_monday_is_the_first_day() -> None:
    assert DAYS[datetime(2026, 11, 23, tzinfo=UTC).weekday()] == "mon"
