"""What a failure tells before it is final: others don't wait for a second attempt, nor for the same tree again."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.queue.actions import Build, Discard, Fail, StartRun
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import CandidateState, RunState
from tests.core.queue.facts import candidate, change, contract, lane, run

FAILED, RUNNING = RunState.FAILED, RunState.RUNNING


def test_others_go_on_without_a_change_that_is_run_again() -> None:
    first, second = candidate(1, 1), candidate(2, 2, on=candidate(1, 1))
    seen = lane(
        contract=contract("mode: window, retry: {max: 2}", running_gates=3),
        changes=(change(1), change(2)),
        candidates=(first, second),
        runs=(run(first, 1, state=FAILED), run(first, 2, state=RUNNING), run(second, 3, state=RUNNING)),
        running=2,
    )
    actions = decide(seen).actions
    assert [one.candidate.id for one in actions if isinstance(one, Discard)] == [2]
    (build,) = [one for one in actions if isinstance(one, Build)]
    assert (build.below, [one.id for one in build.changes]) == (None, [2])


def test_a_failure_on_the_identical_tree_is_an_attempt_whoever_asked() -> None:
    red = candidate(1, 1, 2, state=CandidateState.FAILED)
    rest = candidate(2, 2)
    same = replace(rest, members=(replace(rest.members[0], tree=red.tree),))
    seen = lane(
        contract=contract("retry: {max: 2}"),
        changes=(change(2),),
        candidates=(red, same),
        gone=frozenset({1}),
        runs=(run(red, state=FAILED),),
    )
    (again,) = decide(seen).actions
    assert isinstance(again, StartRun)
    assert again.attempt == 2
    once = replace(seen, contract=contract("retry: {max: 1}"))
    digest = once.contract.digest if once.contract is not None else ""
    once = replace(once, candidates=tuple(replace(one, contract=digest) for one in once.candidates))
    assert isinstance(decide(once).actions[0], Fail)
    silent = replace(seen, runs=(replace(seen.runs[0], code="timed_out"),))
    (first,) = decide(silent).actions
    assert isinstance(first, StartRun)
    assert first.attempt == 1, "a time-out tells nothing of who is to blame"
