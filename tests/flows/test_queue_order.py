"""Who goes first: priority, dependencies, first come; and who waits for whom, with the reason said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.world import World, contract


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def listed(world: World) -> list[str]:
    """The queued branches as `pointsman queue` shows them."""
    said = world.cli("queue", "--json").json
    return [change["branch"] for lane in said["lanes"] for change in lane["changes"]]


def test_R04_first_come_first_served_but_priority_goes_first(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue="mode: window"))
    for name in "abcd":
        world.branch(f"agent/{name}")
    world.submit("agent/c", "agent/a")
    world.submit("agent/b", "agent/d", priority=2)
    expected = ["agent/b", "agent/d", "agent/c", "agent/a"]
    assert listed(world) == expected
    world.work()
    assert world.order() == expected


def test_R49_dependencies_go_first_by_branch_by_number_and_by_trailer(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue="mode: window"))
    world.branch("agent/last", message="Last\n\nDepends-on: agent/mid, #2\n")
    world.branch("agent/other")
    world.branch("agent/mid", message="Mid\n\ndepends-on: agent/first")
    world.branch("agent/first")
    assert world.submit("agent/last", "agent/other", "agent/mid", "agent/first", priority=0) == [1, 2, 3, 4]
    world.work()
    assert world.order() == ["agent/other", "agent/first", "agent/mid", "agent/last"]


def test_R49_a_cycle_is_returned_with_the_way_round_named(world: World) -> None:
    world.branch("agent/a", message="A\n\nDepends-on: agent/b")
    world.branch("agent/b", message="B\n\nDepends-on: agent/a")
    world.branch("agent/c")
    world.land("agent/a", "agent/b", "agent/c")
    assert world.order() == ["agent/c"]
    for branch in ("agent/a", "agent/b"):
        reason = world.reason(branch)
        assert reason["code"] == "dependency_cycle"
        assert "agent/a -> agent/b" in reason["message"] or "agent/b -> agent/a" in reason["message"]


def test_R63_who_depends_on_a_returned_change_waits_and_lands_after_its_next_try(world: World) -> None:
    world.branch("agent/base", {"red": ""})
    world.branch("agent/on-it", message="On it\n\nDepends-on: agent/base")
    world.branch("agent/free")
    world.land("agent/base", "agent/on-it", "agent/free")
    assert world.order() == ["agent/free"]
    waiting = world.waiting("agent/on-it")
    assert waiting["code"] == "dependency"
    assert "agent/base (#1), which was returned" in waiting["message"]
    world.branch("agent/base", {"red": None, "green": ""})
    world.land("agent/base")
    assert world.order() == ["agent/free", "agent/base", "agent/on-it"]


def test_R63_a_dependency_that_was_never_submitted_is_named(world: World) -> None:
    world.branch("agent/a", message="A\n\nDepends-on: agent/never")
    world.land("agent/a")
    assert "agent/never, which was never submitted" in world.waiting("agent/a")["message"]


@pytest.mark.parametrize(
    "mode", ["speculate: 1", pytest.param("mode: batch, max_batch: 4", marks=pytest.mark.soak)]
)
def test_R49_nobody_overtakes_a_dependency_that_waits_for_an_approval(tmp_path: Path, mode: str) -> None:
    classes = "paths: {api: {match: [/api], approve: {by: [lead]}}}"
    world = World(tmp_path, contract(queue=f"{mode}, retry: {{max: 1}}", more=classes))
    world.branch("agent/api", {"api": "2"})
    world.branch("agent/user", message="Use it\n\nDepends-on: agent/api")
    world.branch("agent/free")
    world.land("agent/api", "agent/user", "agent/free")
    assert world.order()[-1:] == ["agent/free"]
    assert "agent/user" not in world.order()
    assert "#1" in world.waiting("agent/user")["message"]
    world.cli("approve", "agent/api", "--by", "lead@example.org", "--yes")
    world.work()
    assert world.order()[-2:] == ["agent/api", "agent/user"]
    assert set(world.states().values()) == {"landed"}


def test_withdrawn_changes_do_not_land_and_stay_withdrawn(world: World) -> None:
    for name in ("agent/a", "agent/b"):
        world.branch(name)
    world.submit("agent/a", "agent/b")
    assert world.cli("withdraw", "agent/a").code == 0
    again = world.cli("withdraw", "agent/a", "#2")
    assert (again.code, "withdrawn" in again.err) == (1, True)
    world.work()
    assert world.order() == []
    assert world.states() == {"agent/a": "withdrawn", "agent/b": "withdrawn"}
    assert world.repo.rev("agent/a"), "the branch stays"


def test_a_batch_lands_in_one_move_and_each_change_is_its_own_commit(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue="mode: batch, max_batch: 4, speculate: 0"))
    names = [f"agent/{letter}" for letter in "abcd"]
    for name in names:
        world.branch(name)
    world.land(*names)
    (landing,) = world.journal("landed")
    assert landing["branches"] == names == world.order()
    assert len(world.journal("run_started")) == 1


def test_R47_a_red_batch_is_halved_until_the_red_one_is_alone(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue="mode: batch, max_batch: 4, speculate: 1, retry: {max: 1}"))
    names = [f"agent/{letter}" for letter in "abcd"]
    for name in names:
        world.branch(name, {"red": ""} if name == "agent/c" else None)
    world.land(*names)
    assert world.order() == ["agent/a", "agent/b", "agent/d"]
    assert world.reason("agent/c")["code"] == "red"
    assert world.journal("split")


def test_an_innocent_that_conflicted_with_a_red_one_in_its_batch_is_tried_again(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue="mode: batch, max_batch: 2, speculate: 0, retry: {max: 1}"))
    world.branch("agent/red", {"app.txt": "red\n", "red": ""})
    world.branch("agent/fine", {"app.txt": "fine\n"})
    world.land("agent/red", "agent/fine")
    assert world.reason("agent/red")["code"] == "red"
    assert world.order() == ["agent/fine"]
