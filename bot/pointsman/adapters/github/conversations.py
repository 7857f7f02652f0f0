"""Pull requests, their comments and reviews, read and written; what they mean is decided elsewhere."""

from __future__ import annotations

import re
from typing import Any

from pointsman.adapters.github.client import Unsure
from pointsman.adapters.github.limits import fitted
from pointsman.adapters.github.repository import Raw, Recent, Repository, read, stamp
from pointsman.core.errors import ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.pulls.events import read_comment, read_pull, read_review
from pointsman.core.pulls.model import Comment, Pull, PullState, Reaction, Review

PULL_SECONDS = 60.0
MOST_PULLS = 5000
MOST_COMMENTS = 3000
MOST_DOUBTS = 1000
SLACK = 120.0
"""Seconds that GitHub's clock may be behind ours."""
_MARKER = re.compile(r"<!--\s*pointsman\b[^>]{0,200}-->")
_PULL_PAGE = re.compile(r"/pull/(\d{1,18})#issuecomment-\d+\Z")


class Conversations(Repository):
    """The part of `GitHubPulls` that has to do with pull requests and what is said on them."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._pulls: Recent[Pull | None] = Recent(self._clock, seconds=PULL_SECONDS)
        self._unsure: dict[int, float] = {}

    def pull(self, number: int) -> Pull | None:
        return self._pulls.get(number, lambda: self._pull(number))

    def _pull(self, number: int) -> Pull | None:
        raw = self._client.find(self._path("pulls", number))
        if raw is None:  # nothing, or nothing that we may see? A repository that answers settles it
            self._assert_same(self._client.get(self._path()))
            return None
        self._assert_same((raw.get("base") or {}).get("repo"))
        return read(read_pull, raw)

    def open_pulls(self, *, since: float = 0.0) -> tuple[Pull, ...]:
        oldest = stamp(since)
        listing = self._client.listing(
            self._path("pulls"),
            most=MOST_PULLS,
            until=lambda raw: str(raw.get("updated_at", "")) < oldest,
            state="open",
            sort="updated",
            direction="desc",
        )
        found = [read(read_pull, raw) for raw in listing.items]
        return tuple({pull.number: pull for pull in found}.values())  # one that moves up comes again

    def pulls_with_head(self, commit: Sha) -> tuple[Pull, ...]:
        listing = self._client.listing(self._path("commits", commit, "pulls"))
        found = [read(read_pull, raw) for raw in listing.items]
        return tuple(pull for pull in found if pull.state is PullState.OPEN and pull.head == commit)

    def comments(self, number: int) -> tuple[Comment, ...]:
        """The first 3,000."""
        listing = self._client.listing(self._path("issues", number, "comments"), most=MOST_COMMENTS)
        return tuple(_comment(raw, number) for raw in listing.items)

    def comments_since(self, since: float) -> tuple[Comment, ...]:
        listing = self._client.listing(
            self._path("issues", "comments"),
            most=MOST_COMMENTS,
            sort="updated",
            direction="asc",
            since=stamp(since),
        )
        numbered = ((raw, _pull_of(raw)) for raw in listing.items)
        return tuple(_comment(raw, number) for raw, number in numbered if number is not None)

    def reviews(self, number: int) -> tuple[Review, ...]:
        listing = self._client.listing(self._path("pulls", number, "reviews"), most=MOST_COMMENTS)
        return tuple(read(read_review, raw) for raw in listing.items)

    def comment(self, number: int, body: str) -> int:
        """Where an earlier comment's answer was lost, the conversation is looked at first, for the same body or one
        with the same marker (`<!-- pointsman... -->`), which is edited then."""
        body = fitted(body)
        if number in self._unsure:
            return self._comment_after_doubt(number, body)
        return self._post_comment(number, body)

    def _post_comment(self, number: int, body: str) -> int:
        try:
            raw = self._client.write(
                "POST", self._path("issues", number, "comments"), {"body": body}, creates=True
            )
            return read(_id, raw)
        except Unsure:
            self._doubt(number)
        found = self._own_comment(number, body)
        if found is None:
            raise ForgeUnavailable(f"GitHub did not say whether it took a comment on #{number}")
        del self._unsure[number]
        return found.id

    def _doubt(self, number: int) -> None:
        self._unsure.setdefault(number, self._clock.now())
        while len(self._unsure) > MOST_DOUBTS:
            del self._unsure[next(iter(self._unsure))]

    def _comment_after_doubt(self, number: int, body: str) -> int:
        found = self._own_comment(number, body)
        if found is None:
            posted = self._post_comment(number, body)
            self._unsure.pop(number, None)
            return posted
        if not _same_text(found.body, body):
            self.edit_comment(found.id, body)
        self._unsure.pop(number, None)
        return found.id

    def _own_comment(self, number: int, body: str) -> Comment | None:
        """The newest of ours since doubt began with the same text, else with the same marker."""
        since = self._unsure[number] - SLACK
        listing = self._client.listing(self._path("issues", number, "comments"), since=stamp(since))
        found = (_comment(raw, number) for raw in listing.items)
        ours = [comment for comment in found if comment.author.id == self.itself.id]
        same = [comment for comment in ours if _same_text(comment.body, body)]
        alike = [comment for comment in ours if _marker(body) and _marker(comment.body) == _marker(body)]
        best = same or alike
        return best[-1] if best else None

    def edit_comment(self, comment: int, body: str) -> bool:
        body = fitted(body)
        path = self._path("issues", "comments", comment)
        try:
            self._client.write("PATCH", path, {"body": body})
            return True
        except ForgeRefused as problem:
            if problem.status in (404, 410):
                return False
            raise
        except Unsure:
            raw = self._client.find(path)
        if raw is None:
            return False
        if not _same_text(str(raw.get("body")), body):
            raise ForgeUnavailable(f"GitHub did not take the new text of comment {comment}")
        return True

    def react(self, comment: int, reaction: Reaction) -> None:
        """Nothing where the comment is gone; GitHub keeps one of a kind, however often it is asked for."""
        path = self._path("issues", "comments", comment, "reactions")
        try:
            self._client.write("POST", path, {"content": reaction}, creates=True)
        except ForgeRefused as problem:
            if problem.status not in (404, 410):
                raise
        except Unsure:
            found = self._client.listing(path, content=reaction).items
            if not any((raw.get("user") or {}).get("id") == self.itself.id for raw in found):
                raise ForgeUnavailable(f"GitHub did not take a reaction to comment {comment}") from None

    def close(self, number: int) -> None:
        self.forget(number)
        try:
            self._client.write("PATCH", self._path("pulls", number), {"state": "closed"})
        except Unsure:
            pull = self._pull(number)
            if pull is not None and pull.state is PullState.OPEN:
                raise ForgeUnavailable(f"GitHub did not close #{number}") from None
        finally:
            self.forget(number)

    def open_pull(self, *, title: str, body: str, branch: str, base: str) -> int:
        raw = {"title": title[:250], "body": fitted(body), "head": branch, "base": base}
        try:
            return read(_number, self._client.write("POST", self._path("pulls"), raw, creates=True))
        except ForgeRefused as problem:
            found = self._open_pull_of(branch, base) if problem.status == 422 else None
            if found is None:
                raise
            return found
        except Unsure:
            found = self._open_pull_of(branch, base)
        if found is None:
            raise ForgeUnavailable(f"GitHub did not open a pull request from {branch}")
        return found

    def _open_pull_of(self, branch: str, base: str) -> int | None:
        owner = self.repository.full_name.partition("/")[0]
        listing = self._client.listing(self._path("pulls"), state="open", head=f"{owner}:{branch}", base=base)
        return next((read(_number, raw) for raw in listing.items), None)

    def forget(self, number: int | None = None, *, commit: Sha | None = None) -> None:
        if number is not None:
            self._pulls.forget(number)


def _id(raw: Raw) -> int:
    return int(raw["id"])


def _number(raw: Raw) -> int:
    return int(raw["number"])


def _comment(raw: Raw, number: int) -> Comment:
    return read(lambda raw: read_comment(raw, number), raw)


def _pull_of(raw: Raw) -> int | None:
    """None for a comment on an issue: those come in the same list, and only their page's address tells."""
    found = _PULL_PAGE.search(str(raw.get("html_url", "")))
    return int(found.group(1)) if found else None


def _marker(body: str) -> str | None:
    found = _MARKER.search(body)
    return found.group() if found else None


def _same_text(a: str, b: str) -> bool:
    """GitHub may change line ends and strip the edges."""
    return a.replace("\r\n", "\n").strip() == b.replace("\r\n", "\n").strip()
