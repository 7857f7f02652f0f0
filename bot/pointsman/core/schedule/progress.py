"""How a task goes from ready to complete, step by step (R68); a table, and what it says of one step."""

from __future__ import annotations

from pointsman.core.schedule.model import Status

ORDER = tuple(Status)


def step_problem(now: Status, then: Status) -> str:
    """'' where a claimed task may go from one status to the other: to the next one, or back to an earlier one, since
    work that failed its verification is done again. Never past one, never back to ready, never from complete."""
    if then is now:
        return ""
    if now is Status.COMPLETE:
        return "it is complete"
    if then is Status.READY:
        return "nothing that is worked on becomes ready again; release it with --outcome abandoned"
    due = ORDER[ORDER.index(now) + 1]
    if ORDER.index(then) > ORDER.index(due):
        return f"from {now.value} the next step is {due.value}"
    return ""


def done_problem(now: Status) -> str:
    """'' where work in that status may be called done: verified, or its steps were never told."""
    if now in (Status.READY, Status.VERIFYING, Status.COMPLETE):
        return ""
    due = ORDER[ORDER.index(now) + 1]
    return f"it is {now.value}, and who tells steps tells all of them; the next is {due.value}"
