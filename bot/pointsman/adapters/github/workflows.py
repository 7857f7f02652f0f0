"""GitHub Actions' workflows, started and repeated; what they find is read as checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.adapters.github.client import Unsure
from pointsman.adapters.github.repository import Raw, Repository, read, stamp
from pointsman.core.errors import ForgeRefused, ForgeUnavailable

SLACK = 5.0
"""Seconds that GitHub's clock, as last heard, may be off."""
_NO_RERUN = (403, 404, 409, 410, 422)
_NO_PERMISSION = "not accessible by"


class Workflows(Repository):
    """The part of `GitHubPulls` that has to do with workflows."""

    def dispatch(self, workflow: str, *, ref: str, inputs: Mapping[str, str]) -> None:
        started = self._clock.now() + self._client.skew
        path = self._path("actions", "workflows", workflow, "dispatches")
        try:
            self._client.write("POST", path, {"ref": ref, "inputs": dict(inputs)})
        except Unsure:
            if not self._was_dispatched(workflow, ref, started):
                raise ForgeUnavailable(f"GitHub did not say whether it started {workflow} on {ref}") from None

    def _was_dispatched(self, workflow: str, ref: str, started: float) -> bool:
        """Is there a run that is newer than our asking? The newest come first."""
        oldest = stamp(started - SLACK)
        listing = self._client.listing(
            self._path("actions", "workflows", workflow, "runs"),
            key="workflow_runs",
            until=lambda raw: str(raw.get("created_at", "")) < oldest,
            event="workflow_dispatch",
            branch=ref.removeprefix("refs/heads/"),
        )
        return bool(listing.items)

    def rerun(self, check_run: int) -> bool:
        """A check run of GitHub Actions has the id of its job."""
        job = self._client.find(self._path("actions", "jobs", check_run))
        if job is None:
            return False
        run = read(_run_id, job)
        try:
            self._client.write("POST", self._path("actions", "runs", run, "rerun-failed-jobs"))
        except ForgeRefused as problem:
            if problem.status not in _NO_RERUN or _NO_PERMISSION in str(problem).lower():
                raise
            return False
        except Unsure:
            found: Any = self._client.get(self._path("actions", "runs", run))
            if found.get("run_attempt", 1) <= job.get("run_attempt", 1):
                raise ForgeUnavailable(f"GitHub did not say whether it runs {run} again") from None
        return True


def _run_id(raw: Raw) -> int:
    return int(raw["run_id"])
