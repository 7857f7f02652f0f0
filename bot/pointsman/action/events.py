"""What an event says is to be judged: commits by their ids, never by a name; anything odd is refused, not guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointsman.action.surroundings import Inputs, Surroundings
from pointsman.core.errors import UserError
from pointsman.core.model import Sha

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_BRANCH = re.compile(
    r"(?!.*(?:\.\.|@\{|//|/\.|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\/.-][^\x00-\x20\x7f~^:?*\[\\]*(?<![./])"
)
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}(?:\[bot\])?")
PULL = ("pull_request", "pull_request_target", "pull_request_review")
GROUP = "refs/heads/gh-readonly-queue/"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Landing `head` on `base`, for `author` (a login) with that account id. `target` is the base branch's name;
    `refs` are where the two commits can be had, by full name. None and '': not known."""

    base: Sha
    head: Sha
    target: str = ""
    branch: str = ""
    author: str = ""
    account: int | None = None
    bot: bool = False
    number: int | None = None
    group: bool = False
    refs: Mapping[str, Sha]


def subject(around: Surroundings) -> Subject:
    """What the inputs name, else what the event is about. UserError where neither says it, or says it badly."""
    inputs = around.inputs
    found = _of_event(around)
    if inputs.base or inputs.head:
        found = _named(inputs, found)
    if found is None:
        raise UserError(
            f"the event {around.event_name or '(none)'} names no pull request and no merge group; set the inputs "
            "`base` and `head` to full commit ids"
        )
    return replace(
        found,
        branch=branch(inputs.branch, "the input `branch`") if inputs.branch else found.branch,
        author=inputs.author or found.author,
        account=None if inputs.author and inputs.author != found.author else found.account,
    )


def sha(value: object, where: str) -> Sha:
    """A full commit id, or UserError."""
    if isinstance(value, str) and _SHA.fullmatch(value) and set(value) != {"0"}:
        return Sha(value)
    raise UserError(f"{where} is {_cut(value)}, which is no full commit id")


def branch(value: object, where: str) -> str:
    """A branch's short name as git allows it, or UserError: it becomes part of a ref's name."""
    if isinstance(value, str) and len(value) <= 1000 and _BRANCH.fullmatch(value):
        return value
    raise UserError(f"{where} is {_cut(value)}, which is no branch name")


def _of_event(around: Surroundings) -> Subject | None:
    event = around.event
    if around.event_name in PULL:
        return _of_pull(_part(event, "pull_request", "the event"))
    if around.event_name == "merge_group":
        return _of_group(_part(event, "merge_group", "the event"))
    return None


def _of_pull(pull: Mapping[str, Any]) -> Subject:
    base, head = _part(pull, "base", "pull_request"), _part(pull, "head", "pull_request")
    user = _part(pull, "user", "pull_request")
    number = number_of(pull.get("number"), "pull_request.number")
    login = user.get("login")
    if not isinstance(login, str) or not _LOGIN.fullmatch(login):
        raise UserError(f"pull_request.user.login is {_cut(login)}, which is no login")
    at, onto = sha(head.get("sha"), "pull_request.head.sha"), sha(base.get("sha"), "pull_request.base.sha")
    target = branch(base.get("ref"), "pull_request.base.ref")
    return Subject(
        base=onto,
        head=at,
        target=target,
        branch=branch(head.get("ref"), "pull_request.head.ref"),
        author=login,
        account=number_of(user.get("id"), "pull_request.user.id"),
        bot=user.get("type") == "Bot",
        number=number,
        refs={f"refs/heads/{target}": onto, f"refs/pull/{number}/head": at},
    )


def _of_group(group: Mapping[str, Any]) -> Subject:
    """Anybody who may push can make a branch of such a name: who is in it is told by its commits alone (rule 16)."""
    at, onto = (
        sha(group.get("head_sha"), "merge_group.head_sha"),
        sha(group.get("base_sha"), "merge_group.base_sha"),
    )
    refs = {}
    for key in ("head_ref", "base_ref"):
        name = group.get(key)
        short = branch(str(name).removeprefix("refs/heads/"), f"merge_group.{key}")
        refs[key] = short
    return Subject(
        base=onto,
        head=at,
        target=refs["base_ref"],
        branch=refs["head_ref"],
        group=True,
        refs={f"refs/heads/{refs['base_ref']}": onto, f"refs/heads/{refs['head_ref']}": at},
    )


def _named(inputs: Inputs, found: Subject | None) -> Subject:
    """Of the inputs; what only one of them says is taken from the event."""
    base = sha(inputs.base, "the input `base`") if inputs.base else found.base if found else None
    head = sha(inputs.head, "the input `head`") if inputs.head else found.head if found else None
    if base is None or head is None:
        raise UserError("set both inputs, `base` and `head`: the event names neither commit")
    if found is not None and found.head == head:
        return replace(found, base=base, refs={**found.refs, f"refs/pointsman/asked/{base}": base})
    return Subject(base=base, head=head, refs={f"refs/pointsman/asked/{each}": each for each in (base, head)})


def _part(value: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    part = value.get(key)
    if not isinstance(part, dict):
        raise UserError(f"{where} has no object {key!r}")
    return part


def number_of(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 53:
        return value
    raise UserError(f"{where} is {_cut(value)}, which is no number of a thing")


def _cut(value: object) -> str:
    text = (
        ascii(value) if value is None or isinstance(value, str | int | float) else f"a {type(value).__name__}"
    )
    return text if len(text) <= 120 else f"{text[:117]}..."
