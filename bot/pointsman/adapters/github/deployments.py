"""What GitHub tells of the deployment of a commit: of an environment, or a run of the workflow that deploys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pointsman.adapters.github.repository import Raw, Repository, read
from pointsman.core.errors import ForgeRefused
from pointsman.core.healer.model import one_line
from pointsman.core.model import Sha
from pointsman.core.queue.deploys import DeployReport
from pointsman.core.queue.observation import DeployState

if TYPE_CHECKING:
    from pointsman.core.contract.model import Deploy

MOST = 30
"""Deployments of one commit to one environment, and runs of one workflow on it, that are looked at: the newest."""

_ENDED = {"success": DeployState.SUCCEEDED, "failure": DeployState.FAILED, "error": DeployState.FAILED}
_ADDRESS = re.compile(r"https?://[!-~]{1,500}")
_NOTHING_TO_DO = ("success", "skipped")


class Deployments(Repository):
    """The part of `GitHubPulls` that implements `ports.DeploySource`."""

    def report(self, commit: Sha, deploy: Deploy) -> DeployReport | None:
        """Two requests at most, which cost nothing while nothing has changed."""
        if deploy.environment is not None:
            return self._of_environment(commit, deploy.environment)
        return self._of_workflow(commit, deploy.workflow) if deploy.workflow is not None else None

    def _of_environment(self, commit: Sha, environment: str) -> DeployReport | None:
        """The newest deployment decides: it may have been tried again."""
        found = self._client.listing(
            self._path("deployments"), most=MOST, sha=commit, environment=environment, per_page=MOST
        )
        newest = max(found.items, key=lambda raw: int(raw.get("id", 0)), default=None)
        if newest is None:
            return None
        statuses = self._client.listing(self._path("deployments", newest["id"], "statuses"), most=MOST)
        return read(_of_statuses, statuses.items)

    def _of_workflow(self, commit: Sha, workflow: str) -> DeployReport | None:
        path = self._path("actions", "workflows", workflow, "runs")
        try:
            found = self._client.listing(path, key="workflow_runs", most=MOST, head_sha=commit, per_page=MOST)
        except ForgeRefused as problem:
            if problem.status == 404:
                why = f"there is no workflow .github/workflows/{workflow}"
                return DeployReport(state=DeployState.FAILED, why=why)
            raise
        newest = max(found.items, key=lambda raw: int(raw.get("id", 0)), default=None)
        return read(_of_run, newest) if newest is not None else None


def _of_statuses(statuses: Sequence[Raw]) -> DeployReport:
    """The newest word on it. `inactive` is none: it says that another deployment took its place."""
    said = [raw for raw in statuses if raw["state"] != "inactive"]
    newest = max(said, key=lambda raw: int(raw["id"]), default=None)
    if newest is None:
        superseded = bool(statuses)
        return DeployReport(state=DeployState.SUCCEEDED if superseded else DeployState.PENDING)
    state = _ENDED.get(str(newest["state"]), DeployState.PENDING)
    url = _address(newest.get("log_url") or newest.get("target_url"))
    why = one_line(str(newest.get("description") or f"it ended as {newest['state']}"))
    return DeployReport(state=state, url=url, why=why if state is DeployState.FAILED else "")


def _address(said: Any) -> str:
    """Whoever may report a deployment may write anything there."""
    text = str(said or "")
    return text if _ADDRESS.fullmatch(text) else ""


def _of_run(run: Raw) -> DeployReport:
    """A skipped run had nothing to deploy; any other end than success is a failure."""
    url, conclusion = _address(run.get("html_url")), _conclusion(run)
    if conclusion is None:
        return DeployReport(state=DeployState.PENDING, url=url)
    if conclusion in _NOTHING_TO_DO:
        return DeployReport(state=DeployState.SUCCEEDED, url=url)
    return DeployReport(state=DeployState.FAILED, url=url, why=f"the workflow run ended as {conclusion}")


def _conclusion(run: Raw) -> Any:
    return run["conclusion"] if run["status"] == "completed" else None
