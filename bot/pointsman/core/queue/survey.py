"""What the live candidates of a lane are worth now: which still stand, which are over and why; it starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pointsman.core import messages
from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.evidence import Evidence, evidence
from pointsman.core.queue.model import Candidate, CandidateState, Member, Purpose, Run, RunState
from pointsman.core.queue.observation import Observation
from pointsman.core.queue.overlap import area_of
from pointsman.core.queue.position import ahead_of
from pointsman.core.queue.verdict import CheckStanding, CheckVerdict, check_verdicts


@dataclass(frozen=True, kw_only=True, slots=True)
class Stand:
    """A candidate that still has something to say: with `lands` it stands on the tip and may land; else its outcome
    is evidence only. `ahead` are its members that have not landed, `changes` which changes those bring."""

    candidate: Candidate
    ahead: tuple[Member, ...]
    changes: frozenset[int]
    lands: bool
    verdicts: tuple[CheckVerdict, ...]

    @property
    def purpose(self) -> Purpose:
        return self.candidate.purpose if self.lands else Purpose.SCREEN

    @property
    def is_suspected(self) -> bool:
        """One change by itself that failed and is being run again: nothing else waits for what comes of it."""
        return len(self.ahead) == 1 and any(
            verdict.failed is not None and verdict.standing in (CheckStanding.DUE, CheckStanding.RUNNING)
            for verdict in self.verdicts
        )

    @property
    def passed(self) -> bool:
        return self.candidate.state is CandidateState.PASSED


class Fate(Enum):
    """What becomes of a candidate that does not stand as it is. RESTACK: what landed is part of it, so that the rest
    may be the same tree on the new tip. CLEAR: it was green and is kept as evidence."""

    DISCARD = "discard"
    CLEAR = "clear"
    RESTACK = "restack"


@dataclass(frozen=True, kw_only=True, slots=True)
class Over:
    """A candidate that can't land as it is, what becomes of it, and why."""

    candidate: Candidate
    fate: Fate
    why: str
    ahead: tuple[Member, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """`stands` and `over` by candidate id; `known` is what ended candidates say."""

    stands: tuple[Stand, ...]
    over: tuple[Over, ...]
    known: Evidence


def survey(now: Observation) -> Survey:
    """Every TESTING or PASSED candidate, as things are now."""
    stands: list[Stand] = []
    over: list[Over] = []
    known = evidence(now)
    runs = RunIndex(now.runs)
    heads = {change.id: change.head for change in now.changes if not change.hold}
    for candidate in now.candidates:
        if candidate.state not in (CandidateState.TESTING, CandidateState.PASSED):
            continue
        if now.tip is None or now.contract is None:
            over.append(Over(candidate=candidate, fate=Fate.DISCARD, why=_no_ground(now)))
            continue
        found = _look(now, now.tip, now.contract, candidate, heads, runs.of(candidate))
        if isinstance(found, Stand) and not found.passed and not found.changes.isdisjoint(known.alone):
            over.append(Over(candidate=candidate, fate=Fate.DISCARD, why=messages.behind_red()))
        elif isinstance(found, Stand):
            stands.append(found)
        else:
            over.append(found)
    return Survey(stands=tuple(stands), over=tuple(over), known=known)


class RunIndex:
    """The runs that say something of a candidate: its own, and those that failed on the same tree in another one."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._own: dict[int, list[Run]] = {}
        self._failed: dict[Sha, list[Run]] = {}
        for run in runs:
            if run.candidate is None:
                continue
            self._own.setdefault(run.candidate, []).append(run)
            if run.state is RunState.FAILED:
                self._failed.setdefault(run.tree, []).append(run)

    def of(self, candidate: Candidate) -> list[Run]:
        """By id."""
        own = self._own.get(candidate.id, [])
        others = self._failed.get(candidate.gate_tree, ())
        foreign = [run for run in others if run.candidate != candidate.id]
        return sorted([*own, *foreign], key=lambda run: run.id) if foreign else own


def _no_ground(now: Observation) -> str:
    if now.tip is None:
        return messages.base_missing(now.lane.name)
    return messages.contract_unreadable(now.contract_problem)


def _look(
    now: Observation,
    tip: Sha,
    contract: Contract,
    candidate: Candidate,
    heads: Mapping[int, Sha],
    runs: Sequence[Run],
) -> Stand | Over:
    if candidate.contract != contract.digest:
        return Over(candidate=candidate, fate=Fate.DISCARD, why=messages.contract_changed())
    ahead = ahead_of(candidate, tip)
    lands = ahead is not None
    if ahead is None:
        ahead = tuple(member for member in candidate.members if member.change not in now.gone)
    if any(heads.get(member.change) != member.head for member in ahead):
        return Over(candidate=candidate, fate=Fate.DISCARD, why=messages.member_left())
    moved = messages.base_moved(candidate, tip)
    passed = candidate.state is CandidateState.PASSED
    if not ahead:
        return Over(candidate=candidate, fate=Fate.DISCARD, why=moved)
    if not lands:
        screen = candidate.purpose is Purpose.SCREEN
        if not screen and (
            len(ahead) < len(candidate.members) or _is_beside(now, contract, candidate, ahead)
        ):
            return Over(candidate=candidate, fate=Fate.RESTACK, why=moved, ahead=ahead)
        if passed or not (screen or now.jumped):
            fate = Fate.CLEAR if passed else Fate.DISCARD
            return Over(candidate=candidate, fate=fate, why=moved)
    retry, since = contract.queue.retry, now.lane.resumed_at
    verdicts = check_verdicts(candidate, runs, now.green, retry, since=since)
    changes = frozenset(member.change for member in ahead)
    return Stand(candidate=candidate, ahead=ahead, changes=changes, lands=lands, verdicts=verdicts)


def _is_beside(now: Observation, contract: Contract, candidate: Candidate, ahead: Sequence[Member]) -> bool:
    """Whether the contract lets these land beside what came onto the base since, because their areas differ."""
    areas = contract.queue.independent
    came = now.moved.get(candidate.id)
    if not areas or came is None:
        return False
    theirs = area_of(came, areas)
    touches = [now.touches.get(member.change) for member in ahead]
    ours = {area_of(touch, areas) if touch is not None else None for touch in touches}
    return theirs is not None and None not in ours and theirs not in ours


def red_of(stand: Stand) -> CheckVerdict | None:
    """The check that makes it red. One change by itself has every attempt that the contract grants; of several a
    first failure is evidence enough, for nobody is returned on it."""
    for verdict in stand.verdicts:
        if verdict.standing is CheckStanding.RED:
            return verdict
        if len(stand.ahead) > 1 and verdict.failed is not None and verdict.standing is CheckStanding.DUE:
            return verdict
    return None


def is_green(stand: Stand) -> bool:
    return all(verdict.standing is CheckStanding.GREEN for verdict in stand.verdicts)
