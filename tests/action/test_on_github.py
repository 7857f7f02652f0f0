"""Steps that ask the forge, on a fake GitHub that speaks its API and git: who may, who approved, who is in a group."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.action.steps import Runner, Said
from tests.flows.alembic_project import BASE, path, revision, table
from tests.github.fake import FakeGitHub, FakeRepository
from tests.support.repo import Repo

CONTRACT = """\
version: 1
base: main
identities:
  leads: {team: acme/leads}
roles:
  people: {who: [{permission: write}], owns: ["**"]}
paths:
  core: {match: [/core/], approve: {by: [leads], count: 1}}
checks:
  unit: {run: "true"}
"""
READ = {"contents": "read", "pull_requests": "read", "issues": "read", "members": "read"}
WRITE = {"contents": "write", "pull_requests": "write", "issues": "write"}


@dataclass(kw_only=True)
class Place:
    """A repository on GitHub, and machines that run steps for it."""

    hub: FakeGitHub
    repo: FakeRepository
    folder: Path
    machines: int = 0

    def __call__(
        self, command: str, event: object = None, name: str = "", *, allowed: dict[str, str], **inputs: str
    ) -> Said:
        """One job on a machine of its own, with a token that may do that much."""
        self.machines += 1
        folder = self.folder / f"machine{self.machines}"
        folder.mkdir()
        extra = {"GITHUB_API_URL": self.hub.api_url, "GITHUB_REPOSITORY": self.repo.full_name}
        runner = Runner(folder=folder, server=self.hub.url, extra=extra)
        return runner(command, event, name, token=self.hub.actions_token(self.repo, allowed), **inputs)

    def event(self, number: int, **more: Any) -> dict[str, Any]:
        pull = self.repo.pull(number)
        user = {"login": pull.author.login, "id": pull.author.id, "type": "User"}
        head = {"sha": pull.head, "ref": pull.branch}
        base = {"sha": self.repo.tip("main"), "ref": "main"}
        return {
            "action": "opened",
            "pull_request": {"number": number, "user": user, "head": head, "base": base} | more,
        }

    def comment(self, number: int, by: str, body: str, action: str = "created") -> dict[str, Any]:
        who = self.hub.user(by)
        return {
            "action": action,
            "issue": {"number": number, "pull_request": {"url": "x"}},
            "comment": {"id": 1, "body": body, "user": {"login": who.login, "id": who.id, "type": "User"}},
        }


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with FakeGitHub(tmp_path) as hub:
        hub.organization("acme")
        hub.team("acme", "leads", ["grace"])
        first = {name: text for name, text in BASE.items() if name != path("b1")}
        repo = hub.repository("acme/app", files={**first, ".pointsman.yml": CONTRACT})
        for login in ("ada", "grace"):
            repo.permission(login, "write")
        yield Place(hub=hub, repo=repo, folder=tmp_path)


def pull(place: Place, files: dict[str, str], by: str = "ada", *, fork: str | None = None) -> int:
    place.repo.push(by, "agent/notes", files, fork=fork)
    return place.repo.open_pull(by, "agent/notes", "Notes", fork=fork)


def forked(place: Place, by: str = "ada", *, fork: str | None = None) -> int:
    number = pull(place, {path("c1"): revision("c1", "f0", *table("notes"))}, by, fork=fork)
    place.repo.push("grace", "main", {path("b1"): revision("b1", "f0", *table("teams"))})
    return number


@pytest.mark.parametrize(("by", "outcome"), [("ada", "allowed"), ("mallory", "refused")])
def test_what_the_contract_asks_of_people_is_looked_up(place: Place, by: str, outcome: str) -> None:
    number = pull(place, {"docs/a.md": "x\n"}, by, fork=None if by == "ada" else by)
    said = place("check", place.event(number), "pull_request", allowed=READ)
    assert said.outcome == outcome, said.log


def test_an_approval_counts_for_the_head_it_was_given_to(place: Place) -> None:
    number = pull(place, {"core/a.py": "a = 1\n"})
    assert place("check", place.event(number), "pull_request", allowed=READ).outcome == "waiting"
    place.repo.review(number, "grace", "APPROVED")
    assert place("check", place.event(number), "pull_request", allowed=READ).outcome == "allowed"
    place.repo.push("ada", "agent/notes", {"core/a.py": "a = 2\n"})
    assert place("check", place.event(number), "pull_request", allowed=READ).outcome == "waiting"


def test_an_approval_by_somebody_else_does_not_count(place: Place) -> None:
    number = pull(place, {"core/a.py": "a = 1\n"})
    place.repo.permission("mallory", "write")
    place.repo.review(number, "mallory", "APPROVED")
    assert place("check", place.event(number), "pull_request", allowed=READ).outcome == "waiting"


def test_a_token_that_may_not_ask_is_an_error_and_no_verdict(place: Place) -> None:
    number = pull(place, {"core/a.py": "a = 1\n"})
    place.hub.faults.add("GET", "/reviews", 403, times=9, after=0)
    said = place("check", place.event(number), "pull_request", allowed=READ)
    assert (said.code, said.outcome) == (2, "error")


def group(place: Place, number: int, files: dict[str, str] | None = None) -> dict[str, Any]:
    """GitHub's own merge queue asks for checks on the pull request merged into main (with something slipped in)."""
    bare = Repo(place.repo.bare.path)
    base, head = place.repo.tip("main"), place.repo.pull(number).head
    assert base is not None
    work = Repo(place.folder / "group")
    bare.git("clone", "-q", str(bare.path), str(work.path))
    work.git("fetch", "-q", "origin", f"refs/pull/{number}/head")
    work.checkout(base)
    merged = work.merge(head)
    if files:
        merged = work.commit("slipped in", files=files)
        work.git("reset", "-q", "--soft", base)
        merged = work.commit_index(f"Notes (#{number})")
    ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{base}"
    work.git("push", "-q", "origin", f"{merged}:{ref}")
    return {
        "action": "checks_requested",
        "merge_group": {"head_sha": merged, "head_ref": ref, "base_sha": base, "base_ref": "refs/heads/main"},
    }


def test_rule_16_a_group_of_githubs_own_queue_is_judged_by_who_is_in_it(place: Place) -> None:
    number = pull(place, {"docs/a.md": "x\n"})
    said = place("check", group(place, number), "merge_group", allowed=READ)
    assert (said.code, said.outcome) == (0, "allowed"), said.log


def test_rule_16_a_group_that_holds_more_than_it_is_called_is_refused(place: Place) -> None:
    number = pull(place, {"docs/a.md": "x\n"})
    said = place("check", group(place, number, {"core/b.py": "b = 1\n"}), "merge_group", allowed=READ)
    assert (said.code, said.outcome) == (1, "refused")


def test_rule_16_a_group_that_forks_the_migrations_fails_whatever_fail_on_says(place: Place) -> None:
    number = forked(place)
    said = place("check", group(place, number), "merge_group", allowed=READ, fail_on="never")
    assert (said.code, said.outcome) == (1, "forked")


def test_rule_16_a_branch_that_is_only_called_like_a_group_is_refused(place: Place) -> None:
    event = {
        "merge_group": {
            "head_sha": place.repo.push("ada", "gh-readonly-queue/main/pr-99-" + "a" * 40, {"x.md": "x\n"}),
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-99-" + "a" * 40,
            "base_sha": place.repo.tip("main"),
            "base_ref": "refs/heads/main",
        }
    }
    assert place("check", event, "merge_group", allowed=READ).outcome == "refused"


def healed(place: Place, event: dict[str, Any]) -> tuple[Said, Said, Said]:
    """The three jobs of pointsman-heal.yml: what the judge says is all that the others are given."""
    judge = place("heal", event, "issue_comment", allowed=READ)
    made = dict(judge.outputs)
    proof = {"base": made["base"], "head": made["head"], "expect": made["commit"]}
    runner = place("prove", allowed={"contents": "read"}, **proof)
    more = {name: made[name] for name in ("branch", "repository", "number")}
    return judge, runner, place("heal", event, "issue_comment", allowed=WRITE, push="true", **proof, **more)


def test_heal_by_comment_pushes_the_proved_commit_to_the_branch(place: Place) -> None:
    number = forked(place)
    judge, runner, pusher = healed(place, place.comment(number, "grace", "Please:\n/heal"))
    assert (judge.outcome, runner.outcome, pusher.code) == ("healed", "proved", 0), pusher.log
    assert place.repo.tip("agent/notes") == judge.outputs["commit"]
    assert place.repo.pull(number).head == judge.outputs["commit"]
    assert place("check", place.event(number), "pull_request", allowed=READ).outcome == "allowed"


def test_rule_13_on_a_fork_the_comment_carries_the_patch(place: Place) -> None:
    number = forked(place, "mallory", fork="mallory")
    judge, runner, pusher = healed(place, place.comment(number, "grace", "/heal"))
    assert (judge.outputs["repository"], runner.outcome, pusher.code) == ("mallory/app", "proved", 0), (
        pusher.log
    )
    (comment,) = place.repo.comments(number)
    assert "git apply" in comment.body
    assert "+down_revision = 'b1'" in comment.body
    assert place.repo.fork("mallory").tip("agent/notes") == judge.outputs["head"]


@pytest.mark.parametrize(
    ("by", "body", "action"),
    [
        pytest.param("mallory", "/heal", "created", id="rule 12 somebody without rights"),
        pytest.param("grace", "/heal", "edited", id="rule 12 an edited comment"),
        pytest.param("grace", "> /heal", "created", id="rule 12 a quote"),
        pytest.param("grace", "```\n/heal\n```", "created", id="rule 12 code"),
        pytest.param("grace", "do not /heal this", "created", id="rule 12 not a line of its own"),
    ],
)
def test_what_is_no_command_heals_nothing(place: Place, by: str, body: str, action: str) -> None:
    number = forked(place)
    said = place("heal", place.comment(number, by, body, action), "issue_comment", allowed=READ)
    assert (said.code, said.outcome) == (0, "nothing"), said.log
    assert "commit" not in said.outputs


@pytest.mark.parametrize(
    ("event", "name", "due"),
    [
        ({}, "schedule", "true"),
        ({}, "workflow_dispatch", "true"),
        ({"workflow_run": {"head_branch": "pointsman/7-abc"}}, "workflow_run", "true"),
        ({"workflow_run": {"head_branch": "main"}}, "workflow_run", "false"),
        ({"workflow_run": "x"}, "workflow_run", "true"),
        (
            {"action": "created", "issue": {"pull_request": {}}, "comment": {"body": "/queue"}},
            "issue_comment",
            "true",
        ),
        (
            {"action": "created", "issue": {"pull_request": {}}, "comment": {"body": "Nice!"}},
            "issue_comment",
            "false",
        ),
        ({"action": "created", "issue": {}, "comment": {"body": "/queue"}}, "issue_comment", "false"),
        (
            {"action": "edited", "issue": {"pull_request": {}}, "comment": {"body": "/queue"}},
            "issue_comment",
            "false",
        ),
        ({}, "issue_comment", "true"),
    ],
    ids=str,
)
def test_the_report_says_whether_an_event_can_have_made_work(
    place: Place, event: dict[str, Any], name: str, due: str
) -> None:
    said = place("report", event, name, allowed={"contents": "read"})
    assert (said.code, said.outputs["due"]) == (0, due), said.log
