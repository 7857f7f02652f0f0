"""What a lane does next, from what is true now: (Observation) -> Decision; calls nothing, keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.core import messages
from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.actions import (
    Action,
    Build,
    CancelRun,
    Discard,
    FinishLanding,
    Hold,
    Land,
    Pass,
    Pause,
    Return,
    Split,
    StartProbe,
    StartRun,
)
from pointsman.core.queue.blame import Ask, BaseIsRed, Pending, RedAlone, RedTogether, blame
from pointsman.core.queue.checks import check_named
from pointsman.core.queue.model import Candidate, CandidateState, Change, Run, RunState, Wait
from pointsman.core.queue.observation import Observation
from pointsman.core.queue.order import line_up, waits_for
from pointsman.core.queue.verdict import CheckStanding, CheckVerdict, check_verdicts

NO_EVIDENCE = frozenset({"timed_out", "missing_check"})
"""`Run.code` of a run that says nothing about who is to blame: it was stopped at its time limit, or nobody ever
reported it (core.gates.Why.TIMED_OUT, MISSING; GITHUB-RULES 18)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do, in order. No actions: there is nothing to do until something changes."""

    actions: tuple[Action, ...]


def decide(now: Observation) -> Decision:
    """The next actions of a lane. Level-triggered: it may be asked again at any time with the same facts."""
    for stage in (_settle_landings, _leave, _discard, _judge, _land, _work):
        actions = tuple(stage(now))
        if actions:
            return Decision(actions=actions)
    return Decision(actions=())


def _settle_landings(now: Observation) -> Iterator[Action]:
    """A landing that was decided comes first: finish it, do it again, or give it up; never two at a time."""
    for candidate in _in_state(now, CandidateState.LANDING):
        if candidate.id in now.reached:
            yield FinishLanding(candidate=candidate)
        elif now.tip is None or candidate.base != now.tip:
            yield Discard(candidate=candidate, why=_moved(now, candidate))
        elif now.contract is None or candidate.contract != now.contract.digest:
            yield Discard(candidate=candidate, why=messages.contract_changed())
        elif not now.obstacle:
            yield Land(candidate=candidate)


def _moved(now: Observation, candidate: Candidate) -> str:
    return (
        messages.base_missing(now.lane.name) if now.tip is None else messages.base_moved(candidate, now.tip)
    )


def _leave(now: Observation) -> Iterator[Action]:
    """Changes whose branch is no longer what was submitted, or that can never have a turn."""
    for change in now.changes:
        head = now.branch_heads.get(change.source)
        if head is not None and head != change.head:
            yield Return(change=change, reason=messages.head_moved(change, head))
    cycles = line_up(now.changes, now.standings).cycles
    for change in now.changes:
        if change.id in cycles:
            yield Return(change=change, reason=messages.dependency_cycle(change, cycles[change.id]))


def _discard(now: Observation) -> Iterator[Action]:
    """Candidates that can't land any more, with the runs that nobody needs."""
    alive = {candidate.id for candidate in _chain(now)}
    for candidate in now.candidates:
        if candidate.state in (CandidateState.TESTING, CandidateState.PASSED) and candidate.id not in alive:
            yield Discard(candidate=candidate, why=_why_dead(now, candidate))
    live = {candidate.id for candidate in now.candidates if candidate.state in _WORKING}
    queued = {change.id for change in now.changes}
    for run in now.runs:
        if run.state is RunState.RUNNING and not _needed(run, live, queued):
            yield CancelRun(run=run)


_WORKING = frozenset({CandidateState.TESTING, CandidateState.PASSED, CandidateState.LANDING})


def _needed(run: Run, live: set[int], queued: set[int]) -> bool:
    return run.candidate in live if run.candidate is not None else run.change in queued


def _chain(now: Observation) -> list[Candidate]:
    """Live candidates that can still land as things stand, each on the tip or on one before it that is not red,
    by id. What stands on a red one is dead: it is built again on the nearest that is not."""
    if now.tip is None or now.contract is None:
        return []
    members = {change.id: change.head for change in now.changes if not change.hold}
    standing: set[Sha] = {now.tip}
    chain: list[Candidate] = []
    for candidate in now.candidates:
        if candidate.state not in (CandidateState.TESTING, CandidateState.PASSED):
            continue
        whole = all(members.get(member.change) == member.head for member in candidate.members)
        if candidate.base in standing and whole and candidate.contract == now.contract.digest:
            chain.append(candidate)
            if not _is_red(now, now.contract, candidate):
                standing.add(candidate.commit)
    return chain


def _why_dead(now: Observation, candidate: Candidate) -> str:
    members = {change.id: change.head for change in now.changes if not change.hold}
    if any(members.get(member.change) != member.head for member in candidate.members):
        return messages.member_left()
    if now.contract is None:
        return messages.contract_unreadable(now.contract_problem)
    if candidate.contract != now.contract.digest:
        return messages.contract_changed()
    if any(other.commit == candidate.base for other in _chain(now)):
        return messages.behind_red()
    return _moved(now, candidate)


def _judge(now: Observation) -> Iterator[Action]:
    """Candidates whose runs have said all there is to say, the front of the line first."""
    if now.contract is None or now.lane.paused:
        return
    for candidate in _chain(now):
        if candidate.state is not CandidateState.TESTING:
            continue
        verdicts = _verdicts(now, now.contract, candidate)
        if all(verdict.standing is CheckStanding.GREEN for verdict in verdicts):
            yield Pass(candidate=candidate)
        reds = [verdict for verdict in verdicts if verdict.standing is CheckStanding.RED]
        if reds and candidate.base == now.tip:
            yield from _red(now, now.contract, candidate, reds[0])


def _verdicts(now: Observation, contract: Contract, candidate: Candidate) -> tuple[CheckVerdict, ...]:
    return check_verdicts(candidate, now.runs, now.green, contract.queue.retry, since=now.lane.resumed_at)


def _red(
    now: Observation, contract: Contract, candidate: Candidate, verdict: CheckVerdict
) -> Iterator[Action]:
    """A candidate on the tip is red for good: split it, or find out who is to blame, or give it back."""
    run = verdict.failed
    if run is None:  # red without a failed run cannot be; treat it as nothing known (I6)
        return
    if len(candidate.members) > 1:
        told = messages.each_alone if run.code in NO_EVIDENCE else messages.split
        yield Split(candidate=candidate, why=told(run))
        return
    change = next(change for change in now.changes if change.id == candidate.members[0].change)
    if run.code in NO_EVIDENCE:
        yield _give_back(contract, candidate, change, run, RedAlone())
        return
    finding = blame(
        tip=candidate.base,
        base_green=now.tip_tree is not None and (now.tip_tree, verdict.digest) in now.green,
        history=now.history.get(change.id, ()),
        probes=[run for run in now.runs if _is_probe(run, change, verdict, since=now.lane.resumed_at)],
        ask_base=contract.queue.retry.rerun_on_base,
    )
    if isinstance(finding, Ask):
        yield from _ask(now, contract, candidate, change, verdict, finding)
    elif isinstance(finding, BaseIsRed):
        yield Pause(why=messages.base_is_red(verdict.check, candidate.base, finding.run))
    elif not isinstance(finding, Pending):
        yield _give_back(contract, candidate, change, run, finding)


def _is_probe(run: Run, change: Change, verdict: CheckVerdict, *, since: float) -> bool:
    """Probes of before the lane was last resumed don't count: a person says that the base is mended."""
    about = run.change == change.id and run.check == verdict.check and run.digest == verdict.digest
    return run.candidate is None and about and run.started_at >= since


def _ask(
    now: Observation,
    contract: Contract,
    candidate: Candidate,
    change: Change,
    verdict: CheckVerdict,
    ask: Ask,
) -> Iterator[Action]:
    if now.running >= contract.limits.running_gates:
        return
    commit = candidate.base if ask.probe == "base" else (ask.onto or change.head)
    yield StartProbe(
        change=change, probe=ask.probe, commit=commit, check=verdict.check, digest=verdict.digest
    )


def _give_back(
    contract: Contract, candidate: Candidate, change: Change, run: Run, finding: RedAlone | RedTogether
) -> Return:
    reason = messages.red(
        run,
        check=check_named(contract, run.check),
        commit=candidate.commit,
        together=finding.culprit if isinstance(finding, RedTogether) else None,
        alone=isinstance(finding, RedAlone),
    )
    return Return(change=change, reason=reason, run=run, candidate=candidate)


def _land(now: Observation) -> Iterator[Action]:
    """The one candidate that stands on the tip and passed.

    One that was built later does not land while a red one before it on the same tip is being diagnosed: moving
    the base would throw the diagnosis away.
    """
    if now.lane.paused or now.contract is None:
        return
    for candidate in _chain(now):
        if candidate.base == now.tip and _is_red(now, now.contract, candidate):
            return
        if candidate.state is CandidateState.PASSED and candidate.base == now.tip:
            if not now.obstacle:
                yield Land(candidate=candidate)
                return
            first = candidate.members[0].change
            for change in now.changes:
                if change.id == first:
                    yield from _hold(change, "blocked", now.obstacle, key=now.obstacle)


def _work(now: Observation) -> Iterator[Action]:
    """Hold what must wait, start checks within the ceiling, build the next candidate."""
    if now.tip is None:
        yield from _hold_all(now, "no_base", messages.base_missing(now.lane.name))
        return
    if now.contract is None:
        yield from _hold_all(now, "contract", messages.contract_unreadable(now.contract_problem))
        return
    if now.lane.paused:
        return
    if 0 < now.contract.queue.pause_after <= now.lane.failures:
        yield Pause(why=messages.too_many_failures(now.lane.failures))
        return
    line = line_up(now.changes, now.standings)
    for change in now.changes:
        if change.id in line.unmet:
            code = "held" if change.hold else "dependency"
            yield from _hold(change, code, line.unmet[change.id], key=line.unmet[change.id])
    free = now.contract.limits.running_gates - now.running
    starts = tuple(_starts(now, now.contract))[: max(0, free)]
    yield from starts
    if not starts:
        yield from _build(now, now.tip, now.contract, line.ready)


def _hold_all(now: Observation, code: str, text: str) -> Iterator[Action]:
    for change in now.changes:
        yield from _hold(change, code, text, key=f"{code}:{now.tip}")


def _hold(change: Change, code: str, text: str, *, key: str) -> Iterator[Action]:
    wait = Wait(code=code, text=text, key=key)
    if change.wait != wait:
        yield Hold(change=change, wait=wait)


def _starts(now: Observation, contract: Contract) -> Iterator[Action]:
    """Checks that are due, the front candidate's first; a candidate that is red for good starts no more."""
    for candidate in _chain(now):
        verdicts = _verdicts(now, contract, candidate)
        red = any(verdict.standing is CheckStanding.RED for verdict in verdicts)
        if red or candidate.state is not CandidateState.TESTING:
            continue
        for verdict in verdicts:
            if verdict.standing is CheckStanding.DUE:
                yield StartRun(
                    candidate=candidate,
                    check=verdict.check,
                    digest=verdict.digest,
                    attempt=verdict.attempts + 1,
                )


def _build(now: Observation, tip: Sha, contract: Contract, ready: Sequence[Change]) -> Iterator[Action]:
    """The next candidate on the last one that is not red, as long as the chain is not too deep."""
    chain = _chain(now)
    sound = [candidate for candidate in chain if not _is_red(now, contract, candidate)]
    if len(sound) > (2 if contract.queue.speculate is None else max(0, contract.queue.speculate)):
        return
    onto = sound[-1].commit if sound else tip
    brought = _beneath(chain, onto)
    taken = {member.change for candidate in chain for member in candidate.members}
    batch: list[Change] = []
    for change in ready:
        if change.id in taken:
            continue
        if change.wait is not None and change.wait.key == _key(now, tip, onto, contract, change):
            continue
        missing = sorted(waits_for(change, now.standings) - brought)
        if missing:
            yield from _hold(change, "dependency", messages.depends_on(missing), key=f"dependency:{missing}")
            continue
        batch.append(change)
        brought.add(change.id)
        if len(batch) >= _batch_size(now, contract, batch[0]):
            break
    if batch:
        yield Build(tip=tip, onto=onto, changes=tuple(batch))


def _beneath(chain: Sequence[Candidate], onto: Sha) -> set[int]:
    """The queued changes that the commit brings: those of its candidate and of all that it stands on."""
    by_commit = {candidate.commit: candidate for candidate in chain}
    brought: set[int] = set()
    while onto in by_commit:
        brought.update(member.change for member in by_commit[onto].members)
        onto = by_commit[onto].base
    return brought


def _key(now: Observation, tip: Sha, onto: Sha, contract: Contract, change: Change) -> str:
    return build_key(tip, onto, contract.digest, now.consents.get(change.id, 0))


def _is_red(now: Observation, contract: Contract, candidate: Candidate) -> bool:
    verdicts = _verdicts(now, contract, candidate)
    return any(verdict.standing is CheckStanding.RED for verdict in verdicts)


def _batch_size(now: Observation, contract: Contract, first: Change) -> int:
    """How many changes the next candidate may hold: half of the smallest red batch that `first` was in, or one where
    that batch timed out: a time-out is not to be bisected (GITHUB-RULES 18)."""
    if contract.queue.mode != "batch":
        return 1
    sizes = [
        1 if candidate.reason.endswith(messages.EACH_ALONE) else len(candidate.members) // 2
        for candidate in now.candidates
        if candidate.state is CandidateState.FAILED
        and any(member.change == first.id and member.head == first.head for member in candidate.members)
    ]
    return max(1, min([contract.queue.max_batch or 4, *sizes]))


def build_key(tip: Sha, onto: Sha, contract: str, consents: int) -> str:
    """Names the facts that building one change depends on: equal keys give equal outcomes."""
    return f"{tip}:{onto}:{contract[:16]}:{consents}"


def _in_state(now: Observation, state: CandidateState) -> Sequence[Candidate]:
    return [candidate for candidate in now.candidates if candidate.state is state]


__all__ = ["Decision", "build_key", "decide"]
