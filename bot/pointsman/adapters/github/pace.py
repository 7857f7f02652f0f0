"""How fast GitHub may be asked: its secondary limits kept by us, and the time out it tells us to take (rule 9)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from pointsman.core.errors import ForgeUnavailable
from pointsman.ports import Clock

AT_ONCE = 100
POINTS, POINTS_SECONDS = 900, 60.0
CREATED_MINUTE, CREATED_HOUR = 80, 500
READ_POINTS, WRITE_POINTS = 1, 5


class Window:
    """At most `limit` points within any `seconds`, exactly: a bucket would let twice as many through at first."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0

    def wait(self, points: int, now: float) -> float:
        """Seconds until `points` more fit in; 0 when they do."""
        while self._taken and self._taken[0][0] + self._seconds <= now:
            self._sum -= self._taken.popleft()[1]
        free = self._limit - self._sum
        for at, taken in self._taken:
            if free >= points:
                break
            free += taken
            if free >= points:
                return max(at + self._seconds - now, 0.001)
        return 0.0

    def take(self, points: int, now: float) -> None:
        self._taken.append((now, points))
        self._sum += points


class Pace:
    """The limits of one installation (or one token); every client of it shares one. Safe to use from threads."""

    def __init__(self, clock: Clock, *, at_once: int = AT_ONCE) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(at_once)
        self._points = Window(POINTS, POINTS_SECONDS)
        self._created = (Window(CREATED_MINUTE, 60.0), Window(CREATED_HOUR, 3600.0))
        self._shut_until = 0.0

    @property
    def shut_until(self) -> float:
        """Until when GitHub has told us to keep away, in seconds since 1970."""
        return self._shut_until

    def shut(self, until: float) -> None:
        self._shut_until = max(self._shut_until, until)

    @contextmanager
    def turn(self, *, write: bool, creates: bool, deadline: float) -> Iterator[None]:
        """Wait for a turn and hold a slot for as long as the request takes.

        Errors: `ForgeUnavailable` as soon as it is clear that the turn comes after `deadline`.
        """
        points = WRITE_POINTS if write else READ_POINTS
        while wait := self._reserve(points, creates):
            now = self._clock.now()
            if now + wait > deadline:
                raise ForgeUnavailable(
                    f"GitHub's rate limit leaves no room for {wait:.0f} s", again_at=now + wait
                )
            self._clock.sleep(wait)
        if not self._slots.acquire(timeout=max(deadline - self._clock.now(), 0.001)):
            raise ForgeUnavailable(
                "too many requests to GitHub are under way", again_at=self._clock.now() + 5
            )
        try:
            yield
        finally:
            self._slots.release()

    def _reserve(self, points: int, creates: bool) -> float:
        """0 and the turn is taken, else the seconds to wait before asking again."""
        with self._lock:
            now = self._clock.now()
            windows = [(self._points, points), *((window, 1) for window in self._created if creates)]
            wait = max([self._shut_until - now, *(window.wait(cost, now) for window, cost in windows)])
            if wait > 0:
                return wait
            for window, cost in windows:
                window.take(cost, now)
            return 0.0
