"""The demo from its first line to its last: plays, sums up, proves, and says where to look next."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from pointsman.demo.play import Outcome, play, surprises
from pointsman.demo.proof import prove
from pointsman.demo.show import Show
from pointsman.demo.story import KEEPER


def tell(directory: Path, *, kept: bool, elapsed: Callable[[], float]) -> bool:
    """Whether everything came out as the story says and every proof holds; `elapsed` is in seconds."""
    show = Show()
    outcome = play(directory, show)
    show.heading("What became of each change")
    show.table(outcome.rows())
    proved = prove(directory, show)
    wrong = surprises(outcome)
    for surprise in wrong:
        show.say(f"not as told: {surprise}")
    came_true = proved and not wrong
    show.verdict(_verdict(came_true, elapsed()), ok=came_true)
    _next(show, directory, outcome, kept=kept)
    return came_true


def _verdict(came_true: bool, seconds: float) -> str:
    if came_true:
        return f"Main has only tested trees, one migration head, and lost nothing. {seconds:.0f} s."
    return f"This did not come out as it should: please report it with the lines above. {seconds:.0f} s."


def _next(show: Show, directory: Path, outcome: Outcome, *, kept: bool) -> None:
    show.heading("Where to look next")
    if not kept:
        show.say("pointsman demo --keep DIR     the same again, and the repository stays to look around in")
        return
    waiting = next((change.id for change in outcome.changes.values() if change.wait is not None), None)
    tools = Path(sys.executable).parent
    lines = [
        f"cd {directory}; export PATH={tools}:$PATH",
        "git log --graph main                what landed; a healed migration says so in its merge commit",
        "pointsman queue --all               every change, why it came back, how to see it again",
        "pointsman log                       every decision, sealed line by line",
        "pointsman contract explain AGENTS.md --role reports",
    ]
    if waiting is not None:
        lines.append(f"pointsman approve {waiting} --by {KEEPER.email} && pointsman run --once")
    for line in lines:
        show.say(line)
