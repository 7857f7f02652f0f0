"""`pointsman report` as a user meets it: after real work on a real repository, and where there was none."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.flows.world import World, contract

ROLES = """\
roles: {coder: {who: [ada], branches: ["agent/**"], owns: [/db/, "*.txt", red]}}
paths: {schema: {match: [/db/], approve: {by: [lead]}}}
metrics: {out: landed.jsonl}
"""


def approve(world: World, *branches: str) -> None:
    from pointsman.wiring import local_queue

    with local_queue(world.path) as queue:
        for branch in branches:
            change = queue.desk.find(branch)
            assert change is not None
            queue.approve(change, by="lead@example.org", human=True)


def worked(folder: Path) -> World:
    """Three that needed the same approval, one of them only after it was red and mended by somebody else; one that is
    wider than its role."""
    world = World(folder, contract(roles=ROLES))
    world.branch(
        "agent/one", {"db/1.sql": "1\n"}, message="fix: one\n\nAgent-Model: small\nAgent-Cost: $0.25"
    )
    world.branch("agent/two", {"db/2.sql": "2\n"})
    world.branch("agent/three", {"db/3.sql": "3\n", "red": "red\n"}, message="three\n\nAgent-Cost: 1 USD")
    world.branch("agent/wide", {"ops/run.sh": "run\n"})
    world.submit("agent/one", "agent/two", "agent/three", "agent/wide")
    approve(world, "agent/one", "agent/two", "agent/three")
    world.work()
    eve = "Eve <eve@example.org>"
    world.branch("agent/three", {"red": None}, message="mend\n\nAgent-Cost: 2 USD", author=eve)
    world.submit("agent/three", author="ada@example.org")
    approve(world, "agent/three")
    world.work()
    return world


def whole(world: World, *options: str) -> Any:
    said = world.cli("report", "--json", *options)
    assert said.code == 0, said.err
    return said.json


def test_R57_R58_R59_R60_what_real_work_cost(tmp_path: Path) -> None:
    world = worked(tmp_path)
    check_totals(whole(world)["totals"])
    work = {piece["branch"]: piece for piece in whole(world, "--by", "area")["work"]}
    check_pieces(work)
    groups = whole(world, "--by", "area")["groups"]
    assert {group["name"]: group["started"] for group in groups} == {"db": 3, "ops": 1}
    (one,) = whole(world)["suggestions"]
    assert (one["count"], one["yaml"]) == (3, "# remove the class from `paths`: schema\n")
    check_forms(world)
    check_lines_are_added_once(world)
    check_a_servers_folder(world)
    check_without_commits(world)


def check_totals(totals: Any) -> None:
    assert (totals["started"], totals["landed"], totals["returned"], totals["submissions"]) == (4, 3, 1, 5)
    assert totals["returns"] == {"contract": 1, "red": 1}
    gate = totals["gate"]
    assert gate["seconds"] > 0
    assert gate["per_landed"] == pytest.approx(gate["seconds"] / 3, abs=0.01)
    assert gate["per_started"] == pytest.approx(gate["seconds"] / 4, abs=0.01)
    cost = totals["cost"]
    assert (cost["stated"], cost["of"], cost["sum"]) == (2, 4, {"USD": 3.25})
    assert (cost["per_landed"], cost["per_started"]) == ({"USD": 1.625}, {"USD": 1.625})


def check_pieces(work: Any) -> None:
    one, mended = work["agent/one"], work["agent/three"]
    assert (one["model"], one["task_type"], one["cost"], one["tokens"]) == (
        "small",
        "fix",
        {"USD": 0.25},
        None,
    )
    assert (work["agent/two"]["model"], work["agent/two"]["cost"]) == (None, None)
    assert (mended["state"], mended["submissions"], mended["cost"]) == ("landed", 2, {"USD": 3.0})
    assert (mended["interventions"], mended["commits_by_others"]) == ({"approval": 2}, 1)
    assert mended["human_interventions"] == 3
    assert mended["failed_checks"] >= 1
    assert mended["stages"]["author"] > 0
    for piece in work.values():
        assert sum(piece["stages"].values()) == pytest.approx(piece["elapsed"], abs=0.02)
    assert work["agent/wide"]["role"] == "coder", "known though it was never built"


def check_forms(world: World) -> None:
    text = world.cli("report", "--by", "role").out
    assert "4 started (1 further submission), 3 landed, 1 returned" in text
    assert "The same yes, again and again" in text
    assert "\x1b" not in text
    rows = list(csv.DictReader(io.StringIO(world.cli("report", "--csv").out)))
    assert [row["branch"] for row in rows] == ["agent/one", "agent/two", "agent/three", "agent/wide"]
    lines = [json.loads(line) for line in world.cli("report", "--jsonl").out.splitlines()]
    assert [line["branch"] for line in lines] == ["agent/one", "agent/two", "agent/three"]
    page = world.folder / "page" / "report.html"
    page.parent.mkdir()
    said = world.cli("report", "--html", str(page))
    assert (said.code, said.out) == (0, "")
    assert "4 pieces of work" in said.err
    assert page.read_text().count("<svg") == 5
    assert [one.name for one in page.parent.iterdir()] == ["report.html"]
    for options, started in (["--since", "1h"], 4), (["--until", "1h"], 0), (["--since", "2001-02-03"], 4):
        assert whole(world, *options)["totals"]["started"] == started


def check_a_servers_folder(world: World) -> None:
    """`STATE/repositories/ID` of a server: the state and a mirror of what the forge has."""
    folder = world.folder / "4711"
    subprocess.run(["git", "init", "-q", "--bare", str(folder / "git")], check=True)
    fetch = ["fetch", "-q", str(world.path), "+refs/heads/*:refs/pointsman/remote/heads/*"]
    subprocess.run(["git", "-C", str(folder / "git"), *fetch], check=True)
    (folder / "state.db").write_bytes((world.path / ".git" / "pointsman" / "state.db").read_bytes())
    served, here = whole(at(folder)), whole(world)
    assert served.pop("at") and here.pop("at")
    assert served == here


def at(folder: Path) -> World:
    """Eyes for what lies in another folder."""
    eyes = World.__new__(World)
    eyes.path = folder
    return eyes


def check_lines_are_added_once(world: World) -> None:
    """`metrics.out`: what landed is there once, however often it is asked for, also after a line was cut off."""
    file = world.path / ".git" / "pointsman" / "landed.jsonl"
    assert world.cli("report", "--jsonl", "--append").err == f"{file}: 3 new lines\n"
    assert file.read_text() == world.cli("report", "--jsonl").out
    assert world.cli("report", "--jsonl", "--append").err == f"{file}: 0 new lines\n"
    whole_file = file.read_bytes()
    file.write_bytes(whole_file[:-20])
    assert world.cli("report", "--jsonl", "--append").err == f"{file}: 1 new line\n"
    assert file.read_bytes() == whole_file
    for other in (b"PATH=/bin\n", whole_file + b"{}\n", b"export"):
        file.write_bytes(other)
        said = world.cli("report", "--jsonl", "--append")
        assert (said.code, file.read_bytes()) == (2, other)
        assert "no line of `pointsman report --jsonl`" in said.err


def check_without_commits(world: World) -> None:
    """A clone that never had a returned head: what the store knows is told, the rest is null."""
    clone = world.folder / "clone"
    subprocess.run(["git", "clone", "-q", "--bare", "--no-local", str(world.path), str(clone)], check=True)
    (clone / "pointsman").mkdir()
    state = world.path / ".git" / "pointsman" / "state.db"
    (clone / "pointsman" / "state.db").write_bytes(state.read_bytes())
    for name in ("branch", "-qD", "agent/wide"), ("gc", "-q", "--prune=now"):
        subprocess.run(["git", "-C", str(clone), *name], check=True, capture_output=True)
    known = {piece["branch"]: piece["commits_by_others"] for piece in whole(at(clone))["work"]}
    assert known == {"agent/one": 0, "agent/two": 0, "agent/three": 1, "agent/wide": None}


def test_an_empty_queue_is_no_error_and_a_mistake_is(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.cli("report").out.endswith("Nothing was submitted yet.\n")
    assert world.cli("report", "--jsonl").out == ""
    assert whole(world)["totals"]["turnaround"] == {
        "n": 0,
        "mean": None,
        "p50": None,
        "p95": None,
        "p99": None,
    }
    for options, said in (
        (["--since", "yesterday"], "neither an age"),
        (["--json", "--csv"], "exclude each other"),
        (["--lane", "beta"], "lanes: none"),
        (["--append"], "belongs to --jsonl"),
        (["--jsonl", "--append"], "metrics: {out: landed.jsonl}"),
        (["--html", "/nowhere/at/all.html"], "can't be written"),
    ):
        told = world.cli("report", *options)
        assert (told.code, told.out) == (2, "")
        assert said in told.err
