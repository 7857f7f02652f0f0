"""Run one job and end all of it: on time, on request, or when the process that asked for it dies.

`main` is started by adapters/sandbox with `python -I -B -S` and an empty environment. The first line on
stdin is the job as JSON; after that stdin is the leash: the parent holds the other end open, and end-of-file
means "kill it now", whether the parent closed it or was killed. The result is written to the job's result
path, at once or not at all; before it, to a path of its own, what the command answered where one is asked for.
This module imports nothing outside the standard library and this package, and decides nothing about what a result
means.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from typing import Any

from pointsman.runner import isolate, launch
from pointsman.runner.files import write_atomically
from pointsman.runner.log import Log
from pointsman.runner.processes import children, descendants, free_bytes, holds_more, tasks_of, uses_more

Facts = dict[str, Any]

POLL = 0.1
DISK_STEP = 1 << 28
"""A job's folders are weighed again when the free space has sunk by so much more."""
KILL_PATIENCE = 10.0
DRAIN_PATIENCE = 1.0
CHUNK = 65536
TASKS = 8
ANSWER_LIMIT = 1 << 20
"""Bytes of an answer; one that is longer is none."""


class Supervisor:
    """One job from start to result. Single-threaded; `run` is called once."""

    def __init__(self, job: Facts) -> None:
        self.job = job
        self.log = Log(job["log"], job["log_limit"])
        self.facts: Facts = {
            "exit_code": None,
            "signal": None,
            "timed_out": False,
            "cancelled": False,
            "process_limit": False,
            "error": None,
            "isolated": [],
            "missing": {},
            "labels": job["labels"],
        }
        user, limit = job["jail"]["user"], job["processes"]
        if user is not None and limit is not None:
            # Forks faster than they can be counted fail by themselves; threads are tasks, too.
            job["tasks"] = tasks_of(user) + TASKS * limit
        self.main: int | None = None
        self.extra = 0
        self.status: int | None = None
        self.kill_at: float | None = None
        self.stuck = False
        self.free = {folder: free_bytes(folder) for folder in self._weighed()}
        self.answer: int | None = None
        self.answered = b""

    def run(self) -> None:
        self.facts["started"] = time.time()
        begin = time.monotonic()
        isolate.adopt_orphans()
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else pipe()
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._cancel)
        output = self._start()
        if self.main is not None:
            try:
                self._watch(output, wake_read, begin + self.job["timeout"])
            finally:
                self._end_everything()
            self._drain(output)
            self._take_status()
        if self.job["answer"] is not None:
            write_atomically(self.job["answer"], self.answered if len(self.answered) <= ANSWER_LIMIT else b"")
        self.facts["log_truncated"] = self.log.close()
        self.facts["seconds"] = round(time.monotonic() - begin, 4)
        self.facts["finished"] = time.time()
        write_atomically(self.job["result"], json.dumps(self.facts).encode())

    def _start(self) -> int:
        """Start the command; returns the read end of its output. A failure is noted, not raised."""
        output, out = os.pipe()
        os.set_blocking(output, False)
        end = None
        if self.job["answer"] is not None:
            self.answer, end = os.pipe()
            os.set_blocking(self.answer, False)
        try:
            launched = launch.start(self.job, out, end)
        except OSError as problem:
            self.facts["error"] = f"could not be started: {problem}"
            return output
        finally:
            os.close(out)
            if end is not None:
                os.close(end)
        self.main, self.extra = launched.pid, launched.extra
        self.facts["isolated"], self.facts["missing"] = launched.isolated, launched.missing
        self.facts["error"] = launched.error
        if launched.failed is not None:
            # What a shell would say: 127 for a command that is not there, 126 for one that can't run.
            self.facts["exit_code"], why = launched.failed
            self.log.write(f"pointsman: the command could not be started: {why}\n".encode())
        return output

    def _watch(self, output: int, wake: int, deadline: float) -> None:
        """Copy output until the command has ended, killing it when it must end."""
        leash = sys.stdin.fileno()
        readable = [output, wake, leash, *([] if self.answer is None else [self.answer])]
        while self.status is None and not self.stuck:
            ready, _, _ = select.select(readable, [], [], self._patience(deadline))
            if output in ready and not self._copy(output):
                readable.remove(output)
            if self.answer in ready and not self._listen():
                readable.remove(self.answer)
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake, CHUNK)
            if leash in ready and not os.read(leash, CHUNK):
                readable.remove(leash)
                self._cancel()
            self._reap()
            self._enforce(deadline)

    def _weighed(self) -> list[str]:
        return self.job["jail"]["writable"] if self.job["disk"] is not None else []

    def _is_counted(self) -> bool:
        return any(self.job[name] is not None for name in ("processes", "memory", "disk"))

    def _patience(self, deadline: float) -> float:
        if self._is_counted():
            return POLL
        return max(0.0, (self.kill_at or deadline) - time.monotonic())

    def _enforce(self, deadline: float) -> None:
        now = time.monotonic()
        if self.status is not None:
            return
        if self.facts["cancelled"]:
            # Nobody waits for this job any more: no grace, so that a restart finds a quiet machine.
            self._end_everything()
        elif self.kill_at is None and now >= deadline:
            self.facts["timed_out"] = True
            self.kill_at = now + self.job["grace"]
            self._signal_group(signal.SIGTERM)
        elif self.kill_at is not None and now >= self.kill_at:
            self._end_everything()
        elif self._is_counted():
            self._count()

    def _count(self) -> None:
        """End a job whose processes are too many, or hold too much together."""
        found = children(os.getpid())
        limit, memory = self.job["processes"], self.job["memory"]
        if limit is not None and len(found) > limit + self.extra:
            self.facts["process_limit"] = True
            self._end_everything()
        elif memory is not None and uses_more(found, memory):
            said = f"pointsman: the job's processes together used more than {memory} bytes\n"
            self.log.write(said.encode())
            self._end_everything()
        elif self._fills_more():
            said = f"pointsman: the job filled more than {self.job['disk']} bytes of the disk\n"
            self.log.write(said.encode())
            self._end_everything()

    def _fills_more(self) -> bool:
        """Its folders are walked only when as much was lost on their file systems as they may hold; what lay in them
        before it started is not its own."""
        limit = self.job["disk"]
        sunk = False
        for folder, before in self.free.items():
            if before - free_bytes(folder) > limit:
                self.free[folder], sunk = before - DISK_STEP, True
        return sunk and holds_more(list(self.free), limit)

    def _cancel(self, *_: object) -> None:
        self.facts["cancelled"] = True

    def _end_everything(self) -> None:
        """SIGKILL to every process below this one, again until none is left, double forks included."""
        until = time.monotonic() + KILL_PATIENCE
        while time.monotonic() < until:
            self._signal_group(signal.SIGKILL)
            for pid in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if self._reap():
                return
            time.sleep(0.002)
        self.stuck = True

    def _signal_group(self, number: signal.Signals) -> None:
        # A reaped leader's number may belong to somebody else; its group's stragglers are found by /proc.
        if self.main is not None and (self.status is None or sys.platform != "linux"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.main, number)

    def _reap(self) -> bool:
        """Collect what has ended, adopted orphans too; true when no child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.main:
                self.status = status

    def _copy(self, output: int) -> bool:
        """Move what is readable to the log; false at end of file."""
        try:
            data = os.read(output, CHUNK)
        except BlockingIOError:
            return True
        self.log.write(data)
        return bool(data)

    def _listen(self) -> bool:
        """Keep what is readable of the answer; false at its end, and when it is too long to be one."""
        assert self.answer is not None  # noqa: S101 - it was readable
        try:
            data = os.read(self.answer, CHUNK)
        except BlockingIOError:
            return True
        self.answered += data
        return bool(data) and len(self.answered) <= ANSWER_LIMIT

    def _drain(self, output: int) -> None:
        """All that was written before everything ended."""
        while self.answer is not None and select.select([self.answer], [], [], 0)[0] and self._listen():
            pass
        until = time.monotonic() + DRAIN_PATIENCE
        while time.monotonic() < until:
            ready, _, _ = select.select([output], [], [], 0)
            if not ready or not self._copy(output):
                return

    def _take_status(self) -> None:
        if self.status is None:
            self.facts["error"] = self.facts["error"] or "could not be killed"
        elif self.facts["error"] is None and self.facts["exit_code"] is None:
            if os.WIFSIGNALED(self.status):
                self.facts["signal"] = os.WTERMSIG(self.status)
            else:
                self.facts["exit_code"] = os.WEXITSTATUS(self.status)


def pipe() -> tuple[int, int]:
    """A pipe whose ends do not block and are not inherited."""
    ends = os.pipe()
    for end in ends:
        os.set_blocking(end, False)
    return ends


def read_job() -> Facts:
    """The first line of stdin, read byte-exactly so that the leash keeps nothing of it."""
    line = bytearray()
    while not line.endswith(b"\n"):
        data = os.read(0, CHUNK)
        if not data:
            raise SystemExit("no job on stdin")
        line += data
    job: Facts = json.loads(line)
    return job


def main() -> None:
    Supervisor(read_job()).run()
