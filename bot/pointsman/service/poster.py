"""Posts comments and check runs, each once: remembered after, marked before, found again after a kill in between."""

from __future__ import annotations

from collections.abc import Callable
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


@dataclass(kw_only=True)
class Poster:
    """Writes to one repository's pull requests. `trouble` hears, once each, what the forge refuses for good."""

    pulls: Pulls
    said: Said
    clock: Clock
    trouble: Callable[[str], None]
    _told: set[tuple[str, int]] = field(default_factory=set)

    def check(self, output: CheckOutput, *, news: str) -> None:
        """Bring one check run up to date, unless `news` says what was said before."""
        known = self.said.check(output.head, output.name)
        if known is not None and not known.posting and known.news == news:
            return
        try:
            id = known.id if known is not None else None
            if known is None:
                self.said.keep_check(output.head, output.name, Posted(posting=True))
            elif id is None:
                id = self._find_check(output.head, output.name)
            posted = self.pulls.post_check(output, known=id)
        except ForgeRefused as refusal:
            self.said.keep_check(output.head, output.name, known)
            self._refused("check runs", refusal)
            return
        self.said.keep_check(output.head, output.name, Posted(id=posted, news=news, at=self.clock.now()))

    def comment(self, number: int, body: str, *, news: str, is_final: bool) -> float | None:
        """Bring the one comment up to date; when it may be edited, where it is too soon now."""
        known, digest, now = self.said.comment(number), digest_of(body), self.clock.now()
        if known is not None and known.id is not None:
            if known.digest == digest or (known.news == news and not is_final):
                return None
            if not is_final and now < known.at + PACE:
                return known.at + PACE
        try:
            id = self._write(number, body, known)
        except ForgeRefused as refusal:
            self.said.keep_comment(number, known)
            self._refused("comments", refusal)
            return None
        self.said.keep_comment(number, Posted(id=id, digest=digest, news=news, at=now))
        return None

    def _write(self, number: int, body: str, known: Posted | None) -> int:
        id = known.id if known is not None else None
        if known is not None and known.posting and id is None:
            id = self._find_comment(number)
        if id is not None and self.pulls.edit_comment(id, body):
            return id
        self.said.keep_comment(number, Posted(posting=True))
        return self.pulls.comment(number, body)

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

    def _refused(self, what: str, refusal: ForgeRefused) -> None:
        key = (what, refusal.status)
        if key not in self._told:
            self._told.add(key)
            self.trouble(f"{what} can't be written: {refusal}")


def digest_of(said: CheckOutput | str) -> str:
    """The same for the same words."""
    if isinstance(said, CheckOutput):
        said = repr(replace(said, head=Sha("")))
    return sha256(said.encode("utf-8", "backslashreplace")).hexdigest()[:32]
