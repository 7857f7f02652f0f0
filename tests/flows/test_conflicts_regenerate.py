"""Files that a command makes, on real git and in the real sandbox: made anew where both sides met, or refused."""

from __future__ import annotations

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
    pytest.param("echo broken >&2; exit 3", "ended with exit code 3", "| broken", id="R76 a crash"),
    pytest.param("no-such-tool lock", "ended with exit code 127", "no-such-tool", id="no such tool"),
    pytest.param("sh make-sum; echo >> app.txt", "app.txt", "", id="another file changed"),
    pytest.param("sh make-sum; rm db/3.sql", "db/3.sql", "", id="another file deleted"),
    pytest.param("sh make-sum; echo > stray", "stray", "", id="another file added"),
    pytest.param("rm db/all.sum", "removed db/all.sum", "", id="its own file deleted"),
    pytest.param("ln -sf 1.sql db/all.sum", "no plain file", "", id="its own file a link"),
    pytest.param(": > db/all.sum", "is empty", "", id="nothing written"),
    pytest.param("true", "would be lost", "", id="nothing done"),
    pytest.param(
        "printf '<<<<<<< a\\n1\\n=======\\n2\\n>>>>>>> b\\n' > db/all.sum", "conflict markers", "", id="half merged"
    ),
    pytest.param("exec 3<>/dev/tcp/127.0.0.1/9 || exit 9", "without a network", "", id="no network is said"),
]  # fmt: skip


def test_R76_what_can_not_be_taken_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    world = started(tmp_path)
    before = world.repo.rev("agent/b")
    for case in REFUSALS:
        run, why, said = case.values
        world.branch("main", {".pointsman.yml": rules(str(run))})
        one = refusal(world)
        assert one["code"] == "not_regenerated", (case.id, one)
        assert str(why) in one["message"] and str(said) in one["message"], (case.id, one)
        assert f"`{run}`" in one["message"], case.id
    assert world.repo.rev("agent/b") == before


def test_R76_it_runs_without_secrets_network_or_scripts_and_may_leave_what_git_ignores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "s3cret")
    look = (
        'test -z "${GITHUB_TOKEN-}"; test "$npm_config_ignore_scripts" = true; mkdir node_modules; '
        "echo x > node_modules/x; echo x > db/x.pyc; ! ls /sys/class/net | grep -v lo; touch app.txt; sh make-sum"
    )
    world = started(tmp_path, look)
    assert heal(world, "--json").json["refusals"] == []


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


def _sum(text: str = "", path: str = "") -> str:
    known = {"db/1.sql": "one\n"} | ({path: text} if path else {})
    return "".join(f"{sha256(v.encode()).hexdigest()}  {k}\n" for k, v in known.items())
