"""Takes branches into the queue and out of it; refuses at the door what can't be meant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pointsman.core import contract as contracts
from pointsman.core import messages
from pointsman.core.contract import Author, Contract
from pointsman.core.model import CommitFacts, Sha
from pointsman.core.queue.model import Change, ChangeState, Entry
from pointsman.ports import Clock, Forge, Git, Store

_DEPENDS_ON = re.compile(r"^Depends-on:\s*(?P<names>.+?)\s*$", re.IGNORECASE | re.MULTILINE)


class Checkouts(Protocol):
    """What is known of the repository's worktrees; answers only, changes nothing."""

    def of_branch(self, branch: str) -> Path | None:
        """The worktree that has the branch checked out."""
        ...

    def dirt(self, worktree: Path) -> str:
        """`git status --short` of it; '' when clean."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """What a caller asks for; `author` and `title` default to what the head commit says."""

    branch: str
    author: str | None = None
    priority: int = 0
    depends_on: tuple[str, ...] = ()
    body: str | None = None


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


@dataclass(kw_only=True)
class Desk:
    """Where changes come in. Any process may use it while another runs the queue."""

    git: Git
    store: Store
    forge: Forge
    checkouts: Checkouts
    clock: Clock

    def submit(self, asked: Submission, *, lane: str, contract: Contract) -> Submitted | NotSubmitted:
        """Queue the branch's head as it is now. Nothing is run and nothing of the branch is changed."""
        head = self.forge.branch_heads().get(asked.branch)
        tip = self.forge.tip(lane)
        if head is None or tip is None:
            missing = asked.branch if head is None else lane
            return _refuse(asked, "no_branch", f"there is no branch {missing!r}; `git branch` lists them")
        refusal = self._unfit(asked, lane, tip, head)
        if refusal is not None:
            return refusal
        known = self._queued(lane, asked.branch)
        if known is not None and known.head == head:
            return Submitted(change=known, again=True)
        facts = self.git.commit_facts(head)
        change = self._change(asked, lane, facts, self._trailers(tip, head))
        refusal = _role_refusal(asked, change, contract) or self._too_old(asked, contract, tip, head)
        if refusal is not None:
            return refusal
        return self._store(change, known)

    def withdraw(self, change: Change, *, by: str) -> Change:
        """Take a queued change out; the branch stays. The change as it is then: it may just have landed."""
        gone = replace(change, state=ChangeState.WITHDRAWN, wait=None, ended_at=self.clock.now())
        entry = Entry(
            lane=change.lane, kind="withdrawn", body={"change": change.id, "branch": change.branch, "by": by}
        )
        stored = self.store.save(gone, entries=(entry,), at=self.clock.now())[0]
        assert isinstance(stored, Change)  # noqa: S101 - the store gives back what it keeps
        return stored

    def find(self, name: str, *, lane: str | None = None) -> Change | None:
        """The newest change called NAME: `3`, `#3` or a branch; queued ones win."""
        if name.lstrip("#").isdigit():
            return self.store.change(int(name.lstrip("#")))
        named = [change for change in self.store.changes(lane) if change.branch == name]
        queued = [change for change in named if change.state is ChangeState.QUEUED]
        return (queued or named or [None])[-1]  # type: ignore[list-item]

    def _unfit(self, asked: Submission, lane: str, tip: Sha, head: Sha) -> NotSubmitted | None:
        if asked.branch == lane:
            return _refuse(asked, "is_base", f"{lane} is the base branch; work on a branch of its own")
        worktree = self.checkouts.of_branch(asked.branch)
        dirt = self.checkouts.dirt(worktree) if worktree is not None else ""
        if dirt:
            return _refuse(
                asked,
                "dirty_tree",
                f"{worktree} has changes that are not committed:\n{dirt}\nCommit or stash them, then submit.",
            )
        if self.git.is_ancestor(head, tip):
            return _refuse(asked, "nothing_new", f"{messages.short(head)} is already on {lane}")
        if not self.git.merge_bases(tip, head):
            return _refuse(asked, "unrelated", f"{asked.branch} has no history in common with {lane}")
        return None

    def _queued(self, lane: str, branch: str) -> Change | None:
        queued = self.store.changes(lane, states=(ChangeState.QUEUED,))
        return next((change for change in queued if change.branch == branch), None)

    def _trailers(self, tip: Sha, head: Sha) -> tuple[str, ...]:
        """`Depends-on:` of every commit that the branch brings, in order, without doubles."""
        names: dict[str, None] = {}
        for commit in reversed(self.git.commits(head, exclude=(tip,), limit=1000)):
            for line in _DEPENDS_ON.finditer(self.git.commit_facts(commit).message):
                names.update(dict.fromkeys(re.split(r"[,\s]+", line["names"])))
        return tuple(name for name in names if name)

    def _change(self, asked: Submission, lane: str, facts: CommitFacts, depends_on: Sequence[str]) -> Change:
        title, _, rest = facts.message.partition("\n")
        worktree = self.checkouts.of_branch(asked.branch)
        return Change(
            id=0,
            lane=lane,
            branch=asked.branch,
            head=facts.sha,
            author=asked.author or facts.author.email,
            title=title.strip() or asked.branch,
            body=asked.body if asked.body is not None else rest.strip(),
            worktree=str(worktree) if worktree is not None else None,
            priority=asked.priority,
            depends_on=tuple(dict.fromkeys((*asked.depends_on, *depends_on))),
            submitted_at=self.clock.now(),
        )

    def _too_old(self, asked: Submission, contract: Contract, tip: Sha, head: Sha) -> NotSubmitted | None:
        """The limits on the merge base (R34): how long ago it was committed, how far the base has gone on."""
        base = self.git.merge_bases(tip, head)[0]
        limits = contract.limits
        behind = len(self.git.commits(tip, exclude=(base,), first_parent=True))
        age = self.clock.now() - self.git.commit_facts(base).committer.when
        update = f"`git merge {contract.base}` (or rebase), then submit again"
        if limits.max_behind is not None and behind > limits.max_behind:
            return _refuse(
                asked,
                "base_too_old",
                f"{asked.branch} is {behind} commits behind {contract.base}; the contract allows "
                f"{limits.max_behind}. {update}",
            )
        if limits.max_base_age is not None and behind and age > limits.max_base_age:
            return _refuse(
                asked,
                "base_too_old",
                f"{asked.branch} left {contract.base} {age / 3600:.1f} h ago; the contract allows "
                f"{limits.max_base_age / 3600:.1f} h. {update}",
            )
        return None

    def _store(self, change: Change, older: Change | None) -> Submitted:
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
                },
            )
        ]
        if older is not None:
            records.append(replace(older, state=ChangeState.WITHDRAWN, wait=None, ended_at=self.clock.now()))
            entries.append(
                Entry(
                    lane=change.lane,
                    kind="withdrawn",
                    body={"change": older.id, "branch": older.branch, "by": "a newer head of the branch"},
                )
            )
        stored = self.store.save(*records, entries=tuple(entries), at=self.clock.now())[0]
        assert isinstance(stored, Change)  # noqa: S101 - the store gives back what it was given
        self.git.move_ref(f"refs/pointsman/changes/{stored.id}", new=stored.head, expected=None)
        return Submitted(change=stored, replaced=older.id if older is not None else None)


def _refuse(asked: Submission, code: str, text: str) -> NotSubmitted:
    return NotSubmitted(branch=asked.branch, code=code, text=text)


def _role_refusal(asked: Submission, change: Change, contract: Contract) -> NotSubmitted | None:
    """A branch that no role, or more than one, lets this author use is refused at the door."""
    author = Author.parse(change.author)
    outcome = contracts.resolve_role(contract, author, change.branch, worktree=change.worktree)
    if isinstance(outcome, contracts.RoleFound):
        return None
    return _refuse(asked, "no_role", messages.no_role(change.author, change.branch, outcome))
