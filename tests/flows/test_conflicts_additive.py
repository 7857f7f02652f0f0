"""Regions that keep what both sides add, on real git: beside a heal, through the queue, and where they stop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.flows.world import World, contract
from tests.support.project import Project, codes

ROUTER = "import a\n\nROUTES = [  # routes\n    a,\n]\n\ndef main():\n    run()\n"
REGION = "conflicts: {additive: [{path: app.py, marker: '# routes'}]}"


def with_routes(*names: str, text: str = ROUTER) -> str:
    return text.replace("    a,\n", "    a,\n" + "".join(f"    {name},\n" for name in names))


def world(folder: Path, ours: str, theirs: str, more: str = REGION) -> World:
    made = World(folder, contract(more=more), {"app.py": ROUTER})
    made.branch("agent/b", {"app.py": theirs})
    made.branch("main", {"app.py": ours})
    return made


def heal(world: World) -> Any:
    return json.loads(
        world.cli("heal", "--base", "main", "--head", "agent/b", "--json", "--write", "agent/b").out
    )


def test_R75_both_registrations_stay_and_git_merges_the_rest(tmp_path: Path) -> None:
    ours = with_routes("b").replace("import a", "import a, b")
    made = world(tmp_path, ours, with_routes("c").replace("run()", "run(c)"))
    answer = heal(made)
    assert answer["resolved"] == [{"path": "app.py", "kind": "additive", "lines": 1}]
    expected = with_routes("b", "c").replace("import a", "import a, b").replace("run()", "run(c)")
    assert made.repo.show("agent/b", "app.py").decode() == expected
    again = heal(made)
    assert again["status"] == "healed", "the same fix, from the change's own head"
    assert again["tree"] == made.repo.rev("agent/b^{tree}")


B, C = with_routes("b"), with_routes("c")


@pytest.mark.parametrize(
    ("ours", "theirs", "more", "why"),
    [
        pytest.param(B, C, "", "app.py conflicts", id="R75 an undeclared file"),
        pytest.param(B, C, REGION.replace("app.py", "x.py"), "app.py conflicts", id="another file"),
        pytest.param(
            B.replace("run()", "go()"),
            C.replace("run()", "walk()"),
            REGION,
            "+    walk()",
            id="R77 the same line elsewhere",
        ),
        pytest.param(
            B.replace("    a,\n", ""), C, REGION, "changes or removes a line", id="one side removes"
        ),
        pytest.param(
            with_routes("b", "d"), with_routes("c", "d"), REGION, "once or twice", id="one line of both"
        ),
    ],
)
def test_R75_R77_it_stops_with_both_sides_quoted_and_drops_nothing(
    tmp_path: Path, ours: str, theirs: str, more: str, why: str
) -> None:
    made = world(tmp_path, ours, theirs, more)
    before = made.repo.rev("agent/b")
    (refusal,) = heal(made)["refusals"]
    assert refusal["code"] == "merge_conflict"
    assert why in refusal["message"]
    assert "+    b," in refusal["message"] and "+    c," in refusal["message"]
    assert made.repo.rev("agent/b") == before


def test_R75_check_says_what_the_queue_does_and_plans_no_migration(tmp_path: Path) -> None:
    made = world(tmp_path, with_routes("b"), with_routes("c"))
    said = made.cli("check", "--base", "main", "--head", "agent/b", "--branch", "agent/b", "--json")
    assert (said.code, said.json["migrations"]["forked"]) == (1, False)
    told = made.cli("check", "--base", "main", "--head", "agent/b", "--branch", "agent/b").out
    assert "app.py keeps the lines that both sides add" in told
    assert "the queue" in told


def test_R75_a_fork_of_migrations_is_healed_in_the_same_commit(tmp_path: Path) -> None:
    project = Project(tmp_path / "repo")
    project.repo.commit("router", files={"app.py": ROUTER})
    project.add("a")
    for branch, name in (("change", "c"), ("main", "b")):
        project.on(branch).add(name, "'a'")
        project.repo.commit(name, files={"app.py": with_routes(name)})
    verdict = project.heal(contract=REGION + "\n")
    assert codes(verdict) == []
    made = project.commit(verdict)
    assert project.parents(made)["c"] == ("b",)
    assert project.repo.show(made, "app.py").decode() == with_routes("b", "c")
    message = project.repo.git("log", "-1", "--format=%B", made)
    assert "c now follows b, app.py keeps the lines that both sides add" in message
    assert message.startswith("Heal the migration fork")


def test_a_region_that_one_side_moved_to_another_file_stops(tmp_path: Path) -> None:
    made = World(tmp_path, contract(more=REGION.replace("app.py", "main.py")), {"app.py": ROUTER})
    made.branch("agent/b", {"app.py": None, "main.py": C})
    made.branch("main", {"app.py": B})
    (refusal,) = heal(made)["refusals"]
    assert (refusal["code"], refusal["paths"]) == ("merge_conflict", ["main.py"])


def test_R74_both_add_files_to_one_folder_and_nothing_is_settled(tmp_path: Path) -> None:
    made = World(tmp_path, contract(more=REGION), {"app.py": ROUTER})
    made.branch("agent/b", {"pages/b.py": "b\n"})
    made.branch("main", {"pages/c.py": "c\n"})
    assert (heal(made)["status"], heal(made)["resolved"]) == ("clean", [])
