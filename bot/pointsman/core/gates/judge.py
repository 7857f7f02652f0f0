"""Says whether a finished run passed; everything that is not plainly a pass is not one (I6, R45)."""

from __future__ import annotations

import signal

from pointsman.core.gates.counts import count_tests
from pointsman.core.gates.model import JobResult, Outcome, Why
from pointsman.core.gates.signature import failing_test, signature
from pointsman.core.queue.model import RunState


def judge_run(
    result: JobResult, output_tail: str, *, check: str = "", min_tests: int | None = None
) -> Outcome:
    """The outcome of one run of `check`, from how it ended and the (end of the) output that it left.

    With `min_tests` the output must say how many tests ran; skipped ones do not count.
    """
    if result.lost:
        return Outcome(state=RunState.LOST, reason=Why.LOST, why="its supervisor ended before it did")
    if result.cancelled:
        return Outcome(state=RunState.LOST, reason=Why.CANCELLED, why="it was stopped before it ended")
    tests = count_tests(output_tail)
    problem = _ended_badly(result, tests) or _tests_missing(tests, min_tests)
    if problem is None:
        return Outcome(state=RunState.PASSED, reason=Why.PASSED, why=_passed(tests), tests=tests)
    reason, why = problem
    return Outcome(
        state=RunState.FAILED,
        reason=reason,
        why=why,
        tests=tests,
        failing_test=failing_test(output_tail),
        signature=signature(check, output_tail, reason=f"{reason} {result.exit_code} {result.signal}"),
    )


def _passed(tests: int | None) -> str:
    return "exit code 0" if tests is None else f"exit code 0, {tests} tests ran"


def _ended_badly(result: JobResult, tests: int | None) -> tuple[Why, str] | None:
    if result.error is not None:
        return Why.NOT_STARTED, result.error
    if result.process_limit:
        return Why.TOO_MANY_PROCESSES, "it started more processes than allowed and was killed"
    if result.timed_out:
        return Why.TIMED_OUT, f"it was still running after {result.seconds:.0f} s and was killed"
    if result.signal is not None:
        return Why.SIGNAL, f"it was killed by {_signal_name(result.signal)}"
    match result.exit_code:
        case 0:
            return None
        case None:
            return Why.NOT_STARTED, "nobody saw it end"
        case 127:
            return Why.NOT_FOUND, "exit code 127: the command was not found"
        case 126:
            return Why.NOT_EXECUTABLE, "exit code 126: the command can't be executed"
        case 5 if tests == 0:
            return Why.NO_TESTS, "exit code 5: no tests ran"
        case code if code > 128:
            return Why.EXIT_CODE, f"exit code {code} ({_signal_name(code - 128)})"
        case code:
            return Why.EXIT_CODE, f"exit code {code}"


def _tests_missing(tests: int | None, min_tests: int | None) -> tuple[Why, str] | None:
    if tests == 0:
        return Why.NO_TESTS, "exit code 0, but no tests ran"
    if min_tests is None:
        return None
    if tests is None:
        return Why.NOT_COUNTED, f"exit code 0, but nothing says how many tests ran; at least {min_tests} must"
    if tests < min_tests:
        return Why.TOO_FEW_TESTS, f"exit code 0, but {tests} tests ran; at least {min_tests} must"
    return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
