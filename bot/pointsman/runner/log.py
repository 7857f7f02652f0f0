"""A job's output on disk, bounded; it knows nothing of the job."""

from __future__ import annotations

import contextlib
import os
from collections import deque


class Log:
    """The job's output, bounded: the first half of `limit` bytes as it comes, then the last half."""

    def __init__(self, path: str, limit: int) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(path, flags, 0o644)
        self._head_left = limit - limit // 2
        self._tail_limit = limit // 2
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0

    def write(self, data: bytes) -> None:
        head, rest = data[: self._head_left], data[self._head_left :]
        if head:
            self._put(head)
            self._head_left -= len(head)
        if rest:
            self._tail.append(rest)
            self._tail_size += len(rest)
            self._trim()

    def close(self) -> bool:
        """Write what was held back; true if something had to be left out."""
        if self._dropped:
            self._put(f"\n[... {self._dropped} bytes left out ...]\n".encode())
        for part in self._tail:
            self._put(part)
        os.close(self._file)
        return self._dropped > 0

    def _trim(self) -> None:
        while self._tail_size > self._tail_limit:
            surplus = self._tail_size - self._tail_limit
            first = self._tail.popleft()
            kept = first[surplus:]
            if kept:
                self._tail.appendleft(kept)
            self._dropped += len(first) - len(kept)
            self._tail_size -= len(first) - len(kept)

    def _put(self, data: bytes) -> None:
        # A full disk costs log lines, never the supervision of the job.
        view = memoryview(data)
        with contextlib.suppress(OSError):
            while view:
                view = view[os.write(self._file, view) :]
