"""The messages of the commits that land: what came in, for whom, what was healed; the same for the same facts."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.healer.model import STRATEGY, TRAILER
from pointsman.core.queue.model import Change, Healed


def merge_message(change: Change, role: str, healed: Healed | None, messages: Sequence[str]) -> str:
    """A merge commit's message: the change's title, its number and branch, trailers."""
    del messages
    return f"{change.title} ({change.label})\n\nMerge branch '{change.branch}'.\n\n{_trailers(change, role, healed)}"


def squash_message(change: Change, role: str, healed: Healed | None, messages: Sequence[str]) -> str:
    """A squashed commit's message: title, body of a single commit or the list of subjects, trailers."""
    bodies = [one.partition("\n") for one in messages]
    listed = "\n".join(f"* {subject.strip()}" for subject, _, _ in bodies)
    body = bodies[0][2].strip() if len(bodies) == 1 else listed
    middle = f"{body}\n\n" if body else ""
    return f"{change.title} ({change.label})\n\n{middle}{_trailers(change, role, healed)}"


def _trailers(change: Change, role: str, healed: Healed | None) -> str:
    lines = [
        f"Pointsman-Change: {change.id}",
        f"Pointsman-Branch: {change.branch}",
        f"Pointsman-Head: {change.head}",
        f"Pointsman-Role: {role}",
    ]
    if healed is not None:
        lines.append(f"Pointsman-Healed: {' '.join(healed.summary.split())}")
        lines += [TRAILER] if STRATEGY in healed.strategy.split("+") else []
        lines.append(f"Pointsman-Proof: {' '.join(healed.proof.split())}")
    return "\n".join(lines) + "\n"
