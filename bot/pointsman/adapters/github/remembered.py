"""Answers kept with their ETag, so that asking again costs GitHub nothing; bounded in number and size."""

from __future__ import annotations

import threading
from collections import OrderedDict

from pointsman.adapters.github.transport import Answer

MOST, MOST_BYTES = 512, 16 * 1024 * 1024


class Remembered:
    """The least recently used goes first. Safe to use from several threads."""

    def __init__(self, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> Answer | None:
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
            return found

    def keep(self, key: str, answer: Answer) -> None:
        """Only what has an ETag, and is small enough to leave room for others."""
        with self._lock:
            self._drop(key)
            if "etag" not in answer.headers or len(answer.text) > self._most_bytes // 8:
                return
            self._answers[key] = answer
            self._bytes += len(answer.text)
            while len(self._answers) > self._most or self._bytes > self._most_bytes:
                self._drop(next(iter(self._answers)))

    def _drop(self, key: str) -> None:
        gone = self._answers.pop(key, None)
        self._bytes -= len(gone.text) if gone is not None else 0
