"""A clock that a test owns; nobody really sleeps by it."""

from __future__ import annotations


class ManualClock:
    """Stands still until somebody sleeps, or the test moves it. `slept` is how long each sleep was."""

    def __init__(self, start: float = 1_760_000_000.0) -> None:
        self.at = start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds
