"""What a step makes of its variables and its event: a hostile or broken one fails closed, with exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.action.events import branch
from pointsman.core.errors import UserError
from tests.action.steps import Forked, Runner

A = "a" * 40


def pull(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "number": 7,
        "user": {"login": "ada", "id": 5, "type": "User"},
        "base": {"sha": A, "ref": "main"},
        "head": {"sha": "b" * 40, "ref": "agent/x"},
    }
    return {"pull_request": base | changes}


HOSTILE: dict[str, object] = {
    "not JSON": b"{",
    "a list": b"[1, 2]",
    "no UTF-8": b"\xff\xfe",
    "nested without end": b"[" * 100_000,
    "no pull request": {},
    "a pull request that is a string": {"pull_request": "x"},
    "a name for a commit": pull(head={"sha": "main", "ref": "agent/x"}),
    "a short id": pull(head={"sha": "abcdef1", "ref": "agent/x"}),
    "the id of nothing": pull(head={"sha": "0" * 40, "ref": "agent/x"}),
    "an option for an id": pull(head={"sha": "--upload-pack=touch /tmp/x", "ref": "agent/x"}),
    "a line break in a branch": pull(head={"sha": A, "ref": "x\n::set-output name=outcome::allowed"}),
    "a branch that leads out": pull(base={"sha": A, "ref": "../../../etc"}),
    "a branch like an option": pull(base={"sha": A, "ref": "-x"}),
    "a login with a command": pull(user={"login": "a\n::add-mask::x", "id": 5}),
    "an id that is true": pull(user={"login": "ada", "id": True}),
    "a number that is a word": pull(number="7"),
    "a number below one": pull(number=-1),
    "deep objects": pull(head={"sha": {"a": [[[[["x"]]]]]}, "ref": "agent/x"}),
}


@pytest.mark.parametrize("event", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_event_fails_closed(runner: Runner, event: object) -> None:
    said = runner("check", event, "pull_request")
    assert (said.code, said.outcome) == (2, "error")
    assert set(said.outputs) == {"outcome", "summary"}
    assert [one for one in said.commands if not one.startswith("::error title=pointsman::")] == []
    assert "defect" not in said.log


def test_an_event_that_is_too_large_is_not_read(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.action.surroundings.LARGEST_EVENT", 1000)
    said = runner("check", {"pull_request": {"body": "x" * 2000}}, "pull_request")
    assert said.code == 2
    assert "more than 1000 bytes" in said.log


def test_a_missing_event_file_is_an_error(tmp_path: Path, runner: Runner) -> None:
    runner.extra["GITHUB_EVENT_PATH"] = str(tmp_path / "nowhere.json")
    assert runner("check", {}, "pull_request").code == 2


def test_what_can_not_be_told_is_no_pass(tmp_path: Path, runner: Runner) -> None:
    forked = Forked(tmp_path, files={"docs/a.md": "x\n"})
    runner.extra["GITHUB_OUTPUT"] = str(tmp_path / "nowhere" / "output")
    assert runner("check", forked.event(), "pull_request").code == 2


def test_another_base_than_the_events_is_fetched_too(tmp_path: Path, runner: Runner) -> None:
    forked = Forked(tmp_path)
    said = runner("check", forked.event(), "pull_request", base=forked.first)
    assert (said.outcome, said.outputs["base"]) == ("allowed", forked.first)


@pytest.mark.parametrize(
    "given", [{"branch": "a\nb"}, {"author": "x" * 5000}, {"base": "\0"}, {"directory": "../.."}], ids=str
)
def test_an_input_that_can_be_none_fails_closed(runner: Runner, given: dict[str, str]) -> None:
    assert runner("check", pull(), "pull_request", **given).code == 2


@pytest.mark.parametrize("command", ["", "serve", "../check", "check heads"])
def test_an_unknown_command_is_an_error(runner: Runner, command: str) -> None:
    assert runner(command).code == 2


def test_a_repository_that_is_no_name_is_not_fetched_from(runner: Runner) -> None:
    runner.extra["GITHUB_REPOSITORY"] = "acme/app.git --upload-pack=x"
    said = runner("check", pull(), "pull_request")
    assert said.code == 2
    assert "no owner/name" in said.log


def test_a_server_of_another_protocol_is_not_asked(runner: Runner) -> None:
    runner.extra["GITHUB_SERVER_URL"] = "ext::sh -c touch"
    assert runner("check", pull(), "pull_request").code == 2


@given(text=st.text(max_size=40))
@settings(max_examples=200)
def test_what_counts_as_a_branch_is_a_name_that_git_takes(text: str) -> None:
    try:
        name = branch(text, "x")
    except UserError:
        return
    done = (
        subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False) if _odd(name) else None
    )
    assert done is None or done.returncode == 0, name


def _odd(name: str) -> bool:
    """Plain letters need no process of git's to be believed."""
    return not name.isalnum()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(value=json_values, where=st.sampled_from(["number", "user", "base", "head"]))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_anywhere_in_a_pull_request_is_refused_or_understood(
    runner: Runner, value: object, where: str
) -> None:
    runner.extra["GITHUB_SERVER_URL"] = "nowhere"
    assert runner("check", pull(**{where: value}), "pull_request").code == 2


def test_the_module_runs_as_a_process_and_takes_nothing_from_the_folder_it_is_in(
    runner: Runner, tmp_path: Path
) -> None:
    forked = Forked(tmp_path)
    environment = runner.environment("heads", {}, "push", head=forked.base)
    for name in ("pointsman.py", "click.py", "yaml.py"):
        (tmp_path / "workspace" / name).write_text("raise SystemExit('code of the repository ran')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pointsman.action"],
        cwd=tmp_path / "workspace",
        env={**environment, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "alembic.ini (alembic): b1" in done.stdout


def test_a_token_is_in_no_text_that_a_step_leaves(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    secret = "ghs_" + "s3cr3t" * 6
    for server in ("", "file:///nowhere", "https://127.0.0.1:1"):
        runner.server = server
        said = runner("check", forked.event(), "pull_request", token=secret)
        assert secret not in json.dumps([said.log, said.summary, dict(said.outputs)])
