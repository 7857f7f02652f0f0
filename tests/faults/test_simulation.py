"""Whole lanes through random histories: what must always hold does (I1-I6, R15), and the judge would notice if not."""

from __future__ import annotations

import pytest

from tests.faults.simulation.judge import judge
from tests.faults.simulation.project import Policy
from tests.faults.simulation.story import MODES, Event, Story, Work, story
from tests.faults.simulation.world import play

SEEDS = 6
"""A mode. `make soak` plays thousands: python -m tests.faults.simulation."""


@pytest.mark.parametrize("mode", MODES)
def test_R15_whatever_fails_nothing_is_lost_and_nothing_untested_lands(mode: str) -> None:
    for seed in range(SEEDS):
        assert judge(play(story(seed, mode=mode))) == [], f"seed {seed}, mode {mode}"


LAGS = Story(
    seed=30075,
    policy=Policy(),
    replicas=1,
    works=(
        Work(name="w0", role="coder", paths=("src/w0.txt",), at=1.0),
        Work(name="w1", role="writer", paths=("docs/w1.txt",), at=8.0),
    ),
    events=(Event(at=3.0, kind="stale", value=300.0), Event(at=400.0, kind="outsider:green")),
)
"""The forge goes on showing main where it was, after a landing: it was landed upon again and again, without a rest."""

SET_BACK = Story(
    seed=21676,
    policy=Policy(),
    replicas=1,
    works=(Work(name="w0", role="coder", paths=("src/w0.txt",), marks=("red",), at=20.0),),
    events=(
        Event(at=5.0, kind="pause"),
        Event(at=6.0, kind="resume"),
        Event(at=7.0, kind="jump", who="0", value=-86_400.0),
    ),
)
"""A clock is set back by a day after the lane was resumed: all that was red from then on was tested again and again."""


NEEDS_TWO = Story(
    seed=32633,
    policy=Policy(mode="speculate", max_batch=2, speculate=1, running_gates=1),
    replicas=1,
    works=(
        Work(name="w1", role="coder", paths=("src/w1.txt",), at=1.0, depends_on=("code/w0",)),
        Work(name="w2", role="writer", paths=("docs/w2.txt",), at=2.0, priority=100, depends_on=("code/w1",)),
        Work(name="w0", role="coder", paths=("src/w0.txt",), at=3.0),
    ),
)
"""A hotfix that needs more changes than one candidate may add: nothing was built any more."""

ONCE_WRONG = {
    "a forge that lags": LAGS,
    "a clock that is set back": SET_BACK,
    "a hotfix behind two": NEEDS_TWO,
    "a clock set back among evidence": story(51300, mode="batch"),
    "beside a base that was red": story(71611, mode="window"),
}


@pytest.mark.parametrize("one", ONCE_WRONG.values(), ids=ONCE_WRONG)
def test_R15_what_once_went_wrong_does_not_again(one: Story) -> None:
    assert judge(play(one)) == []


def test_a_seed_replays_exactly() -> None:
    one, again = (play(story(3)) for _ in range(2))
    assert one.story == again.story
    assert one.journal == again.journal
