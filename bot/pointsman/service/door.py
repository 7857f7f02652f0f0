"""What every way into the queue has in common: trailers, limits, roles at the door, and the writing down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pointsman.core import contract as contracts
from pointsman.core import messages
from pointsman.core.contract import Author, Contract
from pointsman.core.model import Sha
from pointsman.core.queue.model import Change, ChangeState, Entry
from pointsman.ports import Clock, Git, Store

_DEPENDS_ON = re.compile(r"^Depends-on:\s*(?P<names>.+?)\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """In the queue; `again`: the very same head already was. `replaced` is the older head's change."""

    change: Change
    again: bool = False
    replaced: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NotSubmitted:
    """Refused at the door: a stable code, what was found, and the next step."""

    branch: str
    code: str
    text: str


def dependencies(texts: Iterable[str]) -> tuple[str, ...]:
    """Every `Depends-on:` of the texts, in order, without doubles."""
    names: dict[str, None] = {}
    for text in texts:
        for line in _DEPENDS_ON.finditer(text):
            names.update(dict.fromkeys(re.split(r"[,\s]+", line["names"])))
    return tuple(name for name in names if name)


def messages_brought(git: Git, tip: Sha, head: Sha) -> tuple[str, ...]:
    """The messages of the commits that the head brings, oldest first."""
    commits = reversed(git.commits(head, exclude=(tip,), limit=1000))
    return tuple(git.commit_facts(commit).message for commit in commits)


def too_old(
    git: Git, branch: str, contract: Contract, tip: Sha, head: Sha, now: float, *, again: str = "submit"
) -> NotSubmitted | None:
    """The limits on the merge base (R34): how long ago it was committed, how far the base has gone on."""
    base = git.merge_bases(tip, head)[0]
    limits = contract.limits
    behind = len(git.commits(tip, exclude=(base,), first_parent=True))
    age = now - git.commit_facts(base).committer.when
    update = f"`git merge {contract.base}` (or rebase), then {again} again"
    if limits.max_behind is not None and behind > limits.max_behind:
        text = f"{branch} is {behind} commits behind {contract.base}; the contract allows {limits.max_behind}. {update}"
        return NotSubmitted(branch=branch, code="base_too_old", text=text)
    if limits.max_base_age is not None and behind and age > limits.max_base_age:
        text = (
            f"{branch} left {contract.base} {age / 3600:.1f} h ago; the contract allows "
            f"{limits.max_base_age / 3600:.1f} h. {update}"
        )
        return NotSubmitted(branch=branch, code="base_too_old", text=text)
    return None


def role_refusal(change: Change, who: Author, contract: Contract) -> NotSubmitted | None:
    """A branch that no role, or more than one, lets this author use is refused at the door."""
    outcome = contracts.resolve_role(contract, who, change.branch, worktree=change.worktree)
    if isinstance(outcome, contracts.RoleFound):
        return None
    text = messages.no_role(change.author, change.branch, outcome)
    return NotSubmitted(branch=change.branch, code="no_role", text=text)


def queued_from(store: Store, lane: str, source: str) -> Change | None:
    """The queued change that comes from that branch or pull request."""
    queued = store.changes(lane, states=(ChangeState.QUEUED,))
    return next((change for change in queued if change.source == source), None)


def enter(store: Store, git: Git, clock: Clock, change: Change, older: Change | None) -> Submitted:
    """Write the change down and pin its head; an `older` one of the same source leaves with the same stroke."""
    records = [change]
    entries = [
        Entry(
            lane=change.lane,
            kind="submitted",
            body={
                "change": "$0",
                "branch": change.branch,
                "head": change.head,
                "author": change.author,
                "title": change.title,
                "priority": change.priority,
                "depends_on": list(change.depends_on),
                **({"number": change.number} if change.number is not None else {}),
            },
        )
    ]
    if older is not None:
        records.append(replace(older, state=ChangeState.WITHDRAWN, wait=None, ended_at=clock.now()))
        body = {"change": older.id, "branch": older.branch, "by": "a newer head of the branch"}
        entries.append(Entry(lane=change.lane, kind="withdrawn", body=body))
    stored = store.save(*records, entries=tuple(entries), at=clock.now())[0]
    assert isinstance(stored, Change)  # noqa: S101 - the store gives back what it was given
    git.move_ref(f"refs/pointsman/changes/{stored.id}", new=stored.head, expected=None)
    return Submitted(change=stored, replaced=older.id if older is not None else None)


def leave(store: Store, clock: Clock, change: Change, *, by: str) -> Change:
    """Take a queued change out; its branch stays. The change as it is then: it may just have landed."""
    gone = replace(change, state=ChangeState.WITHDRAWN, wait=None, ended_at=clock.now())
    body = {"change": change.id, "branch": change.branch, "by": by}
    entry = Entry(lane=change.lane, kind="withdrawn", body=body)
    stored = store.save(gone, entries=(entry,), at=clock.now())[0]
    assert isinstance(stored, Change)  # noqa: S101 - the store gives back what it keeps
    return stored
