"""Runs a workload through the queue's own decisions, on a clock of its own; here is no rule of the queue, only what
performing its actions would come to."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import assert_never

from pointsman.core.contract import Contract
from pointsman.core.queue.actions import (
    Action,
    Build,
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
    StartProbe,
    StartRun,
)
from pointsman.core.queue.decide import decide
from pointsman.core.queue.forecast import End
from pointsman.core.queue.model import Candidate, CandidateState, Change, LaneState, Run, RunState
from pointsman.core.queue.observation import Observation, Odds, Touch
from pointsman.core.simulate.lanes import touch_of
from pointsman.core.simulate.outcome import Outcome
from pointsman.core.simulate.pace import Learning
from pointsman.core.simulate.rows import CHECK, DIGEST, LANE, Rows, head
from pointsman.core.simulate.truth import Answer, Truth
from pointsman.core.simulate.workloads import Workload

ROUNDS = 5000
"""Decisions at one instant after which the lane is taken to go in circles."""


class InCircles(Exception):
    """The lane found ever more to do without any time passing: a defect."""


class Stuck(Exception):
    """Changes are queued and nothing will ever happen again: a defect."""


class Due(Enum):
    """What an event of the clock is."""

    ARRIVAL = 0
    RUN_ENDS = 1


Progress = Callable[[int], None]
"""Told now and then how many changes have ended."""


class World:
    """One lane, from the first arrival to the last change's end, or until more than `limit` changes are queued."""

    def __init__(
        self,
        work: Workload,
        contract: Contract,
        *,
        limit: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.work, self.contract, self.limit = work, contract, limit
        self.progress = progress or (lambda _: None)
        self.truth = Truth(work)
        self.rows = Rows(contract.digest)
        self.learning = Learning(work.gate)
        self.outcome = Outcome()
        self.now = 0.0
        self.ahead: dict[int, int] = {}
        self.odds: dict[int, Odds] = {}
        self.touches: dict[int, Touch] = {}
        self._answers: dict[int, Answer] = {}
        self._due: list[tuple[float, int, int]] = []
        self._jumped = False

    def run(self) -> Outcome:
        """Deterministic. InCircles, Stuck: a defect of the queue."""
        self._plan_arrival(0)
        while self._due:
            self.now = self._due[0][0]
            while self._due and self._due[0][0] == self.now:
                _, kind, number = heapq.heappop(self._due)
                if Due(kind) is Due.ARRIVAL:
                    self._arrive(number)
                else:
                    self._end_run(number)
            self._wake()
            if self.limit is not None and len(self.rows.changes) > self.limit:
                self.outcome.overrun = True
                break
        else:
            if self.rows.changes:
                raise Stuck(f"{self.work.name}: {sorted(self.rows.changes)[:9]} of seed {self.work.seed}")
        self.outcome.ended = self.now
        return self.outcome

    def _plan_arrival(self, number: int) -> None:
        if number < len(self.work.jobs):
            heapq.heappush(self._due, (self.work.jobs[number].at, Due.ARRIVAL.value, number))

    def _arrive(self, number: int) -> None:
        job = self.work.jobs[number]
        ahead = len(self.rows.changes)
        self.rows.submit(
            Change(
                id=number,
                lane=LANE,
                branch=f"agent/{number}",
                head=head(number),
                author="agent@example.org",
                title=f"change {number}",
                priority=job.priority,
                submitted_at=self.now,
            )
        )
        self.ahead[number] = ahead
        self.odds[number] = self.learning.odds(job.words, ahead)
        if self.contract.queue.independent:
            self.touches[number] = touch_of(job.area, number)
        self._plan_arrival(number + 1)

    def _wake(self) -> None:
        for _ in range(ROUNDS):
            self.outcome.decisions += 1
            actions = decide(self.observe()).actions
            if not actions:
                return
            for action in actions:
                self._perform(action)
        raise InCircles(f"{self.work.name} at {self.now}: {actions}")

    def observe(self) -> Observation:
        """All facts of the lane, as `service.observe` reads them."""
        rows = self.rows
        candidates = tuple(rows.candidates[number] for number in sorted(rows.candidates))
        alone = [one for one in candidates if one.state is CandidateState.FAILED and len(one.members) == 1]
        asked = {(one.gate_tree, DIGEST) for one in candidates if one.id in rows.live}
        asked |= {(tree, DIGEST) for one in alone for tree in (one.tree, rows.trees[one.base])}
        return Observation(
            lane=LaneState(name=LANE),
            tip=rows.tip,
            tip_tree=rows.trees[rows.tip],
            contract=self.contract,
            changes=tuple(rows.changes.values()),
            candidates=candidates,
            runs=rows.runs_of(
                rows.live | {one.id for one in candidates if one.state is CandidateState.FAILED}
            ),
            green=frozenset(pair for pair in asked if pair[0] in rows.passed),
            running=len(rows.running),
            history={one.members[0].change: rows.since(one.members[0].change) for one in alone},
            at=self.now,
            gone=frozenset(
                member.change
                for one in candidates
                for member in one.members
                if member.change in self.outcome.landed
            ),
            odds=self.odds,
            pace=self.learning.pace(),
            jumped=self._jumped,
            base_trees={one.base: rows.trees[one.base] for one in alone},
            touches=self.touches,
            moved=self._moved(candidates) if self.contract.queue.independent else {},
        )

    def _moved(self, candidates: Sequence[Candidate]) -> Mapping[int, Touch]:
        """What came onto the base since a candidate was made."""
        rows, jobs = self.rows, self.work.jobs
        moved: dict[int, Touch] = {}
        for one in candidates:
            if one.id in rows.live and one.base != rows.tip:
                came = [
                    tip.change for tip in rows.tips[rows.number[one.base] + 1 :] if tip.change is not None
                ]
                paths = (touch_of(jobs[change].area, change).modified for change in came)
                moved[one.id] = Touch(modified=frozenset().union(*paths))
        return moved

    def _perform(self, action: Action) -> None:
        rows = self.rows
        match action:
            case Build():
                self._build(action)
            case Restack():
                self._restack(action)
            case StartRun(candidate=candidate):
                self._start(candidate)
            case StartProbe():
                self._probe(action)
            case CancelRun(run=run):
                self._stop(run, RunState.CANCELLED)
            case Pass(candidate=candidate):
                rows.keep(replace(candidate, state=CandidateState.PASSED))
            case Fail(candidate=candidate, why=why):
                rows.keep(replace(candidate, state=CandidateState.FAILED, reason=why))
            case Clear(candidate=candidate, why=why):
                rows.keep(replace(candidate, state=CandidateState.CLEARED, reason=why))
            case Discard(candidate=candidate, why=why):
                rows.keep(replace(candidate, state=CandidateState.DISCARDED, reason=why))
            case Land(candidate=candidate) | FinishLanding(candidate=candidate):
                self._land(candidate)
            case Return():
                self._give_back(action)
            case Hold(change=change, wait=wait):
                rows.changes[change.id] = replace(change, wait=wait)
            case Pause(why=why):
                raise Stuck(f"the lane paused: {why}")
            case _:
                assert_never(action)

    def _build(self, action: Build) -> None:
        below = action.below.members if action.below is not None else ()
        self.rows.keep(
            Candidate(
                id=self.rows.fresh(),
                lane=LANE,
                base=action.tip,
                members=(*below, *self.rows.members(action.changes, action.onto)),
                contract=self.contract.digest,
                checks=((CHECK, DIGEST),),
                state=CandidateState.TESTING,
                created_at=self.now,
                purpose=action.purpose,
            )
        )

    def _restack(self, action: Restack) -> None:
        """Its gate goes on if the tree is still the one that is tested."""
        old = action.candidate
        members = self.rows.members(action.changes, action.tip)
        same = members[-1].tree == old.gate_tree
        if not same and not action.beside:
            passed = old.state is CandidateState.PASSED
            ended = CandidateState.CLEARED if passed else CandidateState.DISCARDED
            self.rows.keep(replace(old, state=ended, reason=action.why))
            return
        tested = None if same else old.gate_tree
        self.rows.keep(replace(old, base=action.tip, members=members, tested=tested))

    def _start(self, candidate: Candidate) -> None:
        members = [member.change for member in candidate.members]
        number = self.rows.fresh()
        answer = self.truth.ask(
            members, tip=self.rows.number[candidate.base], question=f"{candidate.gate_tree}:{number}"
        )
        self.outcome.builds += 1
        self._run(
            Run(
                id=number,
                lane=LANE,
                candidate=candidate.id,
                change=members[-1],
                check=CHECK,
                digest=DIGEST,
                commit=candidate.commit,
                tree=candidate.gate_tree,
                attempt=1,
                state=RunState.RUNNING,
                started_at=self.now,
            ),
            answer,
        )

    def _probe(self, action: StartProbe) -> None:
        """A change on its own head stands on the base that it left."""
        change = action.change.id
        number = self.rows.fresh()
        tip = self.rows.arrived[change]
        if action.probe != "alone":
            tip = self.rows.number[action.commit]
        question = f"{action.probe}:{action.commit}:{number}"
        if action.probe == "base":
            answer = Answer(green=True, seconds=self.work.gate)
        else:
            answer = self.truth.ask([change], tip=tip, question=question)
        self.outcome.builds += 1
        self._run(
            Run(
                id=number,
                lane=LANE,
                candidate=None,
                change=change,
                probe=action.probe,
                check=CHECK,
                digest=DIGEST,
                commit=action.commit,
                tree=self.rows.trees.get(action.commit, action.commit),
                attempt=1,
                state=RunState.RUNNING,
                started_at=self.now,
            ),
            answer,
        )

    def _run(self, run: Run, answer: Answer) -> None:
        self._answers[run.id] = answer
        self.rows.save_run(run)
        heapq.heappush(self._due, (self.now + answer.seconds, Due.RUN_ENDS.value, run.id))

    def _end_run(self, number: int) -> None:
        run = self.rows.running.get(number)
        if run is None:
            return
        green = self._answers[number].green
        self._stop(run, RunState.PASSED if green else RunState.FAILED)
        if run.candidate is not None:
            self.learning.ran(self.now - run.started_at, green=green)

    def _stop(self, run: Run, state: RunState) -> None:
        answer = self._answers.pop(run.id)
        seconds = self.now - run.started_at
        self.outcome.busy += seconds
        self.outcome.wasted += seconds if state is not RunState.PASSED or run.candidate is None else 0.0
        signature = f"{CHECK}: {answer.culprits}" if answer.culprits else f"{CHECK}: run {run.id}"
        failed = state is RunState.FAILED
        self.rows.save_run(
            replace(run, state=state, seconds=seconds, signature=signature if failed else None)
        )

    def _land(self, candidate: Candidate) -> None:
        left = [member for member in candidate.members if member.change in self.rows.changes]
        self.rows.move_tip(candidate, left)
        for member in left:
            self.outcome.landed[member.change] = self.now
            self.truth.landed[member.change] = self.rows.number[member.commit]
            self._leave(member.change, End.GREEN)
        self._jumped = any(self.work.jobs[member.change].priority >= 100 for member in left)

    def _give_back(self, action: Return) -> None:
        change = action.change.id
        job = self.work.jobs[change]
        self.outcome.returned[change] = self.now
        self.outcome.wrongly += not (job.red or job.foes)
        if action.candidate is not None:
            self.rows.keep(replace(action.candidate, state=CandidateState.DISCARDED))
        self._leave(change, End.TOGETHER if action.reason.code == "red_together" else End.RED)

    def _leave(self, change: int, end: End) -> None:
        self.rows.leave(change)
        self.learning.ends(self.work.jobs[change].words, self.ahead.pop(change), end)
        del self.odds[change]
        self.touches.pop(change, None)
        self.progress(len(self.outcome.landed) + len(self.outcome.returned))
