"""Our own strategy: tables of small situations, and what must hold of every plan whatever the facts."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.model import Facts, Live, Waiting
from pointsman.core.queue.strategies.registry import STRATEGIES
from pointsman.core.queue.strategies.sets import holds, is_single, union
from pointsman.core.queue.strategies.speculate import speculate
from tests.core.queue.strategies.facts import INSURE, SCREEN, change, facts, live, of, starts


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(facts(""), [], id="nothing waits"),
        pytest.param(
            facts("abc"),
            [("a", "chain"), ("ab", "chain"), ("abc", "chain")],
            id="single links while runners last",
        ),
        pytest.param(
            facts("abcdef", free=2),
            [("abc", "chain"), ("abcdef", "chain")],
            id="batches when there are more changes",
        ),
        pytest.param(
            facts("abcdef", free=2, max_batch=1),
            [("a", "chain"), ("ab", "chain")],
            id="as big as the contract lets",
        ),
        pytest.param(
            facts(waiting=[change("a", alone=0.3), change("b")], free=2),
            [("b", "chain"), ("ab", "chain")],
            id="a risky one goes on top of the others",
        ),
        pytest.param(
            facts(waiting=[change("a", alone=0.3), change("b")], free=2, now=1000.0),
            [("a", "chain"), ("ab", "chain")],
            id="until it has waited",
        ),
        pytest.param(
            facts("a", live=[live(1, "a", passed=True)], free=3),
            [],
            id="what has passed only waits for its push",
        ),
        pytest.param(
            facts("ab", live=[live(1, "a", passed=True)], free=1),
            [("ab", "chain")],
            id="links stand on what passed",
        ),
        pytest.param(
            facts("ab", reds=[(of("a"), 1.0)], free=2),
            [("a", "screen"), ("b", "chain")],
            id="the last one left of a red set is tested by itself",
        ),
    ],
)
def test_what_is_tested_next(seen: Facts, expected: list[tuple[str, str]]) -> None:
    assert starts(speculate(seen)) == expected


def test_insurance_leaves_the_risky_one_out() -> None:
    waiting = [change("a"), change("b", alone=0.4), change("c")]
    runs = [live(1, "a"), live(2, "ab"), live(3, "abc")]
    plan = speculate(facts(waiting=waiting, live=runs, free=1, runners=8))
    assert plan.drop == []
    assert [(content.count("b"), purpose) for content, purpose in starts(plan)] == [(0, "insure")]


def test_insurance_makes_room_for_a_link_and_for_nothing_less() -> None:
    runs = [live(1, "a"), live(2, "ab"), live(3, "b", INSURE)]
    plan = speculate(facts("abc", live=runs, free=0))
    assert (plan.drop, starts(plan)) == ([3], [("abc", "chain")])
    assert speculate(facts("ab", live=runs, free=0)).drop == []


def test_when_a_link_is_red_insurance_that_carries_what_is_left_is_the_next_link() -> None:
    runs = [live(1, "a"), live(2, "abc"), live(3, "ac", INSURE)]
    plan = speculate(facts("abcd", live=runs, reds=[(of("ab"), 1.0)], free=0))
    assert 2 in plan.drop
    assert 3 not in plan.drop
    assert ("acd", "chain") in starts(plan)


def test_a_hotfix_pushes_out_insurance_then_screens_then_the_youngest_link() -> None:
    runs = [live(1, "a"), live(2, "ab", start=5.0), live(3, "c", SCREEN), live(4, "b", INSURE)]
    waiting = [change("d", hotfix=True), change("a"), change("b"), change("c")]
    for gone in (4, 3, 2):
        plan = speculate(facts(waiting=waiting, live=runs, free=0, runners=len(runs)))
        assert plan.drop[0] == gone
        assert starts(plan)[0] == ("d", "insure")
        runs = [run for run in runs if run.id != gone]


def test_R64_two_changes_of_one_file_are_added_by_different_links() -> None:
    waiting = [change("a", apart=of("b")), change("b", apart=of("a")), change("c")]
    plan = speculate(facts(waiting=waiting, free=2, runners=2))
    assert all(not holds(one.added, of("ab")) for one in plan.start)
    assert any(holds(one.content, of("ab")) for one in plan.start)


STARTED = 50.0
NUMBERS = st.integers(0, 2**7 - 1)


def whole(content: int, waiting: list[Waiting]) -> int:
    """With all that its members need: the engine builds nothing else."""
    for one in reversed(waiting):
        content |= one.needs if one.bit & content else 0
    return content


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Up to seven changes, whatever runs and was red of them, as an engine may tell it."""
    count = draw(st.integers(1, 7))
    every = (1 << count) - 1
    apart = [draw(NUMBERS) & every for _ in range(count)]
    waiting = [
        Waiting(
            bit=1 << place,
            alone=draw(st.sampled_from([0.01, 0.1, 0.5])),
            joint=0.02,
            since=draw(st.sampled_from([0.0, 900.0])),
            cleared=draw(st.sampled_from([-1.0, 5.0, 500.0])),
            needs=draw(NUMBERS) & ((1 << place) - 1) & draw(NUMBERS) & draw(NUMBERS),
            apart=union(
                1 << other for other in range(count) if apart[place] >> other & apart[other] >> place & 1
            )
            & ~(1 << place),
            barred=frozenset({draw(NUMBERS) & every & ~(1 << place)} - {0})
            if draw(st.booleans())
            else frozenset(),
            hotfix=draw(st.integers(0, 9)) == 0,
        )
        for place in range(count)
    ]
    reds = [
        red for red in draw(st.lists(NUMBERS, max_size=3, unique=True)) if red & every and holds(every, red)
    ]
    reds = [red for red in reds if not any(other != red and holds(red, other) for other in reds)]
    cleared = {one.bit for one in waiting if one.cleared >= STARTED}
    reds = [red for red in reds if red not in cleared]
    drawn = draw(st.lists(NUMBERS, max_size=4, unique=True))
    contents = [whole(one & every, waiting) for one in drawn if one & every]
    runs = [
        Live(
            id=number,
            content=content,
            added=content,
            purpose=draw(st.sampled_from(list(Purpose))),
            start=100.0,
        )
        for number, content in enumerate(dict.fromkeys(contents), 1)
    ]
    return Facts(
        now=1000.0,
        waiting=waiting,
        live=runs,
        reds=[(red, STARTED) for red in reds],
        free=draw(st.integers(0, 4)),
        runners=8,
        gate=600.0,
        max_batch=draw(st.sampled_from([None, 1, 2])),
        depth=draw(st.sampled_from([None, 0, 2])),
    )


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(seen=any_facts())
def test_whatever_the_facts_a_plan_can_be_carried_out(name: str, seen: Facts) -> None:
    """No red subset, no unmet need, no two `apart` in one link, no more than the runners, nothing twice; and the same
    plan for the same facts."""
    plan = STRATEGIES[name](seen)
    assert plan == STRATEGIES[name](seen)
    known = {run.id: run.content for run in seen.live}
    assert len(set(plan.drop)) == len(plan.drop)
    assert set(plan.drop) <= set(known)
    assert len(plan.start) <= max(0, seen.free + len(plan.drop))
    kept = [content for number, content in known.items() if number not in plan.drop]
    contents = [*kept, *(one.content for one in plan.start)]
    assert len(set(contents)) == len(contents)
    waiting = {one.bit: one for one in seen.waiting}
    for one in plan.start:
        members = [waiting[1 << place] for place in range(8) if one.content >> place & 1]
        assert one.content
        assert holds(one.content, one.added)
        assert is_single(one.content) or not any(holds(one.content, red) for red, _ in seen.reds)
        if not (is_single(one.content) and any(red == one.content for red, _ in seen.reds)):
            assert all(holds(one.content, member.needs) for member in members)
        assert seen.max_batch is None or one.added.bit_count() <= seen.max_batch
        assert not any(member.apart & one.added for member in members if member.bit & one.added)
