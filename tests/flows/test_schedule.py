"""`pointsman next`, `claim`, `advance`, `release`, `claims` and `inventory`, as a launcher of agents meets them."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.flows.world import World, contract

MORE = """
writers:
  staging-db: {holder: coder, kind: database}
  main: {holder: queue, kind: branch}
limits: {agents: 3}
"""
TASKS: list[dict[str, Any]] = [
    {"id": "T1", "title": "First", "role": "coder", "branch": "agent/t1", "modifies": ["app.txt"]},
    {"id": "T2", "title": "Then", "role": "coder", "branch": "agent/t2", "depends_on": ["T1"]},
    {"id": "T3", "role": "coder", "branch": "agent/t3", "modifies": ["app.txt"], "resources": ["staging-db"]},
]


class Launcher:
    """A world with a task list beside it."""

    def __init__(self, folder: Path, tasks: list[dict[str, Any]] | None = None, **rules: str) -> None:
        self.world = World(folder, contract(**{"more": MORE, **rules}))
        self.list = folder / "tasks.json"
        self.list.write_text(json.dumps({"tasks": tasks or TASKS}))

    def next(self, *args: str) -> Any:
        said = self.world.cli("next", "--tasks", str(self.list), "--json", *args)
        assert said.code in (0, 1), said.err
        assert said.code == (0 if said.json["next"] else 1)
        return said.json

    def claim(self, task: str, holder: str = "ada", *args: str) -> Any:
        said = self.world.cli("claim", task, "--holder", holder, "--tasks", str(self.list), "--json", *args)
        assert said.code == (0 if said.json["claimed"] else 1), said.err
        return said.json

    def run(self, command: str, *args: str) -> Any:
        return self.world.cli(command, *args, "--json").json

    def waiting(self) -> dict[str, str]:
        return {one["id"]: one["code"] for one in self.next()["waiting"]}


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    return Launcher(tmp_path)


def test_R63_a_task_goes_from_the_list_through_the_queue_to_what_waits_for_it(launcher: Launcher) -> None:
    world = launcher.world
    assert launcher.next()["next"] == "T1"
    assert world.rows("select count(*) from claims") == [(0,)], "R67: nothing is started by being recommended"
    claim = launcher.claim("T1")["claim"]
    assert (claim["branch"], claim["modifies"], claim["outcome"]) == ("agent/t1", ["app.txt"], None)
    assert launcher.waiting() == {"T1": "taken", "T2": "dependency", "T3": "overlap"}
    world.branch("agent/t1", {"app.txt": "one\ntwo\nthree\nfour\nsix\n"})
    assert launcher.run("release", str(claim["id"]), "--outcome", "done")["released"]
    assert launcher.waiting() == {"T1": "landing", "T2": "dependency", "T3": "overlap"}
    world.submit("agent/t1")
    shown = launcher.next()
    assert {one["id"]: one["because"] for one in shown["waiting"]} == {
        "T1": ["agent/t1"],
        "T2": ["T1"],
        "T3": ["T1"],
    }
    view = world.cli("next", "--view").json
    assert [one["branch"] for one in view["ready"]] == ["agent/t1"]
    world.work()
    shown = launcher.next()
    assert ([one["id"] for one in shown["ranked"]], shown["together"]) == (["T2", "T3"], ["T2", "T3"])
    assert world.cli("next", "--view").json["completed"] == [
        {"id": "#1", "title": "work of agent/t1", "branch": "agent/t1", "holder": "ada@example.org"}
    ]
    told = [(body["task"], body["holder"]) for body in world.journal("claimed") + world.journal("released")]
    assert told == [("T1", "ada"), ("T1", "ada")]
    assert re.search(r"claimed +T1 by ada as coder \(claim 1\)\n", world.cli("log").out)
    assert world.cli("log", "--verify").code == 0


def test_R62_the_view_of_a_list_is_a_list_with_what_claims_know(launcher: Launcher) -> None:
    launcher.claim("T1")
    view = launcher.world.cli("next", "--tasks", str(launcher.list), "--view").json
    assert view["in_progress"] == [TASKS[0]]
    assert view["ready"] == TASKS[1:]
    launcher.list.write_text(json.dumps(view))
    assert launcher.world.cli("next", "--tasks", str(launcher.list), "--view").json == view
    assert launcher.waiting()["T1"] == "taken"


def test_R16_claims_of_one_resource_follow_each_other(tmp_path: Path) -> None:
    tasks = [{"id": f"T{n}", "role": "coder", "resources": ["staging-db"]} for n in (1, 2)]
    launcher = Launcher(tmp_path, [*tasks, {"id": "T3", "role": "coder", "resources": ["main"]}])
    first = launcher.claim("T1", "ada")
    assert launcher.claim("T1", "ada") == {**first, "again": True}
    assert launcher.claim("T2", "bob")["code"] == "resource_held"
    assert launcher.claim("T3", "bob")["code"] == "not_holder"
    launcher.run("release", "1", "--outcome", "abandoned")
    assert launcher.claim("T2", "bob")["claim"]["id"] == 2


def test_R23_the_inventory_names_each_resource_its_holder_and_who_has_it_now(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, [{"id": "T1", "role": "coder", "resources": ["staging-db"]}])
    launcher.claim("T1", "ada")
    found = launcher.run("inventory")["resources"]
    assert [(one["resource"], one["kind"], one["holder"]) for one in found] == [
        ("staging-db", "database", "coder"),
        ("main", "branch", "queue"),
    ]
    assert [one["claim"] and one["claim"]["holder"] for one in found] == ["ada", None]
    table = launcher.world.cli("inventory").out
    assert re.search(r"^staging-db +database +coder +ada for T1 \(claim 1\) until ", table, re.MULTILINE)
    assert re.search(
        r"^1 +T1 +ready +coder +ada +- +staging-db ", launcher.world.cli("claims").out, re.MULTILINE
    )
    launcher.world.repo.git("checkout", "-q", "main")
    launcher.world.repo.commit(
        "no holder", files={".pointsman.yml": contract(more="writers: {db: {kind: file}}")}
    )
    said = launcher.world.cli("inventory")
    assert said.code == 2
    assert "writers.db: the key 'holder' is missing" in said.err
    assert launcher.run("release", "1", "--outcome", "done")["released"], (
        "a broken contract holds no release up"
    )


def test_R34_a_claim_needs_a_clean_worktree_and_says_what_is_in_it(launcher: Launcher) -> None:
    tree = launcher.world.worktree("agent/t1")
    tree.write({"left.txt": ""})
    refusal = launcher.claim("T1")
    assert refusal["code"] == "dirty_tree"
    assert f"{tree.path} has changes" in refusal["message"]
    assert "?? left.txt" in refusal["message"]
    (tree.path / "left.txt").unlink()
    assert launcher.claim("T1")["claimed"]
    tree.write({"left.txt": "my work"})
    assert launcher.claim("T1")["again"], "who has it already may be in the middle of it"


def test_R34_a_claim_needs_a_base_that_is_young_enough(tmp_path: Path) -> None:
    launcher = Launcher(tmp_path, more="limits: {max_behind: 1}")
    launcher.world.branch("agent/t1")
    for number in range(2):
        launcher.world.branch("main", {f"m{number}.txt": ""})
    refusal = launcher.claim("T1")
    assert refusal["code"] == "base_too_old"
    assert "agent/t1 is 2 commits behind main; the contract allows 1" in refusal["message"]
    assert "then claim again" in refusal["message"]


def test_R33_the_branch_is_one_of_the_roles_in_a_worktree_of_its_own(tmp_path: Path) -> None:
    roles = 'roles: {coder: {who: [ada], branches: ["agent/**"], owns: ["**"], worktree: ../agents/agent-t1}}'
    launcher = Launcher(tmp_path, [{"id": "T1", "role": "coder", "modifies": ["app.txt"]}], roles=roles)
    assert launcher.claim("T1")["code"] == "no_branch"
    wrong = launcher.claim("T1", "ada", "--branch", "feature/x")
    assert (wrong["code"], "agent/**" in wrong["message"]) == ("wrong_branch", True)
    assert launcher.claim("T1", "ada", "--branch", "main")["code"] == "is_base"
    launcher.world.worktree("agent/t2")
    assert launcher.claim("T1", "ada", "--branch", "agent/t2")["code"] == "wrong_worktree"
    here = launcher.world.worktree("agent/t1")
    there = launcher.claim("T1", "ada", "-C", str(here.path))
    assert there["claim"]["branch"] == "agent/t1", "the branch that is checked out there"


def test_R68_a_claim_advances_step_by_step(launcher: Launcher) -> None:
    launcher.claim("T1")
    skipped = launcher.run("advance", "1", "implemented")
    assert (skipped["advanced"], skipped["code"]) == (False, "illegal_step")
    assert launcher.run("advance", "1", "testing")["claim"]["status"] == "testing"
    assert launcher.run("advance", "1", "testing")["again"]
    assert launcher.run("release", "1", "--outcome", "done")["code"] == "illegal_step"
    assert launcher.run("release", "1", "--outcome", "done", "--holder", "eve")["code"] == "not_yours"
    assert launcher.run("release", "7", "--outcome", "done")["code"] == "unknown_claim"
    assert [body["status"] for body in launcher.world.journal("advanced")] == ["testing"]


def test_a_list_that_cannot_be_read_is_told_whole_and_nothing_is_claimed(
    launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b'{"tasks": [{"id": "A", "depends_on": ["B"]}, {"id": "B", "depends_on": ["A"], "prio": 1}]}'
    stdin = io.TextIOWrapper(io.BytesIO(text))
    monkeypatch.setattr("sys.stdin", stdin)
    said = launcher.world.cli("next", "--tasks", "-", "--json")
    assert (said.code, said.out) == (2, "")
    assert "stdin:1:79 tasks[1].prio: unknown key 'prio'" in said.err
    launcher.list.write_text(text.decode().replace(', "prio": 1', ""))
    assert (
        "A -> B -> A" in launcher.world.cli("claim", "A", "--holder", "x", "--tasks", str(launcher.list)).err
    )
    gone = launcher.world.cli("next", "--tasks", "nowhere.json")
    assert (gone.code, "nowhere.json can't be read: No such file" in gone.err) == (2, True)
    for args, says in (
        (("--ttl", "8"), "--ttl: expected a duration such as 90m, 8h or 2d, got '8'"),
        (("--holder", "a\nb"), "--holder: expected a name of one line"),
        ((), "which tasks?"),
    ):
        listed = ("--tasks", str(launcher.list)) if args else ()
        said = launcher.world.cli("claim", "A", "--holder", "x", *listed, *args)
        assert (said.code, says in said.err) == (2, True), said.err
