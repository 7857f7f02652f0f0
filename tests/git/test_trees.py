"""Listings, differences and edits agree with a plain dictionary of paths, and with git's own index."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.adapters.git.repository import GitRepository
from pointsman.core.errors import UserError
from pointsman.core.model import (
    MODE_EXECUTABLE,
    MODE_FILE,
    MODE_SUBMODULE,
    MODE_TREE,
    PathChange,
    Sha,
    TreeEntry,
)
from tests.git.conftest import Open
from tests.support.repo import Repo

Files = dict[str, bytes]

# Folders and files have different names, so that no path is both; `d.x` sorts between `d` and `d/`.
folders = st.lists(st.sampled_from(["d", "e", "d-", "\u00e9"]), max_size=3)
leaves = st.sampled_from(["f", "d.x", "d0", "F", "a b", "\n", "\udcff", "[x].py", "-n", "\U0001f600"])
path_names = st.builds(lambda above, leaf: "/".join([*above, leaf]), folders, leaves)
files = st.dictionaries(path_names, st.binary(max_size=4), max_size=12)


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitRepository]:
    """One repository for all examples: each only adds objects to it."""
    path = tmp_path_factory.mktemp("trees") / "repo"
    Repo(path).init()
    with GitRepository.open(path) as opened:
        yield opened


EMPTY_TREE = Sha("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


def held(git: GitRepository, tree: Sha) -> Files:
    """What the tree holds, as paths and contents."""
    found = git.entries(tree)
    return {
        entry.path: content for entry, (_, content) in zip(found, git.read(e.oid for e in found), strict=True)
    }


@settings(max_examples=25)
@given(before=files, edits=st.dictionaries(path_names, st.none() | st.binary(max_size=4), max_size=8))
def test_edit_then_entries_round_trips(
    git: GitRepository, before: Files, edits: dict[str, bytes | None]
) -> None:
    tree = git.edit(EMPTY_TREE, before)
    assert held(git, tree) == before
    expected = {path: content for path, content in (before | edits).items() if content is not None}
    after = git.edit(tree, edits)
    assert held(git, after) == expected
    assert after == git.edit(EMPTY_TREE, expected), "one content, one id"
    for path in edits:
        found = git.entry(after, path)
        assert (found is not None) == (path in expected)


@settings(max_examples=25)
@given(old=files, new=files)
def test_changed_agrees_with_a_dictionary(git: GitRepository, old: Files, new: Files) -> None:
    trees = [git.edit(EMPTY_TREE, side) for side in (old, new)]
    found = git.changed(trees[0], trees[1])
    letters = {path: "A" if path not in old else "D" if path not in new else "M" for path in {*old, *new}}
    expected = [(path, letters[path]) for path in sorted(letters) if old.get(path) != new.get(path)]
    assert [(change.path, change.status) for change in found] == expected
    back = git.changed(trees[1], trees[0])
    assert [(c.path, c.old_oid, c.new_oid) for c in back] == [(c.path, c.new_oid, c.old_oid) for c in found]


@settings(max_examples=15)
@given(before=files)
def test_listings_of_every_folder_agree(git: GitRepository, before: Files) -> None:
    tree = git.edit(EMPTY_TREE, before)
    everything = git.entries(tree)
    for folder in {path.rpartition("/")[0] for path in before}:
        prefix = f"{folder}/" if folder else ""
        inside = tuple(entry for entry in everything if entry.path.startswith(prefix))
        assert git.entries(tree, under=folder) == inside
        direct = git.entries(tree, under=folder, recursive=False)
        names = {entry.path.removeprefix(prefix).split("/")[0] for entry in inside}
        assert {entry.path for entry in direct} == {prefix + name for name in names}
        assert all(git.entry(tree, entry.path) == entry for entry in direct)


def test_a_change_tells_modes_and_ids_of_both_sides(repo: Repo, open_git: Open) -> None:
    old = repo.commit(files={"kept": "k", "gone": "g", "changed": "1"})
    new = repo.commit(files={"gone": None, "changed": "2", "new": "n"})
    git = open_git(repo.path)
    blob = {
        name: Sha(repo.rev(name))
        for name in (f"{old}:gone", f"{old}:changed", f"{new}:changed", f"{new}:new")
    }
    assert git.changed(git.tree_of(old), git.tree_of(new)) == (
        PathChange(
            path="changed",
            status="M",
            old_mode=MODE_FILE,
            new_mode=MODE_FILE,
            old_oid=blob[f"{old}:changed"],
            new_oid=blob[f"{new}:changed"],
        ),
        PathChange(
            path="gone", status="D", old_mode=MODE_FILE, new_mode=0, old_oid=blob[f"{old}:gone"], new_oid=None
        ),
        PathChange(
            path="new", status="A", old_mode=0, new_mode=MODE_FILE, old_oid=None, new_oid=blob[f"{new}:new"]
        ),
    )
    assert git.changed(git.tree_of(new), git.tree_of(new)) == ()


def test_a_folder_that_is_not_there_has_no_entries(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"a/file": "x"})
    git = open_git(repo.path)
    tree = git.tree_of(git.resolve("main"))
    for under in ("b", "a/file", "a/file/c", "a/b", "A", "*"):
        assert git.entries(tree, under=under) == ()
        assert git.entries(tree, under=under, recursive=False) == ()
    assert [entry.path for entry in git.entries(tree, under="a/")] == ["a/file"]
    assert git.entry(tree, "a") == TreeEntry(path="a", mode=MODE_TREE, oid=Sha(repo.rev("main:a")))
    assert [git.entry(tree, path) for path in ("", "a/", "a/file/x", "nope/x")] == [None] * 4


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_edit_keeps_modes_and_submodules(object_format: str, repo: Repo, open_git: Open) -> None:
    repo = Repo(repo.path.parent / object_format).init(object_format=object_format)
    repo.write({"bin/run": "#!/bin/sh\n", "bin/other": "x", "sub/file": "y"})
    (repo.path / "bin/run").chmod(0o755)
    repo.git("add", "-A")
    commit = "1" * (40 if object_format == "sha1" else 64)
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/s")
    git = open_git(repo.path)
    tree = git.tree_of(Sha(repo.commit_index()))
    after = git.edit(
        tree, {"bin/run": b"#!/bin/bash\n", "bin/new": b"n", "vendor/readme": b"r", "sub/file": None}
    )
    assert [(entry.path, entry.mode) for entry in git.entries(after)] == [
        ("bin/new", MODE_FILE),
        ("bin/other", MODE_FILE),
        ("bin/run", MODE_EXECUTABLE),
        ("vendor/readme", MODE_FILE),
        ("vendor/s", MODE_SUBMODULE),
    ]
    assert repo.git("fsck", "--strict", "--no-dangling", "--no-reflogs") == ""


def test_edit_writes_contents_byte_for_byte(repo: Repo, open_git: Open) -> None:
    repo.git("config", "core.autocrlf", "true")
    repo.commit(files={".gitattributes": "* text=auto eol=crlf ident\n"})
    git = open_git(repo.path)
    contents = {"a.txt": b"one\r\ntwo\r\n$Id$\n", "b.txt": b"lone\r\n"}
    for some in (contents, {"a.txt": contents["a.txt"]}):
        after = git.edit(git.tree_of(git.resolve("main")), some)
        assert {path: held(git, after)[path] for path in some} == some


def test_a_file_may_give_way_to_a_folder_and_back(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"a": "file", "b/c": "x"})
    git = open_git(repo.path)
    tree = git.tree_of(git.resolve("main"))
    assert held(git, git.edit(tree, {"a": None, "a/b": b"1", "b/c": None, "b": b"2"})) == {
        "a/b": b"1",
        "b": b"2",
    }
    assert git.edit(tree, {"a/below/a/file": None, "nowhere": None}) == tree
    assert git.edit(tree, {}) == tree
    assert git.edit(tree, {"a": None, "b/c": None}) == EMPTY_TREE


@pytest.mark.parametrize(
    "path",
    [
        *("", "/a", "a/", "a//b", ".", "../x", "a/./b", "a\0b"),
        *("a/b", "b", "b/s"),
        *(".git/config", "x/.GIT/y", "git~1/x", ".git./x", ".git::$X/y", ".g\u200cit/x"),
    ],
)
def test_edit_refuses_what_no_tree_should_hold(path: str, repo: Repo, open_git: Open) -> None:
    repo.write({"a": "file", "b/c": "x"}).git("add", "-A")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},b/s")
    tree = open_git(repo.path).tree_of(Sha(repo.commit_index()))
    with pytest.raises(UserError):
        open_git(repo.path).edit(tree, {path: b"x"})


def test_edit_refuses_to_delete_a_whole_folder(repo: Repo, open_git: Open) -> None:
    repo.commit(files={"b/c": "x"})
    git = open_git(repo.path)
    with pytest.raises(UserError, match="b is a folder"):
        git.edit(git.tree_of(git.resolve("main")), {"b": None})


def test_a_thousand_edits_equal_what_git_s_index_makes_of_them(repo: Repo, open_git: Open) -> None:
    repo.commit(files={f"d{n % 7}/f{n}": str(n) for n in range(100)})
    edits: dict[str, bytes | None] = {f"d{n % 13}/g{n % 5}/h{n}": b"%d" % (n % 90) for n in range(1000)}
    edits |= {f"d{n % 7}/f{n}": None for n in range(0, 100, 3)}
    git = open_git(repo.path)
    tree = git.edit(git.tree_of(git.resolve("main")), edits)
    repo.write(edits)
    assert repo.rev(f"{repo.commit()}^{{tree}}") == tree
