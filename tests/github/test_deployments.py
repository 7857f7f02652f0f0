"""What GitHub tells of a landed commit's deployment: by environment or by workflow, over HTTP from a GitHub that checks
every request; and a lane that waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.core.contract.model import Deploy
from pointsman.core.errors import ForgeRefused
from pointsman.core.model import Sha
from pointsman.core.queue.deploys import DeployReport
from pointsman.core.queue.observation import DeployState
from pointsman.ports import DeploySource
from tests.github.desk import Desk, desk
from tests.github.world import CONTRACT, world

PENDING, SUCCEEDED, FAILED = DeployState.PENDING, DeployState.SUCCEEDED, DeployState.FAILED
PRODUCTION = Deploy(environment="production")
WORKFLOW = Deploy(workflow="deploy.yml")
LIST = "/repos/{owner}/{repo}/deployments"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as made:
        yield made


def tip(at: Desk) -> Sha:
    found = at.repo.tip("main")
    assert found is not None
    return Sha(found)


def test_the_newest_deployment_of_the_commit_to_the_environment_decides(at: Desk) -> None:
    source: DeploySource = at.pulls
    assert source.report(tip(at), PRODUCTION) is None
    at.repo.deploy("ada", "main", "staging")
    assert source.report(tip(at), PRODUCTION) is None
    first = at.repo.deploy("ada", "main")
    assert source.report(tip(at), PRODUCTION) == DeployReport(state=PENDING)
    for state in ("queued", "pending", "in_progress"):
        at.repo.deployment_status("ada", first, state, log_url="https://ci.example/7")
        assert source.report(tip(at), PRODUCTION) == DeployReport(state=PENDING, url="https://ci.example/7")
    at.repo.deployment_status("ada", first, "failure", description="no\x1b[2J room\nleft")
    failed = source.report(tip(at), PRODUCTION)
    assert failed == DeployReport(state=FAILED, why="no [2J room left")
    again = at.repo.deploy("ada", "main")
    at.repo.deployment_status("ada", again, "error")
    assert source.report(tip(at), PRODUCTION) == DeployReport(state=FAILED, why="it ended as error")
    at.repo.deployment_status("ada", again, "success", target_url="javascript:alert(1)")
    at.repo.deployment_status("ada", again, "inactive")
    assert source.report(tip(at), PRODUCTION) == DeployReport(state=SUCCEEDED)


def test_asking_again_costs_nothing_while_nothing_has_changed(at: Desk) -> None:
    made = at.repo.deploy("ada", "main")
    at.repo.deployment_status("ada", made, "in_progress")
    at.requests()
    for _ in range(2):
        at.pulls.report(tip(at), PRODUCTION)
    statuses = LIST + "/{deployment_id}/statuses"
    assert at.requests() == [
        f"GET 200 {LIST}",
        f"GET 200 {statuses}",
        f"GET 304 {LIST}",
        f"GET 304 {statuses}",
    ]


ENDS = {
    "success": SUCCEEDED,
    "skipped": SUCCEEDED,
    "failure": FAILED,
    "cancelled": FAILED,
    "timed_out": FAILED,
}


def test_the_run_of_the_workflow_that_deploys_decides(at: Desk) -> None:
    at.repo.workflow("deploy", ["ship"], on_push=["main"])
    assert at.pulls.report(tip(at), WORKFLOW) is None
    for conclusion, state in ENDS.items():
        at.repo.push("ada", "main", {f"{conclusion}.txt": "x\n"}, "Land")
        report = at.pulls.report(tip(at), WORKFLOW)
        assert report is not None
        assert (report.state, "/actions/runs/" in report.url) == (PENDING, True)
        (check,) = at.repo.check_runs(tip(at))
        at.repo.end_check(check, conclusion)
        report = at.pulls.report(tip(at), WORKFLOW)
        assert report is not None
        assert report.state is state
        assert report.why == ("" if state is SUCCEEDED else f"the workflow run ended as {conclusion}")
    missing = at.pulls.report(tip(at), Deploy(workflow="gone.yml"))
    assert missing == DeployReport(state=FAILED, why="there is no workflow .github/workflows/gone.yml")


def test_without_the_permission_it_is_said(tmp_path: Path) -> None:
    with (
        desk(tmp_path, metadata="read", contents="write") as made,
        pytest.raises(ForgeRefused, match="deployments"),
    ):
        made.pulls.report(tip(made), PRODUCTION)


def test_R21_the_next_landing_waits_until_the_deployment_of_the_last_is_over(tmp_path: Path) -> None:
    contract = f"{CONTRACT}deploy: {{environment: production, timeout: 45m}}\n"
    with world(tmp_path, contract=contract) as w:
        for name in ("one", "two"):
            w.say(w.open(name, {f"{name}.txt": "x\n"}, title=name), "/queue")
            w.work()
        assert len(w.landed()) == 1
        w.github.advance(61)
        w.work()
        assert "and it waits" in w.ours(2)[0] and "the deployment of" in w.ours(2)[0]
        deployed = w.repo.deploy("bob", "main")
        w.repo.deployment_status("bob", deployed, "in_progress")
        w.work()
        assert len(w.landed()) == 1
        w.repo.deployment_status("bob", deployed, "success")
        w.work()
        assert len(w.landed()) == 2
