"""Which event a webhook delivery is. Never raises, whatever the payload; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

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
    whole,
)
from pointsman.core.pulls.events.model import (
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
from pointsman.core.pulls.events.origin import Where, installation_of, sender_of, where_from
from pointsman.core.pulls.events.records import (
    read_account,
    read_comment,
    read_pull,
    read_repository,
    read_review,
)
from pointsman.core.pulls.events.reports import check_run, check_suite, status, workflow_run

BRANCH = "refs/heads/"


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


def _pull_request(raw: Raw) -> Event:
    label, changes = maybe_below(raw, "label"), maybe_below(raw, "changes") or {}
    base = maybe_below(changes, "base")
    old_ref = None if base is None else maybe_below(base, "ref")
    return PullChanged(
        **where_from(raw),
        action=name(raw, "action"),
        pull=read_pull(below(raw, "pull_request")),
        label=None if label is None else name(label, "name"),
        before=maybe_sha(raw, "before"),
        base_before=None if old_ref is None else maybe_name(old_ref, "from"),
    )


def _review(raw: Raw) -> Event:
    pull = below(raw, "pull_request")
    return ReviewChanged(
        **where_from(raw),
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
                **where_from(raw),
                action=action,
                comment=read_comment(below(raw, "comment"), whole(issue, "number", least=1)),
                is_pull=maybe_below(issue, "pull_request") is not None,
                labels=tuple(name(label, "name") for label in objects(issue, "labels")),
                open=name(issue, "state") == "open",
            )
        case _:
            return Ignored(reason=f"issue_comment {ascii(action)[:60]} changes nothing")


def _push(raw: Raw) -> Event:
    ref, after = name(raw, "ref"), maybe_sha(raw, "after")
    return Pushed(
        **where_from(raw),
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
                **where_from(raw),
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
        **where_from(raw),
        commit=sha(deployment, "sha"),
        environment=maybe_name(status, "environment") or name(deployment, "environment"),
        state=name(status, "state"),
    )


def _repository(raw: Raw) -> Event | Ignored:
    action = name(raw, "action")
    match action:
        case "renamed" | "transferred":
            where = where_from(raw)
            return RepositoryRenamed(**where, action=action, before=_name_before(raw, action, where))
        case _:
            return Ignored(reason=f"repository {ascii(action)[:60]} moves nothing")


def _name_before(raw: Raw, action: Literal["renamed", "transferred"], where: Where) -> str | None:
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
        sender=sender_of(raw),
        app=whole(installation, "app_id", least=1) if installation.get("app_id") is not None else None,
        added=(() if gone else listed) + tuple(map(read_repository, objects(raw, "repositories_added"))),
        removed=(listed if gone else ()) + tuple(map(read_repository, objects(raw, "repositories_removed"))),
    )


def _ping(raw: Raw) -> Event:
    repository = maybe_below(raw, "repository")
    return Pinged(
        repository=None if repository is None else read_repository(repository),
        installation=installation_of(raw),
        sender=sender_of(raw),
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Event | Ignored]] = MappingProxyType(
    {
        "pull_request": _pull_request,
        "pull_request_review": _review,
        "issue_comment": _comment,
        "check_run": check_run,
        "check_suite": check_suite,
        "status": status,
        "workflow_run": workflow_run,
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
