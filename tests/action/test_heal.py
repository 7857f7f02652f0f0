"""`heads`, `heal` and `prove` in jobs: three machines that share nothing make the same commit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.core.landing import merge_message, squash_message
from pointsman.core.model import Sha
from pointsman.core.queue.model import Change
from tests.action.steps import Forked, Runner, Said, checkout
from tests.flows.alembic_project import path, revision, table


def machine(tmp_path: Path, name: str) -> Runner:
    (tmp_path / name).mkdir()
    return Runner(folder=tmp_path / name, server=f"file://{tmp_path}")


def healed(tmp_path: Path, forked: Forked) -> Said:
    return machine(tmp_path, "judge")("heal", forked.event(), "pull_request")


def test_heads_of_a_commit_by_environment(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    said = runner("heads", head=forked.base)
    assert (said.code, said.outcome, said.outputs["forked"]) == (0, "ok", "false")
    assert json.loads(said.outputs["heads"]) == {"alembic.ini": ["b1"]}
    assert said.outputs["commit"] == forked.base


def test_a_fork_that_is_on_the_branch_fails_and_marks_both_revisions(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    merged = forked.repo.merge(forked.head)
    runner.extra |= {"GITHUB_SHA": merged, "GITHUB_REF": "refs/heads/main"}
    said = runner("heads")
    assert (said.code, said.outcome) == (1, "forked")
    assert [one.partition(",")[0] for one in said.commands] == [
        f"::error file={path(each)}" for each in ("b1", "c1")
    ]
    assert "**forked**" in said.summary


def test_heal_makes_a_commit_that_every_machine_makes_again(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    said = healed(tmp_path, forked)
    assert (said.code, said.outcome) == (0, "healed")
    assert "-down_revision = 'f0'" in said.summary
    assert (said.outputs["base"], said.outputs["head"]) == (forked.base, forked.head)
    again = machine(tmp_path, "other")("heal", forked.event(), "pull_request")
    assert again.outputs["commit"] == said.outputs["commit"]
    assert forked.repo.rev("agent/notes") == forked.head, "nothing was pushed"


def test_the_runner_proves_what_the_judge_made(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    made = healed(tmp_path, forked).outputs
    given = {name: made[name] for name in ("base", "head")} | {"expect": made["commit"]}
    said = machine(tmp_path, "runner")("prove", **given)
    assert (said.code, said.outcome) == (0, "proved"), said.log


def test_the_pusher_pushes_the_commit_that_was_proved(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    forked.repo.checkout("main")
    made = healed(tmp_path, forked).outputs
    given = {name: made[name] for name in ("base", "head", "branch", "repository", "number")}
    said = machine(tmp_path, "pusher")("heal", push="true", expect=made["commit"], **given)
    assert said.code == 0, said.log
    assert said.outputs["pushed"] == "pushed to acme/app agent/notes"
    assert forked.repo.rev("agent/notes") == made["commit"]
    assert forked.repo.git("rev-parse", "agent/notes^@").split() == [forked.base, forked.head]


def test_rule_3_a_head_that_moved_meanwhile_is_not_pushed_over(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    made = healed(tmp_path, forked).outputs
    forked.repo.checkout("agent/notes")
    moved = forked.repo.commit("more", files={"more.txt": "x\n"})
    forked.repo.checkout("main")
    given = {name: made[name] for name in ("base", "head", "branch")}
    said = machine(tmp_path, "pusher")("heal", push="true", expect=made["commit"], **given)
    assert said.code == 1
    assert said.outputs["pushed"].startswith("not pushed: ")
    assert forked.repo.rev("agent/notes") == moved


def test_another_commit_than_the_proved_one_is_not_pushed(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    made = healed(tmp_path, forked).outputs
    given = {name: made[name] for name in ("base", "head", "branch")}
    said = machine(tmp_path, "pusher")("heal", push="true", expect="d" * 40, **given)
    assert said.code == 1
    assert "was proved" in said.outputs["pushed"]
    assert forked.repo.rev("agent/notes") == forked.head


def test_a_fork_that_is_left_to_people_is_refused(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path, files={path("c1"): revision("c1", "f0", *table("teams"))})
    said = runner("heal", forked.event(), "pull_request")
    assert (said.code, said.outcome, said.outputs["commit"]) == (1, "refused", "")
    assert said.commands[0].startswith("::error title=")


def candidate(forked: Forked, made: Said, *, squash: bool, tree: str = "") -> Sha:
    """The candidate's commit as the queue makes it, on a branch of the bot's."""
    repo = forked.repo
    change = Change(
        id=1,
        lane="main",
        branch="agent/notes",
        head=forked.head,
        author="ada",
        title="Notes",
        submitted_at=1.0,
        number=7,
    )
    message = (squash_message if squash else merge_message)(change, "builder", None, ["Notes\n"])
    parents = ["-p", forked.base, *([] if squash else ["-p", forked.head])]
    tree = tree or repo.git("rev-parse", f"{made.outputs['commit']}^{{tree}}")
    commit = repo.git("commit-tree", *parents, "-F", "-", tree, input=message)
    repo.git("update-ref", "refs/heads/pointsman/1", commit)
    return Sha(commit)


def fetched(tmp_path: Path, forked: Forked, made: Said) -> None:
    """The healed commit, which stands nowhere on the server, is made known to the test's own repository."""
    mirror = tmp_path / "judge" / "temp" / "pointsman-mirror.git"
    forked.repo.git("fetch", "-q", str(mirror), f"+{made.outputs['commit']}:refs/test/healed")


@pytest.mark.parametrize(
    "squash",
    [pytest.param(False, id="merged", marks=pytest.mark.soak), pytest.param(True, id="squashed")],
)
def test_a_candidate_of_the_queue_is_proved_whichever_way_it_was_made(tmp_path: Path, squash: bool) -> None:
    forked = Forked(tmp_path)
    made = healed(tmp_path, forked)
    fetched(tmp_path, forked, made)
    runner = machine(tmp_path, "runner")
    runner.extra["GITHUB_SHA"] = candidate(forked, made, squash=squash)
    said = runner("prove")
    assert (said.code, said.outcome) == (0, "proved"), said.log


def test_a_candidate_with_another_tree_than_the_heal_gives_is_refused(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    made = healed(tmp_path, forked)
    fetched(tmp_path, forked, made)
    plain = forked.repo.git("rev-parse", f"{forked.base}^{{tree}}")
    runner = machine(tmp_path, "runner")
    runner.extra["GITHUB_SHA"] = candidate(forked, made, squash=True, tree=plain)
    said = runner("prove")
    assert (said.code, said.outcome) == (1, "refused")
    assert "which is not what" in said.log


def test_a_commit_that_is_no_candidate_is_an_error_and_no_proof(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    said = machine(tmp_path, "runner")("prove", head=forked.base, base=forked.first)
    assert (said.code, said.outcome) == (2, "error")
    assert "is no candidate" in said.log


@pytest.mark.soak
def test_a_checkout_of_the_candidate_is_enough_where_nothing_was_squashed(tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    made = healed(tmp_path, forked)
    fetched(tmp_path, forked, made)
    commit = candidate(forked, made, squash=False)
    runner = machine(tmp_path, "runner")
    checkout(tmp_path / "runner", forked.repo, commit)
    runner.server = "file:///nowhere"
    runner.extra["GITHUB_SHA"] = commit
    assert runner("prove").outcome == "proved"
