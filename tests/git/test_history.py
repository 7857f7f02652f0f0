"""Commits are read as they are, however odd, and written the same way every time."""

from __future__ import annotations

import pytest

from pointsman.core.errors import MissingObject
from pointsman.core.model import CommitFacts, Sha, Signature
from tests.git.conftest import Open
from tests.support.repo import FIRST_COMMIT_AT, Repo

ADA = Signature(name="Ada", email="ada@example.org", when=1_700_000_000)
EMPTY_TREE = Sha("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


def raw_commit(repo: Repo, text: bytes) -> Sha:
    """A commit object that git itself would not write."""
    return Sha(repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", input=text))


def test_what_a_commit_says(repo: Repo, open_git: Open) -> None:
    first = repo.commit(files={"f": "1"})
    second = repo.commit("subject\n\nbody: Zoë\n", author="Zoë <zoë@example.org>")
    git = open_git(repo.path)
    when = FIRST_COMMIT_AT + 2
    assert git.commit_facts(second) == CommitFacts(
        sha=second,
        tree=git.tree_of(first),
        parents=(first,),
        author=Signature(name="Zoë", email="zoë@example.org", when=when),
        committer=Signature(name="Ada", email="ada@example.org", when=when),
        message="subject\n\nbody: Zoë\n",
    )


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(b" <> 5 +0000", Signature(name="", email="", when=5), id="empty"),
        pytest.param(b"A B <a@b>", Signature(name="A B", email="a@b", when=0), id="no date"),
        pytest.param(b"nobody", Signature(name="nobody", email="", when=0), id="no address"),
        pytest.param(b"\xff <a> 7 -0130", Signature(name="\ufffd", email="a", when=7), id="not UTF-8"),
        pytest.param(b"a <b> -7 +0000", Signature(name="a", email="b", when=-7), id="before 1970"),
    ],
)
def test_odd_identities(line: bytes, expected: Signature, repo: Repo, open_git: Open) -> None:
    text = (
        b"tree %s\nauthor %s\ncommitter A <a> 1 +0000\ngpgsig -----BEGIN\n author X\n\nparent of all\xff"
        % (
            EMPTY_TREE.encode(),
            line,
        )
    )
    facts = open_git(repo.path).commit_facts(raw_commit(repo, text))
    assert (facts.author, facts.parents, facts.message) == (expected, (), "parent of all\ufffd")


def test_writing_the_same_commit_twice_gives_one_id(repo: Repo, open_git: Open) -> None:
    parent = repo.commit(files={"f": "1"})
    git = open_git(repo.path)
    made = [
        git.commit(
            tree=git.tree_of(parent), parents=[parent, parent], message="Grüße\n", author=ADA, committer=ADA
        )
        for _ in range(2)
    ]
    assert made[0] == made[1]
    facts = git.commit_facts(made[0])
    assert (facts.parents, facts.author, facts.message) == ((parent,), ADA, "Grüße\n")
    assert repo.git("fsck", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize("name", ["", " ", "<>", "\n", "..."])
def test_an_author_without_a_name_can_still_be_written(name: str, repo: Repo, open_git: Open) -> None:
    nameless = Signature(name=name, email="", when=-1)
    git = open_git(repo.path)
    repo.commit(files={"f": "1"})
    tree = git.tree_of(git.resolve("main"))
    sha = git.commit(tree=tree, parents=[], message="", author=nameless, committer=ADA)
    assert git.commit_facts(sha).author == Signature(name="unknown", email="", when=0)


def test_commits_are_listed_newest_first_children_before_parents(repo: Repo, open_git: Open) -> None:
    base = repo.commit("base")
    side = [repo.branch("side").commit("s1"), repo.commit("s2")]
    main = [repo.checkout("main").commit("m1"), repo.commit("m2")]
    merge = repo.merge("side")
    git = open_git(repo.path)
    listed = git.commits(merge)
    assert set(listed) == {base, *side, *main, merge}
    assert [listed.index(sha) for sha in (merge, *reversed(side), base)] == sorted(
        listed.index(sha) for sha in (merge, *reversed(side), base)
    )
    assert git.commits(merge, first_parent=True) == (merge, *reversed(main), base)
    assert git.commits(merge, first_parent=True, limit=2) == (merge, main[1])
    assert git.commits(merge, exclude=[main[1]]) == (merge, *reversed(side))
    assert git.commits(merge, exclude=[main[1], side[1]]) == (merge,)
    assert git.commits(base, exclude=[merge]) == ()


def test_ancestry(repo: Repo, open_git: Open) -> None:
    base = repo.commit("base")
    side = repo.branch("side").commit("side")
    main = repo.checkout("main").commit("main")
    repo.git("checkout", "-q", "--orphan", "alone")
    alone = repo.commit("alone")
    git = open_git(repo.path)
    assert git.merge_bases(side, main) == (base,)
    assert git.merge_bases(main, alone) == ()
    assert git.is_ancestor(base, main)
    assert git.is_ancestor(main, main)
    assert not git.is_ancestor(main, base)
    assert not git.is_ancestor(alone, main)
    with pytest.raises(MissingObject, match="7" * 40):
        git.is_ancestor(Sha("7" * 40), main)
