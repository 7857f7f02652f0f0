"""What a lane does next: each row one situation, its whole decision asserted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pointsman.core import messages
from pointsman.core.model import Sha
from pointsman.core.queue.actions import (
    Action,
    Build,
    CancelRun,
    Clear,
    Discard,
    Fail,
    FinishLanding,
    Hold,
    Land,
    Pass,
    Pause,
    Restack,
    Return,
    StartProbe,
    StartRun,
)
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import CandidateState, Change, LaneState, Purpose, RunState, Wait
from pointsman.core.queue.observation import BaseCommit, Observation, Standing
from pointsman.core.queue.waits import behind_key, build_facts
from tests.core.queue.facts import TIP, candidate, change, contract, lane, run, sha

FAILED, RUNNING, PASSED = RunState.FAILED, RunState.RUNNING, RunState.PASSED
ONE_TRY = "speculate: 0, retry: {max: 1}"
FROZEN = "freeze: {since: 2026-12-20, until: 2027-01-04, reason: the holidays}"
AT_CHRISTMAS = 1798200000.0


def only(seen: Observation) -> Action:
    """The single action decided on."""
    actions = decide(seen).actions
    assert len(actions) == 1, actions
    return actions[0]


def test_an_empty_lane_has_nothing_to_do() -> None:
    assert decide(lane()).actions == ()


def test_the_first_change_is_built_on_the_tip() -> None:
    action = only(lane(changes=(change(1), change(2))))
    assert isinstance(action, Build)
    assert (action.tip, action.onto, [one.id for one in action.changes]) == (TIP, TIP, [1])


def test_the_next_one_is_built_on_the_candidate_before_it() -> None:
    first = candidate(1, 1)
    seen = lane(
        changes=(change(1), change(2)), candidates=(first,), runs=(run(first, state=RUNNING),), running=1
    )
    action = only(seen)
    assert isinstance(action, Build)
    assert action.onto == first.commit


def test_no_more_is_built_than_the_contract_lets_speculate() -> None:
    first, second = candidate(1, 1), candidate(2, 2, on=candidate(1, 1))
    seen = lane(
        contract=contract("speculate: 1"),
        changes=(change(1), change(2), change(3)),
        candidates=(first, second),
        runs=(run(first, 1, state=RUNNING), run(second, 2, state=RUNNING)),
        running=2,
    )
    assert decide(seen).actions == ()


def test_a_due_check_starts_before_anything_else_is_built() -> None:
    first = candidate(1, 1)
    action = only(lane(changes=(change(1), change(2)), candidates=(first,)))
    assert isinstance(action, StartRun)
    assert (action.candidate.id, action.check, action.attempt) == (1, "unit", 1)


def test_R19_never_more_runs_than_the_ceiling() -> None:
    first = candidate(1, 1, checks=(("unit", "d"), ("lint", "e"), ("types", "f")))
    seen = lane(changes=(change(1),), candidates=(first,), running=1)
    starts = [action for action in decide(seen).actions if isinstance(action, StartRun)]
    assert [start.check for start in starts] == ["unit"]
    full = decide(replace(seen, running=2)).actions
    assert not any(isinstance(action, StartRun) for action in full)


def test_I1_a_candidate_passes_only_when_every_check_passed() -> None:
    first = candidate(1, 1, checks=(("unit", "d"), ("lint", "e")))
    half = lane(changes=(change(1),), candidates=(first,), runs=(run(first),), running=2)
    assert not any(isinstance(action, Pass | Land) for action in decide(half).actions)
    whole = replace(half, runs=(run(first), run(first, 2, check="lint", digest="e")))
    assert only(whole) == Pass(candidate=first)


def test_a_pass_on_the_identical_tree_counts_whoever_asked_for_it() -> None:
    first = candidate(1, 1)
    seen = lane(changes=(change(1),), candidates=(first,), green=frozenset({(first.tree, "d")}))
    assert only(seen) == Pass(candidate=first)


def test_a_pass_of_another_definition_of_the_check_does_not_count() -> None:
    first = candidate(1, 1)
    seen = lane(changes=(change(1),), candidates=(first,), green=frozenset({(first.tree, "other")}))
    assert isinstance(only(seen), StartRun)


def test_what_passed_on_the_tip_lands() -> None:
    first = candidate(1, 1, state=CandidateState.PASSED)
    assert only(lane(changes=(change(1),), candidates=(first,))) == Land(candidate=first)


def test_what_passed_ahead_of_its_turn_lands_with_what_it_stands_on() -> None:
    first = candidate(1, 1)
    ahead = candidate(2, 2, on=first, state=CandidateState.PASSED)
    seen = lane(
        contract=contract("speculate: 1"),
        changes=(change(1), change(2)),
        candidates=(first, ahead),
        runs=(run(first, state=RUNNING),),
        running=1,
    )
    assert only(seen) == Land(candidate=seen.candidates[1])


def test_a_candidate_stands_on_when_a_shorter_one_has_landed() -> None:
    first = candidate(1, 1, state=CandidateState.LANDED)
    ahead = candidate(2, 2, on=first, state=CandidateState.PASSED)
    action = only(lane(tip=first.commit, changes=(change(2),), candidates=(ahead,)))
    assert isinstance(action, Land)
    assert (action.candidate.base, [one.change for one in action.candidate.members]) == (first.commit, [2])
    assert action.candidate.commit == ahead.commit


def test_what_holds_all_that_landed_is_brought_onto_it_again() -> None:
    beside = candidate(2, 1, 2, purpose=Purpose.INSURE)
    landed = sha("landed")
    seen = lane(tip=landed, changes=(change(2),), candidates=(beside,), gone=frozenset({1}))
    action = only(seen)
    assert isinstance(action, Restack)
    assert (action.tip, [one.id for one in action.changes]) == (landed, [2])


def test_I2_a_base_that_somebody_moved_discards_what_stood_on_it() -> None:
    first = candidate(1, 1, base=sha("old"))
    ahead = candidate(2, 2, on=first, state=CandidateState.PASSED)
    seen = lane(
        changes=(change(1), change(2)), candidates=(first, ahead), runs=(run(first, 7, state=RUNNING),)
    )
    gone, cleared, stopped = decide(seen).actions
    assert isinstance(gone, Discard)
    assert isinstance(cleared, Clear), "that it was green is worth something"
    assert (gone.candidate.id, cleared.candidate.id) == (1, 2)
    assert isinstance(stopped, CancelRun)


def test_what_a_screen_says_counts_on_whichever_base_it_was_asked() -> None:
    screen = candidate(1, 1, base=sha("old"), purpose=Purpose.SCREEN)
    asked = lane(changes=(change(1),), candidates=(screen,), runs=(run(screen, state=RUNNING),), running=1)
    assert decide(asked).actions == ()
    (passed,) = decide(replace(asked, runs=(run(screen),), running=0)).actions
    assert passed == Pass(candidate=screen)
    green = replace(screen, state=CandidateState.PASSED)
    assert isinstance(only(replace(asked, candidates=(green,), runs=(), running=0)), Clear)


def test_nothing_lands_before_a_hotfix_that_is_being_tested() -> None:
    green = candidate(1, 1, state=CandidateState.PASSED)
    urgent = candidate(2, 2, purpose=Purpose.INSURE)
    seen = lane(
        changes=(change(1), change(2, priority=100)),
        candidates=(green, urgent),
        runs=(run(urgent, state=RUNNING),),
        running=2,
    )
    action = only(seen)
    assert isinstance(action, Hold)
    assert (action.change.id, action.wait.code) == (1, "hotfix")
    assert isinstance(only(replace(seen, runs=(run(urgent),), running=0)), Pass)
    assert isinstance(only(replace(seen, changes=(change(1), change(2)))), Land), "no hotfix any more"


def test_a_hotfix_that_landed_leaves_what_runs_running() -> None:
    first = candidate(1, 1, base=sha("old"))
    seen = lane(changes=(change(1),), candidates=(first,), runs=(run(first, state=RUNNING),), running=1)
    assert isinstance(decide(seen).actions[0], Discard)
    assert decide(replace(seen, jumped=True)).actions == ()


def test_I4_a_contract_that_changed_on_the_base_discards_candidates() -> None:
    first = candidate(1, 1, contract="another", state=CandidateState.PASSED)
    action = only(lane(changes=(change(1),), candidates=(first,)))
    assert isinstance(action, Discard)
    assert action.why == "the contract on the base changed"


def test_a_moved_head_leaves_the_queue() -> None:
    action = only(lane(changes=(change(1),), branch_heads={"agent/1": sha("new")}))
    assert isinstance(action, Return)
    assert action.reason.code == "head_moved"


def test_a_deleted_branch_still_lands_what_was_submitted() -> None:
    assert isinstance(only(lane(changes=(change(1),), branch_heads={})), Build)


def test_R49_a_dependency_cycle_is_returned() -> None:
    from tests.core.queue.test_order import standings

    a, b = change(1, depends_on=("#2",)), change(2, depends_on=("#1",))
    actions = decide(lane(changes=(a, b), standings=standings(a, b))).actions
    assert [action.reason.code for action in actions if isinstance(action, Return)] == [
        "dependency_cycle"
    ] * 2


def test_I6_nothing_is_built_or_landed_without_a_readable_contract() -> None:
    first = candidate(1, 1, state=CandidateState.PASSED)
    seen = lane(changes=(change(1),), candidates=(first,), contract=None, contract_problem="line 3: no")
    assert isinstance(only(seen), Discard)
    action = only(replace(seen, candidates=()))
    assert isinstance(action, Hold)
    assert "line 3: no" in action.wait.text


def test_a_paused_lane_neither_builds_nor_lands() -> None:
    first = candidate(1, 1, state=CandidateState.PASSED)
    seen = lane(
        lane=LaneState(name="main", paused="red main"), changes=(change(1), change(2)), candidates=(first,)
    )
    assert decide(seen).actions == ()


def test_R27_a_row_of_failures_pauses_the_lane() -> None:
    seen = lane(
        lane=LaneState(name="main", failures=3), contract=contract("pause_after: 3"), changes=(change(1),)
    )
    assert isinstance(only(seen), Pause)


@pytest.mark.parametrize(
    ("reached", "base", "expected"),
    [
        pytest.param(True, TIP, FinishLanding, id="the ref moved before the crash"),
        pytest.param(False, TIP, Land, id="the ref had not moved"),
        pytest.param(False, sha("old"), Discard, id="somebody else moved it"),
    ],
)
def test_I5_a_landing_that_was_cut_off_is_settled_first(
    reached: bool, base: Sha, expected: type[Action]
) -> None:
    cut = candidate(1, 1, base=base, state=CandidateState.LANDING)
    seen = lane(
        changes=(change(1), change(2)),
        candidates=(cut,),
        reached=frozenset({1}) if reached else frozenset(),
    )
    assert isinstance(only(seen), expected)


@pytest.mark.parametrize(
    ("priority", "facts", "lands"),
    [
        pytest.param(0, {}, True, id="nothing is in its way"),
        pytest.param(0, {"lane": LaneState(name="main", paused="by lead")}, False, id="paused since"),
        pytest.param(0, {"contract": contract(FROZEN), "at": AT_CHRISTMAS}, False, id="frozen since"),
        pytest.param(
            100, {"contract": contract(FROZEN), "at": AT_CHRISTMAS}, True, id="a hotfix passes the freeze"
        ),
    ],
)
def test_R22_a_landing_that_was_cut_off_waits_as_any_other(
    priority: int, facts: dict[str, Any], lands: bool
) -> None:
    """The forge was away when it was asked; a pause or a freeze began before it came back."""
    cut = candidate(1, 1, state=CandidateState.LANDING)
    seen = lane(changes=(change(1, priority=priority),), candidates=(cut,), **facts)
    assert any(isinstance(action, Land) for action in decide(seen).actions) == lands


def test_an_obstacle_holds_the_landing_and_says_so_once() -> None:
    first = candidate(1, 1, state=CandidateState.PASSED)
    seen = lane(changes=(change(1),), candidates=(first,), obstacle="main is checked out and dirty")
    action = only(seen)
    assert isinstance(action, Hold)
    held = replace(seen, changes=(change(1, wait=action.wait),))
    assert decide(held).actions == ()
    assert isinstance(only(replace(held, obstacle="")), Land)


def test_a_change_that_waits_is_not_tried_again_on_the_same_facts() -> None:
    key = behind_key(None, build_facts(TIP, contract().digest, 0), ())
    waiting = change(1, wait=Wait(code="approval", text="needs leads", key=key))
    assert decide(lane(changes=(waiting,))).actions == ()
    assert isinstance(only(lane(changes=(waiting,), consents={1: 1})), Build), "an approval is a new fact"


def test_R03_those_behind_a_waiting_change_go_on() -> None:
    key = behind_key(None, build_facts(TIP, contract().digest, 0), ())
    waiting = change(1, wait=Wait(code="approval", text="needs leads", key=key))
    action = only(lane(changes=(waiting, change(2))))
    assert isinstance(action, Build)
    assert action.changes[0].id == 2


def test_R50_a_failed_check_is_tried_again_as_often_as_the_contract_says() -> None:
    first = candidate(1, 1)
    seen = lane(
        contract=contract("speculate: 0, retry: {max: 2}"),
        changes=(change(1),),
        candidates=(first,),
        runs=(run(first, 1, state=FAILED, signature="a"),),
    )
    action = only(seen)
    assert isinstance(action, StartRun)
    assert action.attempt == 2


def test_R51_the_same_failure_twice_stops_before_the_last_try() -> None:
    first = candidate(1, 1)
    runs = (run(first, 1, state=FAILED, signature="a"), run(first, 2, state=FAILED, signature="a"))
    seen = lane(
        contract=contract("speculate: 0, retry: {max: 5}"),
        changes=(change(1),),
        candidates=(first,),
        runs=runs,
    )
    assert isinstance(only(seen), Fail)
    other = (runs[0], replace(runs[1], signature="b"))
    assert isinstance(only(replace(seen, runs=other)), StartRun)


def test_lost_and_cancelled_runs_are_no_attempts() -> None:
    first = candidate(1, 1)
    seen = lane(
        contract=contract(ONE_TRY),
        changes=(change(1),),
        candidates=(first,),
        runs=(run(first, 1, state=RunState.LOST), run(first, 2, state=RunState.CANCELLED)),
    )
    action = only(seen)
    assert isinstance(action, StartRun)
    assert action.attempt == 1


def red_front(**facts: object) -> Observation:
    """A single change that was red for good."""
    first = candidate(1, 1, state=CandidateState.FAILED, created_at=70.0)
    plain: dict[str, object] = {
        "base_trees": {TIP: sha("tiptree")},
        "contract": contract(ONE_TRY),
        "changes": (change(1),),
        "candidates": (first,),
        "runs": (run(first, 1, state=FAILED),),
    }
    return lane(**{**plain, **facts})


def probe(question: str, state: RunState, number: int, **facts: object) -> object:
    return run(None, number, state=state, change=1, probe=question, **facts)


def test_before_a_change_is_blamed_the_base_is_asked() -> None:
    action = only(red_front())
    assert isinstance(action, StartProbe)
    assert (action.probe, action.commit) == ("base", TIP)


def test_a_red_base_pauses_the_lane_and_blames_nobody() -> None:
    first = candidate(1, 1)
    seen = red_front(runs=(run(first, 1, state=FAILED), probe("base", FAILED, 2)))
    action = only(seen)
    assert isinstance(action, Pause)
    assert "fails on the base itself" in action.why


def test_a_base_probe_of_before_the_resume_does_not_count() -> None:
    first = candidate(1, 1)
    seen = red_front(
        lane=LaneState(name="main", resumed_at=50.0),
        runs=(run(first, 1, state=FAILED, started_at=60.0), probe("base", FAILED, 2)),
    )
    assert isinstance(only(seen), StartProbe)


def test_a_failure_of_before_the_resume_is_no_attempt() -> None:
    first = candidate(1, 1)
    seen = lane(
        lane=LaneState(name="main", resumed_at=5.0),
        contract=contract(ONE_TRY),
        changes=(change(1),),
        candidates=(first,),
        runs=(run(first, state=FAILED, started_at=4.0),),
    )
    action = only(seen)
    assert isinstance(action, StartRun)
    assert action.attempt == 1


def test_up_to_date_and_red_on_a_green_base_is_the_changes_own() -> None:
    first = candidate(1, 1)
    action = only(red_front(runs=(run(first, 1, state=FAILED), probe("base", PASSED, 2))))
    assert isinstance(action, Return)
    assert action.reason.code == "red"
    assert first.commit in action.reason.reproduce
    assert "make test" in action.reason.reproduce


def test_R47_red_together_names_the_change_that_it_is_red_with() -> None:
    first = candidate(1, 1)
    history = tuple(
        BaseCommit(commit=sha(f"landed{n}"), change=10 + n, title=f"landed {n}") for n in range(4)
    )
    base = frozenset({(sha("tiptree"), "d")})
    runs = [run(first, 1, state=FAILED)]
    asked: list[str] = []
    guilty = 2
    while True:
        seen = red_front(runs=tuple(runs), green=base, history={1: history})
        action = only(seen)
        if isinstance(action, Return):
            break
        assert isinstance(action, StartProbe)
        asked.append(action.probe)
        red = action.probe == f"onto:{history[guilty].commit}" or action.probe == f"onto:{history[3].commit}"
        runs.append(probe(action.probe, FAILED if red else PASSED, len(runs) + 1))  # type: ignore[arg-type]
    assert action.reason.code == "red_together"
    assert "#12 'landed 2'" in action.reason.text
    assert asked[0] == "alone"
    assert len(asked) == 3, "alone, then a binary search over four"


def test_rule18_a_time_out_is_not_diagnosed() -> None:
    first = candidate(1, 1)
    action = only(red_front(runs=(run(first, 1, state=FAILED, code="timed_out"),)))
    assert isinstance(action, Return)


def test_of_several_that_are_red_one_failure_is_evidence_enough() -> None:
    first = candidate(1, 1)
    second = candidate(2, 2, on=first)
    seen = lane(
        contract=contract("speculate: 1, retry: {max: 3}"),
        changes=(change(1), change(2)),
        candidates=(first, second),
        runs=(run(first, 1, state=RUNNING), run(second, 2, state=FAILED)),
        running=1,
    )
    assert only(seen) == Fail(candidate=seen.candidates[1], why=messages.red_together(seen.runs[1]))


def test_what_is_left_of_a_red_set_is_tested_alone_before_it_is_blamed() -> None:
    red = candidate(2, 1, 2, state=CandidateState.FAILED)
    action = only(lane(tip=sha("landed"), changes=(change(2),), candidates=(red,), gone=frozenset({1})))
    assert isinstance(action, Build)
    assert ([one.id for one in action.changes], action.purpose) == ([2], Purpose.SCREEN)


def test_those_behind_a_red_one_are_built_on_the_nearest_that_is_not() -> None:
    first = candidate(1, 1)
    second = candidate(2, 2, on=first, state=CandidateState.FAILED)
    seen = lane(
        contract=contract("mode: window, retry: {max: 1}"),
        changes=(change(1), change(2), change(3)),
        candidates=(first, second),
        runs=(run(first, 1, state=RUNNING),),
        running=1,
    )
    action = only(seen)
    assert isinstance(action, Build)
    assert (action.onto, action.changes[0].id) == (first.commit, 3)


def test_what_is_green_lands_while_another_is_diagnosed() -> None:
    red = candidate(1, 1, state=CandidateState.FAILED)
    later = candidate(2, 2, state=CandidateState.PASSED)
    asking = run(None, 9, state=RUNNING, change=1, probe="base")
    seen = lane(
        contract=contract(ONE_TRY),
        changes=(change(1), change(2)),
        candidates=(red, later),
        runs=(run(red, 1, state=FAILED), asking),
        running=1,
    )
    assert only(seen) == Land(candidate=seen.candidates[1])


def test_a_base_that_was_red_and_has_moved_since_is_no_reason_to_pause() -> None:
    runs = (run(candidate(1, 1), 1, state=FAILED), probe("base", FAILED, 2))
    assert isinstance(only(red_front(runs=runs, tip=sha("mended"))), Discard)


BATCH = "mode: batch, max_batch: 4, speculate: 0, retry: {max: 1}"


def test_a_batch_takes_as_many_as_it_may() -> None:
    action = only(lane(contract=contract(BATCH), changes=tuple(change(n) for n in range(1, 7))))
    assert isinstance(action, Build)
    assert [one.id for one in action.changes] == [1, 2, 3, 4]


def test_a_red_batch_is_split_without_blame() -> None:
    batch = candidate(1, 1, 2, 3, 4)
    seen = lane(
        contract=contract(BATCH),
        changes=tuple(change(n) for n in range(1, 5)),
        candidates=(batch,),
        runs=(run(batch, state=FAILED),),
    )
    assert isinstance(only(seen), Fail)


def test_a_red_batch_goes_back_whole_where_the_contract_says_so() -> None:
    red = candidate(1, 1, 2, state=CandidateState.FAILED)
    seen = lane(
        contract=contract(BATCH + ", on_red: return"), changes=(change(1), change(2)), candidates=(red,)
    )
    actions = decide(seen).actions
    assert [(one.change.id, one.reason.code) for one in actions if isinstance(one, Return)] == [
        (1, "red_batch"),
        (2, "red_batch"),
    ]


def test_R47_nobody_goes_back_for_what_was_tested_on_top_of_it() -> None:
    """1 is being tested, 2 and 3 were tested on top of it and are red: by now that says nothing of 1."""
    first = candidate(1, 1)
    rest = candidate(2, 2, 3, on=first, state=CandidateState.FAILED)
    seen = lane(
        contract=contract(BATCH + ", on_red: return"),
        changes=(change(1), change(2), change(3)),
        candidates=(first, rest),
        runs=(run(first, state=RUNNING),),
        running=1,
    )
    assert not [one for one in decide(seen).actions if isinstance(one, Return)]
    landed = replace(
        seen,
        tip=first.commit,
        changes=(change(2), change(3)),
        candidates=seen.candidates[1:],
        gone=frozenset({1}),
        runs=(),
    )
    assert [one.change.id for one in decide(landed).actions if isinstance(one, Return)] == [2, 3]


def test_after_a_red_batch_the_first_half_is_tried() -> None:
    changes = tuple(change(n) for n in range(1, 5))
    red = candidate(1, 1, 2, 3, 4, state=CandidateState.FAILED)
    action = only(lane(contract=contract(BATCH), changes=changes, candidates=(red,)))
    assert isinstance(action, Build)
    assert [one.id for one in action.changes] == [1, 2]
    half = candidate(2, 1, 2, state=CandidateState.FAILED)
    action = only(lane(contract=contract(BATCH), changes=changes, candidates=(red, half)))
    assert isinstance(action, Build)
    assert [one.id for one in action.changes] == [1]


@pytest.mark.parametrize("code", ["timed_out", "missing_check"])
def test_rule_18_a_batch_that_gave_no_answer_is_not_bisected_but_tested_one_by_one(code: str) -> None:
    changes = tuple(change(n) for n in range(1, 5))
    batch = candidate(1, 1, 2, 3, 4)
    silent = replace(run(batch, state=FAILED), code=code)
    action = only(lane(contract=contract(BATCH), changes=changes, candidates=(batch,), runs=(silent,)))
    assert isinstance(action, Fail)
    red = replace(candidate(1, 1, 2, 3, 4, state=CandidateState.FAILED), reason=action.why)
    action = only(lane(contract=contract(BATCH), changes=changes, candidates=(red,)))
    assert isinstance(action, Build)
    assert [one.id for one in action.changes] == [1]


def standings(*changes: Change) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    for one in changes:
        found[one.branch] = found[f"#{one.id}"] = Standing(change=one.id, state=one.state)
    return found


def test_R49_a_dependency_that_is_being_tested_is_below() -> None:
    first = candidate(1, 1)
    changes = (change(1), change(2, depends_on=("agent/1",)))
    seen = lane(
        changes=changes,
        standings=standings(*changes),
        candidates=(first,),
        runs=(run(first, state=RUNNING),),
        running=1,
    )
    action = only(seen)
    assert isinstance(action, Build)
    assert (action.onto, [one.id for one in action.changes]) == (first.commit, [2])


def test_R49_who_depends_on_a_waiting_change_does_not_overtake_it() -> None:
    tested = lane(contract=contract(ONE_TRY))
    assert tested.contract is not None
    key = behind_key(None, build_facts(TIP, tested.contract.digest, 0), ())
    waits = change(1, wait=Wait(code="approval", text="an approval is missing", key=key))
    changes = (waits, change(2, depends_on=("#1",)), change(3))
    actions = decide(replace(tested, changes=changes, standings=standings(*changes))).actions
    held = [action.change.id for action in actions if isinstance(action, Hold)]
    built = [[one.id for one in action.changes] for action in actions if isinstance(action, Build)]
    assert (held, built) == ([2], [[3]])


def test_R49_who_depends_on_a_red_change_does_not_overtake_it() -> None:
    first = candidate(1, 1, state=CandidateState.FAILED)
    changes = (change(1), change(2, depends_on=("agent/1",)))
    seen = lane(
        contract=contract(ONE_TRY),
        changes=changes,
        standings=standings(*changes),
        candidates=(first,),
        runs=(run(first, state=FAILED), run(None, 2, change=1, probe="base", state=RUNNING)),
        running=1,
    )
    action = only(seen)
    assert isinstance(action, Hold)
    assert (action.change.id, action.wait.code) == (2, "dependency")


def test_R49_in_a_batch_a_dependency_stands_before() -> None:
    changes = (change(1, depends_on=("agent/2",)), change(2), change(3))
    seen = lane(
        contract=contract("mode: batch, max_batch: 3"), changes=changes, standings=standings(*changes)
    )
    action = only(seen)
    assert isinstance(action, Build)
    assert [one.id for one in action.changes] == [2, 1, 3]
