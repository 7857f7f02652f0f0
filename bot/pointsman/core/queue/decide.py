"""What a lane does next, from what is true now: (Observation) -> Decision; calls nothing, keeps nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from pointsman.core import messages
from pointsman.core.model import Sha
from pointsman.core.queue.actions import (
    Action,
    CancelRun,
    Clear,
    Discard,
    Fail,
    FinishLanding,
    Hold,
    Land,
    Pass,
    Pause,
    Restack,
    Return,
    StartRun,
)
from pointsman.core.queue.diagnosis import can_wait, diagnose, return_red_sets
from pointsman.core.queue.holds import admission, breaker, landing_hold, refusals
from pointsman.core.queue.model import HOTFIX, Candidate, CandidateState, Change, Purpose, Run, RunState, Wait
from pointsman.core.queue.observation import Observation
from pointsman.core.queue.order import line_up, waits_for
from pointsman.core.queue.planning import next_builds
from pointsman.core.queue.position import on_tip
from pointsman.core.queue.survey import Fate, Over, Stand, Survey, is_green, red_of, survey
from pointsman.core.queue.verdict import NO_EVIDENCE, CheckStanding


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do, in order. No actions: there is nothing to do until something changes."""

    actions: tuple[Action, ...]


def decide(now: Observation) -> Decision:
    """The next actions of a lane. Level-triggered: it may be asked again at any time with the same facts."""
    for stage in (_settle_landings, _leave):
        actions = tuple(stage(now))
        if actions:
            return Decision(actions=actions)
    seen = survey(now)
    for later in (_end, _judge, _diagnose, _land, _work, _look_back):
        actions = tuple(later(now, seen))
        if actions:
            return Decision(actions=actions)
    return Decision(actions=())


def _settle_landings(now: Observation) -> Iterator[Action]:
    """A landing that was decided comes first: finish it, do it again, or give it up; never two at a time."""
    for candidate in now.candidates:
        if candidate.state is not CandidateState.LANDING:
            continue
        if candidate.id in now.reached:
            yield FinishLanding(candidate=candidate)
        elif now.tip is None:
            yield Discard(candidate=candidate, why=messages.base_missing(now.lane.name))
        elif candidate.base != now.tip:
            yield Discard(candidate=candidate, why=messages.base_moved(candidate, now.tip))
        elif now.contract is None or candidate.contract != now.contract.digest:
            yield Discard(candidate=candidate, why=messages.contract_changed())
        elif _may_go_on(now, candidate):
            yield Land(candidate=candidate)


def _may_go_on(now: Observation, candidate: Candidate) -> bool:
    """Whether a landing that was cut off before the base moved is tried again: by now the lane may be paused or frozen.
    It stays LANDING meanwhile, for a push that nobody has heard of may still arrive."""
    if now.obstacle or now.lane.paused:
        return False
    urgent = {change.id for change in now.changes if change.priority >= HOTFIX}
    hotfix = {member.change for member in candidate.members} <= _with_needs(now, urgent)
    return landing_hold(now, hotfix=hotfix) is None


def _leave(now: Observation) -> Iterator[Action]:
    """Changes whose branch is no longer what was submitted, or that can never have a turn."""
    for change in now.changes:
        head = now.branch_heads.get(change.source)
        if head is not None and head != change.head:
            yield Return(change=change, reason=messages.head_moved(change, head))
    cycles = line_up(now.changes, now.standings).cycles
    refused = refusals(now)
    for change in now.changes:
        if change.id in cycles:
            yield Return(change=change, reason=messages.dependency_cycle(change, cycles[change.id]))
        elif change.id in refused:
            yield Return(change=change, reason=refused[change.id])


def _end(now: Observation, seen: Survey) -> Iterator[Action]:
    """Candidates that can't land as they are, with the runs that nobody needs."""
    for over in seen.over:
        yield _ending(now, over)
    live = {stand.candidate.id for stand in seen.stands}
    live |= {over.candidate.id for over in seen.over if over.fate is Fate.RESTACK}
    live |= {one.id for one in now.candidates if one.state is CandidateState.LANDING}
    queued = {change.id for change in now.changes}
    for run in now.runs:
        if run.state is RunState.RUNNING and not _needed(run, live, queued):
            yield CancelRun(run=run)


def _ending(now: Observation, over: Over) -> Action:
    if over.fate is Fate.CLEAR:
        return Clear(candidate=over.candidate, why=over.why)
    if over.fate is Fate.DISCARD or now.tip is None:
        return Discard(candidate=over.candidate, why=over.why)
    ahead = [member.change for member in over.ahead]
    changes = {change.id: change for change in now.changes}
    return Restack(
        candidate=over.candidate,
        tip=now.tip,
        changes=tuple(changes[one] for one in ahead),
        why=over.why,
        beside=len(ahead) == len(over.candidate.members),
    )


def _needed(run: Run, live: set[int], queued: set[int]) -> bool:
    return run.candidate in live if run.candidate is not None else run.change in queued


def _judge(now: Observation, seen: Survey) -> Iterator[Action]:
    """Candidates whose runs have said all there is to say."""
    if now.contract is None or now.lane.paused:
        return
    chained = any(stand.lands and stand.purpose is not Purpose.SCREEN for stand in seen.stands)
    for stand in seen.stands:
        if stand.passed:
            if stand.purpose is Purpose.SCREEN and chained:
                yield Clear(candidate=stand.candidate, why=messages.green_beside())
            continue
        red = red_of(stand)
        if red is not None and stand.candidate.gate_tree != stand.candidate.tree:
            yield Discard(candidate=stand.candidate, why=messages.red_elsewhere())
        elif red is not None and red.failed is not None:
            told = messages.red_together if len(stand.ahead) > 1 else messages.red_alone
            if red.failed.code in NO_EVIDENCE and len(stand.ahead) > 1:
                told = messages.each_alone
            yield Fail(candidate=_as_of_now(now, stand), why=told(red.failed))
        elif is_green(stand):
            yield Pass(candidate=stand.candidate)


def _as_of_now(now: Observation, stand: Stand) -> Candidate:
    """What was red is what the candidate brought beyond the tip that it stands on."""
    return on_tip(stand.candidate, now.tip) if stand.lands and now.tip is not None else stand.candidate


def _diagnose(now: Observation, seen: Survey) -> Iterator[Action]:
    if now.contract is None or now.lane.paused:
        return
    if now.contract.queue.on_red == "return":
        yield from return_red_sets(now, seen.known, seen.stands)
    found = diagnose(now, now.contract, seen.known)
    yield from (action for action in found if not can_wait(action))


def _look_back(now: Observation, seen: Survey) -> Iterator[Action]:
    """Probes on runners that nothing else wants, one at a time."""
    if now.contract is not None and not now.lane.paused:
        found = diagnose(now, now.contract, seen.known)
        yield from [action for action in found if can_wait(action)][:1]


def _land(now: Observation, seen: Survey) -> Iterator[Action]:
    """Of the candidates that passed, stand on the tip and may land now the one that brings most; a hotfix goes first.
    One that carries anything else is none: in a freeze it would bring that along."""
    if now.lane.paused or now.contract is None or now.tip is None:
        return
    best, hold = _next_landing(now, seen)
    if best is None:
        return
    if hold is None:
        yield Land(candidate=on_tip(best.candidate, now.tip))
        return
    for change in now.changes:
        if change.id == best.ahead[0].change:
            yield from _hold(change, _with_attempts(hold, change.wait, now.tip))


def _next_landing(now: Observation, seen: Survey) -> tuple[Stand | None, Wait | None]:
    """What lands next, and why not now."""
    passed = [stand for stand in seen.stands if stand.passed and stand.lands]
    if not passed:
        return None, None
    urgent = {change.id for change in now.changes if change.priority >= HOTFIX}
    brought = _with_needs(now, urgent)
    holds = {pure: landing_hold(now, hotfix=pure) for pure in (False, True)}
    free = [one for one in passed if holds[one.changes <= brought] is None]
    best = max(free or passed, key=lambda one: (len(one.changes & urgent), len(one.ahead), -one.candidate.id))
    hold = holds[best.changes <= brought]
    if hold is None and best.changes.isdisjoint(urgent) and _is_urgent_tested(seen, brought):
        hold = Wait(code="hotfix", text=messages.hotfix_first(), key="hotfix")
    if hold is None and now.obstacle:
        hold = Wait(code="blocked", text=now.obstacle, key=now.obstacle)
    return best, hold


def _is_urgent_tested(seen: Survey, urgent: Collection[int]) -> bool:
    """Whether a hotfix is being tested on the tip: a landing before it would make it start again."""
    return any(stand.lands and not stand.passed and stand.changes <= set(urgent) for stand in seen.stands)


def _with_attempts(hold: Wait, known: Wait | None, tip: Sha) -> Wait:
    """The wait, with what is known of where the change could not be built: else that would be tried again and again."""
    kept = known is not None and known.key.startswith(f"{tip}:")
    return replace(hold, key=known.key) if known is not None and kept else hold


def _with_needs(now: Observation, ids: set[int]) -> set[int]:
    """Those changes and all queued ones that they depend on."""
    queued = {change.id: change for change in now.changes}
    found: set[int] = set()
    todo = set(ids)
    while todo:
        found |= todo
        todo = set().union(*(waits_for(queued[one], now.standings) for one in todo)) & queued.keys() - found
    return found


def _work(now: Observation, seen: Survey) -> Iterator[Action]:
    """Hold what must wait, start checks within the ceiling, build the next candidate."""
    if now.tip is None:
        yield from _hold_all(now, "no_base", messages.base_missing(now.lane.name))
        return
    if now.contract is None:
        yield from _hold_all(now, "contract", messages.contract_unreadable(now.contract_problem))
        return
    if now.lane.paused:
        return
    why = breaker(now)
    if why is not None:
        yield Pause(why=why)
        return
    best, _ = _next_landing(now, seen)
    landing = best.ahead[0].change if best is not None else None  # what that waits for is said already
    line = line_up(now.changes, now.standings)
    for change in now.changes:
        if change.id in line.unmet and change.id != landing:
            text = line.unmet[change.id]
            yield from _hold(change, Wait(code="held" if change.hold else "dependency", text=text, key=text))
    kept_out = admission(now, line.ready)
    for change in line.ready:
        if change.id in kept_out:
            yield from _hold(change, kept_out[change.id])
    free = max(0, now.contract.limits.running_gates - now.running)
    due = tuple(_starts(now, seen))
    starts = due[:free]
    yield from starts
    if not starts:
        ready = [change for change in line.ready if change.id not in kept_out]
        builds = next_builds(now, now.tip, now.contract, seen.stands, seen.known, ready)
        yield from (one for one in builds if not (isinstance(one, Hold) and one.change.id == landing))


def _hold_all(now: Observation, code: str, text: str) -> Iterator[Action]:
    for change in now.changes:
        yield from _hold(change, Wait(code=code, text=text, key=f"{code}:{now.tip}"))


def _hold(change: Change, wait: Wait) -> Iterator[Action]:
    if change.wait != wait:
        yield Hold(change=change, wait=wait)


def _starts(now: Observation, seen: Survey) -> Iterator[Action]:
    """Checks that are due, a hotfix's first, then those of the oldest candidate."""
    urgent = {change.id for change in now.changes if change.priority >= HOTFIX}
    stands: Sequence[Stand] = sorted(seen.stands, key=lambda one: not one.changes & urgent)
    for stand in stands:
        if stand.passed or red_of(stand) is not None:
            continue
        for verdict in stand.verdicts:
            if verdict.standing is CheckStanding.DUE:
                yield StartRun(
                    candidate=stand.candidate,
                    check=verdict.check,
                    digest=verdict.digest,
                    attempt=verdict.attempts + 1,
                )


__all__ = ["Decision", "decide"]
