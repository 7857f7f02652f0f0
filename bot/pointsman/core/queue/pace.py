"""How a lane's gates went of late, as a strategy is told; it knows no journal and no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import fmean, median

from pointsman.core.queue.observation import Pace

GATES, REDS, ENDED = 31, 40, 40
"""So many of each are of late."""

EVEN = 5.0
"""Before any was seen red runs are taken to end evenly over the gate, with the weight of so many."""


@dataclass(slots=True)
class LanePace:
    """Seconds of the green gates, seconds after which red ones ended, and which of the last changes landed."""

    gates: deque[float] = field(default_factory=lambda: deque(maxlen=GATES))
    reds: deque[float] = field(default_factory=lambda: deque(maxlen=REDS))
    ended: deque[bool] = field(default_factory=lambda: deque(maxlen=ENDED))

    def pace(self) -> Pace:
        """Linear in what is kept."""
        if not self.gates:
            return Pace(ended=tuple(self.ended))
        gate = max(median(self.gates), 0.001)
        even = 2 * (1 - fmean(min(1.0, seconds / gate) for seconds in self.reds)) if self.reds else 1.0
        tell = (EVEN + len(self.reds) * min(1.0, even)) / (EVEN + len(self.reds))
        return Pace(gate=gate, tell=tell, ended=tuple(self.ended))
