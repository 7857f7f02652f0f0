"""The queue as somebody looks at it: one plain structure for the table, for JSON and for pages; read only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pointsman.core.queue.model import LIVE, Candidate, Change, ChangeState, Reason, Run, RunState
from pointsman.core.queue.observation import Standing
from pointsman.core.queue.order import line_up
from pointsman.ports import Forge, Store

DETAIL_LINES = 12


def view(store: Store, forge: Forge, *, everything: bool = False, lane: str | None = None) -> dict[str, Any]:
    """{"lanes": [{"base", "tip", "paused", "changes": [...], "running": [...]}]}: queued changes in the order
    in which they will be tried, then (with `everything`) those that have ended, newest first."""
    lanes = [name for name in store.lanes() if lane is None or name == lane]
    return {"lanes": [_lane(store, forge, name, everything=everything) for name in lanes]}


def _lane(store: Store, forge: Forge, name: str, *, everything: bool) -> dict[str, Any]:
    changes = store.changes(name)
    queued = [change for change in changes if change.state is ChangeState.QUEUED]
    live = store.candidates(name, states=tuple(LIVE))
    runs = store.runs(candidates=[candidate.id for candidate in live], running=True)
    ended = [change for change in reversed(changes) if change.state is not ChangeState.QUEUED]
    shown = [*_in_order(queued, changes), *(ended if everything else [])]
    return {
        "base": name,
        "tip": forge.tip(name),
        "paused": store.lane(name).paused,
        "changes": [{**change_json(change), "doing": _doing(change, live, runs)} for change in shown],
        "running": [
            {"run": run.id, "check": run.check, "change": run.change, "tree": run.tree}
            for run in runs
            if run.state is RunState.RUNNING and run.lane == name
        ],
    }


def _in_order(queued: Sequence[Change], changes: Sequence[Change]) -> list[Change]:
    standings: dict[str, Standing] = {}
    for change in changes:
        standing = Standing(change=change.id, state=change.state)
        standings[change.source] = standings[change.label] = standing
    ready = list(line_up(queued, standings).ready)
    placed = {change.id for change in ready}
    return [*ready, *(change for change in queued if change.id not in placed)]


def _doing(change: Change, live: Sequence[Candidate], runs: Sequence[Run]) -> str:
    """What happens to the change now, or why nothing does, or how it ended; one sentence."""
    if change.reason is not None:
        return "\n".join(_why_returned(change.reason))
    if change.wait is not None:  # cleared when it is built: whoever waits in a candidate has passed
        return f"waits: {change.wait.text}"
    for candidate in sorted(live, key=lambda one: len(one.members)):
        if change.id in {member.change for member in candidate.members}:
            return _testing(change, candidate, runs)
    return f"landed as {change.landed[:10]}" if change.landed is not None else ""


def _why_returned(reason: Reason) -> Iterator[str]:
    """The sentence, the quotes (of a log its end, of two sides their beginning) and the command."""
    yield from reason.text.splitlines()
    lines = reason.details.splitlines()
    red = reason.code.startswith("red")
    for line in lines[-DETAIL_LINES:] if red else lines[:DETAIL_LINES]:
        yield f"| {line}"
    if reason.reproduce:
        yield f"again: {reason.reproduce}"


def _testing(change: Change, candidate: Candidate, runs: Sequence[Run]) -> str:
    states = _states([run for run in runs if run.candidate == candidate.id])
    checks = ", ".join(f"{check} {states.get(check, 'due')}" for check, _ in candidate.checks)
    others = [f"#{member.change}" for member in candidate.members if member.change != change.id]
    beside = f" with {', '.join(others)}" if others else ""
    what = f"{candidate.state.value} as {candidate.commit[:10]}{beside}"
    return f"{what}: {checks or 'no commands to run'}"


def _states(runs: Sequence[Run]) -> Mapping[str, str]:
    return {run.check: run.state.value for run in runs}


def change_json(change: Change) -> dict[str, Any]:
    """A change in JSON; `reason` and `waiting` are null or objects with a stable `code`."""
    reason, wait = change.reason, change.wait
    return {
        "id": change.id,
        "base": change.lane,
        "branch": change.branch,
        "head": change.head,
        "author": change.author,
        "title": change.title,
        "priority": change.priority,
        "depends_on": list(change.depends_on),
        "submitted_at": change.submitted_at,
        "state": change.state.value,
        "waiting": {"code": wait.code, "message": wait.text} if wait is not None else None,
        "reason": {
            "code": reason.code,
            "message": reason.text,
            "details": reason.details,
            "reproduce": reason.reproduce,
        }
        if reason is not None
        else None,
        "landed": change.landed,
        "ended_at": change.ended_at,
    }
