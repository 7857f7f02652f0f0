"""Names become SHAs without ambiguity, and refs move by compare-and-swap or not at all."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.core.errors import EnvironmentProblem, GitFailed, UserError
from pointsman.core.model import Sha
from tests.git.conftest import Open
from tests.support.repo import Repo

REF = "refs/heads/lane"


@pytest.fixture
def three(repo: Repo) -> list[Sha]:
    """Three commits on main, oldest first."""
    return [repo.commit(f"commit {n}", files={"file": str(n)}) for n in range(3)]


def test_resolve_takes_what_rev_parse_takes(repo: Repo, three: list[Sha], open_git: Open) -> None:
    repo.git("tag", "-a", "-m", "release", "v1", three[0])
    repo.git("update-ref", "refs/remotes/origin/main", three[1])
    git = open_git(repo.path)
    named = [
        "v1",
        "v1^{}",
        "origin/main",
        "main~1",
        "HEAD^",
        "@",
        three[0][:9],
        three[2],
        ":/^commit 1",
        "main@{0}",
    ]
    expected = [three[0], three[0], *three[1:2] * 3, three[2], three[0], three[2], three[1], three[2]]
    assert [git.resolve(name) for name in named] == expected


def test_a_branch_wins_over_a_tag_of_its_name(repo: Repo, three: list[Sha], open_git: Open) -> None:
    repo.git("branch", "release", three[1])
    repo.git("tag", "release", three[0])
    repo.git("update-ref", "refs/remotes/origin/x", three[2])
    repo.git("tag", "origin/x", three[0])
    repo.git("tag", "HEAD", three[0])
    repo.git("branch", "FIX_HEAD", three[1])
    repo.git("tag", "FIX_HEAD", three[0])
    repo.git("update-ref", "refs/heads/HEAD", three[0])
    git = open_git(repo.path)
    assert repo.rev("release") == three[0], "git itself takes the tag"
    assert git.resolve("release") == three[1]
    assert git.resolve("release~1") == three[0]
    assert git.resolve("origin/x") == three[2]
    assert git.resolve("HEAD") == three[2]
    assert git.resolve("FIX_HEAD") == three[1]
    assert git.resolve("refs/tags/release") == three[0]


def test_a_full_id_is_never_taken_for_a_branch(repo: Repo, three: list[Sha], open_git: Open) -> None:
    repo.git("update-ref", f"refs/heads/{three[0]}", three[2])
    assert open_git(repo.path).resolve(three[0]) == three[0]


@pytest.mark.parametrize(
    "rev",
    ["nowhere", "", "-x", "--all", "--git-dir", "a b", "main..main", "main:file", "x\ny", "@{u}", "9" * 40],
)
def test_what_names_no_commit_is_the_user_s_error(
    rev: str, repo: Repo, three: list[Sha], open_git: Open
) -> None:
    with pytest.raises(UserError) as error:
        open_git(repo.path).resolve(rev)
    assert repr(rev) in str(error.value)
    assert ";" in str(error.value), "the next step follows"


def test_a_branch_that_looks_like_an_option(repo: Repo, three: list[Sha], open_git: Open) -> None:
    repo.git("update-ref", "refs/heads/--all", three[1])
    assert open_git(repo.path).resolve("--all") == three[1]


def test_head_before_the_first_commit(repo: Repo, open_git: Open) -> None:
    with pytest.raises(UserError, match="no commit yet"):
        open_git(repo.path).resolve("HEAD")


def test_which_branch_a_rev_names(repo: Repo, three: list[Sha], open_git: Open) -> None:
    repo.git("branch", "agent/x")
    repo.git("tag", "v1")
    repo.git("update-ref", "refs/remotes/origin/main", three[0])
    git = open_git(repo.path)
    named = [
        "main",
        "HEAD",
        "agent/x",
        "refs/heads/agent/x",
        "v1",
        "origin/main",
        "main~1",
        three[0],
        "-x",
        "",
        "a b",
    ]
    assert [git.branch_of(rev) for rev in named] == ["main", "main", "agent/x", "agent/x", *[None] * 7]
    repo.git("checkout", "-q", "--detach")
    assert git.branch_of("HEAD") is None


def test_refs_are_read_by_full_name_and_listed_by_prefix(
    repo: Repo, three: list[Sha], open_git: Open
) -> None:
    for name, sha in {"agent/a": three[0], "agent/b": three[1], "agents": three[2]}.items():
        repo.git("branch", name, sha)
    repo.git("pack-refs", "--all")
    git = open_git(repo.path)
    assert git.refs("refs/heads/agent/") == {"refs/heads/agent/a": three[0], "refs/heads/agent/b": three[1]}
    assert set(git.refs("refs/heads/agent")) == {f"refs/heads/{n}" for n in ("agent/a", "agent/b", "agents")}
    assert git.read_ref("refs/heads/agent/a") == three[0]
    assert git.read_ref("refs/heads/agent") is None
    with pytest.raises(ValueError, match="full ref name"):
        git.read_ref("main")


def test_R72_a_ref_moves_only_from_where_it_was_expected(
    repo: Repo, three: list[Sha], open_git: Open
) -> None:
    git = open_git(repo.path)
    assert git.move_ref(REF, new=three[0], expected=None)
    assert not git.move_ref(REF, new=three[1], expected=None), "it exists by now"
    assert not git.move_ref(REF, new=three[2], expected=three[1]), "it is elsewhere"
    assert git.move_ref(REF, new=three[1], expected=three[0])
    assert not git.move_ref(REF, new=None, expected=three[0])
    assert git.read_ref(REF) == three[1]
    assert git.move_ref(REF, new=None, expected=three[1])
    assert git.move_ref(REF, new=None, expected=None)
    assert not git.move_ref(REF, new=three[1], expected=three[0]), "it is gone"


def test_a_move_that_fails_for_another_reason_is_no_answer(
    repo: Repo, three: list[Sha], open_git: Open
) -> None:
    git = open_git(repo.path)
    for ref, new in (
        (REF, Sha("7" * 40)),
        ("refs/heads/main/below", three[0]),
        ("refs/heads/a..b", three[0]),
    ):
        with pytest.raises(GitFailed) as failed:
            git.move_ref(ref, new=new, expected=None)
        assert failed.value.code != 0
        assert "update-ref" in failed.value.command
        assert failed.value.stderr


def test_a_broken_ref_is_not_taken_for_absent(repo: Repo, three: list[Sha], open_git: Open) -> None:
    (repo.path / ".git/refs/heads/lane").write_text("")
    git = open_git(repo.path)
    with pytest.raises(GitFailed, match="broken ref"):
        git.read_ref(REF)
    with pytest.raises(GitFailed):
        git.move_ref(REF, new=three[0], expected=None)


def test_R78_a_lock_is_waited_for(repo: Repo, three: list[Sha]) -> None:
    lock = repo.path / ".git/refs/heads/lane.lock"
    lock.touch()
    release = threading.Timer(0.3, lock.unlink)
    release.start()
    with GitRepository.open(repo.path, lock_wait=10) as git:
        assert git.move_ref(REF, new=three[0], expected=None)
    release.join()


def test_R78_a_stale_lock_is_named_and_left_alone(repo: Repo, three: list[Sha], open_git: Open) -> None:
    lock = repo.path / ".git/refs/heads/lane.lock"
    lock.touch()
    began = time.monotonic()
    with pytest.raises(EnvironmentProblem, match=rf"{lock} .*0\.3 s.*rm ") as error:
        open_git(repo.path).move_ref(REF, new=three[0], expected=None)
    assert isinstance(error.value.__cause__, GitFailed)
    assert lock.exists()
    assert time.monotonic() - began < 5


def test_R72_of_eight_racing_processes_one_wins(repo: Repo, three: list[Sha], open_git: Open) -> None:
    git = open_git(repo.path)
    assert git.move_ref(REF, new=three[0], expected=None)
    racers = [race(repo, expected=three[0], new=repo.commit(f"racer {n}")) for n in range(8)]
    assert all(racer.stdout and racer.stdout.readline() for racer in racers), "all are ready"
    (repo.path / "go").touch()
    answers = [racer.communicate(timeout=60)[0].split() for racer in racers]
    winners = [sha for answer, sha in answers if answer == "True"]
    assert [git.read_ref(REF)] == winners
    assert [answer for answer, _ in answers].count("False") == 7


def race(repo: Repo, *, expected: Sha, new: Sha) -> subprocess.Popen[str]:
    """A process of its own that opens the repository, says so, waits for the start and moves the ref."""
    script = """
import sys, time
from pathlib import Path
from pointsman.adapters.git.repository import GitRepository
path, ref, expected, new = sys.argv[1:]
with GitRepository.open(Path(path)) as git:
    print("ready", flush=True)
    while not (Path(path) / "go").exists():
        time.sleep(0.002)
    print(git.move_ref(ref, new=new, expected=expected), new)
"""
    command = [sys.executable, "-c", script, str(repo.path), REF, expected, new]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_hooks_of_the_repository_do_not_run(
    repo: Repo, three: list[Sha], open_git: Open, tmp_path: Path
) -> None:
    hook = repo.path / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
    hook.chmod(0o755)
    git = open_git(repo.path)
    assert git.move_ref(REF, new=three[0], expected=None)
    assert not (tmp_path / "ran").exists()


def test_the_reflog_says_who_moved_it(repo: Repo, three: list[Sha], open_git: Open) -> None:
    git = open_git(repo.path)
    git.move_ref("refs/heads/main", new=three[0], expected=three[2])
    assert repo.git("reflog", "show", "-1", "--format=%gn %gs", "main") == "pointsman pointsman"


def test_configuration_is_read_as_git_sees_it(repo: Repo, open_git: Open) -> None:
    repo.git("config", "user.name", "Zoë\nLine")
    git = open_git(repo.path)
    assert git.config("user.name") == "Zoë\nLine"
    assert git.config("user.unset") is None


def test_commits_of_follows_tags_and_leaves_out_what_leads_to_none(
    repo: Repo, three: list[Sha], open_git: Open
) -> None:
    repo.git("tag", "-a", "-m", "x", "once", three[0])
    repo.git("tag", "-a", "-m", "x", "twice", "once")
    repo.git("tag", "tree", f"{three[0]}^{{tree}}")
    git = open_git(repo.path)
    tags = dict.fromkeys(["refs/tags/once", "refs/tags/twice"], three[0])
    found = git.commits_of(["refs/tags/once", "refs/tags/tree", "refs/tags/gone", "refs/tags/twice"])
    assert found == tags
    assert git.commits_of(["refs/tags/gone", "refs/heads/main"]) == {"refs/heads/main": three[2]}
    assert set(git.refs("refs/tags/o", "refs/heads/m")) == {"refs/tags/once", "refs/heads/main"}
