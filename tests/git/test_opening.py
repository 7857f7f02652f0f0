"""Which repositories open, and that each one that does not says why and what to do."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pointsman.core.errors import EnvironmentProblem, PointsmanError, UserError
from tests.git.conftest import Open
from tests.support.repo import Repo


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A `git` that runs first; `$REAL` in the script is the true one."""
    real = shutil.which("git")
    assert real
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_folder_inside_the_work_tree_opens_the_repository(repo: Repo, open_git: Open) -> None:
    sha = repo.commit(files={"deep/er/file": "x"})
    git = open_git(repo.path / "deep/er")
    assert git.resolve("HEAD") == sha
    assert git.git_common_dir == repo.path / ".git"


def test_a_bare_repository_opens(repo: Repo, open_git: Open) -> None:
    sha = repo.commit(files={"file": "x"})
    bare = repo.path.parent / "bare.git"
    repo.git("clone", "-q", "--bare", str(repo.path), str(bare))
    git = open_git(bare)
    assert git.location.bare
    assert git.resolve("main") == sha
    assert git.move_ref("refs/heads/other", new=git.resolve("main"), expected=None)
    assert git.worktrees() == ()


def test_a_linked_worktree_opens_with_its_own_head(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"file": "x"})
    linked = repo.path.parent / "linked"
    repo.git("worktree", "add", "-q", "-b", "agent/x", str(linked))
    sha = Repo(linked).commit(files={"file": "y"})
    git = open_git(linked)
    assert (git.resolve("HEAD"), git.branch_of("HEAD")) == (sha, "agent/x")
    assert git.git_common_dir == repo.path / ".git"
    assert [(tree.path, tree.branch, tree.head) for tree in git.worktrees()] == [
        (repo.path, "main", repo.rev("main")),
        (linked, "agent/x", sha),
    ]


def test_the_variables_of_a_hook_do_not_aim_elsewhere(
    repo: Repo, open_git: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha = repo.commit(files={"file": "x"})
    other = Repo(repo.path.parent / "other").init()
    other.commit(files={"other": "y"})
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / "no-index"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.path / ".git/objects"))
    git = open_git(repo.path)
    assert git.resolve("main") == sha
    assert [entry.path for entry in git.entries(git.tree_of(sha))] == ["file"]


def test_no_repository(tmp_path: Path, open_git: Open) -> None:
    with pytest.raises(UserError, match=r"not in a git repository.*-C DIR"):
        open_git(tmp_path)


def test_no_folder(tmp_path: Path, open_git: Open) -> None:
    with pytest.raises(UserError, match="no folder"):
        open_git(tmp_path / "absent")


def test_git_is_missing(repo: Repo, open_git: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.path))
    with pytest.raises(EnvironmentProblem, match=r"not found on PATH; install git 2\.38"):
        open_git(repo.path)


@pytest.mark.parametrize("version", ["2.37.9", "2.9.5", "1.8.3.1"])
def test_git_is_too_old(
    version: str, repo: Repo, tmp_path: Path, open_git: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(
        tmp_path / "bin",
        monkeypatch,
        f'[ "$1" = --version ] && echo git version {version} || exec $REAL "$@"',
    )
    with pytest.raises(EnvironmentProblem, match=rf"2\.38 or newer.*{version}"):
        open_git(repo.path)


@pytest.mark.parametrize("version", ["2.38.0", "2.39.5 (Apple Git-154)", "3.0.0-rc1"])
def test_git_is_new_enough(
    version: str, repo: Repo, tmp_path: Path, open_git: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(
        tmp_path / "bin",
        monkeypatch,
        f'[ "$1" = --version ] && echo "git version {version}" || exec $REAL "$@"',
    )
    assert open_git(repo.path).location.object_format == "sha1"


def test_a_repository_of_somebody_else(repo: Repo, open_git: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = repo.commit(files={"file": "x"})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(EnvironmentProblem, match=f"another user(.|\n)*safe.directory {repo.path}"):
        open_git(repo.path)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(repo.path))
    assert open_git(repo.path).resolve("main") == sha


def test_a_shallow_clone_says_how_to_deepen_it(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"file": "x"})
    repo.commit(files={"file": "y"})
    shallow = repo.path.parent / "shallow"
    repo.git("clone", "-q", "--depth=1", f"file://{repo.path}", str(shallow))
    with pytest.raises(EnvironmentProblem, match=r"git fetch --unshallow.*fetch-depth: 0"):
        open_git(shallow)


def test_an_unknown_repository_extension_is_git_s_to_explain(repo: Repo, open_git: Open) -> None:
    repo.git("config", "core.repositoryFormatVersion", "1")
    repo.git("config", "extensions.fromTheFuture", "true")
    with pytest.raises(PointsmanError, match=r"(?i)fromthefuture"):
        open_git(repo.path)


def test_borrowed_objects_are_found(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"file": "x"})
    borrower = repo.path.parent / "borrower"
    repo.git("clone", "-q", "--shared", str(repo.path), str(borrower))
    (borrower / ".git/objects/info/alternates").write_text("../../../repo/.git/objects\n")
    git = open_git(borrower)
    assert [entry.path for entry in git.entries(git.tree_of(git.resolve("main")))] == ["file"]
    out = repo.path.parent / "out"
    git.materialise(git.resolve("main"), out)
    assert (out / "file").read_text() == "x"


def test_closing_ends_the_child_and_removes_the_scratch_folder(
    repo: Repo, tmp_path: Path, open_git: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    sha = repo.commit(files={"file": "x"})
    with open_git(repo.path) as git:
        git.edit(git.tree_of(git.resolve(sha)), {"a": b"1", "b": b"2"})
        assert list((tmp_path / "tmp").iterdir())
    assert not list((tmp_path / "tmp").iterdir())
    git.close()


def test_reading_a_tree_s_files_takes_six_processes_however_many_there_are(
    repo: Repo, tmp_path: Path, open_git: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit(files={f"migrations/versions/{n:03}.py": f"revision = '{n}'" for n in range(150)})
    log = tmp_path / "calls"
    put_on_path(tmp_path / "bin", monkeypatch, f'echo "$*" >> {log}; exec $REAL "$@"')
    git = open_git(repo.path)
    tree = git.tree_of(git.resolve("HEAD"))
    found = git.entries(tree)
    assert len(list(git.read(entry.oid for entry in found))) == 150
    git.read([])
    assert git.entry(tree, "migrations/versions/007.py") == found[7]
    assert len(log.read_text().splitlines()) <= 6
