"""How the gate of a lane on paper went of late, and what was learnt of its changes; the forecast is the queue's own."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.queue.forecast import End, History, Met
from pointsman.core.queue.observation import Odds, Pace
from pointsman.core.queue.pace import LanePace


class Learning:
    """`gate`, in seconds, is what is taken for the gate until one was green."""

    def __init__(self, gate: float) -> None:
        self.history = History()
        self._lane = LanePace()
        self._lane.gates.append(gate)
        self._pace: Pace | None = None

    def odds(self, words: Sequence[str], ahead: int) -> Odds:
        """Of a change that arrives behind so many."""
        return self.history.odds(words, Met(disjoint=ahead))

    def ends(self, words: Sequence[str], ahead: int, end: End) -> None:
        self.history.learn((*words, Met(disjoint=ahead).word), end)
        self._lane.ended.append(end is End.GREEN)
        self._pace = None

    def ran(self, seconds: float, *, green: bool) -> None:
        """A candidate's gate took so long."""
        (self._lane.gates if green else self._lane.reds).append(seconds)
        self._pace = None

    def pace(self) -> Pace:
        if self._pace is None:
            self._pace = self._lane.pace()
        return self._pace
