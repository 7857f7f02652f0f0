"""Times deciding what a lane of 1,000 queued changes does next, in each mode: with nothing running, with all runners
busy, and after a red; the facts that a service would read are made here.

Budget: under 100 ms (docs/design.md, section 8). Beside it: putting the line in order, which every decision has to do.
Run: `python -m bench.queue_decide`.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pointsman.core import contract as contracts
from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.actions import Action, Build, Clear, Discard, Fail, StartRun
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import Candidate, CandidateState, Change, LaneState, Member, Run, RunState
from pointsman.core.queue.observation import Observation, Odds, Pace, Touch
from pointsman.core.queue.order import line_up

CHANGES, RUNNERS, ROUNDS, BUDGET = 1_000, 12, 7, 0.100
MODES = ("serial", "batch", "window", "speculate")
FILES = 4_000
CONTRACT = """
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles: {coder: {who: [ada], branches: ["agent/*"], owns: ["**"]}}
checks: {unit: {run: make test}}
queue: {mode: %s}
limits: {running_gates: %d}
"""


def main() -> None:
    """Prints what a decision takes in each mode, of processor time, and the slowest one's share of the budget."""
    changes = _changes()
    ordered = _timed(lambda: line_up(changes, {}))
    print(f"{CHANGES:,} queued changes, {RUNNERS} runners, processor time in milliseconds, medians")
    print(f"the line in order, alone: {ordered * 1000:.1f}")
    print(
        f"{'':12}{'nothing runs':>14}{'until all run':>15}{'all busy':>10}{'after a red':>13}{'of budget':>11}"
    )
    for mode in MODES:
        lane = Lane(_observation(mode))
        empty, filling = lane.time(), lane.settle()
        busy = lane.time()
        lane.fail_one()
        red = lane.settle()
        said = "".join(
            f"{one * 1000:{width}.1f}" for one, width in ((empty, 14), (filling, 15), (busy, 10), (red, 13))
        )
        print(
            f"{mode:12}{said}{max(empty, filling, busy, red) / BUDGET:10.2f}x  {len(lane.seen.candidates)} candidates"
        )


@dataclass(slots=True)
class Lane:
    """A lane that does what is decided for it, without git or a store."""

    seen: Observation
    numbers: int = 0
    runs: list[Run] = field(default_factory=list)

    def time(self) -> float:
        return _timed(lambda: decide(self.seen))

    def settle(self) -> float:
        """Until there is nothing to do; what the slowest decision took."""
        slowest = 0.0
        while True:
            taken = []
            for _ in range(3):
                begin = time.process_time()
                actions = decide(self.seen).actions
                taken.append(time.process_time() - begin)
            slowest = max(slowest, statistics.median(taken))
            if not actions:
                return slowest
            for action in actions:
                self._do(action)

    def fail_one(self) -> None:
        """The gate of the candidate in the middle ends red."""
        running = [run for run in self.seen.runs if run.state is RunState.RUNNING]
        victim = running[len(running) // 2]
        ended = replace(victim, state=RunState.FAILED, seconds=100.0, why="exit code 1", code="exit_code")
        runs = tuple(ended if run is victim else run for run in self.seen.runs)
        self.seen = replace(self.seen, runs=runs, running=self.seen.running - 1, at=self.seen.at + 60.0)

    def _do(self, action: Action) -> None:
        match action:
            case Build():
                self._put(self._built(action))
            case StartRun():
                self.numbers += 1
                run = _run(self.numbers, action.candidate, self.seen.at)
                runs = (*self.seen.runs, run)
                self.seen = replace(self.seen, runs=runs, running=self.seen.running + 1)
            case Fail(candidate=candidate):
                self._put(replace(candidate, state=CandidateState.FAILED))
            case Clear(candidate=candidate):
                self._put(replace(candidate, state=CandidateState.CLEARED))
            case Discard(candidate=candidate):
                others = tuple(one for one in self.seen.candidates if one.id != candidate.id)
                gone = [run for run in self.seen.runs if run.candidate == candidate.id]
                live = sum(1 for run in gone if run.state is RunState.RUNNING)
                runs = tuple(run for run in self.seen.runs if run not in gone)
                seen = replace(self.seen, candidates=others, runs=runs, running=self.seen.running - live)
                self.seen = seen
            case _:
                raise NotImplementedError(f"{action} was not expected here")

    def _built(self, asked: Build) -> Candidate:
        self.numbers += 1
        assert self.seen.contract is not None
        below = asked.below.members if asked.below is not None else ()
        added = tuple(_member(change, self.numbers) for change in asked.changes)
        return Candidate(
            id=self.numbers,
            lane="main",
            base=asked.tip,
            members=(*below, *added),
            contract=self.seen.contract.digest,
            checks=(("unit", "d"),),
            state=CandidateState.TESTING,
            created_at=self.seen.at,
            purpose=asked.purpose,
        )

    def _put(self, candidate: Candidate) -> None:
        others = (one for one in self.seen.candidates if one.id != candidate.id)
        candidates: Sequence[Candidate] = sorted((*others, candidate), key=lambda one: one.id)
        self.seen = replace(self.seen, candidates=tuple(candidates))


def _observation(mode: str) -> Observation:
    contract = contracts.load((CONTRACT % (mode, RUNNERS)).encode())
    assert isinstance(contract, Contract), contract
    changes, luck = _changes(), random.Random(7)
    return Observation(
        lane=LaneState(name="main"),
        tip=_sha(0),
        tip_tree=_sha(1),
        contract=contract,
        changes=changes,
        branch_heads={change.branch: change.head for change in changes},
        at=10_000.0,
        roles={change.id: "coder" for change in changes},
        touches={change.id: _touch(luck) for change in changes},
        odds={change.id: Odds(alone=luck.uniform(0.02, 0.2), joint=0.02) for change in changes},
        pace=Pace(gate=400.0, ended=tuple(luck.random() < 0.9 for _ in range(50))),
    )


def _changes() -> tuple[Change, ...]:
    return tuple(
        Change(
            id=number,
            lane="main",
            branch=f"agent/{number}",
            head=_sha(1_000_000 + number),
            author="ada@example.org",
            title=f"change {number}",
            submitted_at=float(number),
        )
        for number in range(1, CHANGES + 1)
    )


def _touch(luck: random.Random) -> Touch:
    """A handful of files, of which some are touched by many; a fifth of all changes has a migration."""
    files = [int(luck.paretovariate(0.6)) % FILES for _ in range(luck.randint(1, 8))]
    migrates = luck.random() < 0.2
    added = frozenset({f"new/{luck.random()}.py"} if luck.random() < 0.3 else ())
    return Touch(modified=frozenset(f"src/{one}.py" for one in files), added=added, migrations=migrates)


def _member(change: Change, number: int) -> Member:
    commit, tree = (
        _sha(10_000_000 + number * 2_000 + change.id),
        _sha(50_000_000 + number * 2_000 + change.id),
    )
    return Member(change=change.id, head=change.head, role="coder", commit=commit, tree=tree)


def _run(number: int, candidate: Candidate, at: float) -> Run:
    return Run(
        id=number,
        lane="main",
        candidate=candidate.id,
        check="unit",
        digest="d",
        commit=candidate.commit,
        tree=candidate.tree,
        attempt=1,
        state=RunState.RUNNING,
        started_at=at,
    )


def _sha(number: int) -> Sha:
    return Sha(f"{number:040x}")


def _timed(work: object) -> float:
    """Seconds of processor time at the median."""
    assert callable(work)
    taken = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
