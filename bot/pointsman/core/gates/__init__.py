"""Judging a gate run that has ended: passed, or not and why. Pure; it starts nothing and reads no file."""

from pointsman.core.gates.counts import count_tests
from pointsman.core.gates.judge import judge_run
from pointsman.core.gates.model import GateResult, JobResult, Outcome, Why
from pointsman.core.gates.signature import failing_test, signature

__all__ = [
    "GateResult",
    "JobResult",
    "Outcome",
    "Why",
    "count_tests",
    "failing_test",
    "judge_run",
    "signature",
]
