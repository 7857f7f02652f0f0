"""Nothing in a repository but its objects bends an answer, and nothing of the user's is touched by asking."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.core.model import Conflicted, Merged, Sha, Signature
from tests.git.conftest import Open
from tests.support.repo import Repo

ADA = Signature(name="Ada", email="ada@example.org", when=1_700_000_000)


@pytest.fixture
def conflicting(repo: Repo) -> tuple[Sha, Sha]:
    """main and pr change one line, each its own way; pr is checked out."""
    repo.commit("base", files={"f": "base\n"})
    main = repo.commit("ours", files={"f": "ours\n"})
    repo.git("checkout", "-q", "-b", "pr", "HEAD~1")
    return main, repo.commit("theirs", files={"f": "theirs\n"})


def test_a_configured_merge_driver_does_not_run(
    repo: Repo, conflicting: tuple[Sha, Sha], open_git: Open, tmp_path: Path
) -> None:
    repo.git("config", "merge.mine.driver", f"touch {tmp_path}/ran; true")
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/attributes").write_text("* merge=mine\n")
    assert repo.git("merge-tree", "--write-tree", *conflicting), "git itself takes ours in silence"
    assert (tmp_path / "ran").exists()
    (tmp_path / "ran").unlink()
    assert isinstance(open_git(repo.path).merge(*conflicting), Conflicted)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "place", ["HOME/.config/git/attributes", "XDG_CONFIG_HOME/git/attributes", "core.attributesFile"]
)
def test_the_user_s_attributes_do_not_join_lines(
    place: str,
    repo: Repo,
    conflicting: tuple[Sha, Sha],
    open_git: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    attributes = tmp_path / place
    attributes.parent.mkdir(parents=True, exist_ok=True)
    attributes.write_text("* merge=union\n")
    repo.git(
        "config", *(["core.attributesFile", str(attributes)] if place.startswith("core") else ["a.b", "c"])
    )
    monkeypatch.setenv("HOME", str(tmp_path / "HOME"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)  # where it is set, git does not look into HOME
    if place.startswith("XDG"):
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "XDG_CONFIG_HOME"))
    assert isinstance(open_git(repo.path).merge(*conflicting), Conflicted)


def test_grafts_and_replace_refs_do_not_rewrite_history(repo: Repo, open_git: Open) -> None:
    first = repo.commit("first", files={"f": "1"})
    second = repo.commit("second", files={"f": "2"})
    third = repo.commit("third", files={"f": "3"})
    (repo.path / ".git/info").mkdir(exist_ok=True)
    (repo.path / ".git/info/grafts").write_text(f"{third} {first}\n")
    repo.git("replace", second, first)
    assert repo.rev("main~1") == first, "git itself follows the graft"
    git = open_git(repo.path)
    assert git.commits(third) == (third, second, first)
    assert git.resolve("main~1") == second
    assert git.commit_facts(second).message == "second\n"
    assert git.merge_bases(third, second) == (second,)


def test_settings_of_the_repository_change_no_answer(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"a": "x\n" * 20, "caf\u00e9": "1"})
    repo.git("mv", "a", "b")
    repo.commit()
    git = open_git(repo.path)
    trees = [git.tree_of(git.resolve(rev)) for rev in ("main~1", "main")]
    plain = git.changed(*trees), git.entries(trees[1]), git.merge(git.resolve("main"), git.resolve("main~1"))
    for key, value in {
        "diff.renames": "copies",
        "diff.noprefix": "true",
        "diff.ignoreSubmodules": "all",
        "diff.external": "false",
        "core.quotePath": "true",
        "core.abbrev": "5",
        "log.showSignature": "true",
        "merge.renames": "false",
        "merge.renormalize": "true",
        "core.bigFileThreshold": "1",
        "i18n.logOutputEncoding": "UTF-16",
    }.items():
        repo.git("config", key, value)
    git = open_git(repo.path)
    asked = git.changed(*trees), git.entries(trees[1]), git.merge(git.resolve("main"), git.resolve("main~1"))
    assert asked == plain
    assert [change.status + change.path for change in plain[0]] == ["Da", "Ab"]


def test_signing_and_encoding_settings_do_not_reach_a_commit(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"f": "1"})
    repo.git("config", "commit.gpgSign", "true")
    repo.git("config", "gpg.program", "false")
    repo.git("config", "i18n.commitEncoding", "ISO-8859-1")
    git = open_git(repo.path)
    sha = git.commit(
        tree=git.tree_of(git.resolve("main")), parents=[], message="Grüße\n", author=ADA, committer=ADA
    )
    assert repo.git_bytes("cat-file", "commit", sha).endswith("\n\nGrüße\n".encode())
    assert b"encoding" not in repo.git_bytes("cat-file", "commit", sha)


def test_what_is_asked_leaves_index_head_branches_and_files_alone(repo: Repo, open_git: Open) -> None:
    base = repo.commit(files={"f": "base\n", "g": "g\n"})
    head = repo.branch("pr").commit(files={"f": "theirs\n"})
    main = repo.checkout("main").commit(files={"g": "ours\n"})
    repo.write({"f": "staged\n"}).git("add", "f")
    repo.write({"g": "edited\n", "untracked": "u"})
    before = everything(repo)
    git = open_git(repo.path)
    outcome = git.merge(main, head)
    assert isinstance(outcome, Merged)
    tree = git.edit(outcome.tree, {"new/file": b"x", "f": None})
    made = git.commit(tree=tree, parents=[main, head], message="m", author=ADA, committer=ADA)
    git.materialise(made, repo.path.parent / "out")
    git.changed(git.tree_of(base), tree)
    git.worktrees()
    assert git.is_dirty(repo.path, untracked=True)
    assert git.move_ref("refs/pointsman/candidate", new=made, expected=None)
    assert git.move_ref("refs/pointsman/candidate", new=None, expected=made)
    git.close()
    assert everything(repo) == before


def everything(repo: Repo) -> dict[str, bytes]:
    """Every file of the repository and its work tree, but for objects and the log of our own ref."""
    found = (path for path in repo.path.rglob("*") if path.is_file())
    kept = (path for path in found if not path.is_relative_to(repo.path / ".git/objects"))
    return {str(path.relative_to(repo.path)): path.read_bytes() for path in kept}


def test_new_objects_in_a_shared_repository_stay_shared(tmp_path: Path, open_git: Open) -> None:
    shared = Repo(tmp_path / "shared")
    shared.path.mkdir()
    shared.git("init", "-q", "--bare", "--shared=group")
    open_git(shared.path).edit(Sha("4b825dc642cb6eb9a060e54bf8d69288fbee4904"), {"f": b"x", "g": b"y"})
    folders = [path for path in (shared.path / "objects").iterdir() if len(path.name) == 2]
    assert folders
    assert all(path.stat().st_mode & 0o2070 == 0o2070 for path in folders)
