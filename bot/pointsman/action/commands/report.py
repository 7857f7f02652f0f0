"""`report`: the lanes as they stand, from the document on the state's ref; read only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pointsman.action.objects import mirrored
from pointsman.action.speech import Result
from pointsman.core.pulls.markdown import code
from pointsman.core.pulls.model import CANDIDATES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.action.surroundings import Surroundings
    from pointsman.core.model import Sha
    from pointsman.ports import Remote, Store


def run(around: Surroundings) -> Result:
    """Every lane with its queued changes in the order of their numbers. Exit code 0."""
    from pointsman.adapters.store.document import DocumentStore

    with mirrored(around) as (git, remote):
        store = DocumentStore.at(git, remote)
        try:
            lanes = [_lane(store, remote, name) for name in store.lanes()]
        finally:
            store.close()
    queued = sum(len(lane["changes"]) for lane in lanes)
    said = f"{queued} queued in {len(lanes)} lane{'' if len(lanes) == 1 else 's'}"
    return Result(
        code=0,
        outcome="ok",
        lines=(said, *(line for lane in lanes for line in _lines(lane))),
        summary=_markdown(lanes),
        outputs={
            "summary": said,
            "due": "true" if due(around) else "false",
            "lanes": json.dumps(lanes),
        },
    )


def due(around: Surroundings) -> bool:
    """Whether what woke this run can have made work. Only where that is out of the question is it False: a run that
    is not made can't be dropped either, and each one works off the whole lane (rule 14)."""
    event = around.event
    match around.event_name:
        case "issue_comment":
            return _is_command(event)
        case "workflow_run":
            ran = event.get("workflow_run")
            branch = ran.get("head_branch") if isinstance(ran, dict) else None
            return not isinstance(branch, str) or branch.startswith(CANDIDATES)
        case _:
            return True


def _is_command(event: Mapping[str, Any]) -> bool:
    from pointsman.core.pulls.commands import parse_commands

    comment, issue = event.get("comment"), event.get("issue")
    if not isinstance(comment, dict) or not isinstance(issue, dict):
        return True
    body = comment.get("body")
    spoken = isinstance(body, str) and bool(parse_commands(body))
    return event.get("action") == "created" and "pull_request" in issue and spoken


def _lane(store: Store, remote: Remote, name: str) -> dict[str, Any]:
    from pointsman.core.queue.model import LIVE, ChangeState
    from pointsman.service.view import change_json

    ref = f"refs/heads/{name}"
    tip: Sha | None = remote.listed([ref]).get(ref)
    live = store.candidates(name, states=tuple(LIVE))
    testing = {member.change: one for one in live for member in one.members}
    changes = []
    for change in store.changes(name, states=(ChangeState.QUEUED,)):
        shown = {
            key: value for key, value in change_json(change).items() if key not in ("reason", "ended_at")
        }
        candidate = testing.get(change.id)
        shown |= {"label": change.label, "candidate": candidate.commit if candidate else None}
        changes.append(shown | {"candidate_state": candidate.state.value if candidate else None})
    return {"base": name, "tip": tip, "paused": store.lane(name).paused, "changes": changes}


def _doing(change: dict[str, Any]) -> str:
    if change["candidate"]:
        return f"{change['candidate_state']} as {change['candidate'][:10]}"
    return f"waits: {change['waiting']['message']}" if change["waiting"] else "waits for its turn"


def _lines(lane: dict[str, Any]) -> list[str]:
    paused = f", paused: {lane['paused']}" if lane["paused"] else ""
    head = f"{lane['base']} at {(lane['tip'] or 'nothing')[:10]}{paused}"
    return [head, *(f"  {one['label']} {one['branch']}: {_doing(one)}" for one in lane["changes"])]


def _markdown(lanes: list[dict[str, Any]]) -> str:
    parts = ["### Queue"]
    for lane in lanes:
        paused = f" (paused: {code(lane['paused'])})" if lane["paused"] else ""
        parts.append(f"{code(lane['base'])} at {code((lane['tip'] or 'nothing')[:10])}{paused}")
        rows = [
            f"| {one['label']} | {code(one['branch'])} | {code(_doing(one))} |" for one in lane["changes"]
        ]
        parts.append("\n".join(["| | branch | |", "|---|---|---|", *rows]) if rows else "Nothing is queued.")
    return "\n\n".join(parts) if lanes else "### Queue\n\nNo lane has had a change yet."
