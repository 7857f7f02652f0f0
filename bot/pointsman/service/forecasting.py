"""Learns from the journal how changes ended and how long gates took, each line once; it foretells nothing itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.core.queue.forecast import End, History
from pointsman.core.queue.model import JournalLine, RunState
from pointsman.core.queue.observation import Pace
from pointsman.core.queue.pace import LanePace
from pointsman.ports import Store

WINDOW = 8000
"""Journal lines that a new process reads back: some eight hundred changes."""

PAGE = 500
MOST_STARTED = 2000
MOST_RETURNED = 5000
"""Candidates whose start, and branches whose return, are remembered."""


@dataclass(kw_only=True)
class Learner:
    """What one repository's journal taught; all its lanes teach one `history`. `words` are those of changes that are
    still queued, by id, where the store may not have them yet.

    Landed is green; returned with a code that starts with `red` is red; what left otherwise says nothing. `learnt`
    counts what may make a forecast another one."""

    store: Store
    history: History = field(default_factory=History)
    words: dict[int, tuple[str, ...]] = field(default_factory=dict)
    healed: set[int] = field(default_factory=set)
    learnt: int = 0
    _seen: int | None = None
    _lanes: dict[str, LanePace] = field(default_factory=dict)
    _started: dict[int, float | None] = field(default_factory=dict)
    _returned: dict[tuple[str, str], None] = field(default_factory=dict)

    def catch_up(self) -> None:
        """Learn the journal's new lines. One small query where there are none."""
        lines, _ = self.store.journal_head()
        if self._seen is None or self._seen > lines:
            self._seen = max(0, lines - WINDOW)
        while self._seen < lines:
            page = self.store.journal(after=self._seen, limit=PAGE)
            for line in page:
                self._learn(line)
            self._seen = page[-1].seq if page else lines

    def pace(self, lane: str) -> Pace:
        known = self._lanes.get(lane)
        return known.pace() if known is not None else Pace()

    def was_returned(self, lane: str, branch: str) -> bool:
        """Whether something from that branch was given back not too long ago."""
        return (lane, branch) in self._returned

    def _learn(self, line: JournalLine) -> None:
        body = line.body
        match line.kind:
            case "built":
                self._heal([one["change"] for one in body.get("healed", ())])
            case "run_started":
                self._start(body, line.at)
            case "run_ended" if body.get("state") == RunState.FAILED:
                self._time(self._lane(line.lane).reds, body, line.at)
            case "passed":
                self._time(self._lane(line.lane).gates, body, line.at)
            case "landed":
                self._end(line.lane, body.get("changes", ()), End.GREEN)
            case "returned":
                self._back(line.lane, body)
            case "withdrawn":
                self._forget(body.get("change"))

    def _heal(self, changes: Sequence[int]) -> None:
        self.healed.update(changes)
        self.learnt += bool(changes)

    def _start(self, body: Mapping[str, Any], at: float) -> None:
        candidate = body.get("candidate")
        if isinstance(candidate, int):
            self._started.setdefault(candidate, at)
        while len(self._started) > MOST_STARTED:
            del self._started[next(iter(self._started))]

    def _time(self, seconds: deque[float], body: Mapping[str, Any], at: float) -> None:
        """Since the candidate's first run was started; a clock that was set back says nothing. After its first red run
        neither does the candidate: what is run again is not the whole gate."""
        candidate = body.get("candidate") or 0
        began = self._started.get(candidate)
        if began is not None and at >= began:
            seconds.append(at - began)
            self._started[candidate] = None

    def _back(self, lane: str, body: Mapping[str, Any]) -> None:
        code = str(body.get("code", ""))
        change = body.get("change")
        self._returned[lane, str(body.get("branch"))] = None
        self.learnt += 1
        while len(self._returned) > MOST_RETURNED:
            del self._returned[next(iter(self._returned))]
        if code.startswith("red"):
            self._end(lane, [change], End.TOGETHER if code == "red_together" else End.RED)
        else:
            self._forget(change)

    def _end(self, lane: str, changes: Iterable[Any], end: End) -> None:
        for change in changes:
            if not isinstance(change, int):
                continue
            words = self.words.get(change)
            if words is None:
                known = self.store.change(change)
                words = known.features if known is not None else ()
            if change in self.healed:
                words = (*words, "heals:yes")
            self.history.learn(words, end)
            self.learnt += 1
            self._lane(lane).ended.append(end is End.GREEN)
            self._forget(change)

    def _forget(self, change: Any) -> None:
        self.words.pop(change, None)
        self.healed.discard(change)

    def _lane(self, name: str) -> LanePace:
        return self._lanes.setdefault(name, LanePace())
