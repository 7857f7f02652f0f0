"""Reading the forge's objects (a pull request, a comment, a check) from the JSON of its API and its webhooks.

Every function raises `Unreadable` where the shape is not the documented one. No event is known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pointsman.core.pulls.events.fields import (
    MAX_TEXT,
    Raw,
    Unreadable,
    below,
    flag,
    full_name,
    login,
    maybe_below,
    maybe_name,
    maybe_sha,
    maybe_when,
    name,
    objects,
    sha,
    text,
    whole,
)
from pointsman.core.pulls.model import Account, Comment, ForeignCheck, Pull, PullState, RepositoryName, Review

GHOST = Account(login="ghost", id=0)
"""Stands for an account that was deleted: GitHub gives null. It is nobody, and no account has this id."""

ReviewState = Literal["approved", "changes_requested", "commented", "dismissed", "pending"]
_REVIEW_STATES: dict[str, ReviewState] = {
    "approved": "approved",
    "changes_requested": "changes_requested",
    "commented": "commented",
    "dismissed": "dismissed",
    "pending": "pending",
}
_STATUS_WORDS = ("error", "failure", "success")


def read_account(raw: Any) -> Account:
    """A user, bot or organisation object; null is `GHOST`."""
    if raw is None:
        return GHOST
    if not isinstance(raw, Mapping):
        raise Unreadable(f"account: expected an object, got {type(raw).__name__}")
    return Account(login=login(raw, "login"), id=whole(raw, "id", least=1), bot=raw.get("type") == "Bot")


def read_repository(raw: Raw) -> RepositoryName:
    return RepositoryName(id=whole(raw, "id", least=1), full_name=full_name(raw, "full_name"))


def read_pull(raw: Raw) -> Pull:
    """A pull request: from a webhook, from `GET /pulls/N` or from the list; the latter two differ in `merged`."""
    head, base = below(raw, "head"), below(raw, "base")
    head_repository = maybe_below(head, "repo")
    source = None if head_repository is None else read_repository(head_repository)
    return Pull(
        number=whole(raw, "number", least=1),
        title=text(raw, "title", limit=1000),
        body=text(raw, "body"),
        author=read_account(raw.get("user")),
        state=_pull_state(raw),
        draft=flag(raw, "draft"),
        base=name(base, "ref"),
        base_sha=sha(base, "sha"),
        head=sha(head, "sha"),
        branch=name(head, "ref"),
        head_repository=source,
        fork=source is None or source.id != read_repository(below(base, "repo")).id,
        maintainer_can_modify=flag(raw, "maintainer_can_modify"),
        labels=tuple(name(label, "name") for label in objects(raw, "labels")),
        updated_at=maybe_when(raw, "updated_at") or 0.0,
        node_id=text(raw, "node_id", limit=200),
    )


def _pull_state(raw: Raw) -> PullState:
    state = name(raw, "state")
    if state not in ("open", "closed"):
        raise Unreadable(f"state: expected open or closed, got {ascii(state)[:60]}")
    if state == "open":
        return PullState.OPEN
    merged = flag(raw, "merged") or maybe_when(raw, "merged_at") is not None
    return PullState.MERGED if merged else PullState.CLOSED


def read_comment(raw: Raw, number: int) -> Comment:
    """A comment on the conversation of pull request or issue `number`."""
    made = maybe_when(raw, "created_at") or 0.0
    return Comment(
        id=whole(raw, "id", least=1),
        number=number,
        author=read_account(raw.get("user")),
        body=text(raw, "body"),
        created_at=made,
        updated_at=maybe_when(raw, "updated_at") or made,
    )


def read_review(raw: Raw) -> Review:
    """A review; GitHub writes its state in capitals in the API and small in webhooks."""
    state = _REVIEW_STATES.get(name(raw, "state").lower())
    if state is None:
        raise Unreadable(f"state: {ascii(raw.get('state'))[:60]} is no state of a review")
    return Review(
        id=whole(raw, "id", least=1),
        author=read_account(raw.get("user")),
        state=state,
        commit=maybe_sha(raw, "commit_id"),
        at=maybe_when(raw, "submitted_at") or 0.0,
    )


def read_check_run(raw: Raw) -> ForeignCheck:
    """A check run. One that names no app has app None, and is nobody's."""
    app, suite, output = (maybe_below(raw, key) for key in ("app", "check_suite", "output"))
    status = name(raw, "status")
    return ForeignCheck(
        id=whole(raw, "id", least=1),
        name=name(raw, "name"),
        kind="check_run",
        app=None if app is None else whole(app, "id", least=1),
        status=status,
        conclusion=maybe_name(raw, "conclusion") if status == "completed" else None,
        url=text(raw, "html_url", limit=2000) or text(raw, "details_url", limit=2000),
        started_at=maybe_when(raw, "started_at"),
        completed_at=maybe_when(raw, "completed_at"),
        text=_output(output),
        suite=None if suite is None else whole(suite, "id", least=1),
    )


def _output(output: Raw | None) -> str:
    if output is None:
        return ""
    parts = (text(output, key) for key in ("title", "summary", "text"))
    return "\n".join(part for part in parts if part)[:MAX_TEXT]


def read_status(raw: Raw) -> ForeignCheck:
    """A commit status, from the webhook or the API; `pending` runs, every other state has ended."""
    state = name(raw, "state")
    ended = state != "pending"
    return ForeignCheck(
        id=whole(raw, "id", least=1),
        name=name(raw, "context"),
        kind="status",
        app=None,
        status="completed" if ended else "in_progress",
        conclusion=(state if state in _STATUS_WORDS else "error") if ended else None,
        url=text(raw, "target_url", limit=2000),
        started_at=maybe_when(raw, "created_at"),
        completed_at=maybe_when(raw, "updated_at") if ended else None,
        text=text(raw, "description", limit=1000),
    )
