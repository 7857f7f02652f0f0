"""The contract at landing: whose paths, whose yes, for which head and how long, and by which version of it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flows.world import OPEN, World, contract

EVE = "Eve <eve@example.org>"
ROLES = """
roles:
  coder: {who: [ada], branches: ["agent/**"], owns: [/src/], cannot_touch: [/src/auth/]}
  steward: {who: [eve], branches: ["steward/**"], owns: ["**"]}
"""
CLASSES = """
paths:
  secrets: {match: [".env*"], rule: never}
  api: {match: [/src/api.py], approve: {by: [lead]}}
"""
SCOPE = "scope: {expand: {by: [lead], expires: %s}}\n"
RULES = contract(roles=ROLES, more=CLASSES + SCOPE % "1h")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, RULES)


def approve_at_a_terminal(world: World, branch: str, *, by: str) -> str:
    """A person types `y`; what the terminal showed."""
    person, terminal = pty.openpty()
    command = [sys.executable, "-m", "pointsman", "approve", branch, "--by", by]
    with subprocess.Popen(command, cwd=world.path, stdin=terminal, stdout=terminal, stderr=terminal) as asked:
        os.close(terminal)
        os.write(person, b"y\n")
        assert asked.wait(60) == 0
    shown = os.read(person, 4096).decode()
    os.close(person)
    return shown


def test_I4_what_the_role_may_not_touch_comes_back_with_the_rule_that_says_so(world: World) -> None:
    world.branch("agent/outside", {"docs/a.md": "", "src/a.py": ""})
    world.branch("agent/denied", {"src/auth/a.py": ""})
    world.branch("steward/secret", {".env.local": "TOKEN=1"}, author=EVE)
    world.branch("agent/moved", {"app.txt": None, "src/app.txt": "one\ntwo\nthree\nfour\nfive\n"})
    world.branch("agent/fine", {"src/a.py": ""})
    world.land("agent/outside", "agent/denied", "steward/secret", "agent/moved", "agent/fine")
    assert world.order() == ["agent/fine"]
    quoted = {
        "agent/outside": "docs/a.md",
        "agent/denied": "/src/auth/",
        "steward/secret": ".env",
        "agent/moved": "app.txt",
    }
    for branch, words in quoted.items():
        reason = world.reason(branch)
        assert (reason["code"], words in reason["message"]) == ("contract", True), reason
        assert reason["reproduce"].startswith("pointsman check --base main --head")
    again = world.reason("agent/outside")["reproduce"].split()
    assert world.cli(*again[1:]).code == 1, "the command shows the same verdict"


def test_R42_deny_never_yields_to_an_approval_or_a_grant(world: World) -> None:
    world.branch("agent/denied", {"src/auth/a.py": ""})
    world.submit("agent/denied")
    world.cli("approve", "agent/denied", "--by", "lead@example.org", "--yes")
    assert world.cli("grant", "agent/denied", "/src/auth/", "--by", "lead@example.org").code == 0
    world.work()
    assert world.reason("agent/denied")["code"] == "contract"


def test_R39_an_approval_counts_for_its_head_only_and_from_whom_the_contract_names(world: World) -> None:
    world.branch("agent/api", {"src/api.py": "1"})
    world.branch("agent/other", {"src/other.py": "1"})
    world.land("agent/api", "agent/other")
    assert world.order() == ["agent/other"], "those behind do not wait with it"
    waiting = world.waiting("agent/api")
    assert waiting["code"] == "approval"
    assert "lead" in waiting["message"]
    assert "pointsman approve" in waiting["message"]
    for nobody in ("eve@example.org", "ada@example.org"):
        world.cli("approve", "agent/api", "--by", nobody, "--yes")
        world.work()
        assert world.states()["agent/api"] == "queued"
    assert world.cli("approve", "agent/api", "--by", "lead@example.org", "--yes").code == 0
    world.branch("agent/api", {"src/api.py": "2"})
    world.land("agent/api")
    assert world.states()["agent/api"] == "queued", "the new head needs a new one"
    world.cli("approve", "agent/api", "--by", "lead@example.org", "--yes")
    world.work()
    assert world.on_main("src/api.py") == "2"


@pytest.mark.slow
def test_R55_the_control_class_waits_for_a_person_at_a_terminal(world: World) -> None:
    world.branch("steward/memory", {"CLAUDE.md": "be kind"}, author=EVE)
    world.land("steward/memory")
    assert world.waiting("steward/memory")["code"] == "approval"
    refused = world.process("approve", "steward/memory", "--by", "lead@example.org")
    out, err = refused.communicate(timeout=60)
    assert (refused.returncode, out) == (2, "")
    assert "at a terminal" in err
    world.cli("approve", "steward/memory", "--by", "lead@example.org", "--yes")
    world.work()
    assert world.states()["steward/memory"] == "queued", "--yes is a bot's approval, not a person's"
    assert "Approve #1 steward/memory" in approve_at_a_terminal(
        world, "steward/memory", by="lead@example.org"
    )
    world.work()
    assert world.on_main("CLAUDE.md") == "be kind"


def test_R32_only_the_planner_widens_a_scope_and_only_for_this_head(world: World) -> None:
    world.branch("agent/docs", {"docs/a.md": "1"})
    world.submit("agent/docs")
    own = world.cli("grant", "agent/docs", "/docs/", "--by", "ada@example.org")
    assert (own.code, "lead" in own.out) == (1, True)
    assert world.cli("grant", "agent/docs", "/docs/", "--by", "lead@example.org").code == 0
    world.branch("agent/docs", {"docs/a.md": "2"})
    world.land("agent/docs")
    assert world.reason("agent/docs")["code"] == "contract", "a new head voids it"
    world.submit("agent/docs")
    world.cli("grant", "agent/docs", "/docs/", "--by", "lead@example.org")
    world.work()
    assert world.on_main("docs/a.md") == "2"
    assert [body["patterns"] for body in world.journal("granted")] == ["/docs/", "/docs/"]


def test_R32_a_grant_expires(tmp_path: Path) -> None:
    world = World(tmp_path, contract(roles=ROLES, more=SCOPE % "1s"))
    world.branch("agent/docs", {"docs/a.md": "1"})
    world.submit("agent/docs")
    world.cli("grant", "agent/docs", "/docs/", "--by", "lead@example.org")
    time.sleep(1.1)
    world.work()
    assert world.reason("agent/docs")["code"] == "contract"


def test_I4_a_contract_that_changes_while_the_gate_runs_is_the_one_that_counts(tmp_path: Path) -> None:
    """The gate itself moves main to a stricter contract, once; the candidate is built again under it."""
    repo, stricter = tmp_path / "repo", tmp_path / "stricter"
    gate = f"test -e {stricter}.done || {{ touch {stricter}.done; git -C {repo} update-ref refs/heads/main stricter; }}"
    rules = contract(gate, roles=ROLES, more=OPEN)
    world = World(tmp_path, rules)
    world.branch("agent/a", {"src/a.py": ""})
    world.branch("agent/b", {"src/b.py": ""})
    world.branch("stricter", {".pointsman.yml": rules.replace("/src/auth/", "/src/a.py")})
    world.land("agent/a", "agent/b")
    assert "/src/a.py" in world.reason("agent/a")["message"]
    assert world.order() == ["agent/b"]
    assert world.on_main(".pointsman.yml") == rules.replace("/src/auth/", "/src/a.py")


def test_I4_a_change_of_the_contract_is_judged_by_the_one_on_main_and_lands_alone(world: World) -> None:
    wider = RULES.replace("/src/auth/", "/src/nothing/")
    world.branch("steward/greedy", {".pointsman.yml": wider, "src/auth/a.py": ""}, author=EVE)
    world.branch("agent/own-rules", {".pointsman.yml": wider})
    world.branch("steward/alone", {".pointsman.yml": wider}, author=EVE)
    world.land("steward/greedy", "agent/own-rules", "steward/alone")
    assert "alone" in world.reason("steward/greedy")["message"]
    assert ".pointsman.yml" in world.reason("agent/own-rules")["message"]
    assert world.waiting("steward/alone")["code"] == "approval"


def test_I4_nothing_lands_beside_a_change_of_the_contract_under_the_rules_that_it_ends(
    tmp_path: Path,
) -> None:
    batch = "mode: batch, max_batch: 4"
    world = World(tmp_path, contract(roles=ROLES, queue=batch))
    stricter = contract(roles=ROLES.replace("owns: [/src/]", "owns: [/other/]"), queue=batch)
    world.branch("steward/rules", {".pointsman.yml": stricter}, author=EVE)
    world.branch("agent/late", {"src/late.py": ""})
    world.submit("steward/rules", "agent/late")
    approve_at_a_terminal(world, "steward/rules", by="lead@example.org")
    world.work()
    assert world.order() == ["steward/rules"]
    assert world.reason("agent/late")["code"] == "contract"


def test_I6_nothing_lands_while_the_contract_on_main_can_not_be_read(world: World) -> None:
    world.branch("agent/a", {"src/a.py": ""})
    world.submit("agent/a")
    world.branch("main", {".pointsman.yml": "version: 1\nbase: [\n"})
    world.work()
    waiting = world.waiting("agent/a")
    assert (waiting["code"], ".pointsman.yml" in waiting["message"]) == ("contract", True)
    world.branch("main", {".pointsman.yml": RULES})
    world.work()
    assert world.order() == ["agent/a"]


def test_R36_a_regenerated_file_must_equal_what_its_command_makes(tmp_path: Path) -> None:
    made = "paths: {made: {match: [/list.txt], rule: regenerated, command: ls src > list.txt}}\n"
    world = World(tmp_path, contract(more=made), {"src/a": "", "list.txt": "a\n"})
    world.branch("agent/stale", {"src/b": "", "list.txt": "a\nc\n"})
    world.branch("agent/fresh", {"src/b": "", "list.txt": "a\nb\n"})
    world.land("agent/stale", "agent/fresh")
    assert world.order() == ["agent/fresh"]
    reason = world.reason("agent/stale")
    assert "ls src > list.txt" in reason["reproduce"]
    assert world.shell(reason["reproduce"]).code == 1


def test_a_name_that_a_shell_would_run_is_quoted_in_the_command_to_reproduce(world: World) -> None:
    branch = "agent/x;touch${IFS}owned"
    world.branch(branch, {"docs/a.md": ""})
    world.land(branch)
    command = world.reason(branch)["reproduce"]
    stub = world.folder / "bin"
    stub.mkdir()
    (stub / "pointsman").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (stub / "pointsman").chmod(0o755)
    said = world.shell(command, cwd=world.folder, path=stub)
    assert branch in said.out.splitlines()
    assert not (world.folder / "owned").exists()
