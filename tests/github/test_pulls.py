"""Pull requests, comments, checks and rules of a repository, over HTTP from a GitHub that checks every request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.github.auth import TokenAuth
from pointsman.adapters.github.checks import external_id
from pointsman.adapters.github.client import Client
from pointsman.adapters.github.directory import open_with_token
from pointsman.adapters.github.limits import MOST_BYTES, fitted
from pointsman.adapters.github.pulls import GitHubPulls
from pointsman.adapters.github.repository import Recent
from pointsman.adapters.github.transport import Transport
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.pulls.model import (
    Account,
    Annotation,
    CheckOutput,
    PullState,
    RepositoryName,
    RequiredCheck,
    Severity,
)
from pointsman.ports import Pulls
from tests.github.clock import ManualClock
from tests.github.desk import Desk, desk
from tests.github.fake import ACTIONS_APP

COMMENTS = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
RUNS = "/repos/{owner}/{repo}/check-runs"
RUN = RUNS + "/{check_run_id}"
API = "https://api.github.example/repos/acme/widgets"
LOST = ["timeout_after_apply", "502_after_apply"]
NEVER_DONE = ["timeout", 502]


@pytest.fixture
def at(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    patience = 0.7 if "fault" in request.fixturenames else 10.0  # seconds; what gets no answer is waited out
    with desk(tmp_path, patience) as made:
        yield made


def test_it_is_what_the_port_asks_for(at: Desk) -> None:
    pulls: Pulls = at.pulls
    assert pulls.repository.full_name == "acme/widgets"
    assert pulls.itself == Account(login="pointsman[bot]", id=at.app.bot.id, bot=True)
    assert (pulls.app, pulls.default_branch) == (at.app.id, "main")


# pull requests


def test_a_pull_request_is_read_with_all_that_is_decided_by(at: Desk) -> None:
    number = at.pull(fork="zoe")
    at.repo.edit(number, "ada", draft=True)
    at.repo.label(number, "ada", "queue")
    pull = at.pulls.pull(number)
    assert pull is not None
    assert (pull.author.login, pull.base, pull.branch) == ("ada", "main", "work")
    assert pull.draft and pull.fork and pull.labels == ("queue",)
    assert pull.head == at.repo.pull(number).head
    assert pull.base_sha == at.repo.tip("main")


def test_a_pull_request_is_asked_for_once_until_something_says_that_it_changed(at: Desk) -> None:
    number = at.pull()
    for _ in range(3):
        at.pulls.pull(number)
    assert at.requests() == ["GET 200 /repos/{owner}/{repo}/pulls/{pull_number}"]
    at.repo.close(number, "ada")
    at.pulls.forget(number)
    pull = at.pulls.pull(number)
    assert pull is not None and pull.state is PullState.CLOSED
    at.hub.advance(61)
    at.pulls.pull(number)
    assert len(at.requests()) == 2


def test_what_changed_while_it_was_read_is_not_remembered() -> None:
    recent: Recent[int] = Recent(ManualClock(), seconds=60.0)

    def overtaken() -> int:
        recent.forget("x")  # a webhook comes in on another thread
        return 1

    assert recent.get("x", overtaken) == 1
    assert recent.get("x", lambda: 2) == 2
    assert recent.get("x", lambda: 3) == 2


def test_a_number_that_is_no_pull_request_is_none_and_a_repository_that_is_gone_is_not(at: Desk) -> None:
    assert at.pulls.pull(999) is None
    del at.hub.repositories[at.repo.id]
    with pytest.raises(ForgeRefused) as problem:
        at.pulls.pull(998)
    assert problem.value.status == 404


def test_open_pull_requests_changed_since_newest_first(at: Desk) -> None:
    old = at.pull("old")
    at.hub.advance(1000)
    since = at.clock.now()
    new, closed = at.pull("new"), at.pull("closed")
    at.repo.close(closed, "ada")
    at.hub.advance(10)
    at.repo.edit(new, "ada", title="Newer")
    assert [pull.number for pull in at.pulls.open_pulls(since=since)] == [new]
    assert [pull.number for pull in at.pulls.open_pulls()] == [new, old]


def test_rule_17_two_open_pull_requests_with_one_head_are_both_told(at: Desk) -> None:
    first = at.pull("work")
    second = at.repo.open_pull("ada", "work", "The same again")
    behind = at.pull("behind")
    third = at.repo.open_pull("ada", "work", "Closed")
    at.repo.close(third, "ada")
    head = Sha(at.repo.pull(first).head)
    passed = Sha(at.repo.pull(behind).head)
    at.repo.push("ada", "behind", {"more.txt": "x"})
    assert at.pulls.pulls_with_head(passed) == ()  # it is part of one, and no longer its head
    assert {pull.number for pull in at.pulls.pulls_with_head(head)} == {first, second}
    assert [pull.number for pull in at.pulls.pulls_with_head(Sha(at.repo.pull(behind).head))] == [behind]


def test_a_renamed_repository_is_followed_and_its_new_name_told(at: Desk) -> None:
    number = at.pull()
    at.repo.rename("gadgets")
    pull = at.pulls.pull(number)
    assert pull is not None and pull.number == number
    assert at.pulls.repository.full_name == "acme/gadgets"
    at.requests()
    assert at.pulls.comment(number, "hello")
    assert at.requests() == [f"POST 201 {COMMENTS}"]
    # GitHub's description has this answer at few endpoints, its servers give it at all
    at.hub.violations[:] = [each for each in at.hub.violations if "http status: 301" not in each]


def test_another_repository_under_the_old_name_is_none_of_ours(at: Desk) -> None:
    number = at.pull()
    at.repo.rename("gadgets")
    other = at.hub.repository("acme/widgets")
    other.push("mallory", "work", {"a.txt": "x"})
    other.open_pull("mallory", "work", "Not yours")
    with pytest.raises(ForgeRefused, match="another repository"):
        at.pulls.pull(number)


def test_a_pull_request_is_closed_and_what_is_remembered_of_it_dropped(at: Desk) -> None:
    number = at.pull()
    at.pulls.pull(number)
    at.pulls.close(number)
    pull = at.pulls.pull(number)
    assert pull is not None and pull.state is PullState.CLOSED


@pytest.mark.parametrize("fault", LOST)
def test_rule_2_a_close_whose_answer_was_lost_is_read_back(at: Desk, fault: str) -> None:
    number = at.pull()
    at.hub.fail_next("PATCH", r"/pulls/", fault)
    at.pulls.close(number)
    assert at.hub.count(method="PATCH") <= 1
    at.hub.fail_next("PATCH", r"/pulls/", 502)
    at.repo.reopen(number, "ada")
    with pytest.raises(ForgeUnavailable):
        at.pulls.close(number)


def test_a_pull_request_is_opened_once(at: Desk) -> None:
    at.repo.push("ada", "fix", {"a.txt": "x"})
    number = at.pulls.open_pull(title="Fix", body="It", branch="fix", base="main")
    assert at.pulls.open_pull(title="Fix", body="It", branch="fix", base="main") == number
    with pytest.raises(ForgeRefused):
        at.pulls.open_pull(title="Fix", body="It", branch="nowhere", base="main")


@pytest.mark.parametrize("fault", LOST)
def test_rule_2_a_pull_request_whose_answer_was_lost_is_found(at: Desk, fault: str) -> None:
    at.repo.push("ada", "fix", {"a.txt": "x"})
    at.hub.fail_next("POST", r"/pulls$", fault)
    number = at.pulls.open_pull(title="Fix", body="It", branch="fix", base="main")
    assert [pull.number for pull in at.pulls.open_pulls()] == [number]


# what is said


def test_comments_and_reviews_are_read_oldest_first(at: Desk) -> None:
    number = at.pull()
    for text in ("one", "two", "three"):
        at.repo.comment(number, "ada", text)
    at.repo.review(number, "bob", "APPROVED")
    at.repo.review(number, "bob", "CHANGES_REQUESTED")
    assert [comment.body for comment in at.pulls.comments(number)] == ["one", "two", "three"]
    reviews = at.pulls.reviews(number)
    assert [review.state for review in reviews] == ["approved", "changes_requested"]
    assert {review.commit for review in reviews} == {at.repo.pull(number).head}


def test_comments_of_all_conversations_since_then(at: Desk) -> None:
    first, second = at.pull("one"), at.pull("two")
    at.repo.comment(first, "ada", "before")
    edited = at.repo.comment(second, "ada", "typo")
    at.hub.advance(100)
    since = at.clock.now()
    at.repo.comment(second, "ada", "/queue")
    at.hub.advance(5)
    at.repo.edit_comment(edited, "fixed")
    found = [(comment.number, comment.body) for comment in at.pulls.comments_since(since)]
    assert found == [(second, "/queue"), (second, "fixed")]


def test_a_comment_is_posted_in_one_request_edited_in_one_and_gone_is_told(at: Desk) -> None:
    number = at.pull()
    at.requests()
    made = at.pulls.comment(number, "hello")
    assert at.pulls.edit_comment(made, "hello again")
    assert at.requests() == [
        f"POST 201 {COMMENTS}",
        "PATCH 200 /repos/{owner}/{repo}/issues/comments/{comment_id}",
    ]
    assert [comment.body for comment in at.repo.comments(number)] == ["hello again"]
    at.repo.delete_comment(made)
    assert not at.pulls.edit_comment(made, "hello?")


@pytest.mark.parametrize("fault", LOST)
def test_rule_2_a_comment_whose_answer_was_lost_is_there_once(at: Desk, fault: str) -> None:
    number = at.pull()
    at.repo.comment(number, "mallory", "hello")
    at.hub.fail_next("POST", r"/comments$", fault)
    made = at.pulls.comment(number, "hello")
    ours = [comment for comment in at.repo.comments(number) if comment.author is at.app.bot]
    assert [(comment.id, comment.body) for comment in ours] == [(made, "hello")]


@pytest.mark.parametrize("fault", NEVER_DONE)
def test_rule_2_a_comment_that_was_not_taken_is_not_repeated_until_asked_again(
    at: Desk, fault: int | str
) -> None:
    number = at.pull()
    at.repo.comment(number, "mallory", "hello")  # which is not ours, whatever it says
    at.hub.fail_next("POST", r"/comments$", fault)
    with pytest.raises(ForgeUnavailable):
        at.pulls.comment(number, "hello")
    assert [comment.author.login for comment in at.repo.comments(number)] == ["mallory"]
    at.pulls.comment(number, "hello")
    assert [comment.author.login for comment in at.repo.comments(number)] == ["mallory", at.app.bot.login]


def test_rule_2_a_comment_that_shows_late_is_edited_not_posted_again(at: Desk) -> None:
    """The answer was lost, and so was the answer to the look for it; meanwhile there is more to say."""
    number = at.pull()
    marker = "<!-- pointsman:comment v1 -->\n"
    at.hub.fail_next("POST", r"/comments$", "502_after_apply")
    at.hub.fail_next("GET", r"/comments$", 502, times=4)
    with pytest.raises(ForgeUnavailable):
        at.pulls.comment(number, marker + "queued")
    made = at.pulls.comment(number, marker + "landed")
    assert [(comment.id, comment.body) for comment in at.repo.comments(number)] == [(made, marker + "landed")]


@pytest.mark.parametrize("fault", LOST)
def test_rule_2_an_edit_whose_answer_was_lost_is_read_back(at: Desk, fault: str) -> None:
    number = at.pull()
    made = at.pulls.comment(number, "one")
    at.hub.fail_next("PATCH", r"/comments/", fault)
    assert at.pulls.edit_comment(made, "two")
    at.hub.fail_next("PATCH", r"/comments/", 502)
    with pytest.raises(ForgeUnavailable):
        at.pulls.edit_comment(made, "three")


def test_a_reaction_is_given_once(at: Desk) -> None:
    number = at.pull()
    command = at.repo.comment(number, "ada", "/queue")
    at.hub.fail_next("POST", r"/reactions$", "502_after_apply")
    at.pulls.react(command, "eyes")
    at.pulls.react(command, "eyes")
    assert [(each.content, each.author) for each in at.repo.reactions[command]] == [("eyes", at.app.bot)]
    at.repo.delete_comment(command)
    at.pulls.react(command, "rocket")


@pytest.mark.parametrize(
    ("text", "kept"),
    [("x" * 200_000, "x"), ("é\n" * 100_000, "é\n"), ("```\n" + "code\n" * 40_000, "```\ncode")],
    ids=["one line", "many lines", "a fence"],
)
def test_a_text_that_is_too_long_is_cut_and_says_so(text: str, kept: str) -> None:
    cut = fitted(text)
    assert len(cut.encode()) <= MOST_BYTES
    assert cut.startswith(kept) and "cut here" in cut
    assert cut.count("```") % 2 == 0


@given(st.text(alphabet="a`\né ", max_size=400), st.integers(60, 300))
def test_no_text_is_ever_too_long(text: str, most: int) -> None:
    assert len(fitted(text, most).encode()) <= most


def test_a_text_that_fits_is_left_alone() -> None:
    assert fitted("x" * MOST_BYTES) == "x" * MOST_BYTES


# checks


def output(head: str, *, annotations: int = 0, **changes: Any) -> CheckOutput:
    lines = tuple(
        Annotation(path="a.py", line=n, end=n, severity=Severity.WARNING, title=f"T{n}", message="m")
        for n in range(1, annotations + 1)
    )
    base = CheckOutput(
        name="pointsman / contract",
        head=Sha(head),
        conclusion="failure",
        title="Refused",
        summary="No",
        annotations=lines,
    )
    return replace(base, **changes)


def test_rules_7_and_8_all_attempts_all_statuses_and_what_still_runs_are_told(at: Desk) -> None:
    at.repo.workflow("ci", ["unit", "lint"], on_pull_request=True)
    head = at.repo.pull(at.pull()).head
    at.hub.finish_check(at.repo, head, "unit", "failure", text="1 failed")
    at.hub.status(at.repo, head, "unit", "success")
    at.hub.status(at.repo, head, "deploy", "pending")
    at.requests()
    checks = at.pulls.checks(Sha(head))
    found = {(each.name, each.kind): each for each in checks.checks}
    assert set(found) == {
        ("unit", "check_run"),
        ("lint", "check_run"),
        ("unit", "status"),
        ("deploy", "status"),
    }
    assert found["unit", "check_run"].conclusion == "failure"
    assert found["unit", "check_run"].app == ACTIONS_APP
    assert "1 failed" in found["unit", "check_run"].text
    assert found["deploy", "status"].status != "completed"
    assert checks.suites_running == 1
    assert len(at.requests()) == 2


def test_rule_7_when_all_runs_have_ended_the_suites_are_asked_too(at: Desk) -> None:
    at.repo.workflow("ci", ["unit"], on_pull_request=True)
    head = at.repo.pull(at.pull()).head
    at.hub.finish_check(at.repo, head, "unit")
    assert at.pulls.checks(Sha(head)).suites_running == 0
    at.pulls.forget(commit=Sha(head))
    suite = at.repo.check_runs(head)[0].suite
    suite.status = "in_progress"
    assert at.pulls.checks(Sha(head)).suites_running == 1


def test_rule_8_our_own_check_that_runs_is_nothing_to_wait_for(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    at.pulls.post_check(output(head, conclusion=None), known=None)
    checks = at.pulls.checks(Sha(head))
    assert [(each.name, each.app) for each in checks.checks] == [("pointsman / contract", at.app.id)]
    assert checks.suites_running == 0


def test_checks_are_asked_for_again_when_something_said_that_they_changed(at: Desk) -> None:
    at.repo.workflow("ci", ["unit"], on_pull_request=True)
    head = Sha(at.repo.pull(at.pull()).head)
    assert at.pulls.checks(head).checks[0].conclusion is None
    at.hub.finish_check(at.repo, head, "unit")
    assert at.pulls.checks(head).checks[0].conclusion is None
    at.pulls.forget(commit=head)
    assert at.pulls.checks(head).checks[0].conclusion == "success"


def test_a_check_run_is_made_once_and_then_brought_up_to_date(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    at.requests()
    run = at.pulls.post_check(output(head, conclusion=None, title="Judging"), known=None)
    assert at.pulls.post_check(output(head), known=run) == run
    assert at.requests() == [f"POST 201 {RUNS}", f"PATCH 200 {RUN}"]
    (made,) = at.repo.check_runs(head)
    assert (made.status, made.conclusion, made.title, made.summary) == (
        "completed",
        "failure",
        "Refused",
        "No",
    )


def test_a_check_run_that_is_not_known_any_more_is_made_anew(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    run = at.pulls.post_check(output(head), known=987654321)
    assert [made.id for made in at.repo.check_runs(head)] == [run]


def test_annotations_go_by_fifties_and_never_twice(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    run = at.pulls.post_check(output(head, annotations=120), known=None)
    (made,) = at.repo.check_runs(head)
    assert [each["start_line"] for each in made.annotations] == list(range(1, 121))
    at.pulls.post_check(output(head, annotations=121, summary="Still no"), known=run)
    assert [each["start_line"] for each in made.annotations] == list(range(1, 122))
    later = at.directory.open(at.directory.repositories()[0]).pulls
    later.post_check(output(head, annotations=122), known=run)
    assert [each["start_line"] for each in made.annotations] == list(range(1, 123))


@pytest.mark.parametrize("fault", LOST)
def test_rule_2_a_check_run_whose_answer_was_lost_is_found(at: Desk, fault: str) -> None:
    head = at.repo.pull(at.pull()).head
    at.hub.fail_next("POST", r"/check-runs$", fault)
    run = at.pulls.post_check(output(head), known=None)
    assert [made.id for made in at.repo.check_runs(head, newest=False)] == [run]
    at.hub.fail_next("PATCH", r"/check-runs/", fault)
    assert at.pulls.post_check(output(head, conclusion="success", annotations=60), known=run) == run
    (made,) = at.repo.check_runs(head, newest=False)
    assert made.conclusion == "success"
    assert len(made.annotations) == 60


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_rule_2_a_check_that_was_not_taken_is_put_off(at: Desk, verb: Literal["POST", "PATCH"]) -> None:
    head = at.repo.pull(at.pull()).head
    known = at.pulls.post_check(output(head), known=None) if verb == "PATCH" else None
    at.hub.fail_next(verb, r"/check-runs", 500)
    with pytest.raises(ForgeUnavailable):
        at.pulls.post_check(output(head, conclusion="success"), known=known)


def test_a_spoofed_check_keeps_the_app_that_made_it(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    at.hub.spoof_check(at.repo, head, "pointsman / contract", 4711)
    assert [(each.name, each.app) for each in at.pulls.checks(Sha(head)).checks] == [
        ("pointsman / contract", 4711)
    ]


def test_rule_7_an_older_attempt_is_told_beside_the_newest(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    for conclusion in ("failure", "success"):
        at.hub.spoof_check(at.repo, head, "unit", 4711, conclusion)
    assert {each.conclusion for each in at.pulls.checks(Sha(head)).checks} == {"failure", "success"}


def test_rule_2_another_apps_check_is_not_taken_for_ours(at: Desk) -> None:
    head = at.repo.pull(at.pull()).head
    spoofed = at.hub.spoof_check(at.repo, head, "pointsman / contract", 4711)
    spoofed.external_id = external_id(output(head))
    at.hub.fail_next("POST", r"/check-runs$", 502)
    with pytest.raises(ForgeUnavailable):
        at.pulls.post_check(output(head), known=None)


# rules


def test_rule_11_rulesets_and_classic_protection_are_read_together(at: Desk) -> None:
    at.repo.ruleset(bypass_apps=[at.app], required_checks=[("unit", ACTIONS_APP), ("lint", None)])
    at.repo.protect("main", [("unit", ACTIONS_APP), ("old", None)])
    rules = at.pulls.rules("main")
    assert set(rules.required) == {
        RequiredCheck(name="unit", app=ACTIONS_APP),
        RequiredCheck(name="lint"),
        RequiredCheck(name="old"),
    }
    assert "required_status_checks" in rules.kinds
    assert rules.problems == ()
    at.requests()
    at.pulls.rules("main")
    assert at.requests() == []


def test_rule_11_a_branch_without_rules_has_none(at: Desk) -> None:
    rules = at.pulls.rules("release/1.0")
    assert (rules.required, rules.kinds, rules.merge_queue, rules.problems) == ((), (), False, ())


def test_rule_10_without_administration_the_branch_itself_tells_what_is_required(tmp_path: Path) -> None:
    with desk(tmp_path, metadata="read", contents="write") as at:
        at.repo.protect("main", [("unit", None)])
        rules = at.pulls.rules("main")
        assert (rules.required, rules.problems) == ((RequiredCheck(name="unit"),), ())


def test_rule_10_what_may_not_be_read_is_a_problem_in_words_not_the_absence_of_rules(tmp_path: Path) -> None:
    with desk(tmp_path, metadata="read", contents="write") as at:
        at.repo.protect("main", [("unit", None)])
        at.hub.fail_next("GET", r"widgets/branches/main$", 403)
        (problem,) = at.pulls.rules("main").problems
        assert "classic protection of main cannot be read" in problem


# people


@pytest.mark.parametrize("level", ["read", "triage", "write", "maintain", "admin"])
def test_rule_12_a_permission_is_looked_up_live(at: Desk, level: str) -> None:
    ada = at.hub.user("ada")
    at.repo.permission("ada", level)
    assert at.pulls.permission(Account(login="ada", id=ada.id)) == level
    at.repo.permission("ada", "none")
    assert at.pulls.permission(Account(login="ada", id=ada.id)) in ("none", "read")


def test_rule_12_a_login_that_has_come_to_belong_to_somebody_else_has_no_permission(at: Desk) -> None:
    at.repo.permission("ada", "admin")
    assert at.pulls.permission(Account(login="ada", id=at.hub.user("ada").id + 1)) == "none"
    assert at.pulls.permission(Account(login="nobody-there", id=5)) == "none"


def test_only_active_members_are_in_a_team_and_only_by_their_id(tmp_path: Path) -> None:
    with desk(tmp_path) as at:
        at.hub.team("acme", "core", {"ada": "active", "bob": "pending"})
        at.hub.team("acme", "ops", ["bob"])
        ada, bob = (Account(login=each, id=at.hub.user(each).id) for each in ("ada", "bob"))
        among = ["acme/core", "acme/ops", "acme/none", "core"]
        assert at.pulls.teams(ada, among) == {"acme/core"}
        assert at.pulls.teams(bob, among) == {"acme/ops"}
        assert at.pulls.teams(replace(ada, id=ada.id + 1), among) == frozenset()
        at.requests()
        assert at.pulls.teams(ada, []) == frozenset()
        assert at.requests() == []


# workflows


def test_rule_10_a_workflow_is_dispatched_once(at: Desk) -> None:
    workflow = at.repo.workflow("gate", ["unit"], on_dispatch=True)
    at.repo.push("ada", "pointsman/1", {"a.txt": "x"})
    for fault in (None, "502_after_apply"):
        at.hub.advance(60)
        if fault:
            at.hub.fail_next("POST", r"/dispatches$", fault)
        at.pulls.dispatch(str(workflow.id), ref="pointsman/1", inputs={})
    assert len(at.repo.runs) == 2
    at.hub.advance(60)
    at.hub.fail_next("POST", r"/dispatches$", 502)
    with pytest.raises(ForgeUnavailable):
        at.pulls.dispatch(str(workflow.id), ref="pointsman/1", inputs={})
    assert len(at.repo.runs) == 2


JOB = "/actions/jobs/5"
RERUN = "/actions/runs/9/rerun-failed-jobs"
CANNOT = {"message": "This workflow run cannot be retried"}
NO_PERMISSION = {"message": "Resource not accessible by integration"}


@pytest.fixture
def actions() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        mock.add("GET", f"{API}{JOB}", json={"id": 5, "run_id": 9, "run_attempt": 1})
        yield mock


@pytest.fixture
def pulls() -> GitHubPulls:
    clock = ManualClock()
    return GitHubPulls(
        Client(Transport("https://api.github.example", clock=clock), TokenAuth("ghs_x"), clock=clock),
        RepositoryName(id=1, full_name="acme/widgets"),
        itself=Account(login="pointsman[bot]", id=2, bot=True),
        app=3,
        default_branch="main",
        clock=clock,
    )


def test_failed_jobs_are_run_again(actions: responses.RequestsMock, pulls: GitHubPulls) -> None:
    actions.add("POST", f"{API}{RERUN}", status=201, json={})
    assert pulls.rerun(5)
    assert pulls.spent == 2


@pytest.mark.parametrize(("status", "said"), [(403, CANNOT), (422, CANNOT), (409, CANNOT)])
def test_what_cannot_be_run_again_is_told(
    actions: responses.RequestsMock, pulls: GitHubPulls, status: int, said: dict[str, str]
) -> None:
    actions.add("POST", f"{API}{RERUN}", status=status, json=said)
    assert not pulls.rerun(5)


def test_another_apps_check_cannot_be_run_again(actions: responses.RequestsMock, pulls: GitHubPulls) -> None:
    actions.replace("GET", f"{API}{JOB}", status=404, json={"message": "Not Found"})
    assert not pulls.rerun(5)


def test_rule_10_a_missing_permission_is_no_answer_to_whether_it_can_run_again(
    actions: responses.RequestsMock, pulls: GitHubPulls
) -> None:
    actions.add("POST", f"{API}{RERUN}", status=403, json=NO_PERMISSION)
    with pytest.raises(ForgeRefused, match="not accessible"):
        pulls.rerun(5)


@pytest.mark.parametrize("attempt", [1, 2])
def test_rule_2_whether_jobs_run_again_is_read_back(
    actions: responses.RequestsMock, pulls: GitHubPulls, attempt: int
) -> None:
    actions.add("POST", f"{API}{RERUN}", status=502)
    actions.add("GET", f"{API}/actions/runs/9", json={"run_attempt": attempt})
    if attempt == 2:
        assert pulls.rerun(5)
    else:
        with pytest.raises(ForgeUnavailable):
            pulls.rerun(5)


# what it costs


def test_the_requests_that_were_made_are_all_counted(at: Desk) -> None:
    before, seen = at.pulls.spent, len(at.hub.requests)
    number = at.pull()
    steps: tuple[Callable[[], object], ...] = (
        at.pulls.open_pulls,
        lambda: at.pulls.comment(number, "hello"),
        lambda: at.pulls.checks(Sha(at.repo.pull(number).head)),
        lambda: at.hub.advance(3600),
        lambda: at.pulls.comments(number),
    )
    for step in steps:
        step()
    assert at.pulls.spent - before == len(at.hub.requests) - seen == 7


@pytest.mark.parametrize("limit", ["primary_limit", "secondary_limit", 429])
def test_rule_9_a_limit_is_waited_out_or_put_off(at: Desk, limit: str | int) -> None:
    number = at.pull()
    at.hub.fail_next("POST", r"/comments$", limit)
    try:
        at.pulls.comment(number, "hello")
    except ForgeUnavailable as problem:
        assert limit == "primary_limit"
        at.hub.advance(problem.again_at - at.clock.now())
        at.pulls.comment(number, "hello")
    assert [comment.body for comment in at.repo.comments(number)] == ["hello"]
    assert sum(at.clock.slept) < 20


def test_rule_8_with_github_token_our_own_check_is_told_apart_from_the_workflows(at: Desk) -> None:
    at.repo.workflow("ci", ["unit"], on_pull_request=True)
    head = at.repo.pull(at.pull()).head
    token = at.hub.actions_token(
        at.repo, {"contents": "write", "checks": "write", "statuses": "read", "pull_requests": "write"}
    )
    pulls = open_with_token(
        token, "acme/widgets", clock=at.clock, api_url=at.hub.api_url, html_url=at.hub.url
    ).pulls
    pulls.post_check(output(head, conclusion=None), known=None)
    assert pulls.checks(Sha(head)).suites_running == 1
    at.hub.finish_check(at.repo, head, "unit")
    pulls.forget(commit=Sha(head))
    assert pulls.checks(Sha(head)).suites_running == 0
