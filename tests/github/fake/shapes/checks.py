"""Check runs, suites, statuses and deployments as JSON; nothing here changes state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.github.fake.shapes import people, pulls, repos
from tests.github.fake.shapes.people import node_id
from tests.github.fake.state import CheckRun, CheckSuite, Deployment, Json, Status, stamp

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else stamp(seconds)


def _pulls(repo: FakeRepository, sha: str) -> list[Json]:
    open_pulls = (pull for pull in repo.pulls.values() if pull.state == "open" and pull.head == sha)
    return [pulls.minimal(repo, pull) for pull in open_pulls if pull.head_repo == repo.id]


def check_run(repo: FakeRepository, found: CheckRun, *, suite_in_full: bool = False) -> Json:
    """`check-run`; webhooks carry the suite with more of its fields."""
    url = f"{repo.api_url}/check-runs/{found.id}"
    page = f"{repo.hub.url}/{repo.full_name}/runs/{found.id}"
    return {
        "id": found.id,
        "node_id": node_id("CheckRun", found.id),
        "name": found.name,
        "head_sha": found.sha,
        "external_id": found.external_id,
        "url": url,
        "html_url": page,
        "details_url": found.details_url or page,
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": _when(found.started),
        "completed_at": _when(found.completed),
        "output": {
            "title": found.title,
            "summary": found.summary,
            "text": found.text,
            "annotations_count": len(found.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": check_suite(repo, found.suite) if suite_in_full else {"id": found.suite.id},
        "app": people.app(repo.hub, found.app),
        "pull_requests": _pulls(repo, found.sha),
    }


def check_suite(repo: FakeRepository, found: CheckSuite) -> Json:
    """`check-suite` without its repository and commit, as webhooks carry it."""
    url = f"{repo.api_url}/check-suites/{found.id}"
    runs = sum(run.suite is found for run in repo.checks.values())
    return {
        "id": found.id,
        "node_id": node_id("CheckSuite", found.id),
        "head_branch": found.branch,
        "head_sha": found.sha,
        "status": found.status,
        "conclusion": found.conclusion,
        "url": url,
        "before": found.before,
        "after": found.sha,
        "pull_requests": _pulls(repo, found.sha),
        "app": people.app(repo.hub, found.app),
        "created_at": stamp(found.created),
        "updated_at": stamp(found.updated),
        "latest_check_runs_count": runs,
        "check_runs_url": f"{url}/check-runs",
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def check_suite_in_full(repo: FakeRepository, found: CheckSuite) -> Json:
    """`check-suite`."""
    return check_suite(repo, found) | {
        "repository": repos.minimal(repo),
        "head_commit": repos.simple_commit(repo.record(found.sha)),
    }


def status(repo: FakeRepository, found: Status) -> Json:
    """`status`."""
    return simple_status(repo, found) | {"creator": people.user(repo.hub, found.creator)}


def simple_status(repo: FakeRepository, found: Status) -> Json:
    """`simple-commit-status`."""
    return {
        "id": found.id,
        "node_id": node_id("StatusContext", found.id),
        "url": f"{repo.api_url}/statuses/{found.sha}",
        "avatar_url": f"{repo.hub.url}/avatars/u/{found.creator.id}",
        "state": found.state,
        "description": found.description,
        "target_url": found.target_url,
        "context": found.context,
        "created_at": stamp(found.at),
        "updated_at": stamp(found.at),
    }


def deployment(repo: FakeRepository, found: Deployment) -> Json:
    """`deployment`."""
    url = f"{repo.api_url}/deployments/{found.id}"
    return {
        "id": found.id,
        "node_id": node_id("Deployment", found.id),
        "url": url,
        "sha": found.sha,
        "ref": found.ref,
        "task": found.task,
        "payload": found.payload,
        "environment": found.environment,
        "original_environment": found.environment,
        "description": found.description,
        "creator": people.user(repo.hub, found.creator),
        "created_at": stamp(found.created),
        "updated_at": stamp(found.created),
        "statuses_url": f"{url}/statuses",
        "repository_url": repo.api_url,
    }
