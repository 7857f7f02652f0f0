"""Which event a webhook delivery is. Never raises, whatever the payload; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypedDict

from pointsman.core.pulls.events.fields import (
    Raw,
    Unreadable,
    below,
    flag,
    full_name,
    maybe_below,
    maybe_name,
    maybe_sha,
    name,
    objects,
    sha,
    text,
    whole,
)
from pointsman.core.pulls.events.model import (
    ChecksChanged,
    CommentMade,
    DeploymentChanged,
    Event,
    Ignored,
    InstallationChanged,
    Malformed,
    MergeGroupAsked,
    Pinged,
    PullChanged,
    Pushed,
    RepositoryRenamed,
    ReviewChanged,
)
from pointsman.core.pulls.events.records import (
    read_account,
    read_check_run,
    read_comment,
    read_pull,
    read_repository,
    read_review,
    read_status,
)
from pointsman.core.pulls.model import Account, RepositoryName

BRANCH = "refs/heads/"
_MAX_PULLS = 100


class _Where(TypedDict):
    repository: RepositoryName
    installation: int | None
    sender: Account | None


def parse_event(event: str, payload: object) -> Event | Ignored | Malformed:
    """The delivery named by the header `X-GitHub-Event`; `payload` is its JSON, decoded."""
    reader = _READERS.get(event)
    if reader is None:
        return Ignored(reason=f"event {ascii(event)[:60]} is not followed")
    if not isinstance(payload, Mapping):
        return Malformed(why=f"expected an object, got {type(payload).__name__}")
    try:
        return reader(payload)
    except Unreadable as problem:
        return Malformed(why=f"{event}: {problem}")


def _where(raw: Raw) -> _Where:
    return {
        "repository": read_repository(below(raw, "repository")),
        "installation": _installation(raw),
        "sender": _sender(raw),
    }


def _installation(raw: Raw) -> int | None:
    installation = maybe_below(raw, "installation")
    return None if installation is None else whole(installation, "id", least=1)


def _sender(raw: Raw) -> Account | None:
    return None if raw.get("sender") is None else read_account(raw["sender"])


def _pull_request(raw: Raw) -> Event:
    label, changes = maybe_below(raw, "label"), maybe_below(raw, "changes") or {}
    base = maybe_below(changes, "base")
    old_ref = None if base is None else maybe_below(base, "ref")
    return PullChanged(
        **_where(raw),
        action=name(raw, "action"),
        pull=read_pull(below(raw, "pull_request")),
        label=None if label is None else name(label, "name"),
        before=maybe_sha(raw, "before"),
        base_before=None if old_ref is None else maybe_name(old_ref, "from"),
    )


def _review(raw: Raw) -> Event:
    pull = below(raw, "pull_request")
    return ReviewChanged(
        **_where(raw),
        action=name(raw, "action"),
        number=whole(pull, "number", least=1),
        head=sha(below(pull, "head"), "sha"),
        review=read_review(below(raw, "review")),
    )


def _comment(raw: Raw) -> Event | Ignored:
    issue, action = below(raw, "issue"), name(raw, "action")
    match action:
        case "created" | "edited" | "deleted":
            return CommentMade(
                **_where(raw),
                action=action,
                comment=read_comment(below(raw, "comment"), whole(issue, "number", least=1)),
                is_pull=maybe_below(issue, "pull_request") is not None,
                labels=tuple(name(label, "name") for label in objects(issue, "labels")),
                open=name(issue, "state") == "open",
            )
        case _:
            return Ignored(reason=f"issue_comment {ascii(action)[:60]} changes nothing")


def _check_run(raw: Raw) -> Event:
    run = below(raw, "check_run")
    check, suite = read_check_run(run), maybe_below(run, "check_suite") or {}
    asked = maybe_below(raw, "requested_action")
    return ChecksChanged(
        **_where(raw),
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


def _check_suite(raw: Raw) -> Event:
    suite = below(raw, "check_suite")
    app = maybe_below(suite, "app")
    completed = maybe_name(suite, "status") == "completed"
    return ChecksChanged(
        **_where(raw),
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


def _status(raw: Raw) -> Event:
    status = read_status(raw)
    return ChecksChanged(
        **_where(raw),
        kind="status",
        commit=sha(raw, "sha"),
        name=status.name,
        app=None,
        completed=status.status == "completed",
        conclusion=status.conclusion,
        id=status.id,
    )


def _workflow_run(raw: Raw) -> Event:
    run = below(raw, "workflow_run")
    completed = maybe_name(run, "status") == "completed"
    return ChecksChanged(
        **_where(raw),
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


def _push(raw: Raw) -> Event:
    ref, after = name(raw, "ref"), maybe_sha(raw, "after")
    return Pushed(
        **_where(raw),
        ref=ref,
        branch=ref.removeprefix(BRANCH) if ref.startswith(BRANCH) else None,
        before=maybe_sha(raw, "before"),
        after=after,
        deleted=flag(raw, "deleted") or after is None,
        forced=flag(raw, "forced"),
    )


def _merge_group(raw: Raw) -> Event | Ignored:
    group, action = below(raw, "merge_group"), name(raw, "action")
    match action:
        case "checks_requested" | "destroyed":
            return MergeGroupAsked(
                **_where(raw),
                action=action,
                head_sha=sha(group, "head_sha"),
                head_ref=name(group, "head_ref"),
                base_sha=sha(group, "base_sha"),
                base_ref=name(group, "base_ref"),
            )
        case _:
            return Ignored(reason=f"merge_group {ascii(action)[:60]} asks for nothing")


def _deployment_status(raw: Raw) -> Event:
    status, deployment = below(raw, "deployment_status"), below(raw, "deployment")
    return DeploymentChanged(
        **_where(raw),
        commit=sha(deployment, "sha"),
        environment=maybe_name(status, "environment") or name(deployment, "environment"),
        state=name(status, "state"),
    )


def _repository(raw: Raw) -> Event | Ignored:
    action = name(raw, "action")
    match action:
        case "renamed" | "transferred":
            where = _where(raw)
            return RepositoryRenamed(**where, action=action, before=_name_before(raw, action, where))
        case _:
            return Ignored(reason=f"repository {ascii(action)[:60]} moves nothing")


def _name_before(raw: Raw, action: Literal["renamed", "transferred"], where: _Where) -> str | None:
    changes = maybe_below(raw, "changes") or {}
    owner, _, short = where["repository"].full_name.partition("/")
    if action == "renamed":
        repository = maybe_below(changes, "repository") or {}
        old = maybe_name(maybe_below(repository, "name") or {}, "from")
        return None if old is None else full_name({"before": f"{owner}/{old}"}, "before")
    source = maybe_below(maybe_below(changes, "owner") or {}, "from") or {}
    old_owner = maybe_below(source, "user") or maybe_below(source, "organization")
    return (
        None
        if old_owner is None
        else full_name({"before": f"{read_account(old_owner).login}/{short}"}, "before")
    )


def _installed(raw: Raw) -> Event:
    """`installation` lists its repositories under `repositories`, `installation_repositories` what changed."""
    installation, action = below(raw, "installation"), name(raw, "action")
    listed = tuple(read_repository(each) for each in objects(raw, "repositories"))
    gone = action in ("deleted", "suspend")
    account = maybe_below(installation, "account")
    return InstallationChanged(
        action=action,
        installation=whole(installation, "id", least=1),
        account=None if account is None else read_account(account),
        sender=_sender(raw),
        app=whole(installation, "app_id", least=1) if installation.get("app_id") is not None else None,
        added=(() if gone else listed) + tuple(map(read_repository, objects(raw, "repositories_added"))),
        removed=(listed if gone else ()) + tuple(map(read_repository, objects(raw, "repositories_removed"))),
    )


def _ping(raw: Raw) -> Event:
    repository = maybe_below(raw, "repository")
    return Pinged(
        repository=None if repository is None else read_repository(repository),
        installation=_installation(raw),
        sender=_sender(raw),
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Event | Ignored]] = MappingProxyType(
    {
        "pull_request": _pull_request,
        "pull_request_review": _review,
        "issue_comment": _comment,
        "check_run": _check_run,
        "check_suite": _check_suite,
        "status": _status,
        "workflow_run": _workflow_run,
        "push": _push,
        "merge_group": _merge_group,
        "deployment_status": _deployment_status,
        "repository": _repository,
        "installation": _installed,
        "installation_repositories": _installed,
        "ping": _ping,
    }
)
HANDLED = tuple(_READERS)
"""The events that the app subscribes to, and `ping`, which comes unasked."""
