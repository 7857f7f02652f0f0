"""Pull requests of a repository, their labels and reviews; no HTTP here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.fake import merging
from tests.github.fake.part import Part, Who
from tests.github.fake.shapes import pulls
from tests.github.fake.state import ZERO, Account, Credential, Json, Pull, Review

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub
    from tests.github.fake.repository import FakeRepository


class PullRequests(Part):
    """The part of a repository that is about pull requests."""

    def __init__(self, hub: FakeGitHub, number: int) -> None:
        super().__init__(hub, number)
        self.pulls: dict[int, Pull] = {}
        self.label_ids: dict[str, int] = {}
        self._numbers = 0

    def new_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def pull(self, number: int) -> Pull:
        """The pull request's record as it stands."""
        return self.pulls[number]

    def open_pull(
        self,
        author: Who,
        branch: str,
        title: str,
        body: str | None = "",
        *,
        base: str = "main",
        fork: str | None = None,
        draft: bool = False,
        maintainer_can_modify: bool = False,
        credential: Credential | None = None,
    ) -> int:
        """Opens a pull request from a branch that is there (of `fork`'s fork); gives its number."""
        with self.hub.lock:
            who, source = self.hub.who(author), self.whole.fork(fork) if fork else self.whole
            head, tip = source.tip(branch), self.whole.tip(base)
            assert head and tip, f"no branch {branch} or {base}"
            now = self.hub.now()
            pull = Pull(
                id=self.hub.new_id(2),
                number=self.new_number(),
                author=who,
                title=title,
                body=body,
                base=base,
                base_sha=tip,
                branch=branch,
                head=head,
                head_repo=source.id,
                head_owner=source.owner,
                draft=draft,
                maintainer_can_modify=maintainer_can_modify and source is not self.whole,
                created=now,
                updated=now,
            )
            self.pulls[pull.number] = pull
            self.keep_head(pull, source)
            self.tell_pull(pull, "opened", who)
            merging.start_pull(self.whole, pull, credential or Credential(kind="user", account=who))
            return pull.number

    def keep_head(self, pull: Pull, source: FakeRepository) -> None:
        """Sets refs/pull/N/head (refs/pull/N/merge goes stale on purpose)."""
        ref = f"refs/pull/{pull.number}/head"
        if source is not self.whole:
            fetch = ("fetch", "-q", "--no-tags", str(source.bare.path), f"+refs/heads/{pull.branch}:{ref}")
            self.whole.bare.git(*fetch)
            return
        self.whole.bare.move(ref, pull.head)

    def tell_pull(self, pull: Pull, action: str, by: Account, **extra: Any) -> None:
        """A `pull_request` webhook."""
        shape = pulls.full(self.whole, pull)
        payload: Json = {"action": action, "number": pull.number, "pull_request": shape, **extra}
        self.hub.webhooks.emit("pull_request", payload, sender=by, repo=self.whole)

    def set_merged(self, pull: Pull, commit: str, who: Credential) -> None:
        """Records a merge that has happened."""
        assert who.account is not None
        now = self.hub.now()
        pull.state, pull.merged, pull.closed, pull.updated = "closed", now, now, now
        pull.merged_by, pull.merge_commit = who.account, commit
        self.tell_pull(pull, "closed", who.account)

    def close(self, number: int, by: Who) -> None:
        """Closes a pull request without merging it."""
        with self.hub.lock:
            pull, now = self.pulls[number], self.hub.now()
            pull.state, pull.closed, pull.updated = "closed", now, now
            self.tell_pull(pull, "closed", self.hub.who(by))

    def reopen(self, number: int, by: Who) -> None:
        with self.hub.lock:
            pull = self.pulls[number]
            pull.state, pull.closed, pull.updated = "open", None, self.hub.now()
            self.tell_pull(pull, "reopened", self.hub.who(by))

    def edit(
        self,
        number: int,
        by: Who,
        *,
        title: str | None = None,
        body: str | None = None,
        base: str | None = None,
        draft: bool | None = None,
    ) -> None:
        """Edits a pull request's title, body, base branch or draft state."""
        with self.hub.lock:
            pull, who, changes = self.pulls[number], self.hub.who(by), {}
            for name, value in (("title", title), ("body", body)):
                if value is not None and value != getattr(pull, name):
                    changes[name] = {"from": getattr(pull, name)}
                    setattr(pull, name, value)
            if base is not None and base != pull.base:
                changes["base"] = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
                pull.base, pull.base_sha = base, self.whole.tip(base) or ZERO
            pull.updated = self.hub.now()
            if changes:
                self.tell_pull(pull, "edited", who, changes=changes)
            if draft is not None and draft != pull.draft:
                pull.draft = draft
                self.tell_pull(pull, "converted_to_draft" if draft else "ready_for_review", who)

    def label(self, number: int, by: Who, name: str) -> None:
        """Puts a label on a pull request; nothing where it is there."""
        with self.hub.lock:
            pull = self.pulls[number]
            if name not in pull.labels:
                pull.labels.append(name)
                pull.updated = self.hub.now()
                self.tell_pull(pull, "labeled", self.hub.who(by), label=pulls.label(self.whole, name))

    def unlabel(self, number: int, by: Who, name: str) -> None:
        with self.hub.lock:
            pull = self.pulls[number]
            if name in pull.labels:
                pull.labels.remove(name)
                pull.updated = self.hub.now()
                self.tell_pull(pull, "unlabeled", self.hub.who(by), label=pulls.label(self.whole, name))

    def label_id(self, name: str) -> int:
        return self.label_ids.setdefault(name, self.hub.new_id())

    def review(self, number: int, by: Who, state: str, body: str = "", *, commit: str | None = None) -> int:
        """Submits a review (`APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`) of the head, or of `commit`."""
        with self.hub.lock:
            pull, who = self.pulls[number], self.hub.who(by)
            review = Review(
                id=self.hub.new_id(),
                author=who,
                state=state,
                body=body,
                commit=commit or pull.head,
                at=self.hub.now(),
            )
            pull.reviews.append(review)
            self._tell_review(pull, review, "submitted", who)
            return review.id

    def dismiss(self, number: int, review_id: int, by: Who) -> None:
        with self.hub.lock:
            pull = self.pulls[number]
            review = next(review for review in pull.reviews if review.id == review_id)
            review.state = "DISMISSED"
            self._tell_review(pull, review, "dismissed", self.hub.who(by))

    def _tell_review(self, pull: Pull, review: Review, action: str, by: Account) -> None:
        shape = pulls.review(self.whole, pull, review, lower=True)
        payload = {"action": action, "review": shape, "pull_request": pulls.simple(self.whole, pull)}
        self.hub.webhooks.emit("pull_request_review", payload, sender=by, repo=self.whole)
