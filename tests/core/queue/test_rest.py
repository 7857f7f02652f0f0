"""A lane at which nothing happens comes to rest: two reasons to wait don't take turns for ever."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.queue.actions import Build, Hold
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import HOTFIX, CandidateState, Change, ChangeState, RunState, Wait
from pointsman.core.queue.observation import Observation, Standing
from pointsman.core.queue.waits import behind_key, build_facts
from tests.core.queue.facts import TIP, candidate, change, contract, lane, run

ROUNDS = 40


def rest(seen: Observation, *, unbuildable: frozenset[int]) -> Observation:
    """Decide and wait as the service does, until there is nothing to do; who is `unbuildable` conflicts with whatever
    is beneath it."""
    for _ in range(ROUNDS):
        actions = decide(seen).actions
        if not actions:
            return seen
        for action in actions:
            match action:
                case Hold():
                    seen = waiting(seen, action.change, action.wait)
                case Build(below=below) if below is not None and action.changes[0].id in unbuildable:
                    one = action.changes[0]
                    key = behind_key(
                        one.wait,
                        build_facts(TIP, action_contract(seen), 0),
                        [member.change for member in below.members],
                    )
                    seen = waiting(seen, one, Wait(code="behind", text="it conflicts", key=key))
                case _:
                    raise AssertionError(action)
    raise AssertionError("it does not come to rest")


def action_contract(seen: Observation) -> str:
    assert seen.contract is not None
    return seen.contract.digest


def waiting(seen: Observation, change: Change, wait: Wait) -> Observation:
    changes = tuple(replace(one, wait=wait) if one.id == change.id else one for one in seen.changes)
    return replace(seen, changes=changes)


def test_what_waits_for_its_landing_is_not_built_again_and_again() -> None:
    """A hotfix that has passed waits for a landing, and conflicts with a change that has passed as well."""
    rules = contract("mode: speculate", running_gates=6)
    first = candidate(1, 1, state=CandidateState.PASSED)
    urgent = candidate(2, 2, state=CandidateState.PASSED)
    seen = lane(
        contract=rules,
        changes=(change(1), change(2, priority=HOTFIX)),
        candidates=(first, urgent),
        runs=(run(first, state=RunState.PASSED), run(urgent, 2, state=RunState.PASSED)),
        obstacle="the checkout has changes that are not committed",
    )
    end = rest(seen, unbuildable=frozenset({2}))
    assert [one.wait.code for one in end.changes if one.wait is not None] == ["blocked"]


def test_a_landing_that_waits_says_so_though_its_dependency_came_back() -> None:
    """The branch that it depends on landed, is submitted anew and held: two waits would take turns."""
    first = candidate(1, 1, state=CandidateState.PASSED)
    seen = lane(
        changes=(change(1, depends_on=("agent/2",)), change(2, hold="held by ada: not yet")),
        standings={"agent/2": Standing(change=2, state=ChangeState.QUEUED)},
        candidates=(first,),
        runs=(run(first, state=RunState.PASSED),),
        obstacle="the checkout has changes that are not committed",
    )
    end = rest(seen, unbuildable=frozenset())
    assert [one.wait.code for one in end.changes if one.wait is not None] == ["blocked", "held"]
