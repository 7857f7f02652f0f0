"""The fake GitHub fails on demand, holds everything against GitHub's description, and runs workflows for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.github.fake import FakeGitHub, FakeRepository
from tests.github.fake.shapes import pulls


@contextmanager
def world(folder: Path) -> Iterator[tuple[FakeGitHub, FakeRepository, httpx.Client, int]]:
    with FakeGitHub(folder) as hub:
        repo = hub.repository()
        token = hub.installation_token(hub.install(hub.app(), repo))
        repo.push("ada", "feature", {"b.py": "y = 2\n"})
        number = repo.open_pull("ada", "feature", "Add b")
        headers = {"Authorization": f"Bearer {token}"}
        base = f"{hub.api_url}/repos/{repo.full_name}"
        with httpx.Client(base_url=base, headers=headers, timeout=10, trust_env=False) as http:
            yield hub, repo, http, number


def test_rule_2_a_write_may_have_happened_though_no_answer_came(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, http, number):
        url = f"/issues/{number}/comments"
        hub.fail_next("POST", "/comments$", "timeout_after_apply")
        with pytest.raises(httpx.ReadTimeout):
            http.post(url, json={"body": "one"}, timeout=0.3)
        assert [comment.body for comment in repo.comments(number)] == ["one"]
        hub.fail_next("POST", "/comments$", "timeout")
        with pytest.raises(httpx.ReadTimeout):
            http.post(url, json={"body": "two"}, timeout=0.3)
        hub.fail_next("POST", "/comments$", "502_after_apply")
        assert http.post(url, json={"body": "three"}).status_code == 502
        assert [comment.body for comment in repo.comments(number)] == ["one", "three"]


def test_rule_9_limits_say_when_to_come_back(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, _, http, number):
        hub.retry_after = 7
        hub.fail_next("*", "/pulls", "secondary_limit")
        hub.fail_next("*", "/pulls", "primary_limit")
        hub.fail_next("*", "/pulls", 429)
        hub.fail_next("GET", "/pulls", 502, times=2)
        answers = [http.get(f"/pulls/{number}") for _ in range(6)]
        assert [answer.status_code for answer in answers] == [403, 403, 429, 502, 502, 200]
        assert answers[0].headers["retry-after"] == "7"
        assert "secondary rate limit" in answers[0].json()["message"]
        assert answers[1].headers["x-ratelimit-remaining"] == "0"
        assert 6 <= int(answers[1].headers["x-ratelimit-reset"]) - hub.now() <= 8


def test_rule_4_mergeable_is_unknown_at_first_and_after_each_move(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, http, number):
        hub.null_reads = 2

        def seen() -> list[object]:
            return [http.get(f"/pulls/{number}").json()["mergeable"] for _ in range(3)]

        assert seen() == [None, None, True]
        repo.push("ada", "main", {"b.py": "y = 'other'\n"})
        assert seen() == [None, None, False]


@pytest.mark.parametrize(
    "method, path, body, complaint",
    [
        ("GET", "/nothing/here", None, "no such endpoint"),
        ("POST", "/check-runs", {"name": "x", "head_sha": "main", "status": "soon"}, "is not one of"),
        ("POST", "/statuses/main", {"state": "success", "contxt": "x"}, "'contxt' is unknown"),
        ("GET", "/pulls?stat=open", None, "query parameter 'stat' is unknown"),
        ("GET", "/pulls?state=opened", None, "is not one of"),
        ("GET", "/issues/1/timeline", None, "has not got this endpoint"),
    ],
)
def test_a_request_against_the_description_fails_the_test(
    tmp_path: Path, method: str, path: str, body: dict[str, str] | None, complaint: str
) -> None:
    with pytest.raises(AssertionError, match=complaint), world(tmp_path) as (_, repo, http, _):
        filled = {key: repo.tip("main") if value == "main" else value for key, value in (body or {}).items()}
        http.request(method, path.replace("main", repo.tip("main") or ""), json=filled if body else None)


def test_an_answer_against_the_description_fails_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulls, "comment", lambda *_: {"id": "seven"})
    with pytest.raises(AssertionError, match="answer 201: id"), world(tmp_path) as (_, _, http, number):
        http.post(f"/issues/{number}/comments", json={"body": "x"})


def test_rule_7_a_suite_ends_with_its_last_job_and_each_workflow_has_its_own(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, http, _):
        repo.workflow("ci", ["unit", "lint"], on_push=["pointsman/**"])
        repo.workflow("docs", ["build"], on_push=["pointsman/*"])
        sha = repo.push("ada", "pointsman/main/1", {"c": "1"})
        assert {run.name for run in repo.check_runs(sha)} == {"unit", "lint"}
        sha = repo.push("ada", "pointsman/2", {"d": "1"})

        def states() -> list[str]:
            told = http.get(f"/commits/{sha}/check-suites", params={"app_id": 15368}).json()
            return sorted(suite["status"] for suite in told["check_suites"])

        hub.finish_check(repo, "pointsman/2", "unit")
        assert states() == ["in_progress", "queued"]
        hub.finish_check(repo, "pointsman/2", "lint", "failure", text="E1")
        assert states() == ["completed", "queued"]
        run = http.get("/actions/runs", params={"head_sha": sha, "status": "failure"}).json()[
            "workflow_runs"
        ][0]
        assert http.post(f"/actions/runs/{run['id']}/rerun-failed-jobs").status_code == 201
        checks = http.get(f"/commits/{sha}/check-runs").json()["check_runs"]
        assert {check["name"]: check["status"] for check in checks} == {
            "unit": "completed",
            "lint": "queued",
            "build": "queued",
        }
        assert http.get(f"/actions/runs/{run['id']}").json()["run_attempt"] == 2


def test_workflows_really_run_their_commands_on_the_pushed_tree(tmp_path: Path) -> None:
    with world(tmp_path) as (hub, repo, http, _):
        commands = {"good": "test -f c && git rev-parse HEAD", "bad": "echo broken; exit 3"}
        repo.workflow("ci", ["good", "bad"], on_push=["pointsman/**"], on_dispatch=True, commands=commands)
        sha = repo.push("ada", "pointsman/1", {"c": "1"})
        for thread in hub.threads:
            thread.join(20)
        runs = {run.name: (run.conclusion, run.text) for run in repo.check_runs(sha)}
        assert runs == {"good": ("success", f"{sha}\n"), "bad": ("failure", "broken\n")}
        dispatched = http.post("/actions/workflows/ci.yml/dispatches", json={"ref": "pointsman/1"})
        assert dispatched.status_code == 204
        assert http.get("/actions/runs").json()["total_count"] == 2
