"""How the gate of a lane on paper went of late, and what was learnt of its changes; the forecast is the queue's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import fmean, median

from pointsman.core.queue.forecast import End, History, Met
from pointsman.core.queue.observation import Odds, Pace

GATES, REDS, ENDED, EVEN = 31, 40, 40, 5.0
"""As in production: so many of late, and so many red ones that ended evenly as if seen before the first."""


class Learning:
    """`gate`, in seconds, is what is taken for the gate until one was green."""

    def __init__(self, gate: float) -> None:
        self.history = History()
        self.gates: deque[float] = deque([gate], maxlen=GATES)
        self.reds: deque[float] = deque(maxlen=REDS)
        self.ended: deque[bool] = deque(maxlen=ENDED)
        self._pace: Pace | None = None

    def odds(self, words: Sequence[str], ahead: int) -> Odds:
        """Of a change that arrives behind so many."""
        return self.history.odds(words, Met(disjoint=ahead))

    def ends(self, words: Sequence[str], ahead: int, end: End) -> None:
        self.history.learn((*words, Met(disjoint=ahead).word), end)
        self.ended.append(end is End.GREEN)
        self._pace = None

    def ran(self, seconds: float, *, green: bool) -> None:
        """A candidate's gate took so long."""
        (self.gates if green else self.reds).append(seconds)
        self._pace = None

    def pace(self) -> Pace:
        if self._pace is None:
            self._pace = self._of_late()
        return self._pace

    def _of_late(self) -> Pace:
        gate = median(self.gates)
        even = 2 * (1 - fmean(min(1.0, seconds / gate) for seconds in self.reds)) if self.reds else 1.0
        tell = (EVEN + len(self.reds) * min(1.0, even)) / (EVEN + len(self.reds))
        return Pace(gate=gate, tell=tell, ended=tuple(self.ended))
