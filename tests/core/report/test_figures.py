"""What a report counts: stages, shares, what a run's time came to, people, returns; small stories with known sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.queue.model import RunState
from pointsman.core.report.compose import Asked, compose
from pointsman.core.report.figures import By, Report, Spread
from pointsman.core.report.model import FAILED, RETRY, STOPPED, Commits, Piece
from tests.core.report.story import Story


def report(story: Story, asked: Asked | None = None, **fields: Any) -> Report:
    return compose(
        story.records(), asked or Asked(), day_of=lambda at: f"2026-01-{1 + int(at // 86_400):02}", **fields
    )


def only(story: Story, **fields: Any) -> Piece:
    (piece,) = report(story, **fields).pieces
    return piece


def slow_landing() -> Story:
    """10 s in line, 5 s built, 20 s without a runner, 60 s tested, 5 s until it landed."""
    story = Story()
    change = story.submit("agent/a")
    story.at(10).tell("building", changes=[change])
    candidate = story.at(15).build(change)
    run = story.at(35).run(candidate)
    story.at(95).ran(run)
    story.passed(candidate)
    story.at(100).land(candidate)
    return story


def held_for_approval() -> Story:
    story = Story()
    change = story.submit("agent/a")
    story.at(5).tell("building", changes=[change])
    story.at(6).tell("waiting", change=change, code="approval", text="")
    story.at(66).tell("approved", change=change, by="lead@example.org", human=True)
    candidate = story.build(change)
    run = story.run(candidate)
    story.at(96).ran(run)
    story.passed(candidate)
    story.land(candidate)
    return story


def paused_lane() -> Story:
    story = Story()
    story.submit("agent/a")
    story.at(10).tell("paused", why="base is red")
    story.at(70).tell("resumed", by="lead@example.org")
    story.at(75)
    return story


def neighbour_was_red() -> Story:
    """The candidate of both is over as soon as one of them is given back, though no line says so."""
    story = Story()
    first, second = story.submit("agent/a"), story.submit("agent/b")
    candidate = story.build(first, second)
    story.run(candidate)
    story.at(40).give_back(second, candidate=candidate)
    story.at(50)
    return story


def landing_blocked() -> Story:
    story = Story()
    change = story.submit("agent/a")
    candidate = story.build(change)
    story.passed(candidate)
    story.at(10).tell("waiting", change=change, code="deploy", text="")
    story.at(40).land(candidate)
    return story


def sent_back_once() -> Story:
    story = Story()
    change = story.submit("agent/a")
    story.at(30).give_back(change, "merge_conflict")
    story.at(90).landed_alone("agent/a", gate=10.0)
    return story


STAGES: list[tuple[str, Callable[[], Story], dict[str, float]]] = [
    ("every stage", slow_landing, {"turn": 10, "building": 5, "runner": 20, "testing": 60, "landing": 5}),
    ("an approval", held_for_approval, {"turn": 5, "building": 1, "held:approval": 60, "testing": 30}),
    ("a paused lane", paused_lane, {"turn": 15, "paused": 60}),
    ("green, and a deployment to wait for", landing_blocked, {"landing": 10, "held:deploy": 30}),
    ("between two submissions", sent_back_once, {"turn": 30, "author": 60, "testing": 10}),
]


@pytest.mark.parametrize(("make", "stages"), [row[1:] for row in STAGES], ids=[row[0] for row in STAGES])
def test_time_is_told_by_what_the_work_waited_for(
    make: Callable[[], Story], stages: dict[str, float]
) -> None:
    piece = only(make())
    assert piece.stages == pytest.approx(stages)
    assert piece.elapsed == pytest.approx(sum(stages.values()))


def test_a_candidate_is_over_for_all_when_one_of_it_is_given_back() -> None:
    first, second = report(neighbour_was_red()).pieces
    assert first.stages == {"testing": 40, "turn": 10}
    assert (second.state, second.stages) == ("returned", {"testing": 40})


def test_a_candidate_that_is_brought_onto_another_base_goes_on_being_tested() -> None:
    story = Story()
    first, second = story.submit("agent/a"), story.submit("agent/b")
    candidate = story.build(first, second)
    story.run(candidate)
    story.at(40).give_back(first)
    story.restack(candidate, second)
    assert report(story.at(50)).pieces[1].stages == {"testing": 50}


def test_a_change_that_is_asked_about_alone_is_being_tested() -> None:
    story = Story()
    change = story.submit("agent/a")
    candidate = story.build(change)
    run = story.run(candidate)
    story.at(20).ran(run, RunState.FAILED)
    story.discard(candidate, "split")
    probe = story.run(None, change=change)
    story.at(50).ran(probe)
    story.give_back(change, "red_together")
    piece = only(story)
    assert piece.stages == {"testing": 50}
    assert piece.gate == {"learned": 50}


def test_a_collision_counts_once_a_submission() -> None:
    story = Story()
    change = story.submit("agent/a")
    for at in 5, 10:
        story.at(at).tell("waiting", change=change, code="behind", text="")
    story.at(20).give_back(change, "merge_conflict")
    assert only(story).conflicts == 1


def test_candidates_that_stand_on_each_other_rebuild_nothing() -> None:
    story = Story()
    first, second = story.submit("agent/a"), story.submit("agent/b")
    below = story.build(first, healed=1.0)
    story.passed(below)
    story.at(10).tell("waiting", change=first, code="deploy", text="")
    above = story.build(second, on=below)
    story.at(30).passed(above)
    made = report(story)
    assert [(piece.candidates, piece.rebuilds) for piece in made.pieces] == [(2, 0), (1, 0)]
    assert made.totals.heals == {"reparent": 1}
    assert made.pieces[0].stages == {"landing": 10, "held:deploy": 20}, "a link on top ends no wait"


def test_R58_costs_are_given_per_landed_and_per_started() -> None:
    story = Story()
    story.landed_alone("agent/a", gate=60)
    red = story.submit("agent/b")
    run = story.run(story.build(red))
    story.at(100).ran(run, RunState.FAILED)
    story.give_back(red, candidate=2)
    totals = report(story).totals
    assert (totals.started, totals.landed, totals.returned) == (2, 1, 1)
    assert totals.gate_seconds == pytest.approx(100)
    assert totals.per_landed(totals.gate_seconds) == pytest.approx(100)
    assert totals.per_started(totals.gate_seconds) == pytest.approx(50)
    assert totals.gate == pytest.approx({"landed": 60, "learned": 40})


def test_nothing_landed_has_no_cost_per_landed() -> None:
    story = Story()
    story.submit("agent/a")
    totals = report(story.at(5)).totals
    assert totals.per_landed(totals.gate_seconds) is None
    assert totals.per_started(totals.gate_seconds) == 0


def test_runs_of_a_batch_are_shared_and_what_was_cancelled_counts_until_then() -> None:
    story = Story()
    first, second = story.submit("agent/a"), story.submit("agent/b")
    both = story.build(first, second)
    run = story.run(both)
    story.at(30).ran(run, RunState.CANCELLED)
    story.discard(both)
    again = story.build(first, second)
    run = story.run(again)
    story.at(70).ran(run)
    story.passed(again)
    story.land(again)
    made = report(story)
    assert [piece.gate for piece in made.pieces] == [{"wasted": 15, "landed": 20}] * 2
    assert (made.totals.candidates, made.totals.rebuilds, made.totals.per_landed(made.totals.candidates)) == (
        2,
        2,
        1,
    )
    assert [piece.counted(STOPPED) for piece in made.pieces] == [1, 1]
    assert (made.totals.runs, made.totals.stopped) == (2, 1), "a run of two changes is one run"


def test_a_flaky_failure_is_waste_and_its_second_try_a_retry() -> None:
    story = Story()
    change = story.submit("agent/a")
    candidate = story.build(change)
    story.at(10).ran(story.run(candidate), RunState.FAILED)
    run = story.run(candidate, attempt=2)
    story.at(20).ran(run)
    story.passed(candidate)
    story.land(candidate)
    piece = only(story)
    assert (piece.counted(FAILED), piece.counted(RETRY)) == (1, 1)
    assert piece.gate == {"wasted": 0, "landed": 10}


def test_a_flaky_failure_taught_nothing_though_its_candidate_did() -> None:
    story = Story()
    change = story.submit("agent/a")
    candidate = story.build(change)
    story.at(10).ran(story.run(candidate), RunState.FAILED)
    story.runs[1] = replace(story.runs[1], started_at=0.0, seconds=10.0)
    run = story.run(candidate, attempt=2)
    story.at(30).ran(run)
    story.discard(candidate, "split")
    assert only(story).gate == {"wasted": 10, "learned": 20}


def test_R59_three_human_interventions_are_three() -> None:
    story = Story()
    change = story.submit("agent/a")
    story.tell("approved", change=change, by="lead@example.org", human=True)
    story.tell("approved", change=change, by="ci@example.org", human=False)
    story.tell("prioritised", change=change, by="helper[bot]", priority=3)
    story.tell("granted", change=change, by="lead@example.org", patterns="docs/**")
    story.at(5).withdraw(change, by="a newer head of the branch")
    story.landed_alone("agent/a")
    commits = {change: Commits(by_others=1)}
    made = report(story, commits=commits)
    (piece,) = made.pieces
    assert piece.interventions == {"approval": 1, "scope grant": 1}
    assert piece.touched_by_people == 3
    assert piece.review_fixes == 1
    assert made.totals.interventions_on_landed == 3


def test_what_people_do_to_the_whole_queue_is_told_apart() -> None:
    story = Story()
    story.submit("agent/a")
    story.tell("paused", why="lead paused it", by="lead")
    story.tell("resumed", by="lead")
    story.tell("paused", why="3 changes in a row were red")
    made = report(story.at(1))
    assert made.lane_acts == {"pause": 1, "resume": 1}
    assert made.totals.interventions == {}


def test_R09_R13_heals_are_counted_once_with_their_seconds() -> None:
    story = Story()
    first = story.submit("agent/a")
    candidate = story.build(first, healed=4.0)
    story.discard(candidate)
    again = story.build(first, healed=2.0)
    story.passed(again)
    story.land(again)
    story.landed_alone("agent/b")
    totals = report(story).totals
    assert (totals.heals, totals.heal_seconds) == ({"reparent": 2}, 6.0)
    assert totals.per_landed(totals.landed_healed) == 0.5


def test_what_is_not_stated_is_missing_and_not_zero() -> None:
    story = Story()
    story.landed_alone("agent/a", body="Agent-Model: opus\nAgent-Cost: 1.50 USD\nAgent-Tokens: 12k")
    story.landed_alone("agent/b")
    made = report(story, Asked(by=By.MODEL))
    totals = made.totals
    assert (totals.cost.cost, totals.cost.stated, totals.cost.of) == ({"USD": 1.5}, 1, 2)
    assert (totals.tokens.tokens, totals.tokens.stated) == (12_000, 1)
    assert totals.cost.per_started(1.5) == 1.5, "who states nothing is not divided by"
    assert totals.models == {"opus": 1}
    assert list(made.groups) == ["not stated", "opus"]
    assert made.groups["not stated"].cost.cost is None
    assert [piece.stated.cost for piece in made.pieces] == [{"USD": 1.5}, None]


def test_a_window_takes_work_that_was_first_submitted_in_it_whole() -> None:
    story = Story()
    story.submit("agent/a")
    story.at(30).give_back(1)
    story.at(90).landed_alone("agent/a", gate=10)
    story.at(200).landed_alone("agent/b", gate=10)
    labels = {
        window: [piece.branch for piece in report(story, Asked(since=window[0], until=window[1])).pieces]
        for window in ((None, 90.0), (90.0, None), (0.0, 1.0))
    }
    assert labels == {(None, 90.0): ["agent/a"], (90.0, None): ["agent/b"], (0.0, 1.0): ["agent/a"]}


def test_another_task_on_the_same_branch_is_another_piece_of_work() -> None:
    story = Story()
    story.landed_alone("agent/a")
    story.landed_alone("agent/a")
    assert [piece.changes for piece in report(story).pieces] == [(1,), (2,)]


@pytest.mark.parametrize(
    ("values", "known"),
    [
        (4, (False, False, False)),
        (5, (True, False, False)),
        (20, (True, True, False)),
        (100, (True, True, True)),
    ],
)
def test_a_percentile_needs_enough_values(values: int, known: tuple[bool, bool, bool]) -> None:
    spread = Spread.of(float(one) for one in range(1, values + 1))
    assert tuple(one is not None for one in (spread.p50, spread.p95, spread.p99)) == known
    assert spread.n == values
    if values == 100:
        assert (spread.p50, spread.p95, spread.p99) == (50, 95, 99)


def test_role_and_areas_are_those_that_were_seen_when_it_was_looked_at() -> None:
    story = Story()
    story.submit("agent/a", features=("role:docs", "area:web", "area:.", "size:3"))
    story.submit("agent/b")
    first, second = report(story, Asked(by=By.AREA)).pieces
    assert (first.role, first.areas) == ("docs", ("(root)", "web"))
    assert (second.role, second.areas) == (None, None)
    assert list(report(story, Asked(by=By.AREA)).groups) == ["(root)", "not known", "web"]


def test_days_count_every_return() -> None:
    story = Story()
    change = story.submit("agent/a")
    story.at(30).give_back(change)
    story.at(86_400 * 2).landed_alone("agent/a")
    days = [(day.date, day.started, day.landed, day.returned) for day in report(story).days]
    assert days == [("2026-01-01", 1, 0, 1), ("2026-01-03", 0, 1, 0)]


KINDS = (
    "submit",
    "building",
    "waiting",
    "build",
    "run",
    "ran",
    "passed",
    "land",
    "discard",
    "return",
    "withdraw",
)
STEPS = st.tuples(
    st.sampled_from((*KINDS, "paused", "resumed", "held", "unheld", "restacked", "nonsense")),
    st.floats(min_value=-2, max_value=100),
    st.integers(min_value=0, max_value=5),
    st.integers(min_value=0, max_value=5),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_times_add_up_to_the_turnaround_and_shares_to_the_runs(
    steps: list[tuple[str, float, int, int]],
) -> None:
    """Whatever the journal says, in whatever order, under a clock that may jump back."""
    story = _random(steps)
    made = report(story)
    for piece in made.pieces:
        assert all(seconds >= 0 for seconds in piece.stages.values())
        assert math.fsum(piece.stages.values()) == pytest.approx(piece.elapsed, abs=1e-3)
    whole = math.fsum(
        run.seconds if run.seconds is not None else 0.0
        for run in story.runs.values()
        if run.state in (RunState.PASSED, RunState.FAILED) and run.seconds is not None and run.seconds > 0
    )
    stopped = sum(1 for run in story.runs.values() if run.state in (RunState.CANCELLED, RunState.RUNNING))
    assert made.totals.gate_seconds >= whole - 1e-3
    assert stopped or made.totals.gate_seconds == pytest.approx(whole, abs=1e-3)
    assert made.totals.started == sum(group.started for group in made.roles.values())
    assert made.totals.gate_seconds == pytest.approx(
        math.fsum(group.gate_seconds for group in made.roles.values()), abs=1e-3
    )


def _random(steps: list[tuple[str, float, int, int]]) -> Story:
    story = Story(now=1000.0)
    for kind, later, a, b in steps:
        story.at(story.now + later)
        queued = [one for one in story.changes.values() if one.ended_at is None]
        change = queued[a % len(queued)].id if queued else None
        candidate = list(story.candidates)[a % len(story.candidates)] if story.candidates else None
        run = list(story.runs)[a % len(story.runs)] if story.runs else None
        match kind:
            case "submit":
                known = [one.branch for one in queued]
                if f"agent/{a}" not in known:
                    story.submit(f"agent/{a}")
            case "build" if queued:
                story.build(*{one.id for one in queued[: b + 1]}, role=f"r{b % 2}")
            case "run" if candidate is not None or change is not None:
                story.run(candidate, change=change if candidate is None else None)
            case "ran" if run is not None and story.runs[run].state is RunState.RUNNING:
                story.ran(run, (RunState.PASSED, RunState.FAILED, RunState.CANCELLED)[b % 3])
            case "passed" | "discard" if candidate is not None:
                story.passed(candidate) if kind == "passed" else story.discard(candidate)
            case "return" | "withdraw" if change is not None:
                story.give_back(change) if kind == "return" else story.withdraw(change)
            case "land" if candidate is not None:
                if all(
                    story.changes[one.change].ended_at is None for one in story.candidates[candidate].members
                ):
                    story.land(candidate)
            case "restacked" if candidate is not None:
                left = [one.change for one in story.candidates[candidate].members][b % 2 :]
                if left:
                    story.restack(candidate, *left)
            case "building" | "waiting" | "held" | "unheld" if change is not None:
                story.tell(kind, change=change, changes=[change], code="approval", why="held by lead")
            case _:
                story.tell(kind, candidate=a, changes="all", change=None)
    return story
