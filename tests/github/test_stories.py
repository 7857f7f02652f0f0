"""From opened to landed on GitHub, with the real app, real HTTP and real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.wiring.github import Ways
from tests.github.world import CONTRACT, World, world
from tests.support.project import VERSIONS, revision

HERE = Ways(gate="workflows", prove="here")


def fork(
    w: World, name: str, id: str, *, up: str | None = None, by: str = "ada", of: str | None = None
) -> int:
    """A pull request with a revision on top of aa1, as all the others have it."""
    return w.open(
        name, {f"{VERSIONS}/{id}.py": revision(id, '"aa1"', up=up)}, by=by, title=f"Add {id}", fork=of
    )


def test_opened_queued_landed(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.work()
        assert w.checks(number)["pointsman / contract"] == "success"
        asked = w.say(number, "/queue")
        w.work()
        assert w.landed() == ["Add a (#1)"]
        assert w.repo.pull(number).merged
        assert w.checks(number)["pointsman / queue"] == "success"
        assert [r.content for r in w.repo.reactions[asked]] == ["+1"]
        assert len(w.ours(number)) == 1
        assert w.troubles() == []


@pytest.mark.soak
def test_two_forks_of_the_migrations_are_queued_and_both_land_the_second_healed(tmp_path: Path) -> None:
    with world(tmp_path, ways=HERE) as w:
        first, second = fork(w, "one", "bb2"), fork(w, "two", "cc3", by="bob")
        w.work()
        w.say(first, "/queue")
        w.say(second, "/queue", by="bob")
        w.work()
        assert w.landed() == ["Add bb2 (#1)", "Add cc3 (#2)"]
        assert 'down_revision = "bb2"' in w.repo.read("main", f"{VERSIONS}/cc3.py")
        assert w.repo.pull(second).merged
        assert "cc3" in w.ours(second)[0]
        assert "healed" in w.ours(second)[0].lower()
        assert w.troubles() == []


@pytest.mark.soak
def test_a_red_change_is_returned_with_the_check_that_failed(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("bad", {"red": "x\n"})
        w.say(number, "/queue")
        w.work()
        assert w.landed() == []
        assert w.checks(number)["pointsman / queue"] == "failure"
        assert "unit" in w.ours(number)[0]


@pytest.mark.soak
def test_rule_3_a_head_that_moves_after_it_was_queued_leaves_the_queue(tmp_path: Path) -> None:
    with world(tmp_path, jobs={}) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        w.say(number, "/queue")
        w.work()
        w.repo.push("ada", "feature", {"evil.txt": "x\n"}, "More")
        w.work()
        assert w.landed() == []
        assert "feature was submitted at" in w.ours(number)[0]


def test_rule_12_a_comment_edited_into_a_command_is_not_obeyed(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        said = w.say(number, "looks good")
        w.work()
        w.repo.edit_comment(said, "/queue")
        w.work()
        w.github.advance(1000)
        w.work()
        assert w.landed() == []


def test_rule_12_somebody_without_rights_is_told_so_and_nothing_happens(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        asked = w.say(number, "/queue", by="stranger")
        w.work()
        assert w.landed() == []
        assert [r.content for r in w.repo.reactions[asked]] == ["confused"]
        assert "permission" in w.ours(number)[0]


@pytest.mark.soak
def test_rule_13_a_fork_is_queued_and_healed_on_the_candidate_and_heal_gives_a_patch(tmp_path: Path) -> None:
    with world(tmp_path, ways=HERE) as w:
        w.repo.permission("eve", "write")
        first, second = fork(w, "one", "bb2"), fork(w, "two", "cc3", by="eve", of="eve")
        w.say(first, "/queue")
        w.work()
        w.say(second, "/heal", by="eve")
        w.work()
        assert any("git apply" in text for text in w.ours(second))
        w.say(second, "/queue", by="eve")
        w.work()
        assert w.landed() == ["Add bb2 (#1)", "Add cc3 (#2)"]


def test_heal_pushes_the_base_merge_and_the_fix_to_the_branch(tmp_path: Path) -> None:
    with world(tmp_path, ways=HERE) as w:
        first, second = fork(w, "one", "bb2"), fork(w, "two", "cc3", by="bob")
        w.say(first, "/queue")
        w.work()
        before = w.repo.pull(second).head
        w.say(second, "/heal", by="bob")
        w.work()
        log = w.repo.bare.git("log", "--first-parent", "--format=%H %an", "-3", "two").splitlines()
        assert log[2].startswith(before)
        assert log[0].endswith("Pointsman")
        assert 'down_revision = "bb2"' in w.repo.read("two", f"{VERSIONS}/cc3.py")


def test_a_contract_edited_in_the_pull_request_does_not_count_for_it(tmp_path: Path) -> None:
    strict = CONTRACT.replace('owns: ["**"]', 'owns: ["/src/"]')
    with world(tmp_path, contract=strict) as w:
        number = w.open("feature", {".pointsman.yml": CONTRACT, "a.txt": "a\n"})
        w.say(number, "/queue")
        w.work()
        assert w.landed() == []
        assert w.checks(number)["pointsman / contract"] == "failure"


@pytest.mark.soak
def test_rule_7_a_check_of_another_app_with_the_right_name_does_not_count(tmp_path: Path) -> None:
    with world(tmp_path, jobs={"other": "true"}) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        w.say(number, "/queue")
        w.work()
        candidates = [u.new for u in w.github.git_log if u.ref.startswith("refs/heads/pointsman/")]
        w.github.spoof_check(w.repo, candidates[0], "unit", 4242)
        w.work()
        assert w.landed() == []


@pytest.mark.parametrize("method", [pytest.param("merge", marks=pytest.mark.soak), "squash"])
def test_rule_1_pull_requests_are_closed_whichever_way_they_land(tmp_path: Path, method: str) -> None:
    contract = CONTRACT.replace("queue: {", f"queue: {{merge_method: {method}, ")
    with world(tmp_path, contract=contract) as w:
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.say(number, "/queue")
        w.work()
        assert w.landed() == ["Add a (#1)"]
        assert w.repo.pull(number).state == "closed"
        tip = w.repo.tip("main")
        assert tip is not None
        assert tip[:10] in w.ours(number)[0]
        moves = [u for u in w.github.git_log if u.ref == "refs/heads/main" and u.old.strip("0")]
        assert not any(u.forced for u in moves)


@pytest.mark.soak
def test_a_renamed_repository_goes_on(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.work()
        w.repo.rename("warehouse")
        w.work()
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.say(number, "/queue")
        w.work()
        assert w.landed() == ["Add a (#1)"]


def test_rule_6_lost_webhooks_cost_minutes_only(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.work()
        w.github.webhooks.drop(times=1000)
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.say(number, "/queue")
        for _ in range(6):
            w.github.advance(301)
            w.work()
        assert w.landed() == ["Add a (#1)"]


@pytest.mark.soak
def test_the_gate_may_run_here_in_the_jailed_runner(tmp_path: Path) -> None:
    with world(tmp_path, ways=Ways(gate="here", prove="here"), jobs={}) as w:
        good, bad = w.open("good", {"a.txt": "a\n"}, title="Good"), w.open("bad", {"red": "x\n"}, title="Bad")
        w.say(good, "/queue")
        w.say(bad, "/queue")
        w.patiently(
            lambda: w.landed() == ["Good (#1)"] and w.checks(bad).get("pointsman / queue") == "failure"
        )
        assert not [u for u in w.github.git_log if u.ref.startswith("refs/heads/pointsman/")]


@pytest.mark.parametrize("proof,landed", [pytest.param("true", 2, marks=pytest.mark.soak), ("false", 1)])
def test_r07_a_heal_is_proved_by_a_check_on_the_candidate(tmp_path: Path, proof: str, landed: int) -> None:
    with world(tmp_path, jobs={"unit": "true", "proof": proof}) as w:
        first, second = fork(w, "one", "bb2"), fork(w, "two", "cc3", by="bob")
        w.say(first, "/queue")
        w.say(second, "/queue", by="bob")
        w.work()
        assert len(w.landed()) == landed
