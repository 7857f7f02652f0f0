"""docs/scheduling.md: its session says what it shows, its list is one, its launcher launches."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pointsman.cli.next import read_list
from pointsman.core.schedule import words
from pointsman.core.schedule.reading import json_schema
from tests.flows.world import World, contract

PAGE = (Path(__file__).parents[2] / "docs" / "scheduling.md").read_text("utf-8")
WRITERS = re.search(r"`(writers: \{.*?\}\})` and `(limits: \{.*?\})`", PAGE)


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    assert WRITERS is not None
    made = World(tmp_path, contract(more="\n".join(WRITERS.groups())))
    (tmp_path / "tasks.json").write_text(block("json"))
    monkeypatch.chdir(made.path)
    return made


def test_R67_the_session_of_the_page_is_what_the_commands_say(world: World) -> None:
    said = ""
    for command in re.findall(r"^\$ pointsman (.*)$", block("console"), re.MULTILINE):
        name, *args = shlex.split(command)
        done = world.cli(name, *args)
        assert done.err == ""
        said += f"$ pointsman {command}\n{click.unstyle(done.out)}"
    assert said == block("console")


def test_the_page_names_every_key_and_every_reason(tmp_path: Path) -> None:
    listed = tmp_path / "tasks.json"
    listed.write_text(block("json"))
    assert len(read_list(str(listed))) == 4
    keys = json_schema()["properties"]["tasks"]["items"]["anyOf"][0]["properties"]
    missing = [key for key in keys if f"| `{key}` |" not in PAGE]
    codes = set(re.findall(r'code="(\w+)"', Path(words.__file__).read_text("utf-8"))) | {"base_too_old"}
    ends = {"ended", "expired", "not_yours", "unknown_claim", "unknown_task", "illegal_step"}
    missing += sorted(code for code in codes - ends if f"`{code}`" not in PAGE)
    assert missing == []


@pytest.mark.soak
def test_the_launcher_of_the_page_starts_what_fits_together(world: World) -> None:
    (world.folder / "launcher.py").write_text(block("python"))
    agent = "git commit -qm work --allow-empty --author='Ada <ada@example.org>'"
    done = subprocess.run(
        [sys.executable, "../launcher.py", "sh", "-c", f"touch $0.txt && git add -A && {agent}"],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert world.states() == {"agent/t1": "queued", "agent/t4": "queued"}
    assert [body["outcome"] for body in world.journal("released")] == ["done", "done"]
    view = json.loads(world.cli("next", "--tasks", "../tasks.json", "--view").out)
    assert [one["id"] for one in view["in_progress"]] == ["T1", "T4"]
