"""The owner's policy: who may be tested now, whether anything may land now, and what pauses the lane."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pointsman.core.queue.actions import Land
from pointsman.core.queue.decide import decide
from pointsman.core.queue.holds import admission, breaker, landing_hold, refusals
from pointsman.core.queue.model import Candidate, CandidateState, Change, ChangeState, LaneState, Wait
from pointsman.core.queue.observation import Deployment, DeployState, Observation, Standing, Touch
from pointsman.core.queue.order import line_up
from pointsman.core.queue.waits import behind_key, build_facts
from tests.core.contract.facts import contract
from tests.core.queue.facts import TIP, candidate, change, lane

ROLES = "roles: {coder: {who: alice, owns: ['**']}, dba: {who: coder, owns: ['**']}}\n"
AREA = "limits: {open_prs_per_area: {area: /db/, max: 4%s}}\n"
DB = Touch(modified=frozenset({"db/schema.sql"}))
WEB = Touch(added=frozenset({"web/new.ts"}))


def queued(policy: str, changes: int | list[Change], **facts: Any) -> Observation:
    """A lane under that policy with so many changes; all touch the database and are a dba's, unless said."""
    line = [change(number) for number in range(1, changes + 1)] if isinstance(changes, int) else changes
    ids = [one.id for one in line]
    plain: dict[str, Any] = {
        "contract": contract(ROLES + policy),
        "changes": tuple(line),
        "roles": dict.fromkeys(ids, "dba"),
        "touches": dict.fromkeys(ids, DB),
    }
    return lane(**{**plain, **facts})


def held(now: Observation) -> dict[int, str]:
    ready = line_up(now.changes, now.standings).ready
    return {number: wait.code for number, wait in sorted(admission(now, ready).items())}


def test_R48_six_changes_of_an_area_for_four_leave_the_last_two_waiting() -> None:
    now = queued(AREA % "", 6)
    assert held(now) == {5: "area_full", 6: "area_full"}
    wait = admission(now, now.changes)[6]
    assert "4 open changes may touch /db/ (limits.open_prs_per_area, line 8)" in wait.text
    assert "say with a priority which go first" in wait.text
    assert refusals(now) == {}


def test_R48_or_they_are_given_back_with_the_changes_that_were_there_first() -> None:
    now = queued(AREA % ", over: refuse", 6)
    assert held(now) == {}
    assert sorted(refusals(now)) == [5, 6]
    reason = refusals(now)[6]
    assert reason.code == "area_full"
    assert "#1 agent/1, #2 agent/2, #3 agent/3, #4 agent/4 came before it" in reason.text
    assert reason.reproduce


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({"touches": dict.fromkeys(range(1, 7), WEB)}, {}, id="elsewhere"),
        pytest.param({"touches": {1: WEB, 2: WEB, **dict.fromkeys(range(3, 7), DB)}}, {}, id="four of six"),
        pytest.param({"touches": {}}, {}, id="nothing is known yet"),
        pytest.param(
            {"candidates": (candidate(1, 6),)},
            {4: "area_full", 5: "area_full"},
            id="the last is tested already",
        ),
        pytest.param(
            {"candidates": (candidate(1, 6, state=CandidateState.FAILED),)},
            {5: "area_full", 6: "area_full"},
            id="it was tested before",
        ),
    ],
)
def test_R48_who_counts_for_an_area(facts: dict[str, Any], expected: dict[int, str]) -> None:
    assert held(queued(AREA % "", 6, **facts)) == expected


def test_R16_so_many_of_a_role_are_tested_at_once_in_line_order() -> None:
    policy = "limits: {writers_per_role: {dba: 1}}\n"
    now = queued(policy, 3, roles={1: "coder", 2: "dba", 3: "dba"})
    assert held(now) == {3: "role_full"}
    first = replace(now.changes[2], priority=5)
    assert held(replace(now, changes=(*now.changes[:2], first))) == {2: "role_full"}


def test_R16_who_waits_for_an_approval_keeps_nobody_of_its_role_out_of_the_gate() -> None:
    now = queued("limits: {writers_per_role: {dba: 1}}\n", 3)
    assert now.contract is not None
    key = behind_key(None, build_facts(TIP, now.contract.digest, 0), ())
    first = replace(now.changes[0], wait=Wait(code="approval", text="needs leads", key=key))
    waiting = replace(now, changes=(first, *now.changes[1:]))
    assert held(waiting) == {3: "role_full"}
    assert held(replace(waiting, consents={1: 1})) == {2: "role_full", 3: "role_full"}, "it is a new fact"


def test_R16_of_a_hundred_one_is_tested_at_a_time_and_each_has_its_turn() -> None:
    now = queued("limits: {writers_per_role: {dba: 1}}\n", 100)
    served = []
    while now.changes:
        waiting = held(now)
        inside = [one for one in now.changes if one.id not in waiting]
        assert len(inside) == 1
        served.append(inside[0].id)
        now = replace(now, changes=tuple(one for one in now.changes if one not in inside))
    assert served == list(range(1, 101))


def test_a_hotfix_is_let_in_and_takes_the_place_of_one_that_waits() -> None:
    policy = "limits: {writers_per_role: {dba: 1}}\n"
    line = [change(1), change(2), change(3, priority=100)]
    assert held(queued(policy, line)) == {1: "role_full", 2: "role_full"}
    assert held(queued(policy, line, candidates=(candidate(1, 1),))) == {2: "role_full"}
    full = queued(
        AREA % ", over: refuse", [*(change(number) for number in range(1, 5)), change(9, priority=100)]
    )
    assert sorted(refusals(full)) == [4]


def test_what_a_change_waits_for_has_its_place_before_it() -> None:
    """With one place in the area, the older change would hold it for ever while the newer one waits for a place."""
    line = [change(1, depends_on=("agent/2",)), change(2)]
    standings = {one.branch: Standing(change=one.id, state=ChangeState.QUEUED) for one in line}
    now = queued("limits: {open_prs_per_area: {area: /db/, max: 1}}\n", line, standings=standings)
    assert held(now) == {1: "area_full"}


def test_a_wait_is_the_same_while_others_come_and_go() -> None:
    """It is written for each change that waits: a line of a thousand must not be written anew at each landing."""
    now = queued(AREA % "", 9)
    after = replace(now, changes=now.changes[3:])
    assert admission(now, now.changes)[9] == admission(after, after.changes)[9]


FREEZE = "queue: {freeze: {since: 2026-12-20, until: 2027-01-04, reason: the holidays}}\n"
IN_IT = 1798000000.0
"""2026-12-23."""


def test_in_a_freeze_only_a_hotfix_lands() -> None:
    now = queued(FREEZE, 1, at=IN_IT)
    wait = landing_hold(now, hotfix=False)
    assert wait is not None
    assert wait.code == "frozen"
    assert wait.text == (
        "nothing but a hotfix lands until 2027-01-04 00:00 UTC: the holidays. It is tested meanwhile"
    )
    assert landing_hold(now, hotfix=True) is None
    assert landing_hold(replace(now, at=IN_IT + 30 * 86400), hotfix=False) is None
    assert held(now) == {}
    assert breaker(now) is None


def deployed(
    state: DeployState, *, policy: str = "", after: float = 60.0, resumed: float = 0.0
) -> Observation:
    deployment = Deployment(commit=TIP, since=1000.0, state=state, url="https://ci/7", why="exit code 1")
    return queued(
        f"deploy: {{environment: production, timeout: 45m{policy}}}\n",
        1,
        at=1000.0 + after,
        deployment=deployment,
        lane=LaneState(name="main", resumed_at=resumed),
    )


PENDING, FAILED, SUCCEEDED = DeployState.PENDING, DeployState.FAILED, DeployState.SUCCEEDED
LATE = 45 * 60.0


@pytest.mark.parametrize(
    ("now", "holds", "stops"),
    [
        pytest.param(deployed(PENDING), True, "", id="R21 pending holds"),
        pytest.param(deployed(SUCCEEDED), False, "", id="R21 success lets on"),
        pytest.param(deployed(FAILED), True, "failed: exit code 1 (https://ci/7)", id="R21 failure pauses"),
        pytest.param(deployed(PENDING, after=LATE - 1), True, "", id="R22 in time"),
        pytest.param(deployed(PENDING, after=LATE), True, "has not ended after 45m", id="R22 late pauses"),
        pytest.param(
            deployed(PENDING, policy=", on_timeout: continue", after=LATE), False, "", id="R22 late lets on"
        ),
        pytest.param(
            deployed(PENDING, policy=", on_timeout: continue", after=LATE - 1), True, "", id="not late yet"
        ),
        pytest.param(deployed(PENDING, policy=", hold_merges: never"), False, "", id="never holds"),
        pytest.param(
            deployed(PENDING, policy=", hold_merges: never", after=LATE), False, "", id="nor is late"
        ),
        pytest.param(
            deployed(FAILED, policy=", hold_merges: never"), True, "failed", id="never holds, but pauses"
        ),
        pytest.param(deployed(FAILED, resumed=1030.0), False, "", id="R27 failed, and a person resumed"),
        pytest.param(
            deployed(PENDING, after=LATE, resumed=1000.0 + LATE), False, "", id="R27 late and resumed"
        ),
        pytest.param(deployed(FAILED, resumed=999.0), True, "failed", id="resumed before it failed"),
        pytest.param(replace(deployed(FAILED), deployment=None), False, "", id="none is known"),
    ],
)
def test_what_a_deployment_does_to_the_lane(now: Observation, holds: bool, stops: str) -> None:
    wait = landing_hold(now, hotfix=True)
    assert (wait is not None) is holds
    assert wait is None or wait.code == "deploy"
    stop = breaker(now)
    assert (stop is not None) is bool(stops)
    assert stops in (stop or "")


def test_R27_so_many_failures_in_a_row_pause_before_anything_else() -> None:
    now = queued("queue: {pause_after: 3}\n", 1, lane=LaneState(name="main", failures=3))
    assert "3 changes in a row were red" in (breaker(now) or "")
    assert breaker(replace(now, lane=LaneState(name="main", failures=2))) is None


def test_without_a_policy_nothing_is_held() -> None:
    now = queued("", 6, at=IN_IT, deployment=Deployment(commit=TIP, since=0.0, state=FAILED))
    assert (held(now), refusals(now), landing_hold(now, hotfix=False), breaker(now)) == ({}, {}, None, None)
    assert admission(replace(now, contract=None), now.changes) == {}


def passed(number: int, *changes: int) -> Candidate:
    return candidate(number, *changes, state=CandidateState.PASSED, checks=())


def landed(now: Observation) -> list[int]:
    """Which changes the next decision lands."""
    return [
        member.change
        for one in decide(now).actions
        if isinstance(one, Land)
        for member in one.candidate.members
    ]


@pytest.mark.parametrize(
    ("candidates", "lands"),
    [
        pytest.param((passed(1, 1), passed(2, 9)), [9], id="the hotfix alone"),
        pytest.param((passed(1, 1, 9), passed(2, 9)), [9], id="not what else it was tested with"),
        pytest.param((passed(1, 1, 9),), [], id="though there is nothing but that"),
        pytest.param((passed(1, 1),), [], id="nor anything else"),
    ],
)
def test_a_hotfix_brings_nothing_along_into_a_freeze(
    candidates: tuple[Candidate, ...], lands: list[int]
) -> None:
    line = [change(1), change(9, priority=100)]
    now = queued(FREEZE, line, at=IN_IT, candidates=candidates)
    assert landed(now) == lands
    assert landed(replace(now, at=0.0)) == [member.change for member in max(candidates, key=brings).members]


def test_what_a_hotfix_depends_on_lands_with_it() -> None:
    line = [change(1), change(2, depends_on=("agent/1",)), change(9, depends_on=("agent/2",), priority=100)]
    standings = {one.branch: Standing(change=one.id, state=ChangeState.QUEUED) for one in line}
    now = queued(
        FREEZE, line, at=IN_IT, standings=standings, candidates=(passed(1, 1, 2), passed(2, 1, 2, 9))
    )
    assert landed(now) == [1, 2, 9]


def brings(one: Candidate) -> tuple[bool, int]:
    return 9 in {member.change for member in one.members}, len(one.members)
