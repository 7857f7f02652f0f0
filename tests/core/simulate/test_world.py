"""A lane on paper: the same figures for a seed, nothing lost, ours ahead of the others, and hotfixes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.contract import Retry
from pointsman.core.queue.model import HOTFIX
from pointsman.core.simulate.comparison import STRATEGIES, Settings, compare
from pointsman.core.simulate.history import Past, replayed
from pointsman.core.simulate.lanes import lane_contract
from pointsman.core.simulate.oracle import oracle
from pointsman.core.simulate.outcome import Outcome, figures
from pointsman.core.simulate.workloads import Fleet, Job, Workload, conflicts, fleet
from pointsman.core.simulate.world import World

BUSY = Fleet(per_hour=40, gate=10, runners=6, red=0.08, together=0.04)


def run(work: Workload, strategy: str = "speculate", *, attempts: int = 1) -> Outcome:
    return World(work, lane_contract(strategy, runners=work.runners, retry=Retry(max=attempts))).run()


def by_hand(*jobs: Job, runners: int = 2) -> Workload:
    return Workload(name="by hand", jobs=jobs, gate=600.0, runners=runners)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_change_lands_or_is_returned_and_nobody_by_mistake(strategy: str) -> None:
    work = fleet(replace(BUSY, runners=12), changes=25, seed=3)
    outcome = run(work, strategy)
    assert set(outcome.landed) | set(outcome.returned) == set(range(25))
    assert not set(outcome.landed) & set(outcome.returned)
    assert outcome.wrongly == 0
    assert all(not work.jobs[job].red for job in outcome.landed)
    assert all(not set(work.jobs[job].foes) & set(outcome.landed) for job in outcome.landed)


def test_the_same_seed_gives_the_same_run_and_another_one_another() -> None:
    one, same, other = (run(fleet(BUSY, changes=25, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one.landed != other.landed


def test_ours_is_ahead_of_the_others_and_behind_the_oracle() -> None:
    found = compare(
        [fleet(BUSY, changes=45, seed=4)], ("speculate", "window", "batch", "serial"), Settings(limit=30)
    )
    ours, *others = (found.strategies[name] for name in found.strategies)
    assert all(ours.p50 < other.p50 and ours.p95 < other.p95 for other in others)
    assert found.oracle.p50 <= ours.p50
    assert found.oracle.p95 <= ours.p95


def test_a_strategy_that_falls_behind_is_stopped_and_says_so() -> None:
    found = compare([fleet(BUSY, changes=60, seed=4)], ("serial",), Settings(limit=8))
    assert found.strategies["serial"].overrun


def test_a_hotfix_lands_first_though_everything_is_busy() -> None:
    jobs = [Job(at=float(number), seconds=600.0) for number in range(6)]
    work = by_hand(*jobs, Job(at=60.0, seconds=100.0, priority=HOTFIX))
    for strategy in ("speculate", "window", "batch", "serial"):
        outcome = run(work, strategy)
        assert outcome.landed[6] == pytest.approx(160.0)
        assert set(outcome.landed) == set(range(7))


def test_a_flake_returns_nobody_where_a_second_attempt_is_granted() -> None:
    work = fleet(replace(BUSY, per_hour=15, red=0.0, together=0.0, flaky=0.2), changes=20, seed=2)
    granted = run(work, attempts=3)
    assert len(granted.returned) < len(run(work, attempts=1).returned)


def test_the_oracle_batches_what_waits_and_returns_what_cannot_land() -> None:
    red, good = Job(at=0.0, seconds=600.0, red=True), Job(at=0.0, seconds=600.0)
    outcome = oracle(by_hand(good, red, good, good, runners=1))
    assert outcome.landed == {0: 600.0, 2: 1200.0, 3: 1200.0}
    assert set(outcome.returned) == {1}


def test_the_published_curve_of_conflicts() -> None:
    assert conflicts(1) == 0
    assert conflicts(2) == pytest.approx(0.05)
    assert conflicts(16) == pytest.approx(0.40)


def test_a_past_is_replayed_as_it_was_as_far_as_it_is_known() -> None:
    past = [
        Past(at=100.0, seconds=60.0, red=False, together=False),
        Past(at=40.0, seconds=120.0, red=True, together=False),
    ]
    work = replayed(past, BUSY, seed=1, name="past")
    assert [(job.at, job.seconds, job.red, job.foes) for job in work.jobs] == [
        (0.0, 120.0, True, ()),
        (60.0, 60.0, False, ()),
    ]
    assert work.gate == 90.0
    assert figures(work, run(work)).landed == 1


@pytest.mark.soak
def test_ten_thousand_changes() -> None:
    work = fleet(Fleet(per_hour=60, gate=5, runners=12, red=0.1, together=0.05), changes=10_000, seed=5)
    outcome = run(work)
    assert len(outcome.landed) + len(outcome.returned) == 10_000
