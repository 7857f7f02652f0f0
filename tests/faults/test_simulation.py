"""Whole lanes through random histories: what must always hold does (I1-I6, R15), and the judge would notice if not."""

from __future__ import annotations

import pytest

from tests.faults.simulation.judge import judge
from tests.faults.simulation.story import MODES, story
from tests.faults.simulation.world import play

SEEDS = 6
"""A mode. `make soak` plays thousands: python -m tests.faults.simulation."""


@pytest.mark.parametrize("mode", MODES)
def test_R15_whatever_fails_nothing_is_lost_and_nothing_untested_lands(mode: str) -> None:
    for seed in range(SEEDS):
        assert judge(play(story(seed, mode=mode))) == [], f"seed {seed}, mode {mode}"


def test_a_seed_replays_exactly() -> None:
    one, again = (play(story(3)) for _ in range(2))
    assert one.story == again.story
    assert one.journal == again.journal
