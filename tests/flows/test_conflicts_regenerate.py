"""Files that a command makes, on real git and in the real sandbox: made anew where both sides met, or refused."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import threading
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pointsman.core.contract import Contract, load
from tests.flows.world import Said, World, contract

SUM = """\
#!/bin/sh
set -eu
cat db/*.sql > /dev/null
for file in db/*.sql; do sha256sum "$file"; done > db/all.sum
"""
"""What Atlas does to atlas.sum: a line for each migration file."""


def rules(run: str = "sh make-sum", more: str = "", writes: str = "/db/all.sum") -> str:
    entry = f"{{writes: ['{writes}'], sources: ['/db/*.sql'], run: {run!r}{more}}}"
    return contract(more=f"conflicts: {{regenerated: [{entry}]}}")


def started(folder: Path, run: str = "sh make-sum", more: str = "", writes: str = "/db/all.sum") -> World:
    """`db/1.sql` and its sum on main; a change with `db/2.sql` beside a main that got `db/3.sql`, each with its sum."""
    files = {
        "make-sum": SUM,
        "db/1.sql": "one\n",
        ".gitignore": "node_modules/\n*.pyc\n",
        "db/all.sum": "1\n",
    }
    world = World(folder, rules(run, more, writes), files)
    world.branch("agent/b", {"db/2.sql": "two\n", "db/all.sum": "1\n2\n"})
    world.branch("main", {"db/3.sql": "three\n", "db/all.sum": "1\n3\n"})
    return world


def heal(world: World, *more: str) -> Said:
    return world.cli("heal", "--base", "main", "--head", "agent/b", *more)


def refusal(world: World) -> Any:
    said = heal(world, "--json")
    assert said.code == 1, said.out
    (one,) = said.json["refusals"]
    return one


def test_R76_the_bases_file_is_made_anew_with_the_changes_sources(tmp_path: Path) -> None:
    world = started(tmp_path)
    said = heal(world, "--json", "--write", "agent/b")
    assert said.code == 0, said.out
    assert said.json["status"] == "healed"
    assert said.json["resolved"] == [{"path": "db/all.sum", "kind": "regenerated", "command": "sh make-sum"}]
    listed = world.repo.show("agent/b", "db/all.sum").decode().split()[1::2]
    assert listed == ["db/1.sql", "db/2.sql", "db/3.sql"]
    message = world.repo.git("log", "-1", "--format=%B", "agent/b")
    assert "db/all.sum made anew by `sh make-sum`" in message
    assert world.repo.git("diff", "--name-only", "main", "agent/b").split() == ["db/2.sql", "db/all.sum"]
    again = heal(world, "--json")
    assert (again.code, again.json["status"]) == (0, "clean"), "what was pushed needs nothing any more"


REFUSALS = [
    ("no-such-tool lock", "ended with exit code 127", "no-such-tool"),
    ("sh make-sum; echo >> app.txt; rm db/3.sql; echo > stray", "also changed app.txt, db/3.sql, stray", ""),
    ("ln -sf 1.sql db/all.sum", "no plain file", ""),
    ("cd ..; mv tree mine; ln -s /etc tree", "left something else in the place of the tree", ""),
    ("echo no index >&2; exit 2", "ended with exit code 2", "It ran without a network"),
]


def test_R76_what_can_not_be_taken_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    world = started(tmp_path)
    before = world.repo.rev("agent/b")
    for run, why, said in REFUSALS:
        world.branch("main", {".pointsman.yml": rules(run)})
        one = refusal(world)
        assert one["code"] == "not_regenerated", one
        assert why in one["message"] and said in one["message"], one
        assert f"db/all.sum can't be made anew: `{run}`" in one["message"]
    assert world.repo.rev("agent/b") == before


def test_R76_it_sees_no_secret_and_no_other_file_runs_no_script_and_may_leave_what_git_ignores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "s3cret")
    look = (
        'test -z "${GITHUB_TOKEN-}"; test "$npm_config_ignore_scripts" = true; mkdir node_modules; '
        f"test ! -e {tmp_path}/repo/app.txt; test ! -e {tmp_path}/repo/.git/config; test ! -e ~root/.profile; "
        "echo x > node_modules/x; echo x > db/x.pyc; touch app.txt; sh make-sum"
    )
    world = started(tmp_path, look)
    assert heal(world, "--json").json["refusals"] == []


def test_R76_only_the_contract_gives_it_a_network(tmp_path: Path) -> None:
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, address = server.accept()
                    came.append(address[0])
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        call = f"git ls-remote git://127.0.0.1:{server.getsockname()[1]}/x || true; sh make-sum"
        world = started(tmp_path, call)
        assert heal(world).code == 0
        assert came == []
        world.branch("main", {".pointsman.yml": rules(call, ", network: host")})
        assert heal(world).code == 0
        assert came == ["127.0.0.1"]


def test_R76_a_conflict_in_what_it_is_made_from_stops_with_both_sides_quoted(tmp_path: Path) -> None:
    world = started(tmp_path)
    world.branch("agent/b", {"db/1.sql": "uno\n"})
    world.branch("main", {"db/1.sql": "un\n"})
    one = refusal(world)
    assert one["code"] == "merge_conflict"
    assert one["paths"] == ["db/1.sql"], "the made file is not what stops it"
    assert "+uno" in one["message"] and "+un\n" in one["message"]


def test_R76_a_made_file_that_was_changed_alone_is_not_lost(tmp_path: Path) -> None:
    world = started(tmp_path)
    world.branch("agent/c", {"db/all.sum": "by hand\n"}, at=world.first)
    said = world.cli("heal", "--base", "main", "--head", "agent/c", "--json")
    (one,) = said.json["refusals"]
    assert one["code"] == "lost_by_regenerating"
    assert "without anything that it is made from" in one["message"]


def test_R76_where_nothing_may_run_the_verdict_says_what_to_run(tmp_path: Path) -> None:
    world = started(tmp_path)
    said = world.cli("check", "--base", "main", "--head", "agent/b", "--branch", "agent/b", "--json")
    assert said.code == 1
    (one,) = said.json["migrations"]["refusals"]
    assert one["code"] == "needs_regenerating"
    assert "run `sh make-sum` on a merge with the base, and push that" in one["message"]


def test_an_undeclared_lock_file_is_refused_with_what_to_put_into_the_contract(tmp_path: Path) -> None:
    world = World(tmp_path, files={"web/package-lock.json": "{}\n"})
    world.branch("agent/b", {"web/package-lock.json": '{"a": 1}\n'})
    world.branch("main", {"web/package-lock.json": '{"b": 1}\n'})
    message = refusal(world)["message"]
    entry = message[message.index("conflicts:") :]
    assert "npm install --package-lock-only" in entry
    loaded = load(contract(more=entry).encode(), source=".pointsman.yml")
    assert isinstance(loaded, Contract), loaded
    (declared,) = loaded.conflicts.regenerated
    assert [pattern.text for pattern in declared.writes] == ["/web/package-lock.json"]
    assert declared.run == "cd web && npm install --package-lock-only"


def test_R75_R76_two_changes_of_lock_and_router_land_through_the_queue(tmp_path: Path) -> None:
    router = "# routes\nadd(a)\n"
    entry = "{writes: [/db/all.sum], sources: ['/db/*.sql'], run: sh make-sum}"
    more = f"conflicts: {{regenerated: [{entry}], additive: [{{path: app.py, marker: '# routes'}}]}}"
    files = {"make-sum": SUM, "db/1.sql": "one\n", "db/all.sum": "1\n", "app.py": router}
    world = World(tmp_path, contract("sha256sum -c db/all.sum", more=more), files)
    world.branch("main", {"db/all.sum": _sum()})
    for name in ("x", "y"):
        brings = {
            f"db/{name}.sql": f"{name}\n",
            "db/all.sum": f"{name}\n",
            "app.py": f"{router}add({name})\n",
        }
        brings["db/all.sum"] = _sum(f"{name}\n", f"db/{name}.sql")
        world.branch(f"agent/{name}", brings)
    world.land("agent/x", "agent/y")
    assert world.order() == ["agent/x", "agent/y"]
    assert world.on_main("app.py") == f"{router}add(x)\nadd(y)\n"
    assert (world.on_main("db/all.sum") or "").split()[1::2] == ["db/1.sql", "db/x.sql", "db/y.sql"]
    landed = world.repo.git("log", "-1", "--format=%B", "main")
    assert "app.py keeps the lines that both sides add" in landed
    assert "db/all.sum made anew by `sh make-sum`" in landed


def test_atlas_a_migration_is_numbered_anew_and_its_sum_follows(tmp_path: Path) -> None:
    entry = "{writes: [/db/all.sum], sources: ['/db/*.sql'], run: sh make-sum}"
    more = (
        f"conflicts: {{regenerated: [{entry}]}}\n"
        "migrations: [{backend: numbered, config: db, proof: required, database: sqlite}]"
    )
    one = {"db/V1__a.sql": "CREATE TABLE a (id INTEGER);\n", "db/V2__b.sql": "CREATE TABLE b (id INTEGER);\n"}
    world = World(tmp_path, contract(more=more), {"make-sum": SUM, "db/all.sum": "1\n2\n", **one})
    world.branch("agent/b", {"db/V3__x.sql": "CREATE TABLE x (id INTEGER);\n", "db/all.sum": "1\n2\nx\n"})
    world.branch("main", {"db/V3__y.sql": "CREATE TABLE y (id INTEGER);\n", "db/all.sum": "1\n2\ny\n"})
    said = heal(world, "--json", "--write", "agent/b").json
    assert said["refusals"] == []
    assert [move["new_path"] for move in said["environments"][0]["moves"]] == ["db/V4__x.sql"]
    assert said["proof"]["passed"], said["proof"]
    listed = world.repo.show("agent/b", "db/all.sum").decode().split()[1::2]
    assert listed == ["db/V1__a.sql", "db/V2__b.sql", "db/V3__y.sql", "db/V4__x.sql"], "made after the heal"


def test_I4_a_made_file_that_the_role_does_not_own_does_not_land(tmp_path: Path) -> None:
    entry = "{writes: [/db/all.sum], sources: ['/db/*.sql'], run: sh make-sum}"
    roles = "roles: {coder: {who: [ada], branches: ['agent/**'], owns: ['/db/*.sql']}}"
    files = {"make-sum": SUM, "db/1.sql": "one\n", "db/all.sum": "1\n"}
    world = World(tmp_path, contract(roles=roles, more=f"conflicts: {{regenerated: [{entry}]}}"), files)
    world.branch("agent/b", {"db/1.sql": "one\n\n\nend\n"})
    world.branch("main", {"db/1.sql": "top\none\n", "db/all.sum": "2\n"})
    world.branch("agent/b", {"db/2.sql": "two\n", "db/1.sql": "one\n"})
    world.branch("main", {"db/3.sql": "three\n"})
    world.land("agent/b")
    reason = world.reason("agent/b")
    assert reason["code"] == "contract" and "db/all.sum" in reason["message"], reason


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not here")
def test_R76_npm_makes_its_lock_file_anew_offline_and_runs_no_script(tmp_path: Path) -> None:
    def manifest(dependencies: dict[str, str], dev: dict[str, str]) -> str:
        scripts = dict.fromkeys(("preinstall", "install", "postinstall", "prepare"), "touch ran")
        whole = {"name": "r", "dependencies": dependencies, "scripts": scripts, "devDependencies": dev}
        return json.dumps(whole, indent=1)

    entry = "{path: package-lock.json, manifest: package.json, regenerate: npm install --package-lock-only}"
    files = {f"{name}/package.json": f'{{"name": "{name}", "version": "1.0.0"}}' for name in "ab"}
    files |= {"package.json": manifest({}, {}), "package-lock.json": "{}\n"}
    world = World(tmp_path, contract(more=f"conflicts: {{lockfiles: [{entry}]}}"), files)
    world.branch(
        "agent/b",
        {
            "package.json": manifest({}, {"b": "file:b"}),
            "package-lock.json": '{"b": 1}\n',
        },
    )
    world.branch(
        "main",
        {
            "package.json": manifest({"a": "file:a"}, {}),
            "package-lock.json": '{"name": "r", "lockfileVersion": 3, "packages": {}}\n',
        },
    )
    assert heal(world, "--json", "--write", "agent/b").json["refusals"] == []
    lock = json.loads(world.repo.show("agent/b", "package-lock.json"))
    assert {"a", "b"} <= lock["packages"].keys()
    assert "ran" not in world.repo.files("agent/b")


def _sum(text: str = "", path: str = "") -> str:
    known = {"db/1.sql": "one\n"} | ({path: text} if path else {})
    return "".join(f"{sha256(v.encode()).hexdigest()}  {k}\n" for k, v in known.items())
