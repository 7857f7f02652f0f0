"""`tick`: one wake-up of the queue without a server; every run works off the whole lane, whatever woke it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pointsman.action.forge import hub
from pointsman.action.speech import Result

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings

ROUNDS = 20
"""A round may make work for the next; what is left then waits for the next run."""


def run(around: Surroundings) -> Result:
    """Exit code 0 when the lane was worked off, and when another run has it: that one works off everything."""
    from pointsman.adapters.store.document import LaneTaken

    done = rounds = 0
    try:
        with hub(around) as queue:
            while rounds < ROUNDS:
                rounds += 1
                worked = queue.round(time.time())
                done += worked
                if not worked:
                    break
    except LaneTaken as taken:
        return Result(code=0, outcome="busy", lines=(str(taken),), outputs={"summary": str(taken)})
    said = f"{done} step{'' if done == 1 else 's'} in {rounds} round{'' if rounds == 1 else 's'}"
    return Result(
        code=0, outcome="done", lines=(said,), summary=f"### Pointsman\n\n{said}.", outputs={"summary": said}
    )
