"""Counts what was answered to webhooks; nothing else."""

from __future__ import annotations

import threading
from collections import Counter


class Tally:
    """(event, outcome) -> how often; safe to use from several threads."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, event: str, outcome: str) -> None:
        with self._lock:
            self._counts[event, outcome] += 1

    def counts(self) -> tuple[tuple[tuple[str, str], int], ...]:
        """In order of event and outcome."""
        with self._lock:
            return tuple(sorted(self._counts.items()))
