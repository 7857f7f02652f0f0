"""What every Forge must do, shown on each implementation: add one by adding an opener to OPENERS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.forge import GitHubForge
from pointsman.adapters.github.mirror import open_mirror
from pointsman.adapters.github.remote import GitRemote
from pointsman.adapters.local import LocalForge
from pointsman.core.model import Sha, Signature
from pointsman.core.queue.actions import Blocked, Landed, Moved
from pointsman.ports import Forge
from tests.github.desk import desk
from tests.github.fake import ZERO
from tests.support.repo import Repo

BOT = Signature(name="Pointsman", email="pointsman@example.org", when=1_700_000_000)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A forge with a branch main of one commit. `somebody_pushes` adds a commit to a branch (new ones start at main),
    `where` tells where a branch really is, `remove` deletes one; `git` is the repository that the bot builds in."""

    forge: Forge
    git: GitRepository
    somebody_pushes: Callable[[str], Sha]
    where: Callable[[str], Sha | None]
    remove: Callable[[str], None]

    def build(self, *parents: Sha, message: str = "candidate") -> Sha:
        """A candidate as the bot makes it."""
        tree = self.git.tree_of(parents[0]) if parents else self.git.edit(self.empty, {"a": b"a"})
        return self.git.commit(tree=tree, parents=parents, message=message, author=BOT, committer=BOT)

    @property
    def empty(self) -> Sha:
        tip = self.git.tree_of(self.tip())
        return self.git.edit(tip, {entry.path: None for entry in self.git.entries(tip)})

    def tip(self) -> Sha:
        tip = self.forge.tip("main")
        assert tip is not None
        return tip


@contextmanager
def local(folder: Path) -> Iterator[Bench]:
    bare = Repo(folder / "bare").init(bare=True)
    work = Repo(folder / "work").init()
    work.commit("Start", files={"README.md": "# a\n"})
    work.git("push", "-q", str(bare.path), "main")

    def push(branch: str) -> Sha:
        start = branch if bare.git("branch", "--list", branch) else "main"
        work.git("fetch", "-q", str(bare.path), start)
        work.git("checkout", "-q", "--detach", "FETCH_HEAD")
        sha = work.commit(f"more on {branch}")
        work.git("push", "-q", str(bare.path), f"{sha}:refs/heads/{branch}")
        return sha

    def where(branch: str) -> Sha | None:
        return Sha(bare.git("rev-parse", "-q", "--verify", f"refs/heads/{branch}", check=False)) or None

    def remove(branch: str) -> None:
        bare.git("update-ref", "-d", f"refs/heads/{branch}")

    with GitRepository.open(bare.path) as git:
        yield Bench(forge=LocalForge(git=git), git=git, somebody_pushes=push, where=where, remove=remove)


@contextmanager
def github(folder: Path) -> Iterator[Bench]:
    (folder / "hub").mkdir()
    with desk(folder / "hub") as at, open_mirror(folder / "mirror.git") as git:
        repo = at.repo
        remote = GitRemote(git, repo.clone_url, at.opened.tokens, clock=at.clock)
        numbers = iter(range(1000))

        def push(branch: str) -> Sha:
            return Sha(repo.push("ada", branch, {f"{next(numbers)}.txt": "x\n"}, f"more on {branch}"))

        def where(branch: str) -> Sha | None:
            tip = repo.tip(branch)
            return Sha(tip) if tip else None

        yield Bench(
            forge=GitHubForge(git=git, remote=remote, pulls=at.pulls, clock=at.clock),
            git=git,
            somebody_pushes=push,
            where=where,
            remove=lambda branch: repo.move("ada", branch, ZERO),
        )


OPENERS: dict[str, Callable[[Path], AbstractContextManager[Bench]]] = {"local": local, "github": github}


@pytest.fixture(params=OPENERS)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with OPENERS[request.param](tmp_path) as opened:
        yield opened


def test_the_tip_is_where_the_branch_is_now_and_its_commit_is_here(bench: Bench) -> None:
    first = bench.tip()
    assert first == bench.where("main")
    second = bench.somebody_pushes("main")
    assert bench.tip() == second
    assert bench.git.is_ancestor(first, second)


def test_a_base_that_does_not_exist_has_no_tip(bench: Bench) -> None:
    assert bench.forge.tip("release") is None


def test_branches_are_told_with_their_commits_here(bench: Bench) -> None:
    one, two = bench.somebody_pushes("agent/one"), bench.somebody_pushes("agent/two")
    heads = bench.forge.branch_heads()
    assert heads == {"main": bench.where("main"), "agent/one": one, "agent/two": two}
    assert bench.git.merge_bases(one, two) == (bench.where("main"),)


def test_wanted_branches_are_told_where_they_exist(bench: Bench) -> None:
    one = bench.somebody_pushes("agent/one")
    bench.somebody_pushes("x/agent/one")
    heads = bench.forge.branch_heads(["agent/one", "agent/none", "agent"])
    assert heads["agent/one"] == one
    assert "agent/none" not in heads
    assert "agent" not in heads
    assert bench.git.commit_facts(one).sha == one


def test_a_branch_that_is_gone_is_told_no_more(bench: Bench) -> None:
    bench.somebody_pushes("agent/one")
    assert "agent/one" in bench.forge.branch_heads(["agent/one"])
    bench.remove("agent/one")
    bench.forge.forget()
    assert "agent/one" not in bench.forge.branch_heads(["agent/one"])


def test_rule_1_landing_moves_the_base_to_exactly_that_commit(bench: Bench) -> None:
    tip = bench.tip()
    candidate = bench.build(tip)
    assert bench.forge.obstacle("main", expected=tip, new=candidate) == ""
    assert bench.forge.land("main", expected=tip, new=candidate) == Landed()
    assert bench.where("main") == candidate
    assert bench.tip() == candidate


def test_rule_1_several_commits_land_in_one_move(bench: Bench) -> None:
    tip = bench.tip()
    one = bench.somebody_pushes("agent/one")
    assert bench.forge.branch_heads(["agent/one"])["agent/one"] == one
    candidate = bench.build(bench.build(tip, one, message="merge"), message="heal")
    assert bench.forge.land("main", expected=tip, new=candidate) == Landed()
    assert bench.where("main") == candidate


def test_rule_2_landing_again_after_a_crash_says_that_it_has_landed(bench: Bench) -> None:
    tip = bench.tip()
    candidate = bench.build(tip)
    assert bench.forge.land("main", expected=tip, new=candidate) == Landed()
    assert bench.forge.land("main", expected=tip, new=candidate) == Landed()
    assert bench.where("main") == candidate


def test_rule_2_it_has_landed_also_where_more_landed_on_top(bench: Bench) -> None:
    tip = bench.tip()
    candidate = bench.build(tip)
    bench.forge.land("main", expected=tip, new=candidate)
    later = bench.somebody_pushes("main")
    assert bench.forge.land("main", expected=tip, new=candidate) == Landed()
    assert bench.where("main") == later


def test_rule_18_a_base_that_moved_is_told_and_left_alone(bench: Bench) -> None:
    tip = bench.tip()
    candidate = bench.build(tip)
    other = bench.somebody_pushes("main")
    assert bench.forge.land("main", expected=tip, new=candidate) == Moved(actual=other)
    assert bench.where("main") == other


def test_rule_18_a_base_that_is_gone_is_told_and_not_made_again(bench: Bench) -> None:
    tip = bench.tip()
    candidate = bench.build(tip)
    bench.somebody_pushes("other")
    bench.remove("main")
    assert bench.forge.land("main", expected=tip, new=candidate) == Moved(actual=None)
    assert bench.where("main") is None
    assert bench.forge.tip("main") is None


def test_rule_1_what_is_no_descendant_never_lands(bench: Bench) -> None:
    tip = bench.tip()
    stranger = bench.build(message="alone")
    outcome = bench.forge.land("main", expected=tip, new=stranger)
    assert isinstance(outcome, Blocked)
    assert "fast-forward" in outcome.why
    assert bench.where("main") == tip


def test_an_unprotected_branch_asks_for_no_checks(bench: Bench) -> None:
    assert bench.forge.required_checks("main") == ()
