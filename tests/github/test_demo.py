"""The demo on the stand-in comes out as told, shows both sides, ends with nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.github.demo.proof import draw
from tests.github.demo.story import ALL, SHORT, Scene, patch_of


def demo(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """`python -m tests.github.demo` in a process of its own, with its temporary files in `folder`."""
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "tests.github.demo", "--short", *arguments],
        env=os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def left_running(folder: Path) -> list[str]:
    """Command lines of processes that name the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.mark.soak
def test_a_part_of_the_story_comes_out_as_told_and_is_proved(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with demo("--keep", str(kept), folder=tmp_path / "tmp") as running:
        said, _ = running.communicate(timeout=240)
    assert running.returncode == 0, said
    assert "\x1b" not in said, "colour only on a terminal"
    assert "not as told" not in said
    lines = [line.rstrip() for line in said.splitlines()]
    assert max(map(len, lines)) <= 100 + len(str(kept))
    for start in (
        "  agent     comments  #1 intake     /queue",
        "  GitHub    reaction  #1 intake     thumbs up on /queue",
        "  GitHub    check     #1 intake     tests success on",
        "  Pointsman landed    #1 intake     as ",
        "  GitHub    merged    #2 lockers    closed as merged",
        "  Pointsman returned  #3 reports    the contract on main does not allow it",
        "  GitHub    refused   notices",
        "    every exchange fitted GitHub's OpenAPI description:",
    ):
        assert any(line.startswith(start) for line in lines), (start, said)
    assert "GH013" in said
    assert "1 head)" in said
    tip = subprocess.check_output(["git", "-C", str(kept / "clone"), "log", "--format=%s", "-1"], text=True)
    assert tip.strip() == "Say how long a parcel waits (#4)"
    assert (kept / "app" / "app.json").stat().st_mode & 0o777 == 0o600
    assert left_running(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.soak
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(folder=tmp_path / "tmp") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "workflow ci starts" in line:
                break
        os.kill(running.pid, signal.SIGINT)
        rest = running.stdout.read()
    assert running.returncode == 130, rest
    assert "Traceback" not in rest
    assert left_running(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with demo("--keep", str(tmp_path), folder=tmp_path / "tmp") as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "not empty" in said


@pytest.mark.parametrize("scene", [one for one in ALL if one.migration], ids=lambda one: one.slug)
def test_three_migrations_grow_from_one_parent(scene: Scene) -> None:
    assert scene.migration is not None
    revision, parent = scene.migration
    assert f'+revision = "{revision}"' in patch_of(scene)
    assert f'+down_revision = "{parent}"' in patch_of(scene)
    assert len({one.migration[1] for one in ALL if one.migration}) == 1
    assert set(SHORT) <= set(ALL)


def test_a_fork_is_drawn_one_line_for_each_head() -> None:
    assert draw({"a1": "", "b2": "a1", "c3": "a1"}) == ["a1 ─┬─ b2", "    └─ c3"]
    assert draw({"a1": "", "b2": "a1", "c3": "b2"}) == ["a1 ─── b2 ─── c3"]
