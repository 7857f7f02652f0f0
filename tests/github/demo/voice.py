"""Turns what the app prints into steps of the story: its changes' numbers into pull requests; it shows nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from tests.github.demo.stand import Stand
from tests.github.fake import Pull

HOLD_SECONDS = 2.0
"""How long a candidate that was built may take to be seen on GitHub; told before that, nobody could say whose it is."""

BUILT = re.compile(r"candidate (\d+) of #(\d+) at ([0-9a-f]{10})")
CHANGE = re.compile(r"#(\d+)(?: (\S*agent/[\w/-]+))?")
CANDIDATE = re.compile(r"candidate (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One thing that happened on a pull request, or (None) on main or everywhere; `quote` belongs below it."""

    word: str
    pull: Pull | None
    text: str
    quote: str = ""


class Voice:
    """The app numbers changes as they are queued, people know pull requests: their numbers are put in."""

    def __init__(self, stand: Stand, lines: SimpleQueue[str]) -> None:
        self._stand = stand
        self._lines = lines
        self._held: str | None = None
        self._since = 0.0
        self._changes: dict[str, Pull] = {}
        self._candidates: dict[str, Pull] = {}

    def told(self) -> Iterator[Told]:
        """What is new, in the app's order."""
        while (line := self._next()) is not None:
            if not self._known(line) and time.monotonic() - self._since < HOLD_SECONDS:
                self._held = line
                return
            yield self._step(line)

    def _next(self) -> str | None:
        if self._held is not None:
            line, self._held = self._held, None
            return line
        self._since = time.monotonic()
        try:
            return self._lines.get_nowait()
        except Empty:
            return None

    def _known(self, line: str) -> bool:
        """Whether it can be said what the line is about; of a new candidate that is learned here."""
        if (built := BUILT.search(line)) is None:
            return True
        candidate, change, commit = built.groups()
        if (pull := merged_in(self._stand, commit)) is not None:
            self._candidates[candidate] = self._changes[change] = pull
        return pull is not None

    def _step(self, line: str) -> Told:
        """`owner/name word  text`."""
        _, _, rest = line.partition(" ")
        word = "given up" if rest.startswith("given up ") else rest.partition(" ")[0]
        text = rest.removeprefix(word).strip()
        pull = self._about(text)
        first, *more = self._renumbered(text, pull).split("\\n")
        return Told(word=word, pull=pull, text=first, quote="\n".join(more))

    def _about(self, text: str) -> Pull | None:
        """The pull request that a line names first."""
        if found := CHANGE.search(text):
            return self._change(found)
        candidate = CANDIDATE.search(text)
        return self._candidates.get(candidate[1]) if candidate else None

    def _change(self, found: re.Match[str]) -> Pull | None:
        if found[2]:
            pulls = list(self._stand.repo.pulls.values())
            return next((pull for pull in pulls if found[2].endswith(pull.branch)), None)
        return self._changes.get(found[1])

    def _renumbered(self, text: str, pull: Pull | None) -> str:
        """The text, without the number of the one that it is about where it begins with that."""

        def number(found: re.Match[str]) -> str:
            known = self._change(found)
            return f"#{known.number}" if known is not None else found[0]

        text = CHANGE.sub(number, text)
        return re.sub(rf"^#{pull.number}\b[ :]*|(?<=\d) of #{pull.number}\b", "", text) if pull else text


def merged_in(stand: Stand, commit: str) -> Pull | None:
    """The pull request whose head is a candidate's second parent; None for other commits, and for those that are not
    on GitHub (yet)."""
    code, out = stand.repo.bare.run("rev-parse", "-q", "--verify", f"{commit}^2", ok=(0, 1, 128))
    head = out.decode().strip()
    pulls = list(stand.repo.pulls.values())
    return next((pull for pull in pulls if code == 0 and pull.head == head), None)
