"""Two changes that do not go together: by their lines, or only by what the gate says; nothing is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.world import QUEUE, World, contract

TOGETHER = "! { test -e rename && test -e caller; }"
"""A check that is red only where both are there."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_R77_same_lines_come_back_with_both_sides_quoted_and_nothing_is_dropped(world: World) -> None:
    world.branch("agent/a", {"app.txt": "one\nTWO by a\nthree\nfour\nfive\n"})
    head = world.branch("agent/b", {"app.txt": "one\ntwo by b\nthree\nfour\nfive\n"})
    world.land("agent/a", "agent/b")
    assert world.order() == ["agent/a"]
    reason = world.reason("agent/b")
    assert reason["code"] == "merge_conflict"
    for quoted in ("app.txt", "+TWO by a", "+two by b"):
        assert quoted in reason["details"], reason["details"]
    assert world.repo.rev("agent/b") == head
    assert world.on_main("app.txt") == "one\nTWO by a\nthree\nfour\nfive\n"
    again = world.shell(reason["reproduce"])
    assert again.code == 1
    assert "CONFLICT (content): Merge conflict in app.txt" in again.out
    assert world.repo.git("status", "--short") == "", "and it touches no file"


def test_R74_both_add_files_to_one_folder_and_both_land(world: World) -> None:
    world.branch("agent/a", {"list/a": "", "app.txt": "ONE\ntwo\nthree\nfour\nfive\n"})
    world.branch("agent/b", {"list/b": "", "app.txt": "one\ntwo\nthree\nfour\nFIVE\n"})
    world.land("agent/a", "agent/b")
    assert world.order() == ["agent/a", "agent/b"]
    assert world.on_main("app.txt") == "ONE\ntwo\nthree\nfour\nFIVE\n"


def test_a_conflict_with_one_that_is_ahead_is_held_and_tried_again_when_that_leaves(world: World) -> None:
    world.branch("agent/red", {"app.txt": "red\n", "red": ""})
    world.branch("agent/fine", {"app.txt": "fine\n"})
    world.land("agent/red", "agent/fine")
    assert world.reason("agent/red")["code"] == "red"
    assert world.order() == ["agent/fine"]
    assert [body["code"] for body in world.journal("waiting")] == ["behind"]


def test_a_name_that_only_collides_with_one_ahead_is_no_reason_to_return(world: World) -> None:
    world.branch("agent/red", {"README": "", "red": ""})
    world.branch("agent/fine", {"readme": ""})
    world.land("agent/red", "agent/fine")
    assert world.order() == ["agent/fine"]


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_what_merges_to_nothing_new_is_said_so(tmp_path: Path, method: str) -> None:
    world = World(tmp_path, contract(queue=f"{QUEUE}, merge_method: {method}"))
    world.branch("agent/a", {"same": "1"})
    world.branch("agent/b", {"same": "1"})
    world.land("agent/a", "agent/b")
    assert world.order() == ["agent/a"]
    assert world.reason("agent/b")["code"] in ("nothing_new", "already_landed")


def test_R47_red_together_names_the_other_one(tmp_path: Path) -> None:
    world = World(tmp_path, contract(TOGETHER))
    world.branch("agent/rename", {"rename": ""}, message="Rename it")
    world.branch("agent/caller", {"caller": ""})
    world.land("agent/rename", "agent/caller")
    reason = world.reason("agent/caller")
    assert reason["code"] == "red_together"
    assert "#1 'Rename it'" in reason["message"]


def test_R47_the_culprit_is_found_several_landings_back(tmp_path: Path) -> None:
    world = World(tmp_path, contract(TOGETHER, queue="speculate: 3, retry: {max: 1}"))
    names = ["agent/p", "agent/rename", "agent/q", "agent/r"]
    for name in names:
        world.branch(name, {"rename": ""} if name == "agent/rename" else None)
    world.branch("agent/caller", {"caller": ""})
    world.land(*names)
    world.land("agent/caller")
    assert "#2 'work of agent/rename'" in world.reason("agent/caller")["message"]
    probes = [row[0].partition(":")[0] for row in world.rows("select probe from runs where probe != ''")]
    assert len(probes) <= 3, "by halves: alone, and two of the four"


def test_R47_a_culprit_that_no_queue_landed_is_named_by_its_commit(tmp_path: Path) -> None:
    world = World(tmp_path, contract(TOGETHER))
    world.branch("agent/caller", {"caller": ""})
    world.branch("main", {"other": ""}, message="Other work by hand")
    by_hand = world.branch("main", {"rename": ""}, message="Rename it by hand")
    world.land("agent/caller")
    message = world.reason("agent/caller")["message"]
    assert f"'Rename it by hand' ({by_hand[:10]})" in message


@pytest.mark.soak
def test_those_behind_a_red_one_are_not_held_up_by_the_search_for_its_culprit(tmp_path: Path) -> None:
    world = World(tmp_path, contract(TOGETHER, queue="mode: window, retry: {max: 1}"))
    for name in ("rename", "caller", "x", "y"):
        world.branch(f"agent/{name}", {name: ""})
    world.land("agent/rename", "agent/caller", "agent/x", "agent/y")
    assert world.order() == ["agent/rename", "agent/x", "agent/y"]
    assert world.reason("agent/caller")["code"] == "red_together"
