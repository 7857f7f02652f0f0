"""Independent areas: each has a chain of its own, and lands beside the others without a retest."""

from __future__ import annotations

from pointsman.core.queue.actions import Build, Discard, Restack
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import RunState
from pointsman.core.queue.observation import Observation, Pace, Touch
from tests.core.queue.facts import candidate, change, contract, lane, run, sha

AREAS = "mode: serial, independent: {web: [/web/], api: [/api/]}"
TOUCHES = {
    1: Touch(modified=frozenset({"web/a"})),
    2: Touch(modified=frozenset({"web/c", "api/c"})),
    3: Touch(modified=frozenset({"web/b"})),
    4: Touch(modified=frozenset({"api/a"})),
}


def busy(*numbers: int, **facts: object) -> Observation:
    """Change 1 is being tested on the tip; those numbers are queued."""
    first = candidate(1, 1)
    plain = {
        "contract": contract(AREAS, running_gates=4),
        "changes": tuple(change(one) for one in numbers),
        "candidates": (first,),
        "runs": (run(first, state=RunState.RUNNING),),
        "running": 1,
        "touches": TOUCHES,
        "pace": Pace(gate=100.0),
        "at": 5.0,
    }
    return lane(**{**plain, **facts})


def built(seen: Observation) -> list[list[int]]:
    actions = decide(seen).actions
    return [[one.id for one in action.changes] for action in actions if isinstance(action, Build)]


def test_each_area_has_a_chain_of_its_own() -> None:
    assert built(busy(1, 3, 4)) == [[4]], "3 waits behind 1, which is of its area"
    plain = contract("mode: serial", running_gates=4)
    assert built(busy(1, 3, 4, contract=plain)) == [], "without areas there is one chain"


def test_a_change_of_two_areas_is_not_starved_by_those_of_one() -> None:
    assert built(busy(1, 2, 4)) == [[2]]
    tested = candidate(2, 2)
    under_way = {
        "candidates": (candidate(1, 1), tested),
        "runs": (run(candidate(1, 1), state=RunState.RUNNING), run(tested, 2, state=RunState.RUNNING)),
        "running": 2,
    }
    assert built(busy(1, 2, 4, **under_way)) == [[4]]
    assert built(busy(1, 2, 4, at=200.0, **under_way)) == [], "4 is behind it and would make it start again"


def test_what_landed_in_another_area_moves_a_candidate_up_and_in_its_own_ends_it() -> None:
    moved = {"tip": sha("landed"), "moved": {1: TOUCHES[4]}}
    (action, *_) = decide(busy(1, **moved)).actions
    assert isinstance(action, Restack)
    assert action.beside
    (action, *_) = decide(busy(1, tip=sha("landed"), moved={1: TOUCHES[3]})).actions
    assert isinstance(action, Discard)
