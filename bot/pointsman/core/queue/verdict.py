"""What the runs say of a candidate: passed, red for good, or what to run next; knows no branch or ref."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

from pointsman.core.contract import Retry
from pointsman.core.model import Sha
from pointsman.core.queue.model import Candidate, Run, RunState

NO_EVIDENCE = frozenset({"timed_out", "missing_check"})
"""`Run.code` of a run that says nothing about who is to blame: it was stopped at its time limit, or nobody ever
reported it (core.gates.Why.TIMED_OUT, MISSING; GITHUB-RULES 18)."""


class CheckStanding(Enum):
    """Where one check of one candidate stands. DUE: it has to be started (again)."""

    GREEN = "green"
    RUNNING = "running"
    DUE = "due"
    RED = "red"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckVerdict:
    """One check of a candidate: its standing, the attempts that count, and the run that made it red."""

    check: str
    digest: str
    standing: CheckStanding
    attempts: int
    failed: Run | None = None


def check_verdicts(
    candidate: Candidate,
    runs: Sequence[Run],
    green: Collection[tuple[Sha, str]],
    retry: Retry,
    *,
    since: float = 0.0,
) -> tuple[CheckVerdict, ...]:
    """Each required check in the contract's order.

    A pass counts for the exact tree, whoever asked for it, and so does a failure of another candidate, as an attempt.
    Runs that were cancelled or lost say nothing. A check is red for good when it failed `retry.max` times, or twice
    with the same signature where the contract says stop (R50, R51). Failures of before `since`, when a person
    resumed the lane, do not count: what they were red with was mended.
    """
    tree = candidate.gate_tree
    counted = [run for run in runs if not _is_past(run, since)]
    return tuple(
        _check_verdict(
            tree,
            check,
            digest,
            [run for run in counted if run.check == check and _is_about(run, candidate, tree, digest)],
            green,
            retry,
        )
        for check, digest in candidate.checks
    )


def _is_about(run: Run, candidate: Candidate, tree: Sha, digest: str) -> bool:
    """Its own run, or one that failed on the same tree in another candidate."""
    if run.candidate == candidate.id:
        return True
    failed = run.candidate is not None and run.state is RunState.FAILED and run.code not in NO_EVIDENCE
    return failed and run.tree == tree and run.digest == digest


def _is_past(run: Run, since: float) -> bool:
    return run.state is RunState.FAILED and run.started_at < since


def _check_verdict(
    tree: Sha,
    check: str,
    digest: str,
    runs: Sequence[Run],
    green: Collection[tuple[Sha, str]],
    retry: Retry,
) -> CheckVerdict:
    failed = [run for run in runs if run.state is RunState.FAILED]
    if (tree, digest) in green or any(run.state is RunState.PASSED for run in runs):
        standing = CheckStanding.GREEN
    elif any(run.state is RunState.RUNNING for run in runs):
        standing = CheckStanding.RUNNING
    elif failed and is_final(failed, retry):
        standing = CheckStanding.RED
    else:
        standing = CheckStanding.DUE
    last = failed[-1] if failed else None
    return CheckVerdict(check=check, digest=digest, standing=standing, attempts=len(failed), failed=last)


def is_final(failed: Sequence[Run], retry: Retry) -> bool:
    """Whether these failures of one check, oldest first, are enough to stop trying."""
    if len(failed) >= max(1, retry.max):
        return True
    if retry.same_failure != "stop" or len(failed) < 2:
        return False
    first, second = failed[-2].signature, failed[-1].signature
    return first is not None and first == second
