"""A user's work tree follows a branch that moved only where nothing of theirs would be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.adapters.git.worktrees import Synced
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.model import Sha
from tests.git.conftest import Open
from tests.support.repo import Repo


@pytest.fixture
def moved(repo: Repo) -> tuple[Sha, Sha]:
    """main went from the first to the second commit behind the back of the work tree, which is at the first."""
    old = repo.commit(files={"edited": "1\n", "gone": "g\n", "same": "s\n", "d/gone": "g\n"})
    new = repo.commit(files={"edited": "2\n", "gone": None, "new/file": "n\n", "d/gone": None})
    repo.git("reset", "-q", "--hard", old)
    repo.git("update-ref", "refs/heads/main", new)
    return old, new


def test_files_and_index_follow_the_branch(repo: Repo, moved: tuple[Sha, Sha], open_git: Open) -> None:
    git = open_git(repo.path)
    assert git.is_dirty(repo.path, untracked=True)
    for _ in range(2):  # it may run again after a crash
        assert git.sync_checkout(repo.path, *moved) is Synced.DONE
        assert repo.git("status", "--porcelain") == ""
    assert not git.is_dirty(repo.path, untracked=True)
    assert (repo.path / "new/file").read_text() == "n\n"
    assert not (repo.path / "d").exists()
    assert repo.git("symbolic-ref", "HEAD") == "refs/heads/main"


@pytest.mark.parametrize("staged", [False, True], ids=["not staged", "staged"])
def test_a_change_to_what_stays_equal_is_kept(
    staged: bool, repo: Repo, moved: tuple[Sha, Sha], open_git: Open
) -> None:
    repo.write({"same": "mine\n", "untracked": "u"})
    repo.git("add", *(["same"] if staged else ["--refresh", "."]))
    assert open_git(repo.path).sync_checkout(repo.path, *moved) is Synced.DONE
    assert (repo.path / "same").read_text() == "mine\n"
    status = repo.git("status", "--porcelain").split("\n")
    assert status == ["M  same" if staged else " M same", "?? untracked"]


@pytest.mark.parametrize(
    ("mine", "staged"),
    [
        pytest.param({"edited": "mine\n"}, False, id="an edited file"),
        pytest.param({"edited": "mine\n"}, True, id="a staged file"),
        pytest.param({"gone": "mine\n"}, False, id="a file that goes"),
        pytest.param({"new/file": "mine\n"}, False, id="an untracked file in the way"),
        pytest.param({"new": "mine\n"}, False, id="an untracked file where a folder comes"),
    ],
)
def test_a_change_that_would_be_lost_stops_it(
    mine: dict[str, str], staged: bool, repo: Repo, moved: tuple[Sha, Sha], open_git: Open
) -> None:
    repo.write(mine)
    if staged:
        repo.git("add", "-A")
    before = repo.git("status", "--porcelain"), repo.git("ls-files", "--stage")
    assert open_git(repo.path).sync_checkout(repo.path, *moved) is Synced.LOCAL_CHANGES
    assert (repo.git("status", "--porcelain"), repo.git("ls-files", "--stage")) == before
    assert {name: (repo.path / name).read_text() for name in mine} == mine
    assert (repo.path / "d/gone").exists()


def test_a_merge_in_progress_stops_it(repo: Repo, moved: tuple[Sha, Sha], open_git: Open) -> None:
    stages = "".join(f"100644 {repo.rev('main:edited')} {n}\tedited\n" for n in (1, 2, 3))
    repo.git("update-index", "--index-info", input=f"0 {'0' * 40}\tedited\n{stages}")
    assert open_git(repo.path).sync_checkout(repo.path, *moved) is Synced.LOCAL_CHANGES


def test_R78_an_index_lock_is_named_and_left_alone(
    repo: Repo, moved: tuple[Sha, Sha], open_git: Open
) -> None:
    lock = repo.path / ".git/index.lock"
    lock.touch()
    with pytest.raises(EnvironmentProblem, match=rf"{lock} was held"):
        open_git(repo.path).sync_checkout(repo.path, *moved)
    assert lock.exists()
    lock.unlink()
    assert open_git(repo.path).sync_checkout(repo.path, *moved) is Synced.DONE


def test_hooks_do_not_run_in_the_user_s_work_tree(
    repo: Repo, moved: tuple[Sha, Sha], open_git: Open, tmp_path: Path
) -> None:
    hooks = repo.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-checkout", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    assert open_git(repo.path).sync_checkout(repo.path, *moved) is Synced.DONE
    assert not (tmp_path / "ran").exists()


def test_R34_what_counts_as_dirty(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"f": "1\n", ".gitignore": "*.log\n"})
    git = open_git(repo.path)
    repo.write({"x.log": "ignored"})
    assert not git.is_dirty(repo.path, untracked=True)
    repo.write({"untracked": "u"})
    assert git.is_dirty(repo.path, untracked=True)
    assert not git.is_dirty(repo.path, untracked=False)
    repo.write({"f": "2\n"})
    assert git.is_dirty(repo.path, untracked=False)
    repo.git("add", "f")
    assert git.is_dirty(repo.path, untracked=False)


def test_work_trees_that_are_gone_or_detached(repo: Repo, open_git: Open) -> None:
    sha = repo.commit(files={"f": "1\n"})
    gone, detached = repo.path.parent / "gone", repo.path.parent / "de tached"
    repo.git("worktree", "add", "-q", "-b", "gone", str(gone))
    repo.git("worktree", "add", "-q", "--detach", str(detached))
    (gone / "f").unlink()
    (gone / ".git").unlink()
    gone.rmdir()
    found = open_git(detached).worktrees()
    assert [(tree.path, tree.head, tree.branch) for tree in found] == [
        (repo.path, sha, "main"),
        (detached, sha, None),
    ]
