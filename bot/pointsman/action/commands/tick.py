"""`tick`: one wake-up of the queue without a server; every run works off the whole lane, whatever woke it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from pointsman.action.forge import hub
from pointsman.action.speech import Result
from pointsman.core.pulls.markdown import fence
from pointsman.core.pulls.model import Annotation, Severity

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.core.queue.model import Entry

LINE = 500
ROUNDS = 20
"""A round may make work for the next; what is left then waits for the next run."""


def run(around: Surroundings) -> Result:
    """Exit code 0 when the lane was worked off, and when another run has it: that one works off everything. 2 when
    something stood in the way; nothing of it is lost, the next run goes on."""
    from pointsman.adapters.store.document import BUSY, LaneTaken

    told: list[str] = []
    troubles: list[str] = []

    def say(_name: str, entry: Entry) -> None:
        words = told if entry.kind != "trouble" else troubles
        words.append(_line(entry))

    try:
        done, rounds = _work(around, say)
    except LaneTaken as taken:
        done, rounds, troubles = 0, 0, [str(taken)]
    if any(BUSY in one for one in troubles):
        return Result(code=0, outcome="busy", lines=(*told, BUSY), outputs={"summary": BUSY})
    said = f"{done} step{'' if done == 1 else 's'} in {rounds} round{'' if rounds == 1 else 's'}"
    parts = [f"### Pointsman\n\n{said}."]
    parts += [fence("\n".join(lines)) for lines in (told, troubles) if lines]
    return Result(
        code=2 if troubles else 0,
        outcome="error" if troubles else "done",
        lines=(*told, *troubles, said),
        summary="\n\n".join(parts),
        outputs={"summary": troubles[0] if troubles else said},
        annotations=[
            Annotation(path="", line=1, end=1, severity=Severity.FAILURE, title="pointsman tick", message=one)
            for one in troubles
        ],
    )


def _work(around: Surroundings, say: Callable[[str, Entry], None]) -> tuple[int, int]:
    done = rounds = 0
    with hub(around) as queue:
        queue.say = say
        while rounds < ROUNDS:
            rounds += 1
            worked = queue.round()
            done += worked
            if not worked:
                break
    return done, rounds


def _line(entry: Entry) -> str:
    """A journal line as the log has it."""
    if entry.kind == "trouble":
        return str(entry.body.get("why", ""))
    body = json.dumps(entry.body, ensure_ascii=True, default=str)
    return f"{entry.lane} {entry.kind} {body[:LINE]}"
