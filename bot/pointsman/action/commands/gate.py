"""`gate`: runs one check of the contract in the checked-out tree and judges how it ended; it needs no token."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pointsman.action.bases import base_of, candidate
from pointsman.action.objects import checkout, place
from pointsman.action.speech import Result, quoted
from pointsman.core.errors import EnvironmentProblem, UserError
from pointsman.core.gates import JobResult, Outcome, judge_run
from pointsman.core.pulls.markdown import code, fence
from pointsman.core.pulls.model import Annotation, Severity
from pointsman.core.queue.model import RunState

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.adapters.sandbox import Job, Sandbox
    from pointsman.core.contract import Check, Contract
    from pointsman.core.model import Sha

JUDGED_BYTES = 1 << 20
"""How much of the end of the output is looked at for summaries of tests."""
SHOWN_LINES = 60
POLL_SECONDS = 0.2
_SECRET = ("ACTIONS_", "GITHUB_", "POINTSMAN_", "INPUT_", "RUNNER_", "GH_", "GIT_CONFIG", "GIT_ASKPASS")
"""Variables with these beginnings are not for the check: tokens, and the files through which a step speaks."""
_KEPT = frozenset(
    {
        "GITHUB_ACTIONS",
        "GITHUB_SHA",
        "GITHUB_REPOSITORY",
        "GITHUB_WORKSPACE",
        "RUNNER_OS",
        "RUNNER_ARCH",
        "RUNNER_TOOL_CACHE",
    }
)


def run(around: Surroundings) -> Result:
    """Exit code 0 only for a pass. Errors: UserError for a check that the contract on the base does not have, or
    where what is checked out is not the commit in question."""
    if not around.inputs.check:
        raise UserError("no check: set the input `check` to the name of one of the contract's checks")
    git = checkout(around)
    if git is None:
        raise UserError("nothing is checked out here: the gate runs in a checkout with `fetch-depth: 0`")
    from pointsman.service.contracts import contract_at

    with git:
        commit = git.resolve("HEAD")
        _require_asked(around, commit)
        contract = contract_at(git, base_of(around, git, commit))
    asked = check_of(contract, around.inputs.check)
    outcome, tail = _run(around, asked, contract)
    return _said(asked, commit, outcome, tail)


def check_of(contract: Contract, name: str) -> Check:
    """The check of that name that is a command; UserError where there is none."""
    from pointsman.core.queue.checks import check_named

    try:
        found = check_named(contract, name)
    except (KeyError, ValueError):
        known = ", ".join(one.name for one in contract.checks.values() if one.run is not None)
        raise UserError(f"the contract has no check {name!r}; its commands are: {known or 'none'}") from None
    if found.run is None:
        raise UserError(f"the check {name!r} is no command: there is nothing to run for it")
    return found


def environment(outside: Mapping[str, str], check: Check, *, home: Path, tmp: Path) -> dict[str, str]:
    """What a check sees: the job's tools and caches, none of its tokens, and not the files that speak for the step."""
    kept = {
        name: value
        for name, value in outside.items()
        if name in _KEPT or not (name.startswith(_SECRET) or "TOKEN" in name or "SECRET" in name)
    }
    kept |= {"TMPDIR": str(tmp), "CI": "true"}
    kept.setdefault("HOME", str(home))
    for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
        kept.pop(name, None)  # ours, not the project's
    return kept | dict(check.env)


def _require_asked(around: Surroundings, commit: Sha) -> None:
    wanted = candidate(around)
    if wanted != commit:
        raise UserError(f"{commit[:12]} is checked out and {wanted[:12]} is asked for: check that one out")


def _run(around: Surroundings, check: Check, contract: Contract) -> tuple[Outcome, str]:
    from pointsman.adapters.jail import jail_of
    from pointsman.adapters.sandbox import Job, Sandbox

    around.temp.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="pointsman-gate-", dir=around.temp)).resolve()
    try:
        for name in ("home", "tmp"):
            (scratch / name).mkdir()
        assert check.run is not None  # noqa: S101 - check_of gives no other
        job = Job(
            command=check.run,
            cwd=place(around),
            env=environment(os.environ, check, home=scratch / "home", tmp=scratch / "tmp"),
            log=scratch / "log",
            result=scratch / "result.json",
            timeout=check.timeout,
            jail=jail_of(contract.sandbox),
        )
        with quoted(sys.stdout):
            result = _followed(Sandbox(), job, sys.stdout)
        tail = _tail(job.log)
        return judge_run(result, tail, check=check.name, min_tests=check.min_tests), tail
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _followed(sandbox: Sandbox, job: Job, out: IO[str]) -> JobResult:
    """Run it to its end; what it writes is shown as it comes."""
    running = sandbox.start(job)
    shown = 0
    try:
        while True:
            result = running.wait(POLL_SECONDS)
            shown = _show(job.log, shown, out)
            if result is not None:
                return result
    except BaseException:
        running.cancel()
        raise


def _show(log: Path, since: int, out: IO[str]) -> int:
    try:
        with log.open("rb") as file:
            file.seek(since)
            data = file.read()
    except OSError:
        return since
    out.write(data.decode("utf-8", "replace"))
    out.flush()
    return since + len(data)


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - JUDGED_BYTES))
            return file.read(JUDGED_BYTES).decode("utf-8", "replace")
    except OSError as problem:
        raise EnvironmentProblem(f"the log of the check is gone: {problem.strerror}") from problem


def _said(check: Check, commit: Sha, outcome: Outcome, tail: str) -> Result:
    passed = outcome.state is RunState.PASSED
    title = f"pointsman {check.name}"
    ran = f"{outcome.tests} tests ran" if outcome.tests is not None else "no count of tests"
    log = "" if passed else f"\n\n{fence(chr(10).join(tail.splitlines()[-SHOWN_LINES:]), tail=True)}"
    marks = [Annotation(path="", line=1, end=1, severity=Severity.NOTICE, title=title, message=ran)]
    if not passed:
        marks.insert(
            0, Annotation(path="", line=1, end=1, severity=Severity.FAILURE, title=title, message=outcome.why)
        )
    return Result(
        code=0 if passed else 1,
        outcome="passed" if passed else "failed",
        lines=(f"{check.name} {'passed' if passed else 'did not pass'}: {outcome.why}",),
        summary=f"### {'✓' if passed else '✗'} {code(check.name)}: {code(outcome.why)}{log}",
        outputs={
            "summary": outcome.why,
            "reason": outcome.reason.value,
            "tests": "" if outcome.tests is None else str(outcome.tests),
            "commit": commit,
        },
        annotations=marks,
    )
