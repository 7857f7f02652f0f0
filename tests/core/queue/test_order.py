"""The line: dependencies, priority, first come; the same for every order of input (R04, R49)."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.queue.model import Change, ChangeState
from pointsman.core.queue.observation import Standing
from pointsman.core.queue.order import line_up
from tests.core.queue.facts import change

QUEUED = ChangeState.QUEUED


def standings(*changes: Change) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    for one in changes:
        found[one.branch] = found[f"#{one.id}"] = Standing(change=one.id, state=one.state)
    return found


def ids(changes: tuple[Change, ...]) -> list[int]:
    return [one.id for one in changes]


def test_first_come_first() -> None:
    line = (change(2), change(1), change(3))
    assert ids(line_up(line, {}).ready) == [1, 2, 3]


def test_higher_priority_goes_first_and_ties_keep_their_order() -> None:
    line = (change(1), change(2, priority=5), change(3, priority=5))
    assert ids(line_up(line, {}).ready) == [2, 3, 1]


def test_R49_a_dependency_goes_first_even_if_it_came_later() -> None:
    a, b = change(1, depends_on=("agent/2",)), change(2)
    assert ids(line_up((a, b), standings(a, b)).ready) == [2, 1]


def test_R49_a_dependency_by_number() -> None:
    a, b = change(1, depends_on=("#2",)), change(2)
    assert ids(line_up((a, b), standings(a, b)).ready) == [2, 1]


def test_R49_a_cycle_is_named_in_order() -> None:
    a, b = change(1, depends_on=("agent/2",)), change(2, depends_on=("agent/1",))
    behind = change(3, depends_on=("agent/1",))
    line = line_up((a, b, behind), standings(a, b, behind))
    assert line.cycles == {1: ("agent/1", "agent/2", "agent/1"), 2: ("agent/2", "agent/1", "agent/2")}
    assert line.ready == ()


def test_a_landed_dependency_is_met() -> None:
    done = change(1, state=ChangeState.LANDED)
    after = change(2, depends_on=("agent/1",))
    assert ids(line_up((after,), standings(done, after)).ready) == [2]


def test_a_returned_dependency_holds_everything_behind_it() -> None:
    gone = change(1, state=ChangeState.RETURNED)
    after, last = change(2, depends_on=("agent/1",)), change(3, depends_on=("agent/2",))
    line = line_up((after, last), standings(gone, after, last))
    assert line.ready == ()
    assert line.unmet[2] == "depends on agent/1 (#1), which was returned"
    assert line.unmet[3] == "depends on agent/2 (#2), which waits itself"


def test_a_dependency_that_was_never_submitted() -> None:
    line = line_up((change(1, depends_on=("nowhere",)),), {})
    assert line.unmet == {1: "depends on nowhere, which was never submitted"}


@given(st.integers(2, 12), st.randoms(use_true_random=False))
def test_R04_the_same_changes_in_any_order_make_the_same_line(count: int, rng: random.Random) -> None:
    changes = [
        change(
            number,
            priority=rng.randrange(3),
            depends_on=tuple(f"agent/{other}" for other in range(1, number) if rng.random() < 0.2),
        )
        for number in range(1, count + 1)
    ]
    known = standings(*changes)
    line = ids(line_up(tuple(changes), known).ready)
    rng.shuffle(changes)
    assert ids(line_up(tuple(changes), known).ready) == line
    place = {number: index for index, number in enumerate(line)}
    for one in changes:
        for name in one.depends_on:
            assert place[int(name.removeprefix("agent/"))] < place[one.id]
