"""A materialised commit is that commit's files byte for byte, in a repository that knows nothing of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.core.errors import EnvironmentProblem
from tests.git.conftest import Open
from tests.support.repo import Repo


@pytest.fixture
def out(tmp_path: Path) -> Repo:
    """Where the commit goes; not there yet."""
    return Repo(tmp_path / "deep/er/out")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_it_is_a_clean_detached_repository_of_its_own(
    object_format: str, repo: Repo, out: Repo, open_git: Open
) -> None:
    repo = Repo(repo.path.parent / object_format).init(object_format=object_format)
    repo.commit(files={"f": "1"})
    repo.write({"run": "#!/bin/sh\n", "sub/caf\u00e9\n": "x"})
    (repo.path / "run").chmod(0o755)
    (repo.path / "link").symlink_to("sub")
    sha = repo.commit()
    repo.branch("agent/x").commit(files={"f": "2"})
    git = open_git(repo.path)
    git.materialise(sha, out.path)
    assert out.files() == repo.files(sha)
    assert (out.rev("HEAD"), out.git("status", "--porcelain")) == (sha, "")
    assert out.git("for-each-ref") == out.git("remote") == ""
    assert (out.path / "run").stat().st_mode & 0o100
    assert (out.path / "link").readlink() == Path("sub")
    assert out.git("log", "--format=%s") == "change\nchange"
    assert out.git("rev-parse", "--git-common-dir") == ".git"


def test_work_there_reaches_neither_refs_nor_objects_of_ours(repo: Repo, out: Repo, open_git: Open) -> None:
    sha = repo.commit(files={"f": "1"})
    open_git(repo.path).materialise(sha, out.path)
    made = out.commit(files={"f": "2"})
    out.git("branch", "-f", "main")
    assert repo.git("rev-parse", "main") == sha
    assert "missing" in repo.git("cat-file", "--batch-check", input=made)


def test_no_filter_attribute_or_hook_changes_a_byte(
    repo: Repo, out: Repo, open_git: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("config", "core.autocrlf", "false")
    text = "one\ntwo $Id$\n"
    attributes = "*.a text eol=crlf\n*.b ident\n*.c filter=evil\n*.d working-tree-encoding=UTF-16\n*.e crlf\n"
    repo.commit(files={f"sub/f.{kind}": text for kind in "abcde"})
    blob = repo.rev("main:sub/f.a")
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},sub/g.a")
    repo.write({".gitattributes": attributes, "sub/.gitattributes": attributes})
    repo.git("add", ".gitattributes", "sub/.gitattributes")
    sha = repo.commit_index()
    settings = tmp_path / "gitconfig"
    settings.write_text(
        f'[filter "evil"]\n\tsmudge = touch {tmp_path}/ran\n\trequired = true\n[core]\n\tautocrlf = true\n'
    )
    repo.git("config", "include.path", str(settings))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    open_git(repo.path).materialise(sha, out.path)
    for kind in "abcde":
        assert (out.path / f"sub/f.{kind}").read_bytes() == text.encode()
    assert not (tmp_path / "ran").exists()
    assert out.git("status", "--porcelain") == ""


def test_a_folder_that_holds_something_is_refused(repo: Repo, out: Repo, open_git: Open) -> None:
    sha = repo.commit(files={"f": "1"})
    out.write({"precious": "p"})
    with pytest.raises(EnvironmentProblem, match="not empty"):
        open_git(repo.path).materialise(sha, out.path)
    assert [path.name for path in out.path.iterdir()] == ["precious"]


def test_an_empty_folder_and_submodules_will_do(repo: Repo, out: Repo, open_git: Open) -> None:
    repo.write({"f": "1"}).git("add", "f")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/s")
    sha = repo.commit_index()
    out.path.mkdir(parents=True)
    open_git(repo.path).materialise(sha, out.path)
    assert (out.path / "vendor/s").is_dir()
