"""Starts the runner for one job and reads what came of it; it gives a job nothing of our own environment."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pointsman.adapters.accounts import UNPRIVILEGED
from pointsman.adapters.jail import NO_JAIL, WALLS, Jail, Protection
from pointsman.adapters.scratch import scratch
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.gates import JobResult

MIB = 1 << 20
SUPERVISOR_PATIENCE = 30.0
"""Seconds that a supervisor gets to end everything after it was told to; it takes milliseconds."""

_SOURCE = Path(__file__).resolve().parents[2]
_START = "import sys; sys.path.append(sys.argv[1]); from pointsman.runner.supervise import main; main()"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One command and its bounds. Sizes are bytes, times seconds; None is no limit.

    `command` is a line for `sh -e -c`, or an argument list. `env` is complete: nothing is inherited.
    `cpu` (seconds of it) and `file_size` hold for each process, `processes` for all of them together (Linux),
    `memory` for each and for all together, `disk` for what its jail's writable folders hold.
    After `timeout` the job's group gets SIGTERM, after `grace` more everything gets SIGKILL. The log keeps
    the first and the last half of `log_limit`. With `answer` what the command writes to its descriptor 3 is there
    when it has ended, if it is no longer than a megabyte. No path here may lie where the job can write. `labels` come
    back with the result.
    """

    command: str | Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    log: Path
    result: Path
    timeout: float
    answer: Path | None = None
    grace: float = 5.0
    memory: int | None = None
    cpu: float | None = None
    file_size: int | None = None
    processes: int | None = None
    disk: int | None = None
    log_limit: int = 8 * MIB
    jail: Jail = NO_JAIL
    labels: Mapping[str, str | int | None] = field(default_factory=dict)

    def as_json(self) -> str:
        """One line for the supervisor."""
        shell = ["/bin/sh", "-e", "-c", self.command] if isinstance(self.command, str) else list(self.command)
        return json.dumps(
            {
                "argv": shell,
                "cwd": str(self.cwd),
                "env": dict(self.env),
                "log": str(self.log),
                "result": str(self.result),
                "answer": str(self.answer) if self.answer is not None else None,
                "timeout": self.timeout,
                "grace": self.grace,
                "memory": self.memory,
                "cpu": self.cpu,
                "file_size": self.file_size,
                "processes": self.processes,
                "disk": self.disk,
                "log_limit": self.log_limit,
                "jail": self.jail.as_json(),
                "labels": dict(self.labels),
            }
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """What this machine really took from a job that was tried; `missing` says why not of each other one."""

    in_force: frozenset[Protection]
    missing: Mapping[Protection, str]

    @property
    def isolates(self) -> bool:
        return self.in_force >= WALLS

    @property
    def why_not(self) -> str:
        return "; ".join(f"{name}: {self.missing.get(name, 'no')}" for name in sorted(WALLS - self.in_force))


class Running:
    """A job that was started. Dropping it without `wait` or `cancel` does not end it; our own death does."""

    def __init__(self, supervisor: subprocess.Popen[bytes], result: Path) -> None:
        self._supervisor = supervisor
        self._result_path = result
        self._result: JobResult | None = None

    @property
    def pid(self) -> int:
        """The supervisor's process, not the command's."""
        return self._supervisor.pid

    def poll(self) -> JobResult | None:
        """The result once everything has ended, else None."""
        if self._result is None and self._supervisor.poll() is not None:
            self._result = self._read()
        return self._result

    def wait(self, timeout: float | None = None) -> JobResult | None:
        """As `poll`, after at most `timeout` seconds (None: however long it takes)."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(timeout)
        return self.poll()

    def cancel(self) -> JobResult:
        """End it and everything that it started, at once; nothing of it is alive when this returns."""
        self._let_go()
        try:
            self._supervisor.wait(SUPERVISOR_PATIENCE)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        return self.poll() or JobResult(lost=True)

    def _read(self) -> JobResult:
        """A supervisor that ended badly wrote no result; a file that is there then is somebody else's."""
        self._let_go()
        if self._supervisor.returncode != 0:
            return JobResult(lost=True)
        return read_result(self._result_path) or JobResult(lost=True)

    def _let_go(self) -> None:
        if self._supervisor.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._supervisor.stdin.close()


class Sandbox:
    """Runs jobs in processes that know nothing of ours and die with us."""

    def __init__(self, *, python: str = sys.executable) -> None:
        self._python = python
        self._capabilities: Capabilities | None = None

    def start(self, job: Job, *, hold: Sequence[int] = ()) -> Running:
        """Start it; the supervisor keeps the descriptors in `hold` open for as long as it lives.

        EnvironmentProblem when not even the supervisor starts; a command that doesn't is a result."""
        try:
            supervisor = subprocess.Popen(
                [*self._command(), _START, str(_SOURCE)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                close_fds=True,
                pass_fds=tuple(hold),
                start_new_session=True,
            )
        except OSError as problem:
            raise EnvironmentProblem(f"the runner does not start: {problem}") from problem
        assert supervisor.stdin is not None  # noqa: S101 - it was asked for
        with contextlib.suppress(BrokenPipeError):
            supervisor.stdin.write(job.as_json().encode() + b"\n")
            supervisor.stdin.flush()
        return Running(supervisor, job.result)

    def run(self, job: Job, *, hold: Sequence[int] = ()) -> JobResult:
        """Start it and wait; it is ended if this is interrupted."""
        running = self.start(job, hold=hold)
        try:
            return running.wait() or JobResult(lost=True)
        except BaseException:
            running.cancel()
            raise

    def capabilities(self) -> Capabilities:
        """What this machine can do, tried once, on a job that does nothing."""
        if self._capabilities is None:
            self._capabilities = self._try()
        return self._capabilities

    def _try(self) -> Capabilities:
        with scratch("try") as made:
            folder = made.path
            kept, hidden = folder / "kept", folder / "hidden"
            kept.mkdir()
            hidden.mkdir()
            jail = Jail(
                wanted=frozenset(Protection),
                everything=True,
                hidden=(hidden,),
                writable=(kept,),
                user=UNPRIVILEGED,
                processors=1,
            )
            job = Job(
                command=["/bin/sh", "-c", ":"],
                cwd=Path("/"),
                env={"PATH": os.defpath},
                log=folder / "log",
                result=folder / "result.json",
                timeout=SUPERVISOR_PATIENCE,
                jail=jail,
            )
            result = self.run(job)
            facts = _facts(job.result) or {}
        missing = {Protection(key): value for key, value in facts.get("missing", {}).items()}
        why = result.error or (f"exit code {result.exit_code}" if result.exit_code else "")
        if why:
            return Capabilities(in_force=frozenset(), missing=dict.fromkeys(Protection, why))
        return Capabilities(in_force=frozenset(map(Protection, result.isolated)), missing=missing)

    def _command(self) -> list[str]:
        return [self._python, "-I", "-B", "-S", "-c"]


def read_result(path: Path) -> JobResult | None:
    """The result that a supervisor left, also one of an earlier process; None when there is none (yet)."""
    facts = _facts(path)
    if facts is None:
        return None
    known = {name: facts[name] for name in JobResult.__dataclass_fields__ if name in facts}
    return replace(JobResult(**known), isolated=tuple(facts.get("isolated", ())))


def _facts(path: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return facts


def base_environment(*, home: Path, tmp: Path) -> dict[str, str]:
    """What every job may know: how to find programs, the language, and folders of its own."""
    inherited = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"PATH": os.defpath, "LANG": "C.UTF-8"} | inherited | {
        "HOME": str(home),
        "TMPDIR": str(tmp),
        "CI": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
