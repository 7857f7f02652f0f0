"""A run whose tree is written beside the lane's work, so that others start and land meanwhile; it judges nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from pointsman.adapters.sandbox import Running
from pointsman.core.gates import JobResult


class Starting:
    """Prepares in a thread, then starts. `clean` is called there when nothing was started: it failed, or was given up.
    `lock` is a descriptor that is closed once what was started has its own."""

    def __init__(
        self,
        *,
        prepare: Callable[[], None],
        start: Callable[[], Running],
        clean: Callable[[], None],
        lock: int,
    ) -> None:
        self._prepare, self._start, self._clean, self._lock = prepare, start, clean, lock
        self._turn = threading.Lock()
        self._given_up = False
        self._running: Running | None = None
        self._problem: BaseException | None = None
        self.thread = threading.Thread(target=self._work, name="pointsman-start")
        self.thread.start()

    def poll(self) -> JobResult | None:
        """The result once it has ended, else None; raises what kept it from starting."""
        if self._problem is not None:
            raise self._problem
        return self._running.poll() if self._running is not None else None

    def cancel(self) -> bool:
        """Nothing of it is alive, or will be, when this returns. Whether it had started: then the caller cleans."""
        with self._turn:
            self._given_up = True
        if self._running is None:
            return False
        self._running.cancel()
        return True

    def _work(self) -> None:
        try:
            self._prepare()
            with self._turn:
                if not self._given_up:
                    self._running = self._start()
        except BaseException as problem:  # noqa: BLE001 - it is raised again by whoever asks
            self._problem = problem
        finally:
            os.close(self._lock)
        if self._running is None:
            self._clean()
