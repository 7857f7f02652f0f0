"""What ended candidates still say of queued changes: red together, red alone, green; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.core import messages
from pointsman.core.queue.model import Candidate, CandidateState
from pointsman.core.queue.observation import Observation


@dataclass(frozen=True, kw_only=True, slots=True)
class RedSet:
    """Changes that were red together with whatever landed since; `at` is when they were put to the test."""

    changes: frozenset[int]
    at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """`reds` holds no set that another is part of, and none with a change that left. `alone`: the candidate on which
    a change was red by itself, the newest. `cleared`: when the newest green candidate that held a change without
    landing it was made. `singly`: changes of a batch that gave no answer, which are tested one by one (GITHUB-RULES
    18)."""

    reds: tuple[RedSet, ...] = ()
    alone: Mapping[int, Candidate] = field(default_factory=dict)
    cleared: Mapping[int, float] = field(default_factory=dict)
    singly: frozenset[int] = frozenset()


def evidence(now: Observation) -> Evidence:
    """All that ended candidates of the present contract say. Failures of before a person resumed the lane say
    nothing."""
    heads = {change.id: change.head for change in now.changes if not change.hold}
    digest = now.contract.digest if now.contract is not None else ""
    cleared: dict[int, float] = {}
    alone: dict[int, Candidate] = {}
    singly: set[int] = set()
    reds: list[RedSet] = []
    for candidate in now.candidates:
        if candidate.contract != digest:
            continue
        if candidate.state is CandidateState.CLEARED:
            for member in candidate.members:
                if heads.get(member.change) == member.head:
                    cleared[member.change] = max(cleared.get(member.change, 0.0), candidate.created_at)
        elif candidate.state is CandidateState.FAILED and candidate.created_at >= now.lane.resumed_at:
            left = [member for member in candidate.members if member.change not in now.gone]
            if not left or any(heads.get(member.change) != member.head for member in left):
                continue
            if candidate.reason.endswith(messages.EACH_ALONE):
                singly.update(member.change for member in left)
            elif len(candidate.members) == 1:
                alone[left[0].change] = candidate
            else:
                changes = frozenset(member.change for member in left)
                reds.append(RedSet(changes=changes, at=candidate.created_at))
    standing = [red for red in reds if not _is_explained(red, alone, cleared)]
    answered = {one for one in singly if one in alone or one in cleared}
    return Evidence(reds=_least(standing), alone=alone, cleared=cleared, singly=frozenset(singly - answered))


def _is_explained(red: RedSet, alone: Mapping[int, Candidate], cleared: Mapping[int, float]) -> bool:
    """A change that is red by itself explains the set that it was in; so does one that is left of it and was green
    since."""
    if not red.changes.isdisjoint(alone):
        return True
    (one, *others) = red.changes
    return not others and cleared.get(one, -1.0) > red.at


def _least(reds: Sequence[RedSet]) -> tuple[RedSet, ...]:
    """Without those that another is part of; of equal ones the newest."""
    newest: dict[frozenset[int], RedSet] = {}
    for red in reds:
        known = newest.get(red.changes)
        if known is None or known.at < red.at:
            newest[red.changes] = red
    return tuple(red for red in newest.values() if not any(other < red.changes for other in newest))
