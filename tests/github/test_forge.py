"""GitHubForge on the fake GitHub: pull requests' heads, rules of the branch, refused landings, and what it costs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.auth import TokenAuth
from pointsman.adapters.github.forge import REFUSED_FOR, RULES_FOR, GitHubForge
from pointsman.adapters.github.mirror import open_mirror, upkeep
from pointsman.adapters.github.remote import GitRemote
from pointsman.core.errors import EnvironmentProblem, ForgeRefused, ForgeUnavailable
from pointsman.core.model import Sha, Signature
from pointsman.core.pulls.model import RequiredCheck
from pointsman.core.queue.actions import Blocked, Landed, Moved
from tests.github.desk import Desk, desk
from tests.github.fake import ACTIONS_APP
from tests.github.git_server import GitServer, Reply, Seen, Work, refused_push

BOT = Signature(name="Pointsman", email="pointsman@example.org", when=1_700_000_000)


@dataclass
class Bench:
    at: Desk
    git: GitRepository
    forge: GitHubForge

    def candidate(self, *, files: dict[str, bytes] | None = None) -> tuple[Sha, Sha]:
        """The tip and a commit on top of it."""
        tip = self.forge.tip("main")
        assert tip is not None
        tree = self.git.edit(self.git.tree_of(tip), dict(files or {"a.txt": b"a\n"}))
        return tip, self.git.commit(tree=tree, parents=[tip], message="Land", author=BOT, committer=BOT)

    def land(self) -> Landed | Moved | Blocked:
        tip, new = self.candidate()
        return self.forge.land("main", expected=tip, new=new)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "hub").mkdir()
    with desk(tmp_path / "hub") as at, open_mirror(tmp_path / "mirror.git") as git:
        yield bench_at(at, git)


def bench_at(at: Desk, git: GitRepository) -> Bench:
    remote = GitRemote(git, at.repo.clone_url, at.opened.tokens, clock=at.clock, pause=0.01)
    return Bench(at, git, GitHubForge(git=git, remote=remote, pulls=at.pulls, clock=at.clock))


def test_rules_3_and_4_heads_of_pull_requests_come_from_git_and_cost_no_request(bench: Bench) -> None:
    one = bench.at.pull("one")
    bench.at.requests()
    heads = bench.forge.branch_heads([f"#{one}", "main", "#99"])
    assert heads == {f"#{one}": bench.at.repo.pull(one).head, "main": bench.at.repo.tip("main")}
    moved = bench.at.repo.push("ada", "one", {"more.txt": "x\n"})
    assert bench.forge.branch_heads([f"#{one}"]) == {f"#{one}": moved}
    assert bench.git.commit_facts(Sha(moved)).sha == moved
    spent = [line for line in bench.at.requests() if "access_tokens" not in line]
    assert spent == []


def test_rule_13_the_head_of_a_fork_that_we_may_not_read_is_here(bench: Bench) -> None:
    number = bench.at.pull("theirs", by="eve", fork="eve")
    heads = bench.forge.branch_heads([f"#{number}"])
    assert heads == {f"#{number}": bench.at.repo.pull(number).head}
    assert bench.git.commit_facts(heads[f"#{number}"]).parents == (bench.at.repo.tip("main"),)


def test_rule_5_candidates_are_no_branches(bench: Bench) -> None:
    bench.at.repo.push("ada", "pointsman/1-0123456789ab", {"x.txt": "x\n"})
    assert set(bench.forge.branch_heads()) == {"main"}


def test_rule_15_the_heads_of_300_pull_requests_are_one_round_trip(bench: Bench) -> None:
    tip = bench.at.repo.tip("main")
    updates = "".join(f"create refs/pull/{number}/head {tip}\n" for number in range(1, 301))
    bench.at.repo.bare.git("update-ref", "--stdin", stdin=updates.encode())
    bench.at.requests()
    heads = bench.forge.branch_heads([f"#{number}" for number in range(1, 301)])
    assert heads == {f"#{number}": tip for number in range(1, 301)}
    assert len(bench.at.requests()) <= 1


@pytest.mark.parametrize("bypass_mode", ["none", "pull_request"])
def test_rule_11_without_an_always_bypass_it_says_which_is_missing_and_waits(
    bench: Bench, bypass_mode: str
) -> None:
    apps = [bench.at.app] if bypass_mode == "pull_request" else []
    bench.at.repo.ruleset(pull_request=True, bypass_apps=apps, bypass_mode="pull_request")
    outcome = bench.land()
    assert isinstance(outcome, Blocked)
    assert "Changes must be made through a pull request" in outcome.why
    assert "bypass" in outcome.why
    tip, new = bench.candidate()
    assert bench.forge.obstacle("main", expected=tip, new=new) == outcome.why
    assert bench.forge.obstacle("other", expected=tip, new=new) == ""
    bench.at.clock.sleep(-86_400)
    assert bench.forge.obstacle("main", expected=tip, new=new) == "", (
        "a clock set back is no reason to wait a day"
    )
    bench.at.clock.sleep(86_400 + REFUSED_FOR + 1)
    assert bench.forge.obstacle("main", expected=tip, new=new) == ""


def test_rule_11_with_an_always_bypass_it_lands(bench: Bench) -> None:
    bench.at.repo.ruleset(pull_request=True, required_checks=["unit"], bypass_apps=[bench.at.app])
    assert bench.land() == Landed()
    assert bench.forge.obstacle("main", expected=Sha("0" * 40), new=Sha("0" * 40)) == ""


def test_rule_10_a_token_that_may_not_write_is_told_from_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    granted = {"contents": "read", "metadata": "read", "checks": "write", "administration": "read"}
    with desk(tmp_path / "hub", **granted) as at, open_mirror(tmp_path / "mirror.git") as git:
        outcome = bench_at(at, git).land()
        assert isinstance(outcome, Blocked)
        assert "Contents: write" in outcome.why
        assert "Permission to acme/widgets" in outcome.why


def test_rule_13_a_fork_that_we_may_not_push_to_refuses_and_stays(bench: Bench) -> None:
    number = bench.at.pull("theirs", by="eve", fork="eve")
    head = bench.forge.branch_heads([f"#{number}"])[f"#{number}"]
    fix = bench.git.commit(
        tree=bench.git.tree_of(head), parents=[head], message="Fix", author=BOT, committer=BOT
    )
    refused = bench.forge.remote.push("refs/heads/theirs", new=fix, expected=head, url="eve/widgets")
    assert refused is not None
    assert refused.code == "forbidden"
    assert bench.at.repo.pull(number).head == head


@pytest.mark.parametrize(
    ("why", "step"),
    [
        (
            "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml`",
            "Workflows: write",
        ),
        ("pre-receive hook declined", "tried again"),
    ],
)
def test_rule_10_what_is_refused_is_told_with_the_next_step(
    tmp_path: Path, bench: Bench, why: str, step: str
) -> None:
    with GitServer(tmp_path / "server", "t") as server:
        hub = server.add("acme/widgets.git")
        tip, new = bench.candidate()
        hub.git(
            "fetch", "-q", str(bench.git.git_common_dir), "refs/pointsman/remote/heads/main:refs/heads/main"
        )
        server.spoil = lambda seen, work: (
            refused_push("refs/heads/main", why) if seen.what == "git-receive-pack" else work()
        )
        remote = GitRemote(bench.git, server.url("acme/widgets.git"), TokenAuth("t"), clock=bench.at.clock)
        forge = GitHubForge(git=bench.git, remote=remote, pulls=bench.at.pulls, clock=bench.at.clock)
        outcome = forge.land("main", expected=tip, new=new)
        assert isinstance(outcome, Blocked)
        assert why in outcome.why
        assert step in outcome.why


@pytest.mark.parametrize("late", [2, 99], ids=["it shows after a moment", "it does not show"])
def test_rule_1_what_is_read_back_may_lag_and_is_never_taken_for_a_failure(
    tmp_path: Path, bench: Bench, late: int
) -> None:
    with GitServer(tmp_path / "server", "t") as server:
        hub = server.add("acme/widgets.git")
        tip, new = bench.candidate()
        hub.git(
            "fetch", "-q", str(bench.git.git_common_dir), "refs/pointsman/remote/heads/main:refs/heads/main"
        )
        remote = GitRemote(bench.git, server.url("acme/widgets.git"), TokenAuth("t"), clock=bench.at.clock)
        old: list[Reply] = []
        left = [late]

        def stale(seen: Seen, work: Work) -> Reply:
            if seen.what != "git-upload-pack" or b"command=ls-refs" not in seen.body:
                return work()
            if not old:
                old.append(work())
            left[0] -= 1
            return old[0] if left[0] >= 0 else work()

        server.spoil = stale
        forge = GitHubForge(git=bench.git, remote=remote, pulls=bench.at.pulls, clock=bench.at.clock)
        assert forge.tip("main") == tip
        if late < 10:
            assert forge.land("main", expected=tip, new=new) == Landed()
        else:
            with pytest.raises(ForgeUnavailable, match="took the push"):
                forge.land("main", expected=tip, new=new)
        assert hub.rev("refs/heads/main") == new
        left[0] = 0
        assert forge.land("main", expected=tip, new=new) == Landed()


def test_rule_1_a_landing_closes_the_pull_request_as_merged_and_is_never_forced(bench: Bench) -> None:
    number = bench.at.pull("one")
    head = bench.forge.branch_heads([f"#{number}"])[f"#{number}"]
    tip = bench.forge.tip("main")
    assert tip is not None
    tree = bench.git.tree_of(head)
    new = bench.git.commit(tree=tree, parents=[tip, head], message="Land #1", author=BOT, committer=BOT)
    assert bench.forge.land("main", expected=tip, new=new) == Landed()
    assert bench.at.repo.pull(number).merged
    moves = [move for move in bench.at.hub.git_log if move.ref == "refs/heads/main"]
    assert [(move.old, move.new, move.forced, move.via) for move in moves[-1:]] == [(tip, new, False, "git")]


def test_rule_7_required_checks_are_read_with_their_app(bench: Bench) -> None:
    bench.at.repo.ruleset(required_checks=["lint", ("unit", ACTIONS_APP)], bypass_apps=[bench.at.app])
    found = bench.forge.required_checks("main")
    assert set(found) == {RequiredCheck(name="lint"), RequiredCheck(name="unit", app=ACTIONS_APP)}


def test_rule_8_our_own_checks_are_never_waited_for(bench: Bench) -> None:
    ours = ["pointsman / queue", ("pointsman / contract", bench.at.app.id), ("anything", bench.at.app.id)]
    bench.at.repo.ruleset(required_checks=[*ours, "unit"], bypass_apps=[bench.at.app])
    assert bench.forge.required_checks("main") == (RequiredCheck(name="unit"),)


def test_the_rules_are_read_again_after_some_minutes_only(bench: Bench) -> None:
    assert bench.forge.required_checks("main") == ()
    bench.at.requests()
    bench.at.repo.ruleset(required_checks=["unit"], bypass_apps=[bench.at.app])
    assert bench.forge.required_checks("main") == ()
    assert bench.at.requests() == []
    bench.at.clock.sleep(RULES_FOR + 1)
    assert bench.forge.required_checks("main") == (RequiredCheck(name="unit"),)


def test_rule_7_rules_that_cannot_be_read_are_no_empty_rules(bench: Bench) -> None:
    bench.at.hub.fail_next("GET", "/rules/branches/", 403, times=9)
    with pytest.raises(ForgeRefused, match="nothing lands"):
        bench.forge.required_checks("main")
    bench.at.hub.faults.clear()
    bench.at.clock.sleep(RULES_FOR + 1)
    bench.at.hub.fail_next("GET", "/rules/branches/", 500, times=99)
    with pytest.raises(ForgeUnavailable):
        bench.forge.required_checks("main")


def test_a_renamed_repository_still_lands_once_its_new_name_is_known(bench: Bench) -> None:
    at = bench.at
    tip, new = bench.candidate()
    remote = GitRemote(
        bench.git, lambda: f"{at.hub.url}/{at.repo.full_name}.git", at.opened.tokens, clock=at.clock
    )
    at.repo.rename("gadgets")
    forge = GitHubForge(git=bench.git, remote=remote, pulls=at.pulls, clock=at.clock)
    assert forge.land("main", expected=tip, new=new) == Landed()
    assert at.repo.tip("main") == new


def test_the_mirror_is_made_once_and_kept_small(tmp_path: Path, bench: Bench) -> None:
    number = bench.at.pull("one")
    bench.forge.branch_heads(["main", f"#{number}"])
    folder = bench.git.git_common_dir
    upkeep(bench.git, keep=["main"])
    assert set(bench.git.refs("refs/pointsman/remote/")) == {"refs/pointsman/remote/heads/main"}
    assert list((folder / "objects" / "pack").glob("*.pack"))
    with open_mirror(folder) as again:
        assert again.refs("refs/") == bench.git.refs("refs/")
    assert bench.forge.branch_heads([f"#{number}"]) == {f"#{number}": bench.at.repo.pull(number).head}
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".mirror")]


def test_two_processes_may_make_the_mirror_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "mirror.git"
    made: list[GitRepository] = []
    threads = [threading.Thread(target=lambda: made.append(open_mirror(folder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [git.git_common_dir for git in made] == [folder] * 4
    assert [path.name for path in folder.parent.iterdir()] == ["mirror.git"]
    assert folder.stat().st_mode & 0o077 == 0
    for git in made:
        git.close()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mirror.git").mkdir()
    (tmp_path / "mirror.git" / "diary.txt").write_text("dear diary")
    with pytest.raises(EnvironmentProblem, match="no mirror can be made"):
        open_mirror(tmp_path / "mirror.git")
    assert [path.name for path in tmp_path.rglob("*")] == ["mirror.git", "diary.txt"]
