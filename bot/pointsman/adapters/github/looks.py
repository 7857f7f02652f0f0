"""When the reports on a commit are worth reading, and what was read last; it judges none of them.

Hints make a look due at once; a timer is there for those that get lost (rule 6), the rarer the more surely hints come.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from pointsman.core.errors import ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.pulls.model import CommitChecks
from pointsman.ports import Clock, Pulls

REFRESH, SLOWEST = 15.0, 60.0
"""Seconds between two looks at a commit that nobody speaks of: the first pause, and what it grows to."""
HINTED = 300.0
"""The same while hints come."""
TOGETHER = 60.0
"""How long the end of one check may wait for that of the others, so that all are read at once (rule 9)."""
HINTS_LAST = 900.0
"""Seconds for which one hint is taken to show that hints do come."""


@dataclass(slots=True)
class _Look:
    """`names`: the check runs that are waited for; empty where that is not known. `ended`: those that a hint said have
    ended."""

    pause: float
    due: float = 0.0
    seen: CommitChecks | None = None
    names: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)


class Looks:
    """Shared by all runs on a commit. `hint` may come from another thread."""

    def __init__(self, pulls: Pulls, clock: Clock, *, refresh: float = REFRESH) -> None:
        self._pulls = pulls
        self._clock = clock
        self._refresh = refresh
        self._looks: dict[Sha, _Look] = {}
        self._lock = threading.Lock()
        self._hinted_at = 0.0

    def is_due(self, commit: Sha) -> bool:
        with self._lock:
            return self._of(commit).due <= self._clock.now()

    def wait_for(self, commit: Sha, name: str) -> None:
        """Hints of other checks need no look, as long as this is the only one waited for."""
        with self._lock:
            self._of(commit).names.add(name)

    def begun(self, commit: Sha) -> None:
        """It was pushed a moment ago: there is nothing to be seen yet."""
        with self._lock:
            look = self._of(commit)
            look.due, look.pause = self._clock.now() + self._until_next(self._refresh), self._refresh

    def put_off(self, commit: Sha) -> None:
        """What was tried did not go: not again before some time."""
        with self._lock:
            look = self._of(commit)
            look.due, look.pause = self._clock.now() + look.pause, self._grown(look.pause)

    def drop(self, commit: Sha) -> None:
        """Nobody waits for anything there any more, or all begins anew."""
        with self._lock:
            self._looks.pop(commit, None)

    def hint(self, commit: Sha, *, check: str | None, ended: bool, red: bool = False) -> None:
        """`red`: it did not succeed, so what the others say matters less."""
        with self._lock:
            self._hinted_at = self._clock.now()
            look = self._looks.get(commit)
            if look is None or not ended or (check is not None and look.names and check not in look.names):
                return
            look.ended |= {check} if check is not None else set()
            alone = red or not look.ended or not look.names - look.ended
            look.due = 0.0 if alone else min(look.due, self._clock.now() + TOGETHER)
            look.pause = self._refresh

    def at(self, commit: Sha, *, now: bool = False) -> tuple[CommitChecks | None, bool]:
        """What is reported on the commit, and whether that was read just now; None where it never could be."""
        with self._lock:
            look = self._of(commit)
            if look.due > self._clock.now() and not now:
                return look.seen, False
            look.due = self._clock.now() + self._until_next(look.pause)
            look.pause = self._grown(look.pause)
        self._pulls.forget(commit=commit)
        try:
            look.seen = self._pulls.checks(commit)
        except ForgeUnavailable as problem:
            look.due = max(self._clock.now() + self._refresh, problem.again_at)
            return look.seen, False
        return look.seen, True

    def _of(self, commit: Sha) -> _Look:
        return self._looks.setdefault(commit, _Look(pause=self._refresh))

    def _grown(self, pause: float) -> float:
        return min(pause * 2, max(SLOWEST, self._refresh))

    def _until_next(self, pause: float) -> float:
        hinted = self._clock.now() - self._hinted_at < HINTS_LAST
        return max(pause, HINTED) if hinted else pause
