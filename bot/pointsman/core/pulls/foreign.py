"""Judging a check that somebody else runs and only reports to the forge: present, bound to its app, and green, or not
passed (rules 7, 8, R45). Pure; what to ask for and when to look is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby

from pointsman.core.contract.names import shown
from pointsman.core.gates import Outcome, Why, count_tests, failing_test, signature
from pointsman.core.pulls.model import GITHUB_ACTIONS_APP, CommitChecks, ForeignCheck, RequiredCheck
from pointsman.core.pulls.outputs import OWN_CHECKS
from pointsman.core.queue.model import RunState

GRACE = 300.0
"""Seconds from the push for which nobody is blamed for a check that is not there, though other checks are."""
MAX_LOST = 2
"""A check that was stopped from outside is run again so often; then its stopping counts as its answer."""
_SHOWN = 8
_LOST = ("cancelled", "startup_failure")


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """Nothing can be said yet; `why` is a clause."""

    why: str = ""


def judge_foreign(
    check: RequiredCheck,
    seen: CommitChecks,
    *,
    own_app: int,
    min_tests: int | None,
    earlier: Set[str | int] = frozenset(),
    waited: float,
    timeout: float,
) -> Outcome | Pending:
    """What the reports on one commit amount to for one check that is required of it.

    Only check runs of `check.app` count (None: of any app, and statuses), never our own (`own_app`). A status of the
    same name has to pass as well (rule 8), yet can't stand in for an app's check run, for anybody may post one. Of the
    runs of one suite the newest decides; two suites that report the name both have to pass. `earlier`: ids or
    addresses of reports that belong to an earlier attempt. `waited` and `timeout` are in seconds. With `min_tests` the
    reports' text must say how many tests ran.
    """
    others = tuple(one for one in seen.checks if not _is_own(one, own_app))
    named = tuple(one for one in others if one.name == check.name)
    attempt = tuple(one for one in named if one.id not in earlier and str(one.id) not in earlier)
    attempt = tuple(one for one in attempt if not one.url or one.url not in earlier)
    deciding = _newest(one for one in attempt if _counts(one, check))
    bound = check.app is None or any(one.kind == "check_run" for one in deciding)
    if red := next((one for one in deciding if _is_red(one)), None):
        return _failed(check, deciding, *_red(red))
    if deciding and bound and all(one.status == "completed" for one in deciding):
        lost = next((one for one in deciding if one.conclusion in _LOST), None)
        if lost is not None:
            return _lost(check, deciding, lost, [one for one in named if _counts(one, check)])
        return _green(check, deciding, min_tests)
    if waited > timeout:
        return _failed(check, deciding, Why.TIMED_OUT, _too_late(check, seen, others, deciding, waited))
    running = [one for one in deciding if one.status != "completed"]
    if running:
        return Pending(why=f"{_name(check)} is {shown(running[0].status)}")
    if others and not seen.suites_running and waited > GRACE:
        return _failed(
            check, deciding, Why.MISSING, f"{_absent(check, others)}, and every check suite has ended"
        )
    return Pending(why=f"{_name(check)} is not reported yet")


def _is_own(one: ForeignCheck, own_app: int) -> bool:
    """With a `GITHUB_TOKEN` our app is Actions itself, and only the names tell ours from the workflows' jobs."""
    if one.kind == "status" or one.app != own_app:
        return False
    return own_app != GITHUB_ACTIONS_APP or one.name in OWN_CHECKS


def _counts(one: ForeignCheck, check: RequiredCheck) -> bool:
    return one.kind == "status" or check.app is None or one.app == check.app


def _newest(checks: Iterable[ForeignCheck]) -> tuple[ForeignCheck, ...]:
    """The newest of each kind, app and suite. A suite is not outvoted by a later one: whoever can start a workflow
    could hide a red job behind a green one of its name."""

    def key(one: ForeignCheck) -> tuple[str, int, int]:
        return one.kind, one.app or 0, one.suite or 0

    groups = groupby(sorted(checks, key=lambda one: (*key(one), one.id)), key=key)
    return tuple(list(group)[-1] for _, group in groups)


def _is_red(one: ForeignCheck) -> bool:
    return one.status == "completed" and one.conclusion != "success" and one.conclusion not in _LOST


def _red(one: ForeignCheck) -> tuple[Why, str]:
    """Whatever is not plainly a success is not passed (R45)."""
    what = "commit status" if one.kind == "status" else "check run"
    match one.conclusion:
        case "skipped":
            return Why.SKIPPED, f"the {what} was skipped, and skipped is not passed"
        case "timed_out":
            return Why.TIMED_OUT, f"the {what} ran into its own time limit"
        case "failure" | "error":
            return Why.NOT_GREEN, f"the {what} ended as {one.conclusion}"
        case None:
            return Why.NOT_GREEN, f"the {what} has ended and says not how"
        case other:
            return Why.NOT_GREEN, f"the {what} ended as {shown(other[:40])}, which is not success"


def _lost(
    check: RequiredCheck,
    deciding: tuple[ForeignCheck, ...],
    lost: ForeignCheck,
    attempts: list[ForeignCheck],
) -> Outcome:
    """Not the change's doing the first time; a check that is always stopped is not passed all the same."""
    times = sum(one.conclusion in _LOST for one in attempts)
    if times > MAX_LOST:
        return _failed(check, deciding, Why.NOT_GREEN, f"it ended as {lost.conclusion} {times} times")
    if lost.conclusion == "cancelled":
        return Outcome(state=RunState.LOST, reason=Why.CANCELLED, why="it was cancelled before it ended")
    return Outcome(state=RunState.LOST, reason=Why.LOST, why="its workflow could not be started")


def _green(check: RequiredCheck, deciding: tuple[ForeignCheck, ...], min_tests: int | None) -> Outcome:
    tests = count_tests(_text(deciding))
    if tests == 0:
        return _failed(check, deciding, Why.NO_TESTS, "it ended as success, but says that no tests ran")
    if min_tests is not None and tests is None:
        why = f"it ended as success, but nothing says how many tests ran; at least {min_tests} must"
        return _failed(check, deciding, Why.NOT_COUNTED, why)
    if min_tests is not None and tests is not None and tests < min_tests:
        why = f"it ended as success, but {tests} tests ran; at least {min_tests} must"
        return _failed(check, deciding, Why.TOO_FEW_TESTS, why)
    why = "success" if tests is None else f"success, {tests} tests ran"
    return Outcome(state=RunState.PASSED, reason=Why.PASSED, why=why, tests=tests)


def _failed(check: RequiredCheck, deciding: tuple[ForeignCheck, ...], reason: Why, why: str) -> Outcome:
    text = _text(deciding)
    return Outcome(
        state=RunState.FAILED,
        reason=reason,
        why=why,
        tests=count_tests(text),
        failing_test=failing_test(text),
        signature=signature(check.name, text, reason=f"{reason} {_conclusions(deciding)}"),
    )


def _conclusions(checks: tuple[ForeignCheck, ...]) -> str:
    return " ".join(sorted(str(one.conclusion) for one in checks))


def _text(checks: tuple[ForeignCheck, ...]) -> str:
    return "\n".join(one.text for one in checks if one.text)


def _too_late(
    check: RequiredCheck,
    seen: CommitChecks,
    others: tuple[ForeignCheck, ...],
    deciding: tuple[ForeignCheck, ...],
    waited: float,
) -> str:
    running = [one for one in deciding if one.status != "completed"]
    if running:
        return f"it is still {shown(running[0].status)} after {waited:.0f} s"
    suites = f"; {seen.suites_running} check suites have not ended" if seen.suites_running else ""
    return f"after {waited:.0f} s {_absent(check, others)}{suites}"


def _absent(check: RequiredCheck, others: tuple[ForeignCheck, ...]) -> str:
    """That it is not there, what bears its name and does not count, and what is there instead."""
    if check.app is not None and (false := [one for one in others if one.name == check.name]):
        who = ", ".join(sorted({_poster(one) for one in false}))
        return f"nothing reports {_name(check)}; one of this name is from {who}, which does not count"
    names = sorted({shown(one.name[:100]) for one in others})
    if not names:
        return f"nothing reports {_name(check)}, nor any other check; does a workflow run on this branch?"
    near = get_close_matches(shown(check.name[:100]), names[:200], n=1)
    meant = f"; is it {near[0]!r} that is meant?" if near else ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"nothing reports {_name(check)}, only {', '.join(map(repr, names[:_SHOWN]))}{more}{meant}"


def _poster(one: ForeignCheck) -> str:
    return f"app {one.app}" if one.kind == "check_run" else "a commit status, which is bound to no app"


def _name(check: RequiredCheck) -> str:
    name = repr(shown(check.name[:100]))
    return name if check.app is None else f"{name} of app {check.app}"
