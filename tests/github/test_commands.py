"""Commands given in comments and by labels, on the real app against the fake GitHub."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.core.queue.model import Note
from pointsman.service.pull_desk import FORGOTTEN
from pointsman.wiring.github import Ways
from tests.github.world import CONTRACT, world
from tests.support.project import VERSIONS, revision

HERE = Ways(gate="workflows", prove="here")
NARROW = """\
version: 1
base: main
identities:
  pointsman: {app: pointsman, self: true}
  leads: {team: acme/leads}
roles:
  coder: {who: [{permission: write}], branches: ["agent/**"], owns: ["/src/", "/lock"]}
  lead: {who: [leads], branches: ["lead/**"], owns: ["**"]}
paths:
  deps: {match: [/lock], approve: {by: [leads], count: 1}}
scope: {expand: {by: [leads], how: comment, pin_head: true, expires: 24h}}
checks:
  unit: {run: "true", app: 15368}
commands: {priority: [leads]}
"""


@pytest.mark.soak
def test_hold_keeps_it_untested_and_unhold_lets_it_land(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.say(number, "/queue\n\n/hold for the release")
        w.work()
        assert w.landed() == []
        assert "for the release" in w.ours(number)[0]
        w.say(number, "/unhold")
        w.work()
        assert w.landed() == ["Add a (#1)"]


@pytest.mark.soak
def test_hold_takes_a_change_out_of_a_candidate_that_is_being_tested(tmp_path: Path) -> None:
    with world(tmp_path, jobs={}) as w:
        w.repo.workflow("ci", ["unit"], on_push=["pointsman/**"])
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.say(number, "/queue")
        w.work()
        w.say(number, "/hold")
        w.work()
        candidate = next(u.new for u in w.github.git_log if u.ref.startswith("refs/heads/pointsman/"))
        w.github.finish_check(w.repo, candidate, "unit")
        w.work()
        assert w.landed() == []


def test_dequeue_and_closing_take_it_out(tmp_path: Path) -> None:
    with world(tmp_path, jobs={}) as w:
        first, second = w.open("one", {"a": "1\n"}), w.open("two", {"b": "1\n"})
        w.say(first, "/queue")
        w.say(second, "/queue")
        w.work()
        w.say(first, "/dequeue")
        w.repo.close(second, "ada")
        w.work()
        assert [lane.queued for lane in w.hub.figures().lanes] == [0]


def test_pause_needs_a_maintainer_and_stops_the_lane_until_resume(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        refused = w.say(number, "/pause")
        w.say(number, "/pause a deploy", by="lead")
        w.say(number, "/queue")
        w.work()
        assert [r.content for r in w.repo.reactions[refused]] == ["confused"]
        assert w.landed() == []
        w.say(number, "/resume", by="lead")
        w.work()
        assert w.landed() == ["Add a (#1)"]


@pytest.mark.soak
def test_a_label_does_what_the_command_does(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"}, title="Add a")
        w.repo.label(number, "bob", "pointsman: queue")
        w.work()
        assert w.landed() == ["Add a (#1)"]


def test_help_status_explain_answer_in_one_comment(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        w.say(number, "/help\n\n/status\n\n/explain a.txt")
        w.work()
        (answer,) = w.ours(number)
        assert "/queue" in answer
        assert "a.txt" in answer


def test_approvals_are_read_from_reviews_of_the_head_and_a_new_push_voids_them(tmp_path: Path) -> None:
    with world(tmp_path, contract=NARROW) as w:
        w.github.team("acme", "leads", ["lead"])
        number = w.open("agent/x", {"src/a": "1\n", "lock": "1\n"}, title="Add a")
        w.repo.review(number, "lead", "APPROVED")
        w.repo.push("ada", "agent/x", {"src/b": "1\n"}, "More")
        w.say(number, "/queue")
        w.work()
        assert w.landed() == [], "R39: an approval of an older head does not count"
        assert w.checks(number)["pointsman / contract"] == "action_required"
        w.repo.review(number, "bob", "APPROVED")
        w.work()
        assert w.landed() == []
        w.repo.review(number, "lead", "APPROVED")
        w.work()
        assert w.landed() == ["Add a (#1)"]


def test_I6_a_review_that_upkeep_forgot_counts_for_nothing_until_it_is_given_again(tmp_path: Path) -> None:
    with world(tmp_path, contract=NARROW) as w:
        w.github.team("acme", "leads", ["lead"])
        number = w.open("agent/x", {"src/a": "1\n", "lock": "1\n"}, title="Add a")
        w.work()
        old = w.repo.review(number, "lead", "APPROVED")
        (station,) = w.hub.stations.values()
        station.store.save(Note(key=FORGOTTEN, value=str(old)), at=1.0)
        w.say(number, "/queue")
        w.work()
        assert w.landed() == []
        w.repo.review(number, "lead", "APPROVED")
        w.work()
        assert w.landed() == ["Add a (#1)"]


def test_r32_scope_is_widened_by_a_lead_for_this_head_only(tmp_path: Path) -> None:
    with world(tmp_path, contract=NARROW) as w:
        w.github.team("acme", "leads", ["lead"])
        number = w.open("agent/x", {"docs/a": "1\n"}, title="Add a")
        refused = w.say(number, "/scope add /docs/")
        w.say(number, "/queue")
        w.work()
        assert [r.content for r in w.repo.reactions[refused]] == ["confused"]
        assert w.landed() == []
        w.say(number, "/scope add /docs/", by="lead")
        w.say(number, "/queue")
        w.work()
        assert w.landed() == ["Add a (#1)"]


@pytest.mark.soak
def test_priority_belongs_to_whom_the_contract_gives_it(tmp_path: Path) -> None:
    with world(tmp_path, contract=NARROW) as w:
        w.github.team("acme", "leads", ["lead"])
        number = w.open("agent/x", {"src/a": "1\n"}, title="Add a")
        w.say(number, "/pause", by="lead")
        w.say(number, "/queue")
        refused = w.say(number, "/priority 5", by="bob")
        allowed = w.say(number, "/priority 5", by="lead")
        w.work()
        assert [r.content for r in w.repo.reactions[refused]] == ["confused"]
        assert [r.content for r in w.repo.reactions[allowed]] == ["+1"]


def test_r49_depends_on_names_pull_requests(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        first = w.open("one", {"a": "1\n"}, title="First", body="Depends-on: #2")
        second = w.open("two", {"b": "1\n"}, title="Second")
        w.say(first, "/queue")
        w.work()
        assert w.landed() == []
        w.say(second, "/queue")
        w.work()
        assert w.landed() == ["Second (#2)", "First (#1)"]


def test_rule_17_a_second_pull_request_with_the_same_head_is_refused(tmp_path: Path) -> None:
    with world(tmp_path, jobs={}) as w:
        first = w.open("one", {"a": "1\n"})
        second = w.repo.open_pull("ada", "one", "The same", "")
        w.say(first, "/queue")
        w.say(second, "/queue")
        w.work()
        assert [lane.queued for lane in w.hub.figures().lanes] == [1]
        assert any("same head" in text for text in w.ours(second))


@pytest.mark.soak
def test_heal_mends_a_base_that_was_forked_by_a_push_round_the_queue(tmp_path: Path) -> None:
    with world(tmp_path, ways=HERE) as w:
        files = {f"{VERSIONS}/{id}.py": revision(id, '"aa1"') for id in ("bb2", "cc3")}
        w.repo.push("lead", "main", dict(files), "Straight onto main")
        number = w.open("feature", {"a.txt": "a\n"})
        w.say(number, "/heal", by="lead")
        w.work()
        fix = w.repo.pull(2)
        assert fix.merged
        merged = w.repo.bare.git("ls-tree", "-r", "--name-only", "main", VERSIONS)
        assert len(merged.split()) == 4


def test_rule_12_commands_in_quotes_code_and_from_the_bot_itself_are_words(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        w.say(number, "> /queue\n\n```\n/queue\n```\n\n<!--\n/queue\n-->")
        w.repo.comment(number, w.bot, "/queue", app=w.registered)
        w.work()
        assert w.landed() == []


def test_rule_16_a_merge_group_is_answered_with_the_same_checks(tmp_path: Path) -> None:
    with world(tmp_path, contract=CONTRACT) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        w.work()
        head = w.repo.merge_group("ada", [number])
        w.work()
        ours = {r.name: r.conclusion for r in w.repo.check_runs(head) if r.app is w.registered}
        assert ours["pointsman / contract"] == "success"
        assert ours["pointsman / migrations"] == "success"
        assert ours["pointsman / queue"] == "success"


def test_rule_16_a_branch_with_githubs_own_queue_is_left_to_it(tmp_path: Path) -> None:
    with world(tmp_path, merge_queue=True) as w:
        number = w.open("feature", {"a.txt": "a\n"})
        w.say(number, "/queue")
        w.work()
        assert w.landed() == []
        assert any("own merge queue" in text for text in w.ours(number))


def test_r39_rule_16_a_group_whose_pull_request_was_approved_passes(tmp_path: Path) -> None:
    with world(tmp_path, contract=NARROW) as w:
        w.github.team("acme", "leads", ["lead"])
        number = w.open("agent/x", {"lock": "1\n"})
        w.repo.review(number, "lead", "APPROVED")
        w.work()
        assert w.checks(number)["pointsman / contract"] == "success"
        head = w.repo.merge_group("ada", [number])
        w.work()
        ours = {r.name: r.conclusion for r in w.repo.check_runs(head) if r.app is w.registered}
        assert ours["pointsman / contract"] == "success"


def test_a_role_for_anybody_lets_no_stranger_queue(tmp_path: Path) -> None:
    anybody = CONTRACT.replace("anyone: {who: [{permission: write}], ", "anyone: {")
    with world(tmp_path, contract=anybody) as w:
        number = w.open("feature", {"a.txt": "a\n"}, by="stranger", fork="stranger")
        asked = w.say(number, "/queue", by="stranger")
        w.work()
        assert w.landed() == []
        assert [r.content for r in w.repo.reactions[asked]] == ["confused"]
        w.say(number, "/queue", by="bob")
        w.work()
        assert w.landed() == ["A change (#1)"]


def test_r49_a_branch_of_somebodys_fork_meets_no_dependency(tmp_path: Path) -> None:
    with world(tmp_path) as w:
        w.repo.permission("eve", "write")
        bait = w.open("groundwork", {"x": "1\n"}, title="Bait", by="eve", fork="eve")
        w.say(bait, "/queue", by="eve")
        w.work()
        number = w.open("feature", {"a": "1\n"}, title="Feature", body="Depends-on: groundwork")
        w.say(number, "/queue")
        w.work()
        assert w.landed() == ["Bait (#1)"]
        assert "never submitted" in w.ours(number)[0]
