"""The facts of a finished run and what they amount to, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.core.queue.model import RunState


class Why(StrEnum):
    """Why a run ended as it did; stable words that scripts compare."""

    PASSED = "passed"
    EXIT_CODE = "exit_code"
    NOT_FOUND = "command_not_found"
    NOT_EXECUTABLE = "command_not_executable"
    SIGNAL = "killed_by_signal"
    TIMED_OUT = "timed_out"
    NO_TESTS = "no_tests"
    TOO_FEW_TESTS = "too_few_tests"
    NOT_COUNTED = "tests_not_counted"
    TOO_MANY_PROCESSES = "too_many_processes"
    NOT_STARTED = "not_started"
    CANCELLED = "cancelled"
    LOST = "lost"
    SKIPPED = "skipped"
    MISSING = "missing_check"
    NOT_GREEN = "not_green"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobResult:
    """What is known of a job that has ended. Times are seconds since 1970, UTC; `seconds` is the wall time.

    At most one of `exit_code` and `signal` is set; neither when the command never ran or nobody saw it end.
    `cancelled`: its parent asked for the end, or died. `lost`: its supervisor died, so nothing is known.
    `isolated` names what was taken from the job (`network`, `read_only`). `labels` come back as given.
    """

    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    cancelled: bool = False
    process_limit: bool = False
    lost: bool = False
    error: str | None = None
    seconds: float = 0.0
    started: float = 0.0
    finished: float = 0.0
    log_truncated: bool = False
    isolated: tuple[str, ...] = ()
    labels: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The judgement of one run. Only PASSED lets a change through.

    FAILED is the check's own no. LOST and CANCELLED are no judgement at all: run it again. `why` is a clause
    with the value seen. `tests` is how many really ran, None where nothing says so. `signature` is the same
    for the same failure of the same check, whatever the time, the folder and the process; None unless FAILED.
    """

    state: RunState
    reason: Why
    why: str
    tests: int | None = None
    failing_test: str | None = None
    signature: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GateResult:
    """One ended run of one check: its outcome, how long it took and where its whole output is kept.

    `log` is a path, or None where the run never came to write one."""

    outcome: Outcome
    seconds: float
    log: str | None

    @property
    def state(self) -> RunState:
        return self.outcome.state

    @property
    def reason(self) -> Why:
        return self.outcome.reason

    @property
    def why(self) -> str:
        return self.outcome.why

    @property
    def tests(self) -> int | None:
        return self.outcome.tests

    @property
    def failing_test(self) -> str | None:
        return self.outcome.failing_test

    @property
    def signature(self) -> str | None:
        return self.outcome.signature
