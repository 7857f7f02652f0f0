"""The demo's branches are what the story says they are, and the whole story comes out as told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from pointsman.cli.demo import term_as_interrupt, tools_of_this_python
from pointsman.core.queue.model import ChangeState
from pointsman.demo.depot import Depot
from pointsman.demo.story import AGENTS, KEEPER, ROUNDS, Scene
from pointsman.wiring import local_queue
from tests.support.repo import Repo

SUITES = ("tests/unit", "tests/schema")
FIRST = ROUNDS[0].scenes
SCENES = {scene.slug: scene for part in ROUNDS for scene in part.scenes}
COLD = "migrations/versions/4c2f8e6017ad_cold_lockers.py"


def green(folder: Path, *suites: str) -> bool:
    """Whether the application's own tests pass there."""
    for suite in suites or SUITES:
        command = [sys.executable, "-B", "-W", "error", "-m", "unittest", "discover", "-t", ".", "-s", suite]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            return False
    return True


def after_first_round(folder: Path) -> Depot:
    """Main as the queue leaves it after the first round, landed and healed by hand."""
    depot = Depot(folder)
    depot.build()
    repo = Repo(folder)
    for slug in ("collect-by", "weigh", "cold", "sooner"):
        depot.branch(SCENES[slug])
        repo.merge(SCENES[slug].branch)
    healed = repo.show("HEAD", COLD).replace(b"3d8a5520f7e4", b"4a91c07d3b52")
    repo.commit("heal", files={COLD: healed})
    return depot


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Depot:
    depot = Depot(tmp_path_factory.mktemp("first") / "depot")
    depot.build()
    for scene in FIRST:
        depot.branch(scene)
    return depot


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Depot:
    depot = after_first_round(tmp_path_factory.mktemp("second") / "depot")
    for scene in ROUNDS[1].scenes:
        depot.branch(scene)
    return depot


def alone(depot: Depot, scene: Scene, folder: Path) -> Path:
    Repo(depot.directory).git("worktree", "add", "-q", "--detach", str(folder), scene.branch)
    return folder


def test_the_repository_is_the_same_in_every_run(first: Depot, tmp_path: Path) -> None:
    again = Depot(tmp_path / "again")
    again.build()
    assert Repo(again.directory).rev("main") == Repo(first.directory).rev("main")


@pytest.mark.parametrize(
    "scene", [scene for scene in SCENES.values() if scene.migration], ids=lambda one: one.slug
)
def test_a_branch_brings_the_migration_that_the_story_names(scene: Scene) -> None:
    assert scene.migration is not None
    revision, parent = scene.migration
    patch = (files("pointsman.demo") / "changes" / f"{scene.slug}.patch").read_text()
    assert f'+revision = "{revision}"' in patch
    assert f'+down_revision = "{parent}"' in patch


def test_a_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError):
        Depot(tmp_path).build()
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_six_agents_sign_their_own_branches_in_their_own_clean_worktrees(first: Depot) -> None:
    repo = Repo(first.directory)
    assert len(AGENTS) == len(list((first.directory / "agents").iterdir())) == 6
    for scene in FIRST:
        facts = repo.git("log", "-1", "--format=%ae %s", scene.branch)
        assert facts == f"{AGENTS[scene.agent].email} {scene.title}"
    for agent in AGENTS:
        assert Repo(first.worktree(agent)).git("status", "--short") == ""
    assert repo.git("status", "--short") == ""


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["forget", pytest.param("owed", marks=pytest.mark.soak)])
def test_what_goes_back_in_the_second_round_is_green_alone(second: Depot, tmp_path: Path, slug: str) -> None:
    assert green(alone(second, SCENES[slug], tmp_path / "tree"))


@pytest.mark.soak
@pytest.mark.slow
@pytest.mark.parametrize("slug", ["terms", "later"])
def test_what_goes_back_in_the_first_round_is_green_alone(first: Depot, tmp_path: Path, slug: str) -> None:
    assert green(alone(first, SCENES[slug], tmp_path / "tree"))


@pytest.mark.slow
@pytest.mark.soak
def test_R47_rename_and_new_caller_merge_cleanly_and_are_red_together(second: Depot, tmp_path: Path) -> None:
    both = Repo(alone(second, SCENES["rename"], tmp_path / "tree"))
    both.merge(SCENES["owed"].branch)
    assert not green(both.path, "tests/unit")


@pytest.mark.soak
@pytest.mark.slow
def test_backfill_and_drop_merge_cleanly_and_no_test_sees_the_loss(second: Depot, tmp_path: Path) -> None:
    both = Repo(alone(second, SCENES["phones"], tmp_path / "tree"))
    both.merge(SCENES["forget"].branch)
    drop = "migrations/versions/5f6e92ab0d35_no_phones.py"
    both.write({drop: both.show("HEAD", drop).replace(b"4c2f8e6017ad", b"5d4410c8fa73")})
    assert green(both.path)


@pytest.mark.soak
def test_the_same_line_is_wanted_twice(first: Depot, tmp_path: Path) -> None:
    tree = Repo(alone(first, SCENES["sooner"], tmp_path / "tree"))
    with pytest.raises(AssertionError, match="merge"):
        tree.merge(SCENES["later"].branch)
    assert "<<<<<<<" in (tree.path / "depot" / "settings.py").read_text()


def demo(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    """`pointsman demo` in a process of its own, with its temporary files in `folder`."""
    folder.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "pointsman", "demo", *arguments],
        env=os.environ | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.mark.soak  # make demo plays it, too
@pytest.mark.slow
def test_the_whole_story_comes_out_as_told_and_is_proved(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with demo("--keep", str(kept), folder=tmp_path / "tmp") as running:
        said, _ = running.communicate(timeout=240)
    assert running.returncode == 0, said
    assert "not as told" not in said
    assert max(len(line.rstrip()) for line in said.splitlines()) <= 100 + len(str(kept))
    assert "\x1b" not in said
    assert len(Repo(kept).git("branch", "--list", "agent/*").splitlines()) == 13
    assert list((tmp_path / "tmp").iterdir()) == []
    assert what_waited_lands_once_a_person_approves(kept)


def what_waited_lands_once_a_person_approves(kept: Path) -> bool:
    """The last of the demo's hints, with the person's own keyboard left out."""
    with local_queue(kept) as queue:
        (waiting,) = queue.store.changes(states=(ChangeState.QUEUED,))
        queue.approve(waiting, by=KEEPER.email, human=True)
        with tools_of_this_python():
            queue.loop.run(once=True)
        after = queue.store.change(waiting.id)
    return after is not None and after.state is ChangeState.LANDED


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    with demo(folder=tmp_path / "tmp") as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "landed" in line:
                break
        assert list((tmp_path / "tmp").iterdir())
        os.killpg(running.pid, signal.SIGINT)
        rest = running.stdout.read()
    assert running.returncode == 130, rest
    assert "Traceback" not in rest
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with demo("--keep", str(tmp_path), folder=tmp_path / "tmp") as running:
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "not empty" in said


def test_what_an_interrupt_tears_in_gits_library_shows_no_traceback() -> None:
    class Torn:
        def __del__(self) -> None:
            raise AttributeError("_read_only")

    Torn.__del__.__module__ = "git.config"
    with term_as_interrupt():
        Torn()
