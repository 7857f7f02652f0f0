"""Blobs come through one child process in the order asked, in any number, and a missing one is named."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from pointsman.core.errors import EnvironmentProblem, GitFailed, MissingObject
from pointsman.core.model import Sha
from tests.git.conftest import Open
from tests.support.repo import Repo


def blobs(repo: Repo, contents: list[bytes]) -> list[Sha]:
    """Writes each content as a blob."""
    for number, content in enumerate(contents):
        (repo.path / f"{number}").write_bytes(content)
    names = "".join(f"{repo.path}/{number}\n" for number in range(len(contents)))
    return [Sha(oid) for oid in repo.git("hash-object", "-w", "--stdin-paths", input=names).split()]


def lose(repo: Repo, oid: str) -> None:
    """Takes a loose object away, as a damaged disk does."""
    (repo.path / ".git/objects" / oid[:2] / oid[2:]).unlink()


def test_reads_in_the_order_asked_with_repeats(repo: Repo, open_git: Open) -> None:
    oids = blobs(repo, [b"one", b"", b"\0two\n\n", b"three missing\n"])
    asked = [oids[2], oids[0], oids[1], oids[2], oids[3]]
    contents = [content for _, content in open_git(repo.path).read(asked)]
    assert contents == [b"\0two\n\n", b"one", b"", b"\0two\n\n", b"three missing\n"]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_many_and_large_blobs_never_deadlock(object_format: str, repo: Repo, open_git: Open) -> None:
    repo = Repo(repo.path.parent / object_format).init(object_format=object_format)
    oids = blobs(repo, [bytes([n]) * 200_000 for n in range(20)] + [b"%d" % n for n in range(180)])
    read = dict(open_git(repo.path).read(oids * 20))
    assert [len(read[oid]) for oid in oids[:21]] == [200_000] * 20 + [1]


def test_a_read_left_in_the_middle_does_not_disturb_the_next(repo: Repo, open_git: Open) -> None:
    oids = blobs(repo, [b"%d" % n for n in range(100)])
    git = open_git(repo.path)
    first = git.read(oids)
    assert next(first) == (oids[0], b"0")
    assert next(iter(git.read([oids[99]]))) == (oids[99], b"99")
    assert next(first) == (oids[1], b"1")


def test_several_threads_read_at_once(repo: Repo, open_git: Open) -> None:
    oids = blobs(repo, [b"%d" % n for n in range(150)])
    git = open_git(repo.path)

    def read(start: int) -> bool:
        mine = oids[start:] + oids[:start]
        return [int(content) for _, content in git.read(mine)] == [oids.index(oid) for oid in mine]

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(0, 150, 10)))


def test_a_missing_blob_is_named(repo: Repo, open_git: Open) -> None:
    oids = blobs(repo, [b"here", b"gone"])
    lose(repo, oids[1])
    git = open_git(repo.path)
    with pytest.raises(MissingObject, match=f"{oids[1]}.*git fetch"):
        list(git.read(oids))
    assert list(git.read(oids[:1])) == [(oids[0], b"here")]


def test_a_blob_beyond_the_limit_is_refused_and_not_kept(repo: Repo, open_git: Open) -> None:
    oids = blobs(repo, [b"x" * 3_000_000, b"small", b"x" * 10])
    git = open_git(repo.path)
    with pytest.raises(EnvironmentProblem, match=r"3000000 bytes, more than the limit of 10"):
        list(git.read(oids, limit=10))
    assert [content for _, content in git.read(oids[1:], limit=10)] == [b"small", b"x" * 10]


def test_what_is_no_blob_is_not_read_as_one(repo: Repo, open_git: Open) -> None:
    commit = repo.commit(files={"file": "x"})
    git = open_git(repo.path)
    with pytest.raises(EnvironmentProblem, match="is a commit, not a blob"):
        list(git.read([commit]))
    with pytest.raises(EnvironmentProblem, match="is a tree, not a commit"):
        git.commit_facts(git.tree_of(commit))
    with pytest.raises(ValueError, match="not a full object id"):
        list(git.read([Sha("HEAD\n")]))


def test_a_child_that_was_killed_is_replaced(repo: Repo, open_git: Open) -> None:
    (oid,) = blobs(repo, [b"content"])
    git = open_git(repo.path)
    assert dict(git.read([oid])) == {oid: b"content"}
    child = git._plumbing.objects._child
    assert child is not None
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    assert dict(git.read([oid])) == {oid: b"content"}


def test_a_damaged_object_is_a_failure_with_git_s_words(repo: Repo, open_git: Open) -> None:
    (oid,) = blobs(repo, [b"content" * 1000])
    path = repo.path / ".git/objects" / oid[:2] / oid[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:20] + b"rubbish")
    with pytest.raises((GitFailed, MissingObject)) as failed:
        list(open_git(repo.path).read([oid]))
    assert oid in str(failed.value)


@pytest.mark.parametrize("kind", ["blob", "tree", "commit"])
def test_a_missing_object_is_named_by_every_command(kind: str, repo: Repo, open_git: Open) -> None:
    base = repo.commit(files={"sub/file": "base\n" * 5, "other": "x"})
    lost = {"blob": repo.rev(f"{base}:sub/file"), "tree": repo.rev(f"{base}:sub"), "commit": base}[kind]
    head = repo.branch("pr").commit(files={"sub/file": "base\n" * 5 + "mine\n"})
    main = repo.checkout("main").commit(files={"sub/file": "main\n" + "base\n" * 5})
    root = Sha(repo.rev(f"{base}^{{tree}}"))
    lose(repo, lost)
    git = open_git(repo.path)
    with pytest.raises(MissingObject, match=lost):
        git.merge(main, head)
    with pytest.raises(MissingObject, match=lost):
        match kind:
            case "blob":
                git.materialise(base, repo.path.parent / "out")
            case "tree":
                git.entries(root)
            case _:
                git.commits(head)
    if kind == "tree":
        with pytest.raises(MissingObject, match=lost):
            git.changed(root, git.tree_of(head))
        with pytest.raises(MissingObject, match=lost):
            git.edit(root, {"sub/file": b"x"})
    if kind == "commit":
        with pytest.raises(MissingObject, match=lost):
            git.merge_bases(main, head)
        with pytest.raises(MissingObject, match=lost):
            git.is_ancestor(base, head)
