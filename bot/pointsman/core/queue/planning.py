"""What to test next: tells the strategy the facts as sets, and lets only such candidates through as may be built (I4).

Whatever a strategy proposes, what lands has passed: this part decides nothing about landing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core import messages
from pointsman.core.contract import Contract
from pointsman.core.contract.model import ALL_ROW
from pointsman.core.model import Sha
from pointsman.core.queue.actions import Action, Build, Discard, Hold
from pointsman.core.queue.areas import groups
from pointsman.core.queue.evidence import Evidence
from pointsman.core.queue.model import HOTFIX, Change, Purpose, RunState, Wait
from pointsman.core.queue.observation import Observation, Odds
from pointsman.core.queue.order import waits_for
from pointsman.core.queue.overlap import apart, mended_by, overlaps
from pointsman.core.queue.position import on_tip
from pointsman.core.queue.strategies.model import Facts, Live, Plan, Start, Waiting
from pointsman.core.queue.strategies.registry import strategy_named
from pointsman.core.queue.survey import Stand
from pointsman.core.queue.verdict import CheckStanding
from pointsman.core.queue.waits import barred, build_facts, is_barred

LOOKED_AT = 400
"""So many changes from the front of the line are compared with each other."""

UNKNOWN = Odds(alone=1 / 12, joint=0.02)
"""Of a change of which nothing is known yet: about what fleets see."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """What a plan is made on: the changes that may be tested, in line order, and the bit of each queued change."""

    now: Observation
    tip: Sha
    contract: Contract
    stands: Sequence[Stand]
    known: Evidence
    line: Sequence[Change]
    bits: Mapping[int, int]

    def bits_of(self, changes: frozenset[int]) -> int:
        return sum(self.bits[change] for change in changes)

    def facts_of(self, change: Change) -> str:
        return build_facts(self.tip, self.contract.digest, self.now.consents.get(change.id, 0))


def next_builds(
    now: Observation,
    tip: Sha,
    contract: Contract,
    stands: Sequence[Stand],
    known: Evidence,
    ready: Sequence[Change],
) -> Iterator[Action]:
    """Candidates to give up, and the one to build next. Others of the plan are planned again when that one is there."""
    bits = {change.id: 1 << place for place, change in enumerate(now.changes)}
    line, stuck = _testable(now, tip, contract, known, ready)
    yield from stuck
    for part in groups(now, contract, line, stands):
        ground = Ground(now=now, tip=tip, contract=contract, stands=stands, known=known, line=part, bits=bits)
        actions = tuple(_planned(ground))
        yield from actions
        if actions:
            return


def _planned(ground: Ground) -> Iterator[Action]:
    """What the strategy gives up, and the first of what it starts that can be built."""
    facts = facts_of(ground)
    singly = not ground.known.singly.isdisjoint(change.id for change in ground.line)
    plan = _singly(facts, ground) if singly else strategy_named(ground.contract.queue.mode)(facts)
    builds = (_build(ground, facts, start) for start in plan.start)
    build = next((one for one in builds if one is not None), None)
    yield from _given_up(ground, facts, plan, refused=bool(plan.start) and build is None)
    if build is not None:
        yield build


def _testable(
    now: Observation, tip: Sha, contract: Contract, known: Evidence, ready: Sequence[Change]
) -> tuple[list[Change], list[Action]]:
    """Of the line, those that may be part of a candidate; who depends on another one waits for it."""
    line: list[Change] = []
    held: list[Action] = []
    inside: set[int] = set()
    for change in ready:
        facts = build_facts(tip, contract.digest, now.consents.get(change.id, 0))
        if change.id in known.alone or is_barred(change.wait, facts, ()):
            continue
        missing = sorted(waits_for(change, now.standings) - inside)
        if missing:
            wait = Wait(code="dependency", text=messages.depends_on(missing), key=f"dependency:{missing}")
            if change.wait != wait:
                held.append(Hold(change=change, wait=wait))
            continue
        line.append(change)
        inside.add(change.id)
    return line, held


def facts_of(ground: Ground) -> Facts:
    """What the strategy is told."""
    now, queue = ground.now, ground.contract.queue
    inside = {change.id for change in ground.line}
    stands = [one for one in ground.stands if one.changes <= inside]
    runners, free = _runners(ground)
    beside = _apart(ground)
    contents = [ground.bits_of(one.changes) for one in stands]
    tops = {one.candidate.commit: content for one, content in zip(stands, contents, strict=True) if one.lands}
    return Facts(
        now=now.at,
        waiting=[_waiting(ground, change, beside.get(change.id, 0)) for change in ground.line],
        live=[_live(one, content, tops) for one, content in zip(stands, contents, strict=True)],
        reds=_reds(ground, inside, stands),
        free=free,
        runners=runners,
        gate=max(1.0, now.pace.gate),
        tell=now.pace.tell,
        max_batch=queue.max_batch,
        depth=queue.speculate,
        ended=now.pace.ended,
    )


def _reds(ground: Ground, inside: set[int], stands: Sequence[Stand]) -> list[tuple[int, float]]:
    """Sets that were red, and single changes whose first attempt was: what they hold is not waited for."""
    suspected = {
        ground.bits_of(stand.changes): stand.candidate.created_at for stand in stands if stand.is_suspected
    }
    sets = [(ground.bits_of(red.changes), red.at) for red in ground.known.reds if red.changes <= inside]
    return [*suspected.items(), *(red for red in sets if not any(one & red[0] for one in suspected))]


def _waiting(ground: Ground, change: Change, beside: int) -> Waiting:
    odds = ground.now.odds.get(change.id, UNKNOWN)
    queued = ground.bits
    facts = ground.facts_of(change)
    return Waiting(
        bit=queued[change.id],
        alone=odds.alone,
        joint=odds.joint,
        since=change.submitted_at,
        cleared=ground.known.cleared.get(change.id, -1.0),
        needs=sum(queued[one] for one in waits_for(change, ground.now.standings) if one in queued),
        apart=beside,
        barred=frozenset(
            sum(queued[one] for one in those)
            for those in barred(change.wait, facts)
            if all(one in queued for one in those)
        ),
        hotfix=change.priority >= HOTFIX,
    )


def _apart(ground: Ground) -> Mapping[int, int]:
    """By change the bits of those that may not be added by one link with it (R64, R65)."""
    touches = {
        change.id: ground.now.touches[change.id]
        for change in ground.line[:LOOKED_AT]
        if change.id in ground.now.touches
    }
    found = overlaps(touches, ground.bits, mended=mended_by(ground.contract))
    return apart(found, ground.contract.queue.overlap)


def _live(stand: Stand, content: int, tops: Mapping[Sha, int]) -> Live:
    """`tops` has by commit what the candidates carry that may land."""
    beneath = [member.commit for member in stand.ahead[:-1]] if stand.lands else []
    below = next((tops[commit] for commit in reversed(beneath) if commit in tops), 0)
    return Live(
        id=stand.candidate.id,
        content=content,
        added=content & ~below,
        purpose=Purpose.SCREEN if stand.is_suspected else stand.purpose,
        start=stand.candidate.created_at,
        passed=stand.passed,
    )


def _runners(ground: Ground) -> tuple[int, int]:
    """How many candidates the ceiling on running gates lets run at once, and how many may be started now."""
    now, limit = ground.now, ground.contract.limits.running_gates
    each = max((len(stand.candidate.checks) for stand in ground.stands), default=0) or _checks(ground)
    testing = [stand for stand in ground.stands if not stand.passed]
    due = sum(1 for stand in testing for check in stand.verdicts if check.standing is CheckStanding.DUE)
    own = sum(1 for run in now.runs if run.state is RunState.RUNNING)
    others = max(0, now.running - own)
    runners = max(1, (limit - others) // each)
    idle = limit - now.running - due
    return runners, max(runners - len(testing), 1) if idle > 0 else 0


def _checks(ground: Ground) -> int:
    """How many runs a candidate's gate is, before any was built: what the contract asks of every role."""
    row = ground.contract.matrix.get(ALL_ROW)
    named = [ground.contract.checks[name] for name in row.add] if row is not None else []
    return max(1, sum(1 for check in named if check.builtin is None))


def _singly(facts: Facts, ground: Ground) -> Plan:
    """One change at a time, those of the batch that gave no answer first (GITHUB-RULES 18)."""
    if any(not live.passed for live in facts.live) or not facts.free:
        return Plan()
    first = sorted(ground.line, key=lambda change: change.id not in ground.known.singly)
    bits = [ground.bits[change.id] for change in first if not waits_for(change, ground.now.standings)]
    return Plan(start=[Start(content=bit, added=bit, purpose=Purpose.CHAIN) for bit in bits])


def _given_up(ground: Ground, facts: Facts, plan: Plan, *, refused: bool) -> Iterator[Action]:
    """What is given up for something that is `refused` goes on: it would be built again, and given up again."""
    testing = {stand.candidate.id: stand for stand in ground.stands if not stand.passed}
    content = {live.id: live.content for live in facts.live}
    for number in plan.drop:
        if number in testing:
            red = any(one & ~content[number] == 0 for one, _ in facts.reds)
            why = messages.behind_red() if red else messages.given_up()
            if red or not refused:
                yield Discard(candidate=testing[number].candidate, why=why)


def _build(ground: Ground, facts: Facts, start: Start) -> Build | None:
    """The candidate that the strategy asks for, without what can't be part of it; None when nothing is left."""
    waiting = {one.bit: one for one in facts.waiting}
    below = start.content & ~start.added
    parent = _parent(ground, below) if below else None
    if below and parent is None:
        if any(other.content == below for other in facts.live):
            return None
        below = 0
    changes: list[Change] = []
    carried = below
    for change in ground.line:
        bit = ground.bits[change.id]
        if not bit & start.content & ~below:
            continue
        beneath = [one.id for one in ground.line if ground.bits[one.id] & carried]
        if is_barred(change.wait, ground.facts_of(change), beneath) or waiting[bit].needs & ~carried:
            continue
        changes.append(change)
        carried |= bit
    if not changes or not _is_allowed(facts, carried):
        return None
    candidate = on_tip(parent.candidate, ground.tip) if parent is not None else None
    return Build(tip=ground.tip, changes=tuple(changes), below=candidate, purpose=start.purpose)


def _parent(ground: Ground, content: int) -> Stand | None:
    for stand in ground.stands:
        if stand.lands and ground.bits_of(stand.changes) == content:
            return stand
    return None


def _is_allowed(facts: Facts, content: int) -> bool:
    """No second candidate of the same changes, and none that holds what is known to be red; one change under suspicion
    may be tried by itself."""
    if any(live.content == content for live in facts.live):
        return False
    if content & (content - 1) == 0:
        return True
    return not any(red & ~content == 0 for red, _ in facts.reds)
