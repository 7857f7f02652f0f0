"""Comments and reactions of a repository's pull requests; no HTTP here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.github.fake.part import Part, Who
from tests.github.fake.shapes import pulls
from tests.github.fake.state import Account, App, Comment, Reaction

if TYPE_CHECKING:
    from tests.github.fake.hub import FakeGitHub


class Conversation(Part):
    """The part of a repository that is about what people say."""

    def __init__(self, hub: FakeGitHub, number: int) -> None:
        super().__init__(hub, number)
        self.comments_by_id: dict[int, Comment] = {}
        self.reactions: dict[int, list[Reaction]] = {}

    def comments(self, number: int) -> list[Comment]:
        """The pull request's comments, oldest first."""
        return [comment for comment in self.comments_by_id.values() if comment.number == number]

    def comment(self, number: int, by: Who, body: str, *, app: App | None = None) -> int:
        """Comments on a pull request; gives the comment's id."""
        with self.hub.lock:
            now, who = self.hub.now(), self.hub.who(by)
            comment = Comment(
                id=self.hub.new_id(), number=number, author=who, body=body, created=now, updated=now, app=app
            )
            self.comments_by_id[comment.id] = comment
            self.whole.pulls[number].updated = now
            self._tell_comment(comment, "created", who)
            return comment.id

    def edit_comment(self, comment_id: int, body: str, by: Who | None = None) -> None:
        """Edits a comment (as its author)."""
        with self.hub.lock:
            comment = self.comments_by_id[comment_id]
            before, comment.body = comment.body, body
            comment.updated = self.hub.now()
            who = self.hub.who(by or comment.author)
            self._tell_comment(comment, "edited", who, changes={"body": {"from": before}})

    def delete_comment(self, comment_id: int, by: Who | None = None) -> None:
        with self.hub.lock:
            comment = self.comments_by_id.pop(comment_id)
            self._tell_comment(comment, "deleted", self.hub.who(by or comment.author))

    def _tell_comment(self, comment: Comment, action: str, by: Account, **extra: Any) -> None:
        issue = pulls.issue(self.whole, self.whole.pulls[comment.number])
        payload = {"action": action, "issue": issue, "comment": pulls.comment(self.whole, comment), **extra}
        self.hub.webhooks.emit("issue_comment", payload, sender=by, repo=self.whole)

    def react(self, comment_id: int, by: Who, content: str) -> tuple[Reaction, bool]:
        """Reacts to a comment (tells nobody, as on GitHub); the reaction, and whether it is new."""
        with self.hub.lock:
            who, found = self.hub.who(by), self.reactions.setdefault(comment_id, [])
            for reaction in found:
                if reaction.author is who and reaction.content == content:
                    return reaction, False
            now = self.hub.now()
            found.append(Reaction(id=self.hub.new_id(), author=who, content=content, created=now))
            return found[-1], True
