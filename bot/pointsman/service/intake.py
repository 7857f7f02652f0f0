"""What an event of the forge, or a look round without one, means for a repository; every event is only a hint."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pointsman.core.model import Sha
from pointsman.core.pulls import events as e
from pointsman.core.pulls.model import Comment, Pull, PullState
from pointsman.core.queue.model import ChangeState, Note
from pointsman.ports import Clock, Forge, Pulls, Store
from pointsman.service.obey import Obedience
from pointsman.service.pull_desk import PullDesk
from pointsman.service.speaker import MergeGroup, Speaker

HEADS = "refs/heads/"
_GROUP = re.compile(r"gh-readonly-queue/(?P<base>.+)/pr-(?P<number>[0-9]{1,9})-[0-9a-f]{40,64}")

CURSOR = "cursor:look"
"""The note of how far the last look round saw, in seconds since 1970."""

OVERLAP = 120.0
"""A look round begins this much before the end of the last one: the forge's clock is not ours."""

SEEN = "seen:"
"""Notes of comments that came by an event: what they say later was not said when they were made. The forge's times
are whole seconds, so an edit within the second does not show."""

CLOSED = "closed:"
"""Notes of when a pull request was closed; what is remembered of it is dropped some days later."""

KEPT_SECONDS = 7 * 86_400.0

JUDGED = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "edited"})
"""What may happen to a pull request that its checks have to answer."""


class Hint(Protocol):
    """Hears that something was reported on a commit, see `GitHubGates.hint`."""

    def __call__(
        self, commit: Sha, *, check: str | None = None, ended: bool = True, red: bool = False
    ) -> None: ...


@dataclass(kw_only=True)
class Intake:
    """One repository's events. `touched` collects the pull requests that something should be said on, with what the
    forge said of them; `hint` is told of commits whose checks moved, `deployed` of those whose deployment may have."""

    store: Store
    pulls: Pulls
    desk: PullDesk
    obedience: Obedience
    voice: Speaker
    forge: Forge
    clock: Clock
    hint: Hint
    deployed: Callable[[Sha], None] = lambda _commit: None
    touched: dict[int, Pull | None] = field(default_factory=dict)
    reviewed: set[int] = field(default_factory=set)

    def event(self, event: e.Event) -> None:
        """Take one event in. May be called twice with the same; errors as the ports have them."""
        self.forge.forget()
        match event:
            case e.PullChanged():
                self._pull(event)
            case e.ReviewChanged(number=number):
                self.reviewed.add(number)
                self.voice.owe(number)
            case e.CommentMade(action="created", comment=comment, is_pull=True):
                seen = Note(key=f"{SEEN}{comment.id}", value=str(comment.created_at))
                self.store.save(seen, at=self.clock.now())
                self._comment(comment)
            case e.ChecksChanged():
                self._checks(event)
            case e.MergeGroupAsked():
                self._group(event)
            case e.DeploymentChanged(commit=commit):
                self.deployed(commit)
            case _:  # pushes and what is edited: the lane is woken anyway and sees for itself
                return

    def look_round(self) -> None:
        """Read from the API what lost events would have said since the last look. What it finds is owed, and told a few
        at a time: the first look at a repository with hundreds of open pull requests is no storm (rule 9)."""
        now = self.clock.now()
        self.forge.forget()
        known = self.store.note(CURSOR)
        if known is not None:
            since = float(known) - OVERLAP
            self._look_at_pulls(since)
            seen = self.store.notes(SEEN)
            for comment in self.pulls.comments_since(since):
                untouched = comment.updated_at == comment.created_at >= since
                if untouched and f"{SEEN}{comment.id}" not in seen:
                    self._comment(comment)
            old = [Note(key=key, value="") for key, at in seen.items() if float(at) < since]
            if old:
                self.store.save(*old, at=now)
        else:
            self._look_at_pulls(0.0)
        self._drop_old(now)
        self.store.save(Note(key=CURSOR, value=str(now)), at=now)

    def _checks(self, event: e.ChecksChanged) -> None:
        """A suite may end before its last report (rule 7): only a report that is waited for says to look again."""
        self.pulls.forget(commit=event.commit)
        if event.kind == "workflow_run":
            self.deployed(event.commit)
        by_name = event.kind in ("check_run", "status")
        red = event.completed and event.conclusion not in (None, "success")
        self.hint(event.commit, check=event.name if by_name else None, ended=event.completed, red=red)

    def _group(self, event: e.MergeGroupAsked) -> None:
        """Of the forge's own merge queue; the branch's name only says where to look (rule 16)."""
        found = _GROUP.fullmatch(event.head_ref.removeprefix(HEADS))
        branch = event.head_ref.removeprefix(HEADS)
        if event.action != "checks_requested" or found is None:
            return
        if self.forge.branch_heads([found["base"], branch]).get(branch) == event.head_sha:
            lane, number = found["base"], int(found["number"])
            group = MergeGroup(head=event.head_sha, base=event.base_sha, lane=lane, number=number)
            self.voice.tell_group(group)

    def _pull(self, event: e.PullChanged) -> None:
        pull = event.pull
        self.pulls.forget(pull.number)
        if event.action == "labeled" and event.label is not None and event.sender is not None:
            if self.obedience.label(event.label, pull.number, event.sender):
                self.touched.setdefault(pull.number, pull)
        elif event.action == "closed":
            self._gone(pull)
        elif event.action in JUDGED:
            self._moved_base(pull)
            self.touched[pull.number] = pull

    def _comment(self, comment: Comment) -> None:
        if self.obedience.comment(comment):
            self.touched.setdefault(comment.number, None)

    def _look_at_pulls(self, since: float) -> None:
        open_now = self.pulls.open_pulls()
        for pull in open_now:
            if pull.updated_at >= since:
                self._moved_base(pull)
                self.voice.owe(pull.number)
        numbers = {pull.number for pull in open_now}
        for change in self.store.changes(states=(ChangeState.QUEUED,)):
            if change.number is None:
                continue
            if change.number not in numbers:
                self.pulls.forget(change.number)
                gone = self.pulls.pull(change.number)
                if gone is not None:
                    self._gone(gone)
            if change.wait is not None and change.wait.code == "approval":
                self.reviewed.add(change.number)

    def _gone(self, pull: Pull) -> None:
        """Closed by a person: it leaves. Merged: the lane finds its commits on the base and says so itself."""
        if pull.state is PullState.OPEN:
            return
        now = self.clock.now()
        self.voice.closed(pull.number)
        self.store.save(Note(key=f"{CLOSED}{pull.number}", value=str(now)), at=now)
        change = self.desk.current(pull.number)
        if change is not None and pull.state is PullState.CLOSED:
            self.desk.withdraw(change, by="whoever closed the pull request")
            self.touched[pull.number] = pull

    def _moved_base(self, pull: Pull) -> None:
        change = self.desk.current(pull.number)
        if change is not None and change.lane != pull.base:
            self.desk.withdraw(change, by=f"a new base, {pull.base}")

    def _drop_old(self, now: float) -> None:
        for key, value in self.store.notes(CLOSED).items():
            if now - float(value) > KEPT_SECONDS:
                number = int(key.removeprefix(CLOSED))
                self.voice.forget(number)
                self.desk.forget(number)
                self.store.save(Note(key=key, value=""), at=now)
