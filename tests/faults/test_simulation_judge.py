"""The judge of the simulation notices each kind of defect: of a planted one it says which rule it broke."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pointsman.core.contract import Outcome
from pointsman.core.gates import GateResult
from pointsman.core.gates import Outcome as GateOutcome
from pointsman.core.gates.model import Why
from pointsman.core.model import Sha
from pointsman.core.queue.actions import Landed, LandOutcome, Return
from pointsman.core.queue.model import Candidate, CandidateState, Change, ChangeState, Reason, Run, RunState
from pointsman.service import build, judging
from pointsman.service.departures import Departures
from pointsman.service.heal.stack import HealingStacker
from pointsman.service.landings import Landings
from pointsman.service.recorder import Recorder
from pointsman.service.stacking import Stacked
from tests.faults.simulation.judge import judge
from tests.faults.simulation.memory_store import MemoryStore
from tests.faults.simulation.ports import OwnedGates, SimForge
from tests.faults.simulation.project import VERSIONS, Policy
from tests.faults.simulation.shrink import shrink
from tests.faults.simulation.story import Event, Fault, Story, Work
from tests.faults.simulation.world import play

STORY = Story(
    seed=0,
    policy=Policy(mode="batch", max_batch=2, running_gates=4),
    replicas=1,
    works=(
        Work(name="w0", role="coder", paths=("src/w0.txt", f"{VERSIONS}w0.py"), marks=("is:X",)),
        Work(name="w1", role="coder", paths=("src/w1.txt",), marks=("red",)),
        Work(name="w2", role="writer", paths=("docs/w2.txt",), marks=("fine",), at=2.0),
        Work(name="w3", role="coder", paths=("src/w3.txt", f"{VERSIONS}w3.py"), marks=("fine",), at=2.0),
        Work(name="w4", role="writer", paths=("docs/w4.txt", "src/w4.txt"), marks=("fine",), at=100.0),
        Work(name="w5", role="coder", paths=("src/w5.txt",), marks=("not:X",), at=200.0),
    ),
)
"""A green change and a red one, two migrations that fork, a path that is not owned, one red together with another; w3
to w5 left main before anything landed."""

OVERTAKEN = replace(
    STORY,
    works=STORY.works[:1],
    events=(Event(at=90.0, kind="outsider:green"),),
    faults=(Fault(call="forge.land", nth=1, kind="freeze", seconds=300.0),),
)
"""Somebody pushes to main while a landing is under way."""

EMPTY = replace(STORY, works=STORY.works[2:3], faults=(Fault(call="gates.run", nth=1, kind="empty"),))
"""A gate that ran no test."""


def everything_passed(_: MemoryStore, tree: Sha, digest: str) -> Run:
    return Run(
        id=1,
        lane="main",
        candidate=None,
        check="unit",
        digest=digest,
        commit=tree,
        tree=tree,
        attempt=1,
        state=RunState.PASSED,
        started_at=0.0,
    )


def lands_over_others(self: SimForge, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
    ref = f"refs/heads/{lane}"
    self.git.move_ref(ref, new=new, expected=self.git.read_ref(ref))
    return Landed()


def forgets_who_landed(self: Landings, candidate: Candidate, *, note: str) -> None:
    self.recorder.save(
        replace(candidate, state=CandidateState.LANDED), lane=candidate.lane, kind="noted", note=note
    )


def gives_no_reason(self: Departures, action: Return) -> None:
    gone = replace(action.change, state=ChangeState.RETURNED, reason=Reason(code="", text=""), ended_at=0.0)
    self.recorder.save(gone, lane=gone.lane, kind="returned", change=gone.id)


give_back = Departures.give_back


def returns_the_neighbour(self: Departures, action: Return) -> None:
    """Whoever is red, the newest in the queue is given back for it."""
    queued = self.store.changes(states=(ChangeState.QUEUED,))
    victim = queued[-1] if action.reason.code.startswith("red") else action.change
    give_back(self, replace(action, change=victim))


changes = MemoryStore.changes


def overlooks_one(self: MemoryStore, lane: str | None = None, **options: Any) -> tuple[Change, ...]:
    return tuple(one for one in changes(self, lane, **options) if one.id != 2 or not options.get("states"))


judge_trees = judging.judge_trees


def allows_everything(*args: Any, **options: Any) -> Any:
    return replace(judge_trees(*args, **options), outcome=Outcome.ALLOWED, problems=())


stack = HealingStacker.stack


def heals_nothing(self: HealingStacker, *args: Any, **options: Any) -> Any:
    stacked = stack(self, *args, **options)
    return replace(stacked, tree=stacked.merged, healed=None) if isinstance(stacked, Stacked) else stacked


def takes_theirs(self: HealingStacker, onto: Sha, head: Sha, *args: Any, **options: Any) -> Any:
    """A merge that is no merge: what landed since is dropped."""
    stacked = stack(self, onto, head, *args, **options)
    return replace(stacked, tree=self.git.tree_of(head)) if isinstance(stacked, Stacked) else stacked


poll = OwnedGates.poll


def empty_is_green(self: OwnedGates, run_id: int) -> GateResult | None:
    result = poll(self, run_id)
    if result is None or result.state is not RunState.FAILED:
        return result
    green = GateOutcome(state=RunState.PASSED, reason=Why.PASSED, why="exit code 0")
    return replace(result, outcome=green)


save = Recorder.save


def tells_nothing_of_returns(self: Recorder, *records: Any, lane: str, kind: str, **body: Any) -> Any:
    if kind == "returned":
        return self.store.save(*records, at=0.0)
    return save(self, *records, lane=lane, kind=kind, **body)


@dataclass(frozen=True)
class Mutant:
    """`does` in place of the method; the judge has to find something that begins with `says`."""

    owner: object
    name: str
    does: Callable[..., Any]
    says: str
    story: Story = STORY


MUTANTS = {
    "lands without a pass": Mutant(MemoryStore, "passed_run", everything_passed, "I1"),
    "takes an empty run for a pass": Mutant(OwnedGates, "poll", empty_is_green, "I1", EMPTY),
    "ignores compare-and-swap": Mutant(SimForge, "land", lands_over_others, "I2", OVERTAKEN),
    "heals nothing": Mutant(HealingStacker, "stack", heals_nothing, "I3"),
    "lands what is not owned": Mutant(build, "judge_trees", allows_everything, "I4"),
    "drops what landed since": Mutant(HealingStacker, "stack", takes_theirs, "I5"),
    "forgets that it landed": Mutant(Landings, "_finish", forgets_who_landed, "I5"),
    "forgets a change": Mutant(MemoryStore, "changes", overlooks_one, "I5"),
    "gives back without a reason": Mutant(Departures, "give_back", gives_no_reason, "I5"),
    "gives back the wrong one": Mutant(Departures, "give_back", returns_the_neighbour, "I5"),
    "tells the journal nothing": Mutant(Recorder, "save", tells_nothing_of_returns, "journal"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_defect_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[name]
    assert judge(play(mutant.story)) == []
    monkeypatch.setattr(mutant.owner, mutant.name, mutant.does)
    findings = judge(play(mutant.story))
    assert any(finding.startswith(mutant.says) for finding in findings), findings


def test_a_failing_story_is_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HealingStacker, "stack", heals_nothing)
    small = shrink(STORY, lambda one: any(finding.startswith("I3") for finding in judge(play(one))))
    assert [work.paths for work in small.works] == [(f"{VERSIONS}w0.py",), (f"{VERSIONS}w3.py",)]
