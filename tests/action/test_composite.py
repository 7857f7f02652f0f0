"""The composite action itself: its scripts under bash with the files and variables of a runner, its expressions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.action.step import COMMANDS
from pointsman.action.surroundings import Inputs
from tests.action.expressions import evaluate, render, truthy
from tests.action.steps import Forked, Runner, read_outputs

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


def step_of(name: str) -> dict[str, Any]:
    return next(each for each in STEPS if each["name"] == name)


def script(
    step: Mapping[str, Any], folder: Path, context: Mapping[str, Any], **more: str
) -> subprocess.CompletedProcess[str]:
    """Run a step's script as the runner does: bash -eo pipefail, every `${{ }}` of `env` replaced, none in `run`."""
    file = folder / "script.sh"
    file.write_text(step["run"])
    (folder / "temp").mkdir(exist_ok=True)
    given = {name: render(str(value), context) for name, value in step.get("env", {}).items()}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(folder / "output"),
        "RUNNER_TEMP": str(folder / "temp"),
        "RUNNER_OS": "Linux",
        "RUNNER_ARCH": "X64",
        **given,
        **more,
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def outputs_of(folder: Path) -> dict[str, str]:
    lines = (folder / "output").read_text().splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def test_rule_14_no_script_has_an_expression_in_it_and_every_action_is_pinned() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", "")
        assert "uses" not in step or len(step["uses"].partition("@")[2]) == 40


def test_every_input_reaches_the_command_and_every_output_comes_from_it() -> None:
    names = {
        name.removeprefix("POINTSMAN_").lower() for name in STEPS[-1]["env"] if name.startswith("POINTSMAN_")
    }
    assert names == set(Inputs.__dataclass_fields__)
    passed = {name.replace("-", "_") for name in ACTION["inputs"]} - {"python_version", "cache"}
    assert passed == names
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.run.outputs.{name} }}}}"


def test_the_description_names_every_command() -> None:
    words = ACTION["inputs"]["command"]["description"].replace(".", "").replace(",", "").split()
    assert [word for word in words if word != "or"] == list(COMMANDS)


def test_the_page_names_every_command_input_and_output() -> None:
    page = (ROOT / "docs" / "action.md").read_text()
    for name in (*COMMANDS, *ACTION["outputs"], "fail-on", "sarif", "expect", "push", "token", "cache"):
        assert f"`{name}" in page, name


def test_the_key_names_interpreter_machine_and_pins(tmp_path: Path) -> None:
    context = {"steps": {"python": {"outputs": {"python-path": sys.executable}}}}
    step = step_of("Where the environment belongs")
    assert script(step, tmp_path, context).returncode == 0
    found = outputs_of(tmp_path)
    assert found["venv"] == str(tmp_path / "temp" / "pointsman-venv")
    version = ".".join(map(str, sys.version_info[:3]))
    assert found["key"].startswith(f"pointsman-Linux-X64-{version}-")
    (tmp_path / "output").unlink()
    other = tmp_path / "action"
    other.mkdir()
    (other / "requirements.txt").write_text("click==8.0\n")
    (other / "pyproject.toml").write_text("")
    assert script(step, tmp_path, context, GITHUB_ACTION_PATH=str(other)).returncode == 0
    assert outputs_of(tmp_path)["key"] != found["key"]


@pytest.fixture
def pip(tmp_path: Path) -> Path:
    """An interpreter whose `-m venv` makes one that writes down what pip is asked for, and asks no registry."""
    fake = tmp_path / "python"
    fake.write_text(
        f"#!/bin/sh\nmkdir -p \"$3/bin\"\nprintf '%s\\n' '#!/bin/sh' "
        f'\'case "$*" in *" pip "*) printf "%s " "$@" >> {tmp_path}/asked; exit 0;; *-c*) exit 0;; esac\' '
        f'\'exec {sys.executable} "$@"\' > "$3/bin/python"\nchmod +x "$3/bin/python"\n'
    )
    fake.chmod(0o755)
    return fake


def test_the_environment_has_what_pyproject_asks_for_under_our_pins(tmp_path: Path, pip: Path) -> None:
    venv = tmp_path / "venv"
    context = {
        "steps": {"python": {"outputs": {"python-path": str(pip)}}, "place": {"outputs": {"venv": str(venv)}}}
    }
    done = script(step_of("Environment"), tmp_path, context)
    assert done.returncode == 0, done.stderr
    needs = (tmp_path / "temp" / "pointsman-needs.txt").read_text().splitlines()
    assert {line.partition(">")[0] for line in needs} >= {
        "click",
        "PyYAML",
        "SQLAlchemy",
        "alembic",
        "PyGithub",
    }
    asked = (tmp_path / "asked").read_text()
    assert f"--constraint {ROOT}/requirements.txt" in asked
    assert (venv / "complete").exists()
    (tmp_path / "asked").unlink()
    assert script(step_of("Environment"), tmp_path, context).returncode == 0
    assert not (tmp_path / "asked").exists(), "what is there is used"


def test_an_environment_that_was_cut_off_is_made_again(tmp_path: Path, pip: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "leftover").touch()
    context = {
        "steps": {"python": {"outputs": {"python-path": str(pip)}}, "place": {"outputs": {"venv": str(venv)}}}
    }
    assert script(step_of("Environment"), tmp_path, context).returncode == 0
    assert not (venv / "bin" / "leftover").exists()


def here() -> str:
    """The environment that the tests themselves run in, as the action's."""
    return str(Path(sys.executable).parents[1])


def test_the_last_step_runs_the_code_of_the_action_on_the_event(tmp_path: Path, runner: Runner) -> None:
    forked = Forked(tmp_path)
    given = runner.environment("check", forked.event(), "pull_request")
    inputs = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
    context = {
        "inputs": inputs | {"command": "check", "sarif": "out.sarif"},
        "github": {"token": ""},
        "steps": {"place": {"outputs": {"venv": here()}}},
    }
    more = {name: value for name, value in given.items() if name.startswith(("GITHUB_", "RUNNER_"))}
    done = script(STEPS[-1], tmp_path, context, **more)
    assert done.returncode == 1, done.stderr
    assert read_outputs((tmp_path / "output").read_text())["outcome"] == "forked"
    assert "b1 ─── c1" in (tmp_path / "summary").read_text()
    assert (tmp_path / "workspace" / "out.sarif").exists()


HOSTILE = 'x\'; touch owned; "$(touch owned)" `touch owned` #'


def test_rule_14_no_value_of_an_input_is_taken_for_shell(tmp_path: Path, runner: Runner) -> None:
    inputs = dict.fromkeys(ACTION["inputs"], HOSTILE)
    context = {"inputs": inputs, "github": {"token": ""}, "steps": {"place": {"outputs": {"venv": here()}}}}
    more = {name: value for name, value in runner.environment("x").items() if name.startswith("GITHUB_")}
    done = script(STEPS[-1], tmp_path, context, **more)
    assert done.returncode == 2
    assert not list(tmp_path.rglob("owned"))


TOKEN = STEPS[-1]["env"]["POINTSMAN_TOKEN"]


@pytest.mark.parametrize(
    ("command", "given", "reaches"),
    [
        ("check", "", "the job's"),
        ("heads", "", "the job's"),
        ("tick", "", "the job's"),
        ("tick", "an app's", "an app's"),
        ("prove", "", ""),
        ("prove", "given", "given"),
        ("gate", "", ""),
        ("gate", "given", ""),
    ],
)
def test_I7_which_token_reaches_a_command(command: str, given: str, reaches: str) -> None:
    context = {"inputs": {"command": command, "token": given}, "github": {"token": "the job's"}}
    assert render(TOKEN, context) == reaches


@pytest.mark.parametrize(("cache", "used"), [("true", True), ("false", False), ("", False)])
def test_a_job_may_do_without_what_others_cached(cache: str, used: bool) -> None:
    step = step_of("The environment of an earlier run")
    assert truthy(evaluate(step["if"], {"inputs": {"cache": cache}})) is used
