"""A merge preview gives the tree that git would, or every conflicting path with its kind and both sides."""

from __future__ import annotations

import pytest

from pointsman.core.errors import PointsmanError
from pointsman.core.model import Conflicted, ConflictedPath, Merged, Sha
from tests.git.conftest import Open
from tests.support.repo import Repo

Files = dict[str, str | bytes | None]
LINES = "".join(f"line {n}\n" for n in range(9))


def diverge(repo: Repo, base: Files, ours: Files, theirs: Files) -> tuple[Sha, Sha]:
    """Both sides' commits on a common base; main is checked out."""
    repo.commit("base", files=base)
    head = repo.branch("pr").commit("theirs", files=theirs)
    return repo.checkout("main").commit("ours", files=ours), head


def test_a_clean_merge_is_the_tree_that_git_merge_makes(repo: Repo, open_git: Open) -> None:
    main, head = diverge(
        repo, {"f": LINES}, {"f": "top\n" + LINES, "d/a": "1"}, {"f": LINES + "end\n", "d/b": "2"}
    )
    assert open_git(repo.path).merge(main, head) == Merged(tree=Sha(repo.rev(f"{repo.merge('pr')}^{{tree}}")))


def test_R74_two_files_added_to_one_folder_do_not_conflict(repo: Repo, open_git: Open) -> None:
    main, head = diverge(repo, {"d/x": "x"}, {"d/a": "1"}, {"d/b": "2"})
    assert isinstance(open_git(repo.path).merge(main, head), Merged)


def test_R77_same_lines_conflict_with_each_side_s_blob(repo: Repo, open_git: Open) -> None:
    main, head = diverge(repo, {"f": "base\n", "g": "g"}, {"f": "ours\n"}, {"f": "theirs\n", "h": "h"})
    outcome = open_git(repo.path).merge(main, head)
    assert isinstance(outcome, Conflicted)
    base, ours, theirs = (Sha(repo.rev(f"{rev}:f")) for rev in ("main~1", "main", "pr"))
    assert outcome.paths == (ConflictedPath(path="f", kind="content", base=base, ours=ours, theirs=theirs),)
    assert outcome.messages[-1] == "CONFLICT (content): Merge conflict in f"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        pytest.param({"x": "x"}, {"f": "1"}, {"f": "2"}, {"f": "add/add"}, id="both added"),
        pytest.param({"f": "x"}, {"f": None}, {"f": "2"}, {"f": "modify/delete"}, id="one deleted"),
        pytest.param({"f": b"\0x"}, {"f": b"\0y"}, {"f": b"\0z"}, {"f": "binary"}, id="binary"),
        pytest.param({"x": "x"}, {"f": "1"}, {"f/a": "2"}, {"f~main": "file/directory"}, id="file or folder"),
        pytest.param(
            {"f": LINES},
            {"f": None, "a": LINES},
            {"f": None, "b": LINES},
            {"a": "rename/rename", "b": "rename/rename", "f": "rename/rename"},
            id="renamed to two names",
        ),
        pytest.param(
            {"x": "x"},
            {"caf\u00e9\n\t": "1"},
            {"caf\u00e9\n\t": "2"},
            {"caf\u00e9\n\t": "add/add"},
            id="odd name",
        ),
    ],
)
def test_every_kind_of_conflict_names_its_paths(
    base: Files, ours: Files, theirs: Files, expected: dict[str, str], repo: Repo, open_git: Open
) -> None:
    main, head = diverge(repo, base, ours, theirs)
    outcome = open_git(repo.path).merge(main, head)
    assert isinstance(outcome, Conflicted)
    named = {path.path.replace(main, "main"): path.kind for path in outcome.paths}
    assert expected.items() <= named.items()
    assert outcome.messages


def test_many_conflicts_come_sorted(repo: Repo, open_git: Open) -> None:
    names = [f"d/{n:03}" for n in range(200)]
    sides: list[Files] = [dict.fromkeys(names, text) for text in ("base\n", "ours\n", "theirs\n")]
    main, head = diverge(repo, *sides)
    outcome = open_git(repo.path).merge(main, head)
    assert isinstance(outcome, Conflicted)
    assert [path.path for path in outcome.paths] == names


def test_merging_an_ancestor_or_a_descendant(repo: Repo, open_git: Open) -> None:
    old = repo.commit(files={"f": "1"})
    new = repo.commit(files={"f": "2"})
    git = open_git(repo.path)
    assert git.merge(new, old) == git.merge(old, new) == Merged(tree=git.tree_of(new))


def test_unrelated_histories_are_a_conflict_of_the_change(repo: Repo, open_git: Open) -> None:
    main = repo.commit(files={"f": "1"})
    repo.git("checkout", "-q", "--orphan", "alone")
    alone = repo.commit(files={"g": "1"})
    outcome = open_git(repo.path).merge(main, alone)
    assert outcome == Conflicted(
        paths=(ConflictedPath(path="", kind="unrelated histories", base=None, ours=None, theirs=None),),
        messages=(f"{main} and {alone} have no commit in common",),
    )


def test_a_commit_that_is_not_there_fails(repo: Repo, open_git: Open) -> None:
    main = repo.commit(files={"f": "1"})
    with pytest.raises(PointsmanError, match="7" * 40):
        open_git(repo.path).merge(main, Sha("7" * 40))


def test_a_preview_moves_nothing_of_the_user_s(repo: Repo, open_git: Open) -> None:
    main, head = diverge(repo, {"f": "base\n"}, {"f": "ours\n"}, {"g": "theirs\n"})
    before = (
        (repo.path / ".git/index").read_bytes(),
        repo.git("for-each-ref"),
        repo.git("status", "--porcelain"),
    )
    open_git(repo.path).merge(main, head)
    assert before == (
        (repo.path / ".git/index").read_bytes(),
        repo.git("for-each-ref"),
        repo.git("status", "--porcelain"),
    )
