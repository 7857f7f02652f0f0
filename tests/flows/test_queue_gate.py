"""The gate: what is not plainly a pass never lands; what comes back says how to see it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.world import QUEUE, World, contract

NOT_A_PASS = {
    "not-found": ("no-such-program", "exit code 127"),
    "no-tests": ("echo Ran 0 tests in 0.1s", "no tests ran"),
    "too-few": ("echo Ran 1 test in 0.1s", "1 tests ran; at least 2 must"),
    "uncounted": ("echo all is well", "nothing says how many"),
    "timeout": ("sleep 60", "still running after 5 s"),
    "killed": ("kill -9 $$", "SIGKILL"),
    "in-the-middle": ("set -e\nfalse\necho Ran 2 tests in 0.1s", "exit code 1"),
}
"""What a check does -> what is said of it."""


def test_R45_what_is_not_plainly_a_pass_never_lands(tmp_path: Path) -> None:
    checks = "checks: {unit: {run: exec sh gate.sh, timeout: 5s, min_tests: 2}}"
    queue = "speculate: 7, retry: {max: 1, rerun_on_base: false}"
    files = {"gate.sh": "echo Ran 2 tests in 0.1s\n"}
    world = World(tmp_path, contract(checks=checks, queue=queue, more="limits: {running_gates: 3}"), files)
    for name, (script, _) in NOT_A_PASS.items():
        world.branch(f"agent/{name}", {"gate.sh": script + "\n"})
    world.branch("agent/pass")
    world.land(*(f"agent/{name}" for name in NOT_A_PASS), "agent/pass")
    assert world.order() == ["agent/pass"]
    for name, (_, words) in NOT_A_PASS.items():
        assert words in world.reason(f"agent/{name}")["message"]


def test_what_comes_back_carries_the_logs_end_and_a_command_that_shows_it_again(tmp_path: Path) -> None:
    gate = 'echo "checking $WHAT"\ncat red 2>/dev/null && exit 3\ntrue'
    checks = 'checks:\n  unit:\n    env: {WHAT: "it\'s all"}\n    run: |\n      ' + gate.replace(
        "\n", "\n      "
    )
    world = World(tmp_path, contract(checks=checks))
    world.branch("agent/a", {"red": "on line 7: it is red\n"})
    world.branch("agent/b")
    world.land("agent/a", "agent/b")
    assert world.order() == ["agent/b"]
    reason = world.reason("agent/a")
    assert "check 'unit' failed: exit code 3" in reason["message"]
    assert "checking it's all\non line 7: it is red" in reason["details"]
    world.repo.git("gc", "-q", "--prune=now")
    said = world.shell(reason["reproduce"])
    assert (said.code, said.out.splitlines()[-2:]) == (3, ["checking it's all", "on line 7: it is red"])


def test_R44_the_gate_runs_on_the_merged_tree_with_every_check_of_the_role(tmp_path: Path) -> None:
    roles = """
roles:
  coder: {who: [ada], branches: ["agent/**"], owns: ["**"]}
  steward: {who: [eve], branches: ["steward/**"], owns: ["**"]}
"""
    checks = """
checks:
  whole: {run: "test -e app.txt && test -e mine.txt"}
  extra: {run: test ! -e red}
matrix: {all: [whole], steward: [extra]}
"""
    world = World(tmp_path, contract(roles=roles, checks=checks, queue="mode: serial, retry: {max: 1}"))
    world.branch("agent/a", {"mine.txt": "", "red": ""})
    world.branch("steward/b", {"mine.txt": "", "red": ""}, author="Eve <eve@example.org>")
    world.branch("agent/c", {"yours.txt": ""})
    world.submit("steward/b", "agent/a", "agent/c")
    world.work()
    assert "check 'extra'" in world.reason("steward/b")["message"]
    assert world.order() == ["agent/a", "agent/c"], "R43: extra is not of their row"


def test_R50_a_flaky_check_lands_on_its_second_attempt_and_both_logs_are_kept(tmp_path: Path) -> None:
    once = tmp_path / "once"
    gate = f"test -e {once} || {{ touch {once}; echo network is down; exit 1; }}; echo fine"
    world = World(tmp_path, contract(gate, queue="retry: {max: 3}"))
    world.branch("agent/a")
    world.land("agent/a")
    assert world.order() == ["agent/a"]
    rows = world.rows("select attempt, state, log from runs where candidate is not null order by id")
    assert [row[:2] for row in rows] == [(1, "failed"), (2, "passed")]
    assert [Path(row[2]).read_text() for row in rows] == ["network is down\n", "fine\n"]


@pytest.mark.parametrize(
    ("gate", "retry", "attempts"),
    [
        pytest.param("echo took 0.$$ s; echo error: at $(date +%FT%T); exit 1", "max: 4", 2, id="R51 same"),
        pytest.param("head -c 9 /dev/urandom | base64; exit 1", "max: 3", 3, id="R50 max"),
        pytest.param(
            "echo same; exit 1", "max: 3, same_failure: retry", 3, id="R51 unless told to try again"
        ),
    ],
)
def test_a_red_check_is_tried_no_more_than_it_is_worth(
    tmp_path: Path, gate: str, retry: str, attempts: int
) -> None:
    world = World(tmp_path, contract(gate, queue=f"retry: {{{retry}, rerun_on_base: false}}"))
    world.branch("agent/a")
    world.land("agent/a")
    assert world.reason("agent/a")["code"] == "red"
    assert len(world.rows("select 1 from runs where candidate is not null")) == attempts


def test_a_red_base_pauses_the_lane_and_blames_nobody_until_it_is_mended(tmp_path: Path) -> None:
    world = World(tmp_path, files={"red": ""})
    world.branch("agent/a")
    world.branch("agent/b")
    world.land("agent/a", "agent/b")
    assert world.states() == {"agent/a": "queued", "agent/b": "queued"}
    paused = world.cli("queue", "--json").json["lanes"][0]["paused"]
    assert "fails on the base itself" in paused
    world.branch("main", {"red": None})
    world.work()
    assert world.order() == [], "only a person resumes it (R27)"
    assert world.cli("resume").code == 0
    world.work()
    assert world.order() == ["agent/a", "agent/b"]


@pytest.mark.soak
def test_what_was_red_with_the_base_is_tried_again_when_the_machine_is_mended(tmp_path: Path) -> None:
    """Nothing in the repository was wrong: a service that every check needs was down."""
    service = tmp_path / "service"
    world = World(tmp_path, contract(f"test -e {service}", queue="retry: {max: 2}"))
    world.branch("agent/a")
    world.land("agent/a")
    assert world.cli("queue", "--json").json["lanes"][0]["paused"]
    service.touch()
    world.cli("resume")
    world.work()
    assert world.order() == ["agent/a"]


def test_R27_a_row_of_failures_pauses_the_lane(tmp_path: Path) -> None:
    world = World(tmp_path, contract(queue=f"{QUEUE}, mode: serial, pause_after: 2"))
    for name in "abcd":
        world.branch(f"agent/{name}", None if name == "d" else {"red": name})
    world.land(*(f"agent/{name}" for name in "abcd"))
    states = world.states()
    assert sorted(states.values()) == ["queued", "queued", "returned", "returned"]
    assert "2 changes in a row" in world.cli("queue", "--json").json["lanes"][0]["paused"]
    world.cli("resume")
    world.work()
    assert world.order() == ["agent/d"]


def test_R19_never_more_gates_at_once_than_the_contract_says(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    gate = f"echo + >> {evidence}; sleep 0.7; echo - >> {evidence}"
    checks = "checks:\n" + "".join(f"  c{i}: {{run: {gate!r}}}\n" for i in range(3))
    world = World(
        tmp_path,
        contract(checks=checks, queue="mode: serial, speculate: 3", more="limits: {running_gates: 2}"),
    )
    world.branch("agent/a")
    world.branch("agent/b")
    world.land("agent/a", "agent/b")
    running = [0]
    for line in evidence.read_text().split():
        running.append(running[-1] + (1 if line == "+" else -1))
    assert max(running) == 2, "R20: two at once, and never a third"
    assert len(running) == 1 + 2 * 6
    assert world.order() == ["agent/a", "agent/b"]
