"""Where a candidate stands against the base branch's tip; it knows no run and no verdict."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.model import Sha
from pointsman.core.queue.model import Candidate, Member


def ahead_of(candidate: Candidate, tip: Sha) -> tuple[Member, ...] | None:
    """The members that landing it would bring to that tip, in order: all of them, or those after the one that the tip
    is. None when it does not stand on the tip."""
    if candidate.base == tip:
        return candidate.members
    for at, member in enumerate(candidate.members):
        if member.commit == tip:
            return candidate.members[at + 1 :]
    return None


def on_tip(candidate: Candidate, tip: Sha) -> Candidate:
    """The same candidate as seen from the tip that it stands on: without the members that landed."""
    ahead = ahead_of(candidate, tip)
    if ahead is None:
        raise ValueError(f"candidate {candidate.id} does not stand on {tip}")
    return replace(candidate, base=tip, members=ahead) if ahead else candidate
