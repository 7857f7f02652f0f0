"""Posts comments and check runs, each once: remembered after, marked before, found again after a kill in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from pointsman.core.errors import ForgeRefused
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CheckOutput
from pointsman.core.pulls.telling import is_ours
from pointsman.ports import Clock, Pulls
from pointsman.service.said import Posted, Said

PACE = 60.0
"""Seconds between two edits of one comment, but for how it ended."""


POSTING = Posted()
"""The note of something that is about to be posted: whether it was is to be looked up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A comment to be; `news` is the same for bodies that differ in nothing that is worth an edit."""

    number: int
    body: str
    news: str
    is_final: bool


@dataclass(kw_only=True)
class Poster:
    """Writes to one repository's pull requests. `trouble` hears, once each, what the forge refuses for good."""

    pulls: Pulls
    said: Said
    clock: Clock
    trouble: Callable[[str], None]
    _told: set[tuple[str, int]] = field(default_factory=set)

    def post(self, checks: Sequence[tuple[CheckOutput, str]], draft: Draft | None) -> float | None:
        """Bring check runs (each with its news) and the comment up to date; when the comment may be edited, where it
        is too soon now. What was posted is on disk when this returns or raises."""
        due = [
            (output, news, known)
            for output, news in checks
            if _is_news(known := self.said.check(output.head, output.name), news)
        ]
        known = self.said.comment(draft.number) if draft is not None else None
        later = _later(known, draft, self.clock.now()) if draft is not None else None
        writes = draft is not None and later is not None and later <= self.clock.now()
        for output, _, before in due:
            if before is None:
                self.said.keep_check(output.head, output.name, POSTING)
        if draft is not None and writes and known is None:
            self.said.keep_comment(draft.number, POSTING)
        self.said.flush()
        try:
            for output, news, before in due:
                self._check(output, news, before)
            if draft is not None and writes:
                self._comment(draft, known)
        finally:
            self.said.flush()
        return None if writes else later

    def _check(self, output: CheckOutput, news: str, known: Posted | None) -> None:
        try:
            posted = self.pulls.post_check(output, known=self._check_to_update(output, known))
        except ForgeRefused as refusal:
            self.said.keep_check(output.head, output.name, known)
            self.refused("check runs", refusal)
            return
        ended = output.conclusion is not None
        now = Posted(id=posted, news=news, at=self.clock.now(), ended=ended)
        self.said.keep_check(output.head, output.name, now)

    def _check_to_update(self, output: CheckOutput, known: Posted | None) -> int | None:
        """None: a new one. A run that ended stays as it is when the check begins again: the newest counts."""
        if known is None or (known.ended and output.conclusion is None):
            return None
        return known.id if known.id is not None else self._find_check(output.head, output.name)

    def _comment(self, draft: Draft, known: Posted | None) -> None:
        try:
            id = self._write(draft, known)
        except ForgeRefused as refusal:
            self.said.keep_comment(draft.number, known)
            self.refused("comments", refusal)
            return
        self.said.keep_comment(draft.number, Posted(id=id, news=draft.news, at=self.clock.now()))

    def _write(self, draft: Draft, known: Posted | None) -> int:
        id = known.id if known is not None else None
        if known is not None and id is None:
            id = self._find_comment(draft.number)
        if id is not None:
            if self.pulls.edit_comment(id, draft.body):
                return id
            self.said.keep_comment(draft.number, POSTING)
            self.said.flush()
        return self.pulls.comment(draft.number, draft.body)

    def _find_comment(self, number: int) -> int | None:
        """Our own comment, told by its author first: anybody can write the marker."""
        itself = self.pulls.itself.id
        found = [
            one.id for one in self.pulls.comments(number) if one.author.id == itself and is_ours(one.body)
        ]
        return found[0] if found else None

    def _find_check(self, head: Sha, name: str) -> int | None:
        app = self.pulls.app
        found = [
            one.id
            for one in self.pulls.checks(head).checks
            if one.kind == "check_run" and one.app == app and one.name == name
        ]
        return max(found, default=None)

    def refused(self, what: str, refusal: ForgeRefused, *, verb: str = "written") -> None:
        """Say, once, what the forge refuses for good."""
        key = (what, refusal.status)
        if key not in self._told:
            self._told.add(key)
            self.trouble(f"{what} can't be {verb}: {refusal}")


def _is_news(known: Posted | None, news: str) -> bool:
    return known is None or known.id is None or known.news != news


def _later(known: Posted | None, draft: Draft, now: float) -> float | None:
    """When the comment is to be written: now, later because it was edited a moment ago, or not at all (None)."""
    if known is None or known.id is None:
        return now
    if known.news == draft.news:
        return None
    return now if draft.is_final else max(now, known.at + PACE)


def digest_of(said: CheckOutput | str) -> str:
    """The same for the same words."""
    if isinstance(said, CheckOutput):
        said = repr(replace(said, head=Sha("")))
    return sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:32]
