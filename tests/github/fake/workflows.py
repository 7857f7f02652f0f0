"""GitHub Actions, as far as its check runs go: what starts on which event, and what it reports.

A workflow's jobs wait for the test to finish them, unless it has commands or a function: then the fake really runs
these in a fresh clone, in a thread of their own.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.github.fake.bare import environment
from tests.github.fake.rules import branch_matches
from tests.github.fake.shapes import people, repos
from tests.github.fake.shapes.people import node_id
from tests.github.fake.state import Account, CheckRun, CheckSuite, Json, stamp

if TYPE_CHECKING:
    from tests.github.fake.repository import FakeRepository

Run = Callable[[Path, str], Mapping[str, str]]
"""Gets a checkout and its commit, gives each job's conclusion."""

JOB_TIMEOUT = 300.0


@dataclass(kw_only=True, eq=False)
class Workflow:
    """A workflow file's meaning. `commands`: a shell command per job, exit code 0 is success."""

    id: int
    name: str
    jobs: Sequence[str]
    on_push: Sequence[str]
    on_pull_request: bool
    on_dispatch: bool
    on_merge_group: bool
    run: Run | None
    commands: Mapping[str, str]
    created: float

    @property
    def path(self) -> str:
        return f".github/workflows/{self.name}.yml"


@dataclass(kw_only=True, eq=False)
class WorkflowRun:
    """One run; its jobs are the check runs of its suite."""

    id: int
    number: int
    workflow: Workflow
    suite: CheckSuite
    event: str
    actor: Account
    created: float
    inputs: Json = field(default_factory=dict)
    attempt: int = 1


def begin(
    repo: FakeRepository,
    workflow: Workflow,
    *,
    event: str,
    sha: str,
    branch: str,
    actor: Account,
    inputs: Json | None = None,
) -> WorkflowRun:
    """Starts a run: its jobs appear as queued check runs in a suite of their own, and are really run if they can."""
    hub, now = repo.hub, repo.hub.now()
    actions = hub.actions_app
    suite = CheckSuite(
        id=hub.new_id(), app=actions, sha=sha, branch=branch, before=None, created=now, updated=now
    )
    repo.suites[suite.id] = suite
    run = WorkflowRun(
        id=hub.new_id(),
        number=len(repo.runs) + 1,
        workflow=workflow,
        suite=suite,
        event=event,
        actor=actor,
        created=now,
        inputs=inputs or {},
    )
    repo.runs[run.id] = run
    tell(repo, run, "requested")
    for job in workflow.jobs:
        repo.new_check(suite, job, sender=actor)
    execute(repo, run, list(workflow.jobs))
    return run


def on_push(repo: FakeRepository, branch: str, sha: str, actor: Account) -> None:
    """Starts the workflows that match a pushed branch."""
    for workflow in repo.workflows.values():
        if any(branch_matches(branch, pattern) for pattern in workflow.on_push):
            begin(repo, workflow, event="push", sha=sha, branch=branch, actor=actor)


def on_pull(repo: FakeRepository, branch: str, sha: str, actor: Account) -> None:
    """Starts the workflows that run on pull requests; as on GitHub their checks stand on the pull's head."""
    for workflow in repo.workflows.values():
        if workflow.on_pull_request:
            begin(repo, workflow, event="pull_request", sha=sha, branch=branch, actor=actor)


def rerun_failed(repo: FakeRepository, run: WorkflowRun, *, everything: bool = False) -> None:
    """Another attempt: failed jobs get new check runs in the same suite."""
    newest = {check.name: check for check in repo.checks.values() if check.suite is run.suite}
    again = [name for name, check in newest.items() if everything or check.conclusion != "success"]
    run.attempt += 1
    run.suite.status, run.suite.conclusion = "queued", None
    tell(repo, run, "requested")
    for name in again:
        repo.new_check(run.suite, name, sender=run.actor)
    execute(repo, run, again)


def of_suite(repo: FakeRepository, suite: CheckSuite) -> WorkflowRun | None:
    return next((run for run in repo.runs.values() if run.suite is suite), None)


def tell(repo: FakeRepository, run: WorkflowRun, action: str) -> None:
    """The `workflow_run` webhook."""
    payload = {
        "action": action,
        "workflow_run": shape(repo, run),
        "workflow": workflow_shape(repo, run.workflow),
    }
    repo.hub.webhooks.emit("workflow_run", payload, sender=run.actor, repo=repo)


def execute(repo: FakeRepository, run: WorkflowRun, jobs: Sequence[str]) -> None:
    """Really runs the jobs in the background; nothing where the workflow has neither commands nor function."""
    if run.workflow.run is None and not run.workflow.commands:
        return
    thread = threading.Thread(target=_work, args=(repo, run, jobs), name=f"run-{run.id}", daemon=True)
    repo.hub.threads.append(thread)
    thread.start()


def _work(repo: FakeRepository, run: WorkflowRun, jobs: Sequence[str]) -> None:
    checkout = Path(tempfile.mkdtemp(prefix="run-", dir=repo.hub.folder))
    try:
        _check_out(repo, run.suite.sha, checkout)
        with repo.hub.lock:
            checks = {c.name: c for c in repo.checks.values() if c.suite is run.suite and c.name in jobs}
            for check in checks.values():
                repo.start_check(check)
        told = run.workflow.run(checkout, run.suite.sha) if run.workflow.run else {}
        for job in jobs:
            ended = (told[job], "") if job in told else _command(run.workflow, job, checkout)
            with repo.hub.lock:
                repo.end_check(checks[job], *ended)
    finally:
        shutil.rmtree(checkout, ignore_errors=True)


def _check_out(repo: FakeRepository, sha: str, folder: Path) -> None:
    clone = ["git", "clone", "-q", "--shared", "--no-checkout", str(repo.bare.path), str(folder)]
    checkout = ["git", "-C", str(folder), "checkout", "-q", "--detach", sha]
    for command in (clone, checkout):
        subprocess.run(command, check=True, env=environment(), capture_output=True)


def _command(workflow: Workflow, job: str, checkout: Path) -> tuple[str, str]:
    """The conclusion and what was printed."""
    if job not in workflow.commands:
        return "skipped", ""
    try:
        done = subprocess.run(
            ["sh", "-c", workflow.commands[job]],
            cwd=checkout,
            env=environment({"CI": "true"}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=JOB_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timed_out", ""
    return "success" if done.returncode == 0 else "failure", done.stdout.decode(errors="replace")[-60_000:]


def workflow_shape(repo: FakeRepository, found: Workflow) -> Json:
    """`workflow`."""
    page = f"{repo.hub.url}/{repo.full_name}"
    return {
        "id": found.id,
        "node_id": node_id("Workflow", found.id),
        "name": found.name,
        "path": found.path,
        "state": "active",
        "created_at": stamp(found.created),
        "updated_at": stamp(found.created),
        "url": f"{repo.api_url}/actions/workflows/{found.id}",
        "html_url": f"{page}/blob/{repo.default_branch}/{found.path}",
        "badge_url": f"{page}/workflows/{found.name}/badge.svg",
    }


def shape(repo: FakeRepository, run: WorkflowRun) -> Json:
    """`workflow-run`."""
    url = f"{repo.api_url}/actions/runs/{run.id}"
    record = repo.record(run.suite.sha)
    return {
        "id": run.id,
        "node_id": node_id("WorkflowRun", run.id),
        "name": run.workflow.name,
        "check_suite_id": run.suite.id,
        "check_suite_node_id": node_id("CheckSuite", run.suite.id),
        "head_branch": run.suite.branch,
        "head_sha": run.suite.sha,
        "path": run.workflow.path,
        "display_title": record[-1].split("\n")[0],
        "run_number": run.number,
        "run_attempt": run.attempt,
        "event": run.event,
        "status": run.suite.status,
        "conclusion": run.suite.conclusion,
        "workflow_id": run.workflow.id,
        "url": url,
        "html_url": f"{repo.hub.url}/{repo.full_name}/actions/runs/{run.id}",
        "pull_requests": [],
        "created_at": stamp(run.created),
        "updated_at": stamp(run.suite.updated),
        "run_started_at": stamp(run.created),
        "actor": people.user(repo.hub, run.actor),
        "triggering_actor": people.user(repo.hub, run.actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{repo.api_url}/check-suites/{run.suite.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": None,
        "workflow_url": f"{repo.api_url}/actions/workflows/{run.workflow.id}",
        "head_commit": repos.simple_commit(record),
        "repository": repos.minimal(repo),
        "head_repository": repos.minimal(repo),
    }


def job_shape(repo: FakeRepository, run: WorkflowRun, check: CheckRun) -> Json:
    """`job`."""
    return {
        "id": check.id,
        "run_id": run.id,
        "run_url": f"{repo.api_url}/actions/runs/{run.id}",
        "run_attempt": run.attempt,
        "node_id": node_id("CheckRun", check.id),
        "head_sha": check.sha,
        "url": f"{repo.api_url}/actions/jobs/{check.id}",
        "html_url": f"{repo.hub.url}/{repo.full_name}/actions/runs/{run.id}/job/{check.id}",
        "status": check.status,
        "conclusion": check.conclusion,
        "created_at": stamp(run.created),
        "started_at": stamp(check.started or run.created),
        "completed_at": stamp(check.completed) if check.completed else None,
        "name": check.name,
        "steps": [],
        "check_run_url": f"{repo.api_url}/check-runs/{check.id}",
        "labels": ["ubuntu-latest"],
        "runner_id": None,
        "runner_name": None,
        "runner_group_id": None,
        "runner_group_name": None,
        "workflow_name": run.workflow.name,
        "head_branch": run.suite.branch,
    }
