"""R66, R67: which task is recommended, in which order, and the sentence that says why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.schedule.admit import Admission, Ask, admit
from pointsman.core.schedule.model import Board, Held, Status, Task
from pointsman.core.schedule.rank import Advice, advise
from tests.core.schedule.facts import NOW, PLAIN, board, claim, contract, queued, task

ORDER = "queue: {priority: [%s]}"


def ranked(advice: Advice) -> list[str]:
    return [one.task.id for one in advice.ranked]


@pytest.mark.parametrize(
    ("tasks", "order", "why"),
    [
        pytest.param(
            [task("a"), task("x", "a"), task("b", priority=100)],
            ["b", "a"],
            "its priority is 100, that of a is 0",
            id="a hotfix before all else",
        ),
        pytest.param(
            [task("a", estimate=500), task("b"), task("x", "b"), task("y", "x")],
            ["b", "a"],
            "it unblocks 2 tasks (x, y), a unblocks none",
            id="unblocks before a longer way",
        ),
        pytest.param(
            [
                task("a", estimate=60, modifies=("f", "g")),
                task("b", estimate=61, modifies=("g",)),
                task("c", estimate=61, modifies=("f", "g")),
            ],
            ["b", "c", "a"],
            "it came before c, and nothing else tells them apart",
            id="the longer way before fewer overlaps, then first come",
        ),
        pytest.param(
            [
                task("a", modifies=("f", "g")),
                task("b", modifies=("f",)),
                task("c", modifies=("g",)),
                task("d"),
            ],
            ["d", "b", "c", "a"],
            "it is in the way of none that could start, b of 1",
            id="fewest overlaps before first come",
        ),
        pytest.param([task("a"), task("b")], ["a", "b"], "it came before b", id="first come"),
        pytest.param(
            [task("a", resources=("staging-db",)), task("b", resources=("staging-db",)), task("c")],
            ["c", "a", "b"],
            "in the way of none",
            id="two that want one resource are in each other's way",
        ),
    ],
)
def test_R66_ties_at_each_level_are_broken_by_the_next(tasks: list[Task], order: list[str], why: str) -> None:
    advice = advise(board(*tasks), PLAIN)
    assert ranked(advice) == order
    assert why in advice.ranked[0].why


def test_R66_the_contract_says_in_which_order_the_criteria_count() -> None:
    tasks = [task("a"), task("x", "a"), task("b", estimate=500), task("c", creates=("n/",))]
    assert ranked(advise(board(*tasks), contract(ORDER % "critical_path"))) == ["b", "a", "c"]
    assert ranked(advise(board(*tasks), contract(ORDER % "unblocks"))) == ["a", "b", "c"]
    assert ranked(advise(board(*tasks[::-1]), contract(ORDER % "fifo"))) == ["c", "b", "a"]


def test_R66_what_is_complete_already_unblocks_nothing_and_is_no_way() -> None:
    tasks = [task("a"), task("x", "a", status=Status.COMPLETE, estimate=900), task("b"), task("y", "b")]
    assert ranked(advise(board(*tasks), PLAIN)) == ["b", "a"]


def test_R67_the_sentence_names_the_top_and_why_and_every_other_task_has_its_reason() -> None:
    tasks = [
        task("T1", title="Bill", modifies=("app/bill.py",)),
        task("T2", "T1"),
        task("T3", "T2"),
        task("T4", modifies=("app/x.py",)),
        task("T5", modifies=("app/y.py",)),
        task("T6", status=Status.COMPLETE),
    ]
    advice = advise(board(*tasks, claims=[claim("T4", modifies=("app/x.py",))]), PLAIN)
    assert advice.says == "T1 (Bill) is next: it unblocks 2 tasks (T2, T3), T5 unblocks none."
    assert {one.id: (why.code, why.because) for one, why in advice.waiting} == {
        "T2": ("dependency", ("T1",)),
        "T3": ("dependency", ("T2",)),
        "T4": ("taken", ("bob",)),
    }


def test_R67_where_nothing_may_start_the_sentence_says_so() -> None:
    assert advise(board(task("a", "b")), PLAIN).says == (
        "Nothing may start now: 1 task not complete, 0 being worked on."
    )
    assert "no task of the list is open" in advise(board(task("a", status=Status.COMPLETE)), PLAIN).says


def test_a_role_sees_its_own_tasks_and_those_of_nobody() -> None:
    tasks = [task("a"), task("b", role="tester"), task("c", role="")]
    assert ranked(advise(board(*tasks), PLAIN, role="tester")) == ["b", "c"]


def test_R64_those_that_fit_together_share_no_file_and_keep_the_ceilings() -> None:
    tasks = [
        task("a", modifies=("f",)),
        task("b", modifies=("f",)),
        task("c", creates=("n/",)),
        task("d", creates=("n/",)),
        task("e", role="tester"),
    ]
    assert advise(board(*tasks), PLAIN).together == ("c", "d", "e", "a")
    assert advise(board(*tasks), contract("limits: {agents: 2}")).together == ("c", "d")
    capped = contract("limits: {writers_per_role: {coder: 1}}")
    assert advise(board(*tasks), capped).together == ("c", "e")


TASKS = st.lists(
    st.builds(
        lambda modifies, creates, resource, priority, role: {
            "modifies": tuple(modifies),
            "creates": tuple(creates),
            "resources": ("staging-db",) if resource else (),
            "priority": priority,
            "role": role,
        },
        st.lists(st.sampled_from(["a/", "a/x", "a/y", "b"]), max_size=2, unique=True),
        st.lists(st.sampled_from(["a/n", "b/", "c"]), max_size=2, unique=True),
        st.booleans(),
        st.sampled_from([0, 0, 100]),
        st.sampled_from(["coder", "tester", ""]),
    ),
    max_size=7,
)


@settings(max_examples=30, deadline=None)
@given(TASKS, st.data())
def test_what_is_recommended_can_be_claimed_and_nothing_else(
    specs: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Claimed one after the other, the list empties without ever breaking a rule, and `next` knows it beforehand."""
    rules = contract("limits: {agents: 4, writers_per_role: {coder: 2}}")
    tasks = tuple(
        task(
            f"t{place}",
            *([f"t{data.draw(st.integers(0, place - 1))}"] if place and place % 3 == 0 else []),
            **spec,
        )
        for place, spec in enumerate(specs)
    )
    held = Held()
    for number in range(1, len(tasks) + 1):
        seen = Board(tasks=tasks, held=held, at=NOW)
        may = {one.task.id for one in advise(seen, rules, role="coder").ranked}
        got = {
            one.id: admit(Ask(task=one.id, role="coder", holder="h"), seen, rules)
            for one in tasks
            if one.id not in held.last
        }
        assert {name for name, ruling in got.items() if ruling.claim is not None} == may
        if not may:
            return
        chosen = got[data.draw(st.sampled_from(sorted(may)))].claim
        assert chosen is not None
        made = claim(chosen.task, **{**_fields(chosen), "id": number})
        held = Held(live=(*held.live, made), last={**held.last, made.task: made})
        assert len(held.live) <= 2  # coder's cap
        assert sum("staging-db" in one.resources for one in held.live) <= 1


def _fields(made: Any) -> dict[str, Any]:
    names = ("role", "holder", "resources", "modifies", "creates", "claimed_at", "expires_at")
    return {name: getattr(made, name) for name in names}


def test_the_queue_is_in_the_way_too() -> None:
    tasks = [task("a", modifies=("f",)), task("b", modifies=("g",)), task("c", creates=("h",))]
    traffic = (queued(3, modified="f"), queued(4, added="h"))
    advice = advise(board(*tasks, queued=traffic), PLAIN)
    assert ranked(advice) == ["b"]
    assert [why.because for _, why in advice.waiting] == [("#3",), ("#4",)]
    assert "#3 agent/q3 in the queue, which changes f too" in advice.waiting[0][1].text


def test_an_admission_that_was_asked_for_more_leaves_the_first_as_it_was() -> None:
    rules = Admission(board=board(task("a", modifies=("f",)), task("b", modifies=("f",))), contract=PLAIN)
    beside = rules.beside(rules.by_id["a"])
    assert rules.refusal(rules.by_id["b"]) is None
    refusal = beside.refusal(beside.by_id["b"])
    assert refusal is not None
    assert refusal.code == "overlap"
