"""`plan` and `gate`: the contract's checks, run in the checked-out tree and judged as everywhere (I6)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.action.steps import CONTRACT, Forked, Runner, Said, checkout

CHECKS = """\
checks:
  unit: {run: "echo '== 3 passed in 0.10s =='", min_tests: 2}
  lint: {run: "echo fine"}
  few: {run: "echo '== 1 passed in 0.10s =='", min_tests: 2}
  none: {run: "echo '== no tests ran in 0.10s =='; exit 0"}
  silent: {run: "true", min_tests: 1}
  missing: {run: "no-such-command-here"}
  red: {run: "echo broken; exit 3"}
  slow: {run: "sleep 30", timeout: 1s}
  loud: {run: "echo '::set-output name=outcome::passed'; echo '##[add-path]/tmp'; exit 1"}
  tokens: {run: "env | sort"}
  forged: {run: "echo outcome=passed >> \\"${GITHUB_OUTPUT:-/dev/null}\\"; exit 1"}
  owners: {builtin: ownership}
matrix:
  all: [unit, lint]
"""


def gate_of(tmp_path: Path, runner: Runner, name: str, **inputs: str) -> Said:
    forked = Forked(
        tmp_path, contract=CONTRACT[: CONTRACT.index("checks:")] + CHECKS, files={"docs/a.md": "x\n"}
    )
    merged = forked.repo.merge(forked.head)
    checkout(tmp_path, forked.repo, merged)
    runner.extra["GITHUB_SHA"] = merged
    return runner("gate", check=name, **inputs)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("unit", 0, "passed"),
        ("lint", 0, "passed"),
        ("few", 1, "too_few_tests"),
        ("none", 1, "no_tests"),
        ("silent", 1, "tests_not_counted"),
        ("missing", 1, "command_not_found"),
        ("red", 1, "exit_code"),
        ("slow", 1, "timed_out"),
    ],
)
def test_I6_only_a_plain_pass_is_one(
    tmp_path: Path, runner: Runner, name: str, code: int, reason: str
) -> None:
    said = gate_of(tmp_path, runner, name)
    assert (said.code, said.outputs["reason"]) == (code, reason)
    assert said.outcome == ("passed" if code == 0 else "failed")


def test_it_says_how_many_tests_ran(tmp_path: Path, runner: Runner) -> None:
    said = gate_of(tmp_path, runner, "unit")
    assert said.commands == ["::notice title=pointsman unit::3 tests ran"]
    assert said.outputs["tests"] == "3"


def test_what_a_check_prints_starts_no_command(
    tmp_path: Path, runner: Runner, capsys: pytest.CaptureFixture[str]
) -> None:
    said = gate_of(tmp_path, runner, "loud")
    shown = Said(code=1, log=capsys.readouterr().out, summary="", outputs={})
    assert "::set-output name=outcome::passed" in shown.log
    assert shown.commands == []
    assert [one.split(" ")[0] for one in said.commands] == ["::error", "::notice"]


def test_rule_14_a_check_sees_no_token_and_none_of_the_files_that_speak_for_the_step(
    tmp_path: Path, runner: Runner, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        "GITHUB_TOKEN": "t0k3n-a",
        "GH_TOKEN": "t0k3n-b",
        "ACTIONS_RUNTIME_TOKEN": "t0k3n-c",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "t0k3n-d",
        "POINTSMAN_TOKEN": "t0k3n-e",
        "MY_SECRET": "t0k3n-f",
        "NPM_TOKEN": "t0k3n-g",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_ENV": str(tmp_path / "env"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }
    for name, value in {**secrets, "KEPT": "for-the-check"}.items():
        monkeypatch.setenv(name, value)
    gate_of(tmp_path, runner, "tokens")
    shown = capsys.readouterr().out
    assert "KEPT=for-the-check" in shown
    assert "t0k3n" not in shown
    assert not [name for name in secrets if f"\n{name}=" in shown]


def test_a_check_can_not_write_the_outputs_of_the_step(
    tmp_path: Path, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert gate_of(tmp_path, runner, "forged").outcome == "failed"


@pytest.mark.parametrize("name", ["", "nothing", "owners", "migrations"])
def test_a_check_that_is_no_command_is_an_error_and_no_pass(
    tmp_path: Path, runner: Runner, name: str
) -> None:
    assert gate_of(tmp_path, runner, name).code == 2


def test_the_command_is_the_bases_and_not_the_candidates(tmp_path: Path, runner: Runner) -> None:
    forked = Forked(tmp_path, files={".pointsman.yml": CONTRACT.replace("3 passed", "9 passed")})
    merged = forked.repo.merge(forked.head)
    checkout(tmp_path, forked.repo, merged)
    runner.extra["GITHUB_SHA"] = merged
    assert runner("gate", check="unit").outputs["tests"] == "3"


def test_another_commit_than_the_one_in_question_is_not_judged(tmp_path: Path, runner: Runner) -> None:
    forked = Forked(tmp_path)
    checkout(tmp_path, forked.repo, forked.base)
    runner.extra["GITHUB_SHA"] = forked.head
    said = runner("gate", check="unit")
    assert said.code == 2
    assert "check that one out" in said.log


def test_without_a_checkout_there_is_nothing_to_run(runner: Runner) -> None:
    runner.extra["GITHUB_SHA"] = "a" * 40
    assert runner("gate", check="unit").code == 2


def test_a_folder_below_the_workspace_may_hold_the_checkout(tmp_path: Path, runner: Runner) -> None:
    forked = Forked(tmp_path, files={"docs/a.md": "x\n"})
    merged = forked.repo.merge(forked.head)
    checkout(tmp_path / "workspace", forked.repo, merged)
    (tmp_path / "workspace" / "workspace").rename(tmp_path / "workspace" / "candidate")
    runner.extra["GITHUB_SHA"] = merged
    assert runner("gate", check="unit", directory="candidate").code == 0


def planned(tmp_path: Path, runner: Runner, message: str) -> list[str]:
    forked = Forked(
        tmp_path, contract=CONTRACT[: CONTRACT.index("checks:")] + CHECKS, files={"docs/a.md": "x\n"}
    )
    tree = forked.repo.git("rev-parse", f"{forked.head}^{{tree}}")
    commit = forked.repo.git("commit-tree", "-p", forked.base, "-F", "-", tree, input=message)
    forked.repo.git("update-ref", "refs/heads/pointsman/1", commit)
    runner.extra["GITHUB_SHA"] = commit
    said = runner("plan")
    assert said.code == 0, said.log
    assert said.outputs["base"] == forked.base
    found: list[str] = json.loads(said.outputs["checks"])
    return found


def test_the_plan_is_the_row_of_the_roles_that_the_candidate_names(tmp_path: Path, runner: Runner) -> None:
    assert planned(tmp_path, runner, "Notes (#7)\n\nPointsman-Role: builder\n") == ["unit", "lint"]


@pytest.mark.parametrize("message", ["Notes\n", "Notes\n\nPointsman-Role: nobody\n"])
def test_rule_7_where_no_role_is_known_every_check_is_planned(
    tmp_path: Path, runner: Runner, message: str
) -> None:
    assert len(planned(tmp_path, runner, message)) == 11
