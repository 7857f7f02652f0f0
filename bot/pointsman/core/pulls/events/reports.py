"""Reading the four webhooks that tell of checks; what a check amounts to is judged elsewhere, on facts read anew."""

from __future__ import annotations

from pointsman.core.pulls.events.fields import (
    Raw,
    below,
    maybe_below,
    maybe_name,
    name,
    objects,
    sha,
    text,
    whole,
)
from pointsman.core.pulls.events.model import ChecksChanged
from pointsman.core.pulls.events.origin import where_from
from pointsman.core.pulls.events.records import read_check_run, read_status

_MAX_PULLS = 100


def check_run(raw: Raw) -> ChecksChanged:
    run = below(raw, "check_run")
    check, suite = read_check_run(run), maybe_below(run, "check_suite") or {}
    asked = maybe_below(raw, "requested_action")
    return ChecksChanged(
        **where_from(raw),
        kind="check_run",
        commit=sha(run, "head_sha"),
        name=check.name,
        app=check.app,
        completed=check.status == "completed",
        conclusion=check.conclusion,
        action=name(raw, "action"),
        id=check.id,
        branch=maybe_name(suite, "head_branch"),
        pulls=_pulls(run),
        asked=None if asked is None else name(asked, "identifier"),
        external_id=text(run, "external_id", limit=1000),
    )


def check_suite(raw: Raw) -> ChecksChanged:
    suite = below(raw, "check_suite")
    app = maybe_below(suite, "app")
    completed = maybe_name(suite, "status") == "completed"
    return ChecksChanged(
        **where_from(raw),
        kind="check_suite",
        commit=sha(suite, "head_sha"),
        name=None,
        app=None if app is None else whole(app, "id", least=1),
        completed=completed,
        conclusion=maybe_name(suite, "conclusion") if completed else None,
        action=name(raw, "action"),
        id=whole(suite, "id", least=1),
        branch=maybe_name(suite, "head_branch"),
        pulls=_pulls(suite),
    )


def status(raw: Raw) -> ChecksChanged:
    status = read_status(raw)
    return ChecksChanged(
        **where_from(raw),
        kind="status",
        commit=sha(raw, "sha"),
        name=status.name,
        app=None,
        completed=status.status == "completed",
        conclusion=status.conclusion,
        id=status.id,
    )


def workflow_run(raw: Raw) -> ChecksChanged:
    run = below(raw, "workflow_run")
    completed = maybe_name(run, "status") == "completed"
    return ChecksChanged(
        **where_from(raw),
        kind="workflow_run",
        commit=sha(run, "head_sha"),
        name=maybe_name(run, "name"),
        app=None,
        completed=completed,
        conclusion=maybe_name(run, "conclusion") if completed else None,
        action=name(raw, "action"),
        id=whole(run, "id", least=1),
        branch=maybe_name(run, "head_branch"),
        pulls=_pulls(run),
    )


def _pulls(raw: Raw) -> tuple[int, ...]:
    return tuple(whole(pull, "number", least=1) for pull in objects(raw, "pull_requests")[:_MAX_PULLS])
