"""All repositories of an app: what is put off until a time comes at once when the clock is set back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.errors import ForgeUnavailable
from pointsman.service.hub import Hub
from pointsman.service.station import Station
from tests.github.clock import ManualClock


def test_a_clock_that_is_set_back_puts_nothing_off_for_a_day(tmp_path: Path) -> None:
    clock, asked = ManualClock(), []

    def directory() -> dict[int, str]:
        asked.append(clock.at)
        if len(asked) == 1:
            raise ForgeUnavailable("rate limit", again_at=clock.at + 600)
        return {}

    def nothing(number: int, name: str) -> Station:
        raise AssertionError(f"{name} ({number}) is not on the list")

    with closing(SqlInbox.open(tmp_path / "inbox.db")) as inbox:
        hub = Hub(inbox=inbox, clock=clock, directory=directory, open_station=nothing)
        hub.round()
        clock.at += 120
        hub.round()
        assert len(asked) == 1, "it rests as long as it was told to"
        clock.at -= 86_400
        hub.round()
        assert len(asked) == 2
        assert hub.ready == ""
