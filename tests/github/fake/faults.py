"""Which requests are to fail, and how; it knows no endpoint."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass


@dataclass(kw_only=True)
class Planned:
    method: str
    path: re.Pattern[str]
    kind: int | str
    times: int
    after: int


class Faults:
    """The plan. `stopped` is set when the fake ends, so that nobody waits for ever."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self._planned: list[Planned] = []
        self._lock = threading.Lock()

    def add(self, method: str, path: str, kind: int | str, *, times: int, after: int) -> None:
        with self._lock:
            planned = Planned(method=method, path=re.compile(path), kind=kind, times=times, after=after)
            self._planned.append(planned)

    def take(self, method: str, path: str) -> int | str | None:
        """What happens to this request: None for nothing. Counts it."""
        with self._lock:
            for planned in self._planned:
                if planned.method not in ("*", method) or not planned.path.search(path) or not planned.times:
                    continue
                if planned.after:
                    planned.after -= 1
                    continue
                planned.times -= 1
                return planned.kind
        return None

    def clear(self) -> None:
        """Forgets what was planned."""
        with self._lock:
            self._planned.clear()

    def close(self) -> None:
        self.stopped.set()
