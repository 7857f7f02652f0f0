"""What the desk refuses at the door, and what it says; through the command line, as an agent would meet it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.world import World, contract, own_file
from tests.support.repo import Repo


def test_R34_a_dirty_worktree_is_refused_untracked_files_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    tree = world.worktree("agent/a")
    tree.commit("work", files={"a.txt": ""})
    tree.write({"forgotten.txt": ""})
    said = world.cli("submit", "agent/a")
    assert said.code == 1
    assert "?? forgotten.txt" in said.out
    assert str(tree.path) in said.out
    (tree.path / "forgotten.txt").unlink()
    tree.write({"a.txt": "changed"})
    assert " M a.txt" in world.cli("submit", "agent/a").out
    assert world.cli("queue", "--json").json == {"lanes": []}


def test_R33_the_wrong_branch_is_refused_with_the_pattern_that_was_expected(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("feature/a")
    refusal = world.refusal("feature/a")
    assert refusal.code == "no_role"
    assert "agent/**" in refusal.text
    world.branch("agent/b", author="Mallory <mallory@example.org>")
    assert "mallory@example.org" in world.refusal("agent/b").text


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        pytest.param("max_behind: 1", "2 commits behind main; the contract allows 1", id="max_behind"),
        pytest.param("max_base_age: 1h", "the contract allows 1.0 h", id="max_base_age"),
    ],
)
def test_R34_a_base_that_is_too_old_is_refused_until_it_is_brought_up(
    tmp_path: Path, limit: str, found: str
) -> None:
    world = World(tmp_path, contract(more=f"limits: {{{limit}}}"))
    world.branch("agent/a")
    world.submit("agent/a")
    world.cli("withdraw", "agent/a")
    for name in ("x", "y"):
        world.branch("main", {name: ""})
    refusal = world.refusal("agent/a")
    assert (refusal.code, found in refusal.text) == ("base_too_old", True)
    assert "git merge main" in refusal.text
    world.repo.checkout("agent/a").merge("main")
    world.repo.git("checkout", "-q", "--detach")
    world.submit("agent/a")


def test_without_a_contract_the_next_step_is_said_and_the_exit_code_is_2(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo").init()
    repo.commit("start", files={"a": ""})
    repo.branch("agent/a").commit("work", files={"b": ""})
    world = World(tmp_path / "other")
    world.path = repo.path
    said = world.cli("submit", "agent/a")
    assert (said.code, said.out) == (2, "")
    assert "pointsman contract init" in said.err


def test_an_unreadable_contract_is_told_with_every_mistake_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, "version: 1\nbase: main\nrolles: {}\nqueue: {max_batch: x}\n")
    world.branch("agent/a")
    said = world.cli("submit", "agent/a")
    assert (said.code, said.out) == (2, "")
    assert ".pointsman.yml:3:1 rolles:" in said.err
    assert ".pointsman.yml:4:20 queue.max_batch:" in said.err


def test_what_can_not_be_meant_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    world.repo.git("branch", "agent/empty", "main")
    tree = world.repo.git("rev-parse", "main^{tree}")
    world.repo.git("branch", "agent/stranger", world.repo.git("commit-tree", "-m", "other", tree))
    codes = {
        name: world.refusal(name).code for name in ("main", "agent/none", "agent/empty", "agent/stranger")
    }
    assert codes == {
        "main": "is_base",
        "agent/none": "no_branch",
        "agent/empty": "nothing_new",
        "agent/stranger": "unrelated",
    }
    world.land("agent/a")
    assert world.refusal("agent/a").code == "nothing_new"


def test_the_same_head_twice_is_once_and_a_newer_head_takes_its_place(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.branch("agent/a")
    first = world.cli("submit", "agent/a", "--json").json["submitted"][0]
    again = world.cli("submit", "agent/a", "--json").json["submitted"][0]
    assert (again["id"], again["again"]) == (first["id"], True)
    world.branch("agent/a", {"more.txt": ""})
    newer = world.cli("submit", "agent/a", "--json").json["submitted"][0]
    assert (newer["replaced"], newer["again"]) == (first["id"], False)
    assert len(world.journal("submitted")) == 2
    world.work()
    assert world.order() == ["agent/a"]
    assert world.changes()["agent/a"]["id"] == newer["id"]


def test_several_branches_at_once_and_one_that_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in ("agent/a", "agent/b"):
        world.branch(name)
    said = world.cli("submit", "agent/a", "main", "agent/b", "--json")
    assert said.code == 1
    assert [one["submitted"] for one in said.json["submitted"]] == [True, False, True]
    assert said.err == ""


@pytest.mark.slow
def test_an_agent_submits_from_inside_its_worktree_without_arguments(tmp_path: Path) -> None:
    world = World(tmp_path)
    tree = world.worktree("agent/a")
    tree.commit("work", files={"deep/down/a.txt": ""})
    inside = world.process("submit", "--json", cwd=tree.path / "deep" / "down")
    out, err = inside.communicate(timeout=60)
    assert (inside.returncode, err) == (0, "")
    assert '"branch": "agent/a"' in out
    elsewhere = world.cli("queue", "-C", str(tree.path), "--json")
    assert (elsewhere.code, elsewhere.err) == (0, "")
    assert '"agent/a"' in elsewhere.out
    nowhere = world.process("submit", cwd=world.path)
    out, err = nowhere.communicate(timeout=60)
    assert (nowhere.returncode, out) == (2, "")
    assert "pointsman submit BRANCH" in err


def test_submitting_touches_no_branch_and_no_worktree(tmp_path: Path) -> None:
    world = World(tmp_path)
    tree = world.worktree("agent/a")
    tree.commit("work", files={own_file("agent/a"): ""})
    refs = world.repo.git("for-each-ref", "refs/heads")
    world.submit("agent/a")
    assert world.repo.git("for-each-ref", "refs/heads") == refs
    assert tree.git("status", "--short", "--branch") == "## agent/a"
