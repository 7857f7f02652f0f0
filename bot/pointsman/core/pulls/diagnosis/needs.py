"""The events and permissions that the app needs, each with what stops without it; no app is judged here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS = ("none", "read", "write", "admin")


@dataclass(frozen=True, kw_only=True, slots=True)
class Need:
    """`stops`: a clause on what does not work without it; `vital`: the queue itself does not."""

    level: str = "read"
    stops: str
    vital: bool = True


PERMISSIONS: Mapping[str, Need] = {
    "actions": Need(level="write", stops="no workflow is started or run again", vital=False),
    "administration": Need(
        stops="of classic branch protection only the required checks are known, so what else it asks shows too late",
        vital=False,
    ),
    "checks": Need(level="write", stops="no check run is posted, and no gate can pass"),
    "contents": Need(level="write", stops="no candidate is pushed and nothing lands"),
    "deployments": Need(
        stops="a contract that waits for an environment can't be obeyed: its lane pauses", vital=False
    ),
    "issues": Need(level="write", stops="no comment is posted and no command is acknowledged"),
    "members": Need(stops="nobody counts as a member of a team that the contract names", vital=False),
    "merge_queues": Need(stops="`merge_group` does not come: GitHub's own queue gets no answer", vital=False),
    "metadata": Need(stops="nothing can be read"),
    "pull_requests": Need(level="write", stops="pull requests are neither read nor closed as landed"),
    "statuses": Need(stops="commit statuses can't be read, and no gate can pass"),
    "workflows": Need(level="write", stops="a change of .github/workflows can't land", vital=False),
}

EVENTS: Mapping[str, Need] = {
    "check_run": Need(stops="a finished check is noticed minutes late"),
    "check_suite": Need(stops="a finished gate is noticed minutes late"),
    "deployment_status": Need(stops="lands wait for a deploy minutes too long", vital=False),
    "issue_comment": Need(stops="a command is answered minutes late"),
    "merge_group": Need(stops="GitHub's own merge queue gets no answer", vital=False),
    "pull_request": Need(stops="a pull request that is opened or pushed to is noticed minutes late"),
    "pull_request_review": Need(stops="an approval is noticed minutes late"),
    "push": Need(stops="a push to the base branch is noticed minutes late"),
    "repository": Need(stops="a rename is noticed minutes late", vital=False),
    "status": Need(stops="a commit status is noticed minutes late"),
    "workflow_run": Need(stops="the end of a workflow is noticed minutes late", vital=False),
}
"""`installation` and `installation_repositories` come to every app without asking."""


def lacking(held: Mapping[str, str]) -> Mapping[str, Need]:
    """Of what is needed, by name, what these permissions don't hold."""
    return {name: need for name, need in PERMISSIONS.items() if _rank(held.get(name)) < _rank(need.level)}


def beyond(held: Mapping[str, str]) -> Mapping[str, str]:
    """What these permissions hold and nothing needs."""

    def needed(name: str) -> str:
        return PERMISSIONS[name].level if name in PERMISSIONS else "none"

    return {name: level for name, level in held.items() if _rank(level) > _rank(needed(name))}


def _rank(level: str | None) -> int:
    return LEVELS.index(level) if level in LEVELS else 0
