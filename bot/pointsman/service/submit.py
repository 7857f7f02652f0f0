"""Takes branches into the queue and out of it; refuses at the door what can't be meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pointsman.core import messages
from pointsman.core.contract import Author, Contract
from pointsman.core.model import CommitFacts, Sha
from pointsman.core.queue.model import Change, ChangeState, Entry
from pointsman.ports import Clock, Forge, Git, Store
from pointsman.service.door import (
    NotSubmitted,
    Submitted,
    dependencies,
    enter,
    leave,
    messages_brought,
    queued_from,
    role_refusal,
    too_old,
)


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
        known = queued_from(self.store, lane, asked.branch)
        if known is not None and known.head == head:
            return Submitted(change=self._raised(known, asked.priority), again=True)
        facts = self.git.commit_facts(head)
        change = self._change(asked, lane, facts, dependencies(messages_brought(self.git, tip, head)))
        refusal = role_refusal(change, Author.parse(change.author), contract) or too_old(
            self.git, asked.branch, contract, tip, head, self.clock.now()
        )
        if refusal is not None:
            return refusal
        return enter(self.store, self.git, self.clock, change, known)

    def _raised(self, change: Change, priority: int) -> Change:
        """The queued change with that priority, if it is the higher one."""
        if priority <= change.priority:
            return change
        raised = replace(change, priority=priority)
        body = {"change": change.id, "branch": change.branch, "priority": priority, "by": change.author}
        entry = Entry(lane=change.lane, kind="prioritised", body=body)
        self.store.save(raised, entries=(entry,), at=self.clock.now())
        return raised

    def withdraw(self, change: Change, *, by: str) -> Change:
        """Take a queued change out; the branch stays. The change as it is then: it may just have landed."""
        return leave(self.store, self.clock, change, by=by)

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


def _refuse(asked: Submission, code: str, text: str) -> NotSubmitted:
    return NotSubmitted(branch=asked.branch, code=code, text=text)


__all__ = ["Checkouts", "Desk", "NotSubmitted", "Submission", "Submitted"]
