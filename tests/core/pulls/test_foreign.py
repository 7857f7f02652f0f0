"""When a check that somebody else reports lets a change through (rules 7, 8, 9 and 18, R45, R51)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.gates import Outcome, Why
from pointsman.core.model import Sha
from pointsman.core.pulls.foreign import GRACE, MAX_LOST, Pending, judge_foreign
from pointsman.core.pulls.model import GITHUB_ACTIONS_APP as ACTIONS
from pointsman.core.pulls.model import CommitChecks, ForeignCheck, RequiredCheck
from pointsman.core.queue.model import RunState

OURS, OTHER = 4242, 777
COMMIT = Sha("c" * 40)
BOUND = RequiredCheck(name="tests", app=ACTIONS)
UNBOUND = RequiredCheck(name="tests")


def run(conclusion: str | None = "success", **facts: Any) -> ForeignCheck:
    """A check run `tests` of Actions; conclusion None: it runs."""
    plain: dict[str, Any] = {
        "id": 10,
        "name": "tests",
        "kind": "check_run",
        "app": ACTIONS,
        "status": "completed" if conclusion else "in_progress",
        "conclusion": conclusion,
        "suite": 1,
    }
    return ForeignCheck(**plain | facts)


def status(conclusion: str | None = "success", **facts: Any) -> ForeignCheck:
    return run(conclusion, **{"id": 20, "kind": "status", "app": None, "suite": None} | facts)


def judge(
    *checks: ForeignCheck, check: RequiredCheck = BOUND, running: int = 0, **facts: Any
) -> Outcome | Pending:
    seen = CommitChecks(commit=COMMIT, checks=checks, suites_running=running)
    plain: dict[str, Any] = {"own_app": OURS, "min_tests": None, "waited": 10.0, "timeout": 1800.0}
    return judge_foreign(check, seen, **plain | facts)


def word(outcome: Outcome | Pending) -> str:
    return "pending" if isinstance(outcome, Pending) else f"{outcome.state} {outcome.reason}"


PASSED, PENDING = "passed passed", "pending"
NOT_GREEN, SKIPPED, TIMED_OUT = "failed not_green", "failed skipped", "failed timed_out"
CANCELLED, LOST, MISSING = "lost cancelled", "lost lost", "failed missing_check"

TABLE: list[tuple[str, RequiredCheck, list[ForeignCheck], str]] = [
    ("green", BOUND, [run()], PASSED),
    ("green, of any app", UNBOUND, [run(app=OTHER)], PASSED),
    ("green, a status alone", UNBOUND, [status()], PASSED),
    ("running", BOUND, [run(None)], PENDING),
    ("queued for ever, as a skipped workflow leaves it", BOUND, [run(None, status="queued")], PENDING),
    ("rule 7: nothing is there", BOUND, [], PENDING),
    ("R45: failure", BOUND, [run("failure")], NOT_GREEN),
    ("R45: skipped", BOUND, [run("skipped")], SKIPPED),
    ("R45: neutral", BOUND, [run("neutral")], NOT_GREEN),
    ("R45: action_required", BOUND, [run("action_required")], NOT_GREEN),
    ("R45: stale", BOUND, [run("stale")], NOT_GREEN),
    ("R45: a word nobody knows", BOUND, [run("splendid")], NOT_GREEN),
    ("R45: SUCCESS is not the word", BOUND, [run("SUCCESS")], NOT_GREEN),
    ("R45: ended without a word", BOUND, [run(None, status="completed")], NOT_GREEN),
    ("rule 18: timed_out", BOUND, [run("timed_out")], TIMED_OUT),
    ("R45: cancelled is asked again", BOUND, [run("cancelled")], CANCELLED),
    ("startup_failure is asked again", BOUND, [run("startup_failure")], LOST),
    ("R44: of another name only", BOUND, [run(name="tests (narrow)")], PENDING),
    ("rule 7: of another app", BOUND, [run(app=OTHER)], PENDING),
    ("rule 7: of no app", BOUND, [run(app=None)], PENDING),
    ("rule 7: of another app, beside one that runs", BOUND, [run(app=OTHER, id=99), run(None)], PENDING),
    ("rule 7: of another app, beside a red one", BOUND, [run(app=OTHER, id=99), run("failure")], NOT_GREEN),
    ("rule 7: red, of another app", BOUND, [run("failure", app=OTHER, id=99), run()], PASSED),
    ("rule 7: a status can't stand for an app's run", BOUND, [status()], PENDING),
    ("rule 7: our own, for any app", UNBOUND, [run(app=OURS)], PENDING),
    ("rule 8: our own red one is not waited for", UNBOUND, [run("failure", app=OURS), run()], PASSED),
    ("rule 8: run and status, both green", BOUND, [run(), status()], PASSED),
    ("rule 8: the status is red", BOUND, [run(), status("failure")], NOT_GREEN),
    ("rule 8: the status errs", UNBOUND, [run(), status("error")], NOT_GREEN),
    ("rule 8: the status runs", BOUND, [run(), status(None)], PENDING),
    ("rule 8: the run is red", UNBOUND, [run("failure"), status()], NOT_GREEN),
    ("two apps report the name, one is red", UNBOUND, [run(), run("failure", app=OTHER)], NOT_GREEN),
    ("the newest run decides: green after red", BOUND, [run(id=12), run("failure", id=11)], PASSED),
    ("the newest run decides: red after green", BOUND, [run("failure", id=12), run(id=11)], NOT_GREEN),
    ("the newest run decides: runs again", BOUND, [run(None, id=12), run(id=11)], PENDING),
    (
        "rule 7: a later suite hides no red one",
        BOUND,
        [run("failure", id=11, suite=1), run(id=12, suite=2)],
        NOT_GREEN,
    ),
    ("rule 7: a later suite still runs", BOUND, [run(id=11, suite=1), run(None, id=12, suite=2)], PENDING),
    (
        "red is said while the rest runs",
        BOUND,
        [run("failure", suite=1), run(None, id=12, suite=2)],
        NOT_GREEN,
    ),
    (
        "cancelled is said when the rest has ended",
        BOUND,
        [run("cancelled"), run(None, id=12, suite=2)],
        PENDING,
    ),
]


@pytest.mark.parametrize(
    ("check", "checks", "expected"), [pytest.param(*rest, id=name) for name, *rest in TABLE]
)
def test_only_what_is_present_bound_and_green_passes(
    check: RequiredCheck, checks: list[ForeignCheck], expected: str
) -> None:
    assert word(judge(*checks, check=check)) == expected
    assert word(judge(*reversed(checks), check=check)) == expected


def failed(outcome: Outcome | Pending) -> Outcome:
    assert isinstance(outcome, Outcome)
    assert outcome.state is RunState.FAILED
    assert outcome.signature
    return outcome


def test_rule_7_what_is_missing_when_all_suites_have_ended_is_not_passed_and_what_is_there_is_named() -> None:
    there = [run(name="test"), run(name="lint")]
    assert isinstance(judge(*there, waited=GRACE - 1), Pending)
    assert isinstance(judge(*there, waited=GRACE + 1, running=1), Pending)
    outcome = failed(judge(*there, waited=GRACE + 1))
    assert outcome.reason is Why.MISSING
    for said in ("'tests'", str(ACTIONS), "'lint'", "is it 'test' that is meant?"):
        assert said in outcome.why


def test_rule_7_a_spoofed_check_is_named() -> None:
    outcome = failed(judge(run(app=OTHER), status(), waited=GRACE + 1))
    assert outcome.reason is Why.MISSING
    assert f"app {OTHER}" in outcome.why
    assert "commit status" in outcome.why


def test_where_nothing_at_all_is_reported_it_waits_and_then_blames_nobody() -> None:
    assert isinstance(judge(waited=1799.0), Pending)
    outcome = failed(judge(waited=1801.0))
    assert outcome.reason is Why.TIMED_OUT
    assert "does a workflow run on this branch?" in outcome.why


@pytest.mark.parametrize("running", [0, 1])
def test_rule_18_a_check_that_never_ends_is_a_time_out(running: int) -> None:
    outcome = failed(judge(run(None, status="queued"), waited=1801.0, running=running))
    assert outcome.reason is Why.TIMED_OUT
    assert "queued" in outcome.why
    assert "1801 s" in outcome.why


def test_an_answer_that_came_counts_even_after_the_time() -> None:
    assert word(judge(run(), waited=9999.0)) == PASSED
    assert word(judge(run("failure"), waited=9999.0)) == NOT_GREEN


def test_earlier_attempts_are_ignored_by_id_and_by_address() -> None:
    old, new = run("failure", id=11, url="https://x/11", suite=1), run(id=12, suite=2)
    for earlier in (frozenset({"https://x/11"}), frozenset({"11"}), frozenset({11})):
        assert word(judge(old, new, earlier=earlier)) == PASSED
        assert word(judge(old, earlier=earlier)) == PENDING
    assert word(judge(run(), earlier=frozenset({""}))) == PASSED


def test_what_is_always_cancelled_is_not_passed_in_the_end() -> None:
    attempts = [run("cancelled", id=number, suite=number) for number in range(1, MAX_LOST + 2)]
    earlier: frozenset[int] = frozenset()
    words = []
    for number, attempt in enumerate(attempts, start=1):
        words.append(word(judge(*attempts[:number], earlier=earlier)))
        earlier |= {attempt.id}
    assert words == [CANCELLED] * MAX_LOST + [NOT_GREEN]


COUNTED = [
    ("3 passed in 0.1s", 3, PASSED),
    ("3 passed in 0.1s", 4, "failed too_few_tests"),
    ("", 1, "failed tests_not_counted"),
    ("all well", 1, "failed tests_not_counted"),
    ("4 skipped in 0.1s", None, "failed no_tests"),
    ("", None, PASSED),
]


@pytest.mark.parametrize(("text", "least", "expected"), COUNTED)
def test_r45_success_without_tests_is_not_passed(text: str, least: int | None, expected: str) -> None:
    outcome = judge(run(text=f"Title\n{text}"), min_tests=least)
    assert word(outcome) == expected


def test_r51_the_same_failure_has_the_same_signature() -> None:
    first = failed(judge(run("failure", text="FAILED tests/test_a.py::test_b - assert 1 == 2\nin 3.1s")))
    again = failed(
        judge(run("failure", id=77, text="FAILED tests/test_a.py::test_b - assert 1 == 2\nin 9.4s"))
    )
    other = failed(judge(run("failure", text="FAILED tests/test_a.py::test_c - assert 1 == 2")))
    assert first.failing_test == "tests/test_a.py::test_b"
    assert first.signature == again.signature != other.signature
    assert failed(judge(run("skipped"))).signature != failed(judge(run("failure"))).signature


def test_with_a_github_token_ours_are_told_from_the_workflows_by_name() -> None:
    assert word(judge(run(), own_app=ACTIONS)) == PASSED
    queue = RequiredCheck(name="pointsman / queue")
    assert word(judge(run(name=queue.name), check=queue, own_app=ACTIONS)) == PENDING


def test_hostile_names_are_shown_harmlessly() -> None:
    outcome = failed(judge(*(run(name=f"\x1b[2K\u202e{number}") for number in range(50)), waited=GRACE + 1))
    assert outcome.why.isprintable()
    assert len(outcome.why) < 2000


ANY_RUN = st.builds(
    run,
    st.sampled_from(["success", "failure", "skipped", "cancelled", "neutral", None]),
    id=st.integers(1, 30),
    app=st.sampled_from([ACTIONS, OTHER, OURS, None]),
    suite=st.integers(1, 3),
    name=st.sampled_from(["tests", "lint"]),
)
ANY = st.lists(ANY_RUN | st.builds(status, st.sampled_from(["success", "failure", None])), max_size=5)


@given(checks=ANY, more=ANY_RUN, waited=st.sampled_from([0.0, 500.0, 5000.0]))
def test_rule_7_no_run_of_another_app_turns_a_verdict_green(
    checks: list[ForeignCheck], more: ForeignCheck, waited: float
) -> None:
    before = judge(*checks, waited=waited)
    after = judge(*checks, replace(more, app=OTHER), waited=waited)
    assert (word(before) == PASSED) == (word(after) == PASSED)


@given(checks=ANY, more=ANY_RUN)
def test_rule_8_no_run_of_ours_changes_a_verdict(checks: list[ForeignCheck], more: ForeignCheck) -> None:
    assert word(judge(*checks, check=UNBOUND)) == word(judge(*checks, replace(more, app=OURS), check=UNBOUND))


@given(checks=ANY)
def test_r45_what_passes_has_a_success_and_nothing_else_of_that_app(checks: list[ForeignCheck]) -> None:
    if word(judge(*checks)) == PASSED:
        assert any(
            one.app == ACTIONS and one.conclusion == "success" for one in checks if one.name == "tests"
        )
    if word(judge(*checks, check=UNBOUND)) == PASSED:
        assert any(one.app != OURS and one.conclusion == "success" for one in checks if one.name == "tests")


@given(
    checks=ANY, more=st.builds(status, st.sampled_from(["success", "failure", "error", None]), id=st.just(99))
)
def test_rule_8_no_status_turns_a_bound_verdict_green(checks: list[ForeignCheck], more: ForeignCheck) -> None:
    runs = [one for one in checks if one.kind == "check_run"]
    assert word(judge(*runs)) == PASSED or word(judge(*runs, more)) != PASSED
