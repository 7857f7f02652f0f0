"""Probes that only make a return say more: they take no runner from what is to be tested, and nobody waits for them for
ever."""

from __future__ import annotations

from dataclasses import replace

from pointsman.core.queue.actions import Build, Discard, Return, StartProbe
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import CandidateState, RunState
from pointsman.core.queue.observation import BaseCommit, Observation, Pace
from tests.core.queue.facts import TIP, candidate, change, contract, lane, run, sha

ONE_TRY = "mode: speculate, retry: {max: 1}"


def red_alone(*others: int, running: int = 0, at: float = 10.0) -> Observation:
    """Change 1 was red by itself, something has landed since it left the base, and the others wait."""
    failed = candidate(1, 1, state=CandidateState.FAILED)
    return lane(
        contract=contract(ONE_TRY),
        changes=tuple(change(number) for number in (1, *others)),
        candidates=(failed,),
        runs=(run(failed, state=RunState.FAILED, seconds=5.0),),
        green=frozenset({(sha("tiptree"), "d")}),
        base_trees={TIP: sha("tiptree")},
        history={1: (BaseCommit(commit=TIP, change=9, title="landed"),)},
        running=running,
        at=at,
        pace=Pace(gate=100.0),
    )


def test_what_waits_is_built_before_a_probe_runs() -> None:
    assert [type(action) for action in decide(red_alone(2)).actions] == [Build]


def test_an_idle_runner_finds_out_more() -> None:
    assert [type(action) for action in decide(red_alone()).actions] == [StartProbe]


def test_without_an_idle_runner_it_is_given_back_after_two_gates() -> None:
    assert decide(red_alone(running=2)).actions == ()
    (late,) = decide(red_alone(running=2, at=300.0)).actions
    assert isinstance(late, Return)
    assert late.reason.code == "red"
    assert "whether without it, too, was not tried" in late.reason.text, "nobody ran it on its own head"


def test_what_carries_a_change_that_is_red_by_itself_is_given_up_at_once() -> None:
    seen = red_alone(2)
    carries = candidate(2, 1, 2, contract=seen.candidates[0].contract)
    seen = replace(
        seen,
        candidates=(*seen.candidates, carries),
        runs=(*seen.runs, run(carries, 2, state=RunState.RUNNING)),
        running=1,
    )
    first = decide(seen).actions[0]
    assert isinstance(first, Discard)
    assert first.candidate.id == 2
