"""Migrations in the queue: forks healed in order, one head at every landing, and nothing healed that is not proved."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pointsman.adapters.git.objects import ObjectReader
from tests.flows.world import QUEUE, World, contract
from tests.support.project import ENV_PY, INI, VERSIONS, revision

UNPROVED = "migrations: [{backend: alembic, proof: off}]"
COLUMN = 'op.add_column("t_a", sa.Column("%s", sa.Integer()))'


def world_with_migrations(
    folder: Path, *, proof: str = UNPROVED, queue: str = QUEUE, gate: str = "true"
) -> World:
    """A world whose main has one revision, `a`."""
    files = {
        "alembic.ini": INI,
        "migrations/env.py": ENV_PY,
        "migrations/script.py.mako": "",
        f"{VERSIONS}/a_step.py": revision("a"),
    }
    return World(folder, contract(gate, queue=queue, more=proof), files)


def add(world: World, branch: str, id: str, down: str = "'a'", **more: str) -> None:
    world.branch(branch, {f"{VERSIONS}/{id}_step.py": revision(id, down, **more)})


def heads(world: World, rev: str) -> list[str]:
    """As `pointsman heads` says; a fork or a problem fails."""
    said = world.cli("heads", "--rev", rev, "--json")
    assert said.code == 0, said.out
    return [head for each in said.json["environments"] for head in each["heads"]]


def heads_along_main(world: World) -> list[list[str]]:
    log = world.repo.git("log", "--first-parent", "--reverse", "--format=%H", f"{world.first}..main")
    return [heads(world, commit) for commit in log.split()]


@pytest.mark.parametrize(
    "queue",
    [
        f"mode: window, {QUEUE}",
        "mode: batch, max_batch: 4",
        pytest.param(f"{QUEUE}, merge_method: squash", marks=pytest.mark.soak),
    ],
)
def test_R08_three_migrations_on_one_parent_land_in_queue_order_with_one_head_each(
    tmp_path: Path, queue: str
) -> None:
    world = world_with_migrations(tmp_path, queue=queue)
    for id in "cbd":
        add(world, f"agent/{id}", id)
    world.land("agent/c", "agent/b", "agent/d")
    assert world.order() == ["agent/c", "agent/b", "agent/d"]
    assert heads_along_main(world) == [["c"], ["b"], ["d"]]
    assert "down_revision = 'c'" in (world.on_main(f"{VERSIONS}/b_step.py") or "")
    assert "Revises: b" in (world.on_main(f"{VERSIONS}/d_step.py") or "")
    branch = world.repo.show("agent/d", f"{VERSIONS}/d_step.py").decode()
    assert "down_revision = 'a'" in branch, "the agent's own branch stays as it is"


def test_R13_a_heal_is_a_line_in_the_merge_and_in_the_journal(tmp_path: Path) -> None:
    world = world_with_migrations(tmp_path)
    add(world, "agent/b", "b")
    add(world, "agent/c", "c")
    world.land("agent/b", "agent/c")
    healed = [line for body in world.journal("built") for line in body["healed"]]
    assert [(line["change"], line["strategy"]) for line in healed] == [(2, "reparent")]
    assert "seconds" in healed[0]
    trailers = world.repo.git("log", "-1", "--format=%(trailers:only)", "main")
    assert "Pointsman-Healed: " in trailers
    assert "Pointsman-Proof: " in trailers


def test_R03_a_fork_at_the_second_of_five_keeps_nobody_waiting(tmp_path: Path) -> None:
    world = world_with_migrations(tmp_path, queue="speculate: 4, retry: {max: 1}")
    world.branch("main", {f"{VERSIONS}/b_step.py": revision("b", "'a'", up=COLUMN % "n")})
    names = [f"agent/{number}" for number in range(1, 6)]
    for name in names:
        if name != "agent/2":
            world.branch(name)
    first = world.first
    world.branch("agent/2", {f"{VERSIONS}/c_step.py": revision("c", "'a'", up=COLUMN % "n")}, at=first)
    world.land(*names)
    assert world.order() == ["agent/1", "agent/3", "agent/4", "agent/5"]
    reason = world.reason("agent/2")
    said = reason["message"] + reason["details"]
    for quoted in ("b_step.py", "c_step.py", "t_a"):
        assert quoted in said, said
    assert said.count("add_column") >= 2, f"R11: both operations are quoted\n{said}"
    again = world.shell(f"{sys.executable} -m {reason['reproduce']}")
    assert again.code == 1, again.err


def test_I8_R02_a_change_without_migrations_reads_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_with_migrations(tmp_path)
    migrations = set(
        world.repo.git("ls-tree", "-r", "--format=%(objectname)", "main", "--", "migrations").split()
    )
    world.branch("agent/plain")
    add(world, "agent/schema", "b")
    read: list[str] = []
    whole = ObjectReader.blobs

    def watched(self: ObjectReader, oids: object, **more: object) -> object:
        read.extend(asked := list(oids))  # type: ignore[call-overload]
        return whole(self, asked, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ObjectReader, "blobs", watched)
    world.land("agent/plain")
    assert migrations.isdisjoint(read)
    world.land("agent/schema")
    assert not migrations.isdisjoint(read), "the watch works"


@pytest.mark.slow
def test_R07_a_broken_upgrade_on_the_healed_tree_never_lands(tmp_path: Path) -> None:
    world = world_with_migrations(tmp_path, proof="migrations: [{backend: alembic, proof: required}]")
    add(world, "agent/b", "b")
    add(world, "agent/broken", "c", up='op.drop_column("no_such_table", "x")')
    add(world, "agent/d", "d")
    world.land("agent/b", "agent/broken", "agent/d")
    assert world.order() == ["agent/b", "agent/d"]
    assert heads_along_main(world) == [["b"], ["d"]]
    reason = world.reason("agent/broken")
    assert "no_such_table" in json.dumps(reason), reason
    assert "Pointsman-Proof: " in world.repo.git("log", "-1", "--format=%(trailers:only)", "main")


def test_R07_the_gate_runs_on_the_healed_tree(tmp_path: Path) -> None:
    """A check that holds only while `c` still follows `a` is green on the branch and red on what would land."""
    gate = f"! test -e {VERSIONS}/c_step.py || grep -q \"= 'a'\" {VERSIONS}/c_step.py"
    world = world_with_migrations(tmp_path, gate=gate)
    add(world, "agent/b", "b")
    add(world, "agent/c", "c")
    world.land("agent/b", "agent/c")
    assert world.order() == ["agent/b"]
    assert world.reason("agent/c")["code"] == "red_together"


def test_a_fork_behind_a_red_migration_is_healed_again_without_it(tmp_path: Path) -> None:
    world = world_with_migrations(tmp_path, gate="test ! -e red")
    world.branch("agent/b", {f"{VERSIONS}/b_step.py": revision("b", "'a'"), "red": ""})
    add(world, "agent/c", "c")
    world.land("agent/b", "agent/c")
    assert world.order() == ["agent/c"]
    assert heads(world, "main") == ["c"]
    assert "down_revision = 'a'" in (world.on_main(f"{VERSIONS}/c_step.py") or "")
    assert "Pointsman-Healed" not in world.repo.git("log", "-1", "--format=%B", "main")
