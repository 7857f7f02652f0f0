"""The three check runs, the answers to commands, summaries and SARIF: what a person or a tool reads off them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.core.contract import explain
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.model import Sha
from pointsman.core.patch import patch
from pointsman.core.pulls.commands import WORDS
from pointsman.core.pulls.model import CheckOutput, Severity
from pointsman.core.pulls.telling import (
    CONTRACT_CHECK,
    MIGRATIONS_CHECK,
    OWN_CHECKS,
    QUEUE_CHECK,
    BeingTested,
    CheckTold,
    Held,
    Judged,
    LandedAs,
    Landing,
    MigrationsTold,
    NotQueued,
    Passed,
    PullStory,
    Queued,
    Returned,
    Withdrawn,
    compose_checks,
    compose_explain,
    compose_group_checks,
    compose_help,
    compose_patch,
    compose_refusal,
    sarif,
    summary_markdown,
)
from pointsman.core.queue.model import Reason
from tests.core.pulls.telling_facts import (
    CHECKS,
    HEAD,
    TESTED,
    conflicted,
    contract,
    judged,
    reparented,
    story,
)

RED = Reason(code="red", text="check 'unit' failed: exit code 1.", reproduce="make test")
WILL_HEAL = MigrationsTold(status="healed", graphs=(reparented(),))


def outputs(told: PullStory) -> dict[str, CheckOutput]:
    return {output.name: output for output in compose_checks(told)}


@pytest.mark.parametrize(
    ("told", "conclusion", "title"),
    [
        (judged("web/a", "web/b"), "success", "role web may change these 2 paths"),
        (judged("migrations/a"), "action_required", "waits for approval of schema"),
        (judged("web/secrets/a", "docs/a", "web/b"), "failure", "not allowed: 2 paths"),
        (judged(contract=None, why_no_role="x"), "failure", "ada has no role on agent/login"),
        (judged(contract=None, problem="x"), "failure", "the contract on the base branch can't be read"),
    ],
    ids=["allowed", "waits for approval", "refused", "no role", "contract unreadable"],
)
def test_the_contract_check(told: Judged, conclusion: str, title: str) -> None:
    check = outputs(story(judged=told))[CONTRACT_CHECK]
    assert (check.conclusion, check.title, check.head) == (conclusion, title, HEAD)


def test_shadow_mode_passes_and_says_what_it_would_have_said() -> None:
    verdict = judged("docs/a").contract
    assert verdict is not None
    told = judged(contract=replace(verdict, shadow_until="2026-12-01"))
    check = outputs(story(judged=told))[CONTRACT_CHECK]
    assert (check.conclusion, check.title) == ("success", "would be refused; only said until 2026-12-01")
    assert [one.severity for one in check.annotations] == [Severity.WARNING]


def test_a_denied_path_is_annotated_with_the_rule_and_its_line_R31() -> None:
    (one,) = outputs(story(judged=judged("web/secrets/key")))[CONTRACT_CHECK].annotations
    assert (one.path, one.line, one.severity) == ("web/secrets/key", 1, Severity.FAILURE)
    assert one.title == "not allowed by roles.web.cannot_touch[0]"
    assert one.message.endswith("no approval changes that (roles.web.cannot_touch[0], .pointsman.yml:14)")


@pytest.mark.parametrize(
    ("migrations", "conclusion", "title"),
    [
        (MigrationsTold(status="clean"), "success", "no fork"),
        (WILL_HEAL, "success", "fork, healed when it lands"),
        (conflicted(), "failure", "left to people: conflict"),
        (
            MigrationsTold(status="refused", refusals=(Refusal("merge_conflict", "x", ("a",)),)),
            "failure",
            "not known: git can't merge it",
        ),
    ],
    ids=["clean", "healed", "refused", "not merged"],
)
def test_the_migrations_check(migrations: MigrationsTold, conclusion: str, title: str) -> None:
    check = outputs(story(judged=judged(migrations=migrations)))[MIGRATIONS_CHECK]
    assert (check.conclusion, check.title) == (conclusion, title)


def test_both_operations_are_annotated_where_they_stand_R11() -> None:
    check = outputs(story(judged=judged(migrations=conflicted())))[MIGRATIONS_CHECK]
    assert [(one.path, one.line) for one in check.annotations] == [
        ("migrations/versions/aa11_step.py", 14),
        ("migrations/versions/bb11_step.py", 21),
    ]
    assert "op.alter_column('users', 'email', nullable=False)" in check.annotations[0].message
    assert "nullable=False" in check.summary and "type_=sa.Text()" in check.summary


def test_a_file_that_no_refusal_names_is_never_annotated() -> None:
    forged = Refusal("conflict", "head\nwhy\n  README.md:1\n    x\n  a.py:2\n    y", ("a.py",))
    check = outputs(story(judged=judged(migrations=MigrationsTold(status="refused", refusals=(forged,)))))
    assert {one.path for one in check[MIGRATIONS_CHECK].annotations} == {"a.py"}


@pytest.mark.parametrize(
    ("stage", "conclusion"),
    [
        (Queued(position=1, of=1), None),
        (Held(why="x"), None),
        (BeingTested(commit=TESTED, checks=CHECKS), None),
        (Passed(commit=TESTED), None),
        (Landing(commit=TESTED), None),
        (LandedAs(commit=TESTED), "success"),
        (Returned(reason=RED), "failure"),
        (Withdrawn(), "action_required"),
        (NotQueued(), "action_required"),
    ],
    ids=lambda value: "" if isinstance(value, str) or value is None else type(value).__name__,
)
def test_only_what_landed_is_a_success_of_the_queue_R24(stage: Any, conclusion: str | None) -> None:
    check = outputs(story(stage=stage))[QUEUE_CHECK]
    assert check.conclusion == conclusion
    assert check.head == HEAD


def test_the_queue_says_nothing_of_what_was_never_queued() -> None:
    assert set(outputs(story(stage=NotQueued(), queued_head=None))) == {CONTRACT_CHECK, MIGRATIONS_CHECK}


def test_the_queue_check_stays_on_the_head_that_was_queued_rule_3() -> None:
    told = outputs(story(stage=Returned(reason=RED), queued_head=Sha("9" * 40)))
    assert told[QUEUE_CHECK].head == "9" * 40
    assert told[CONTRACT_CHECK].head == HEAD


def test_a_returned_change_is_reproduced_from_its_check_alone() -> None:
    failed = CheckTold(name="unit", state="failed", why="exit code 1", log_tail="E   boom")
    summary = outputs(story(stage=Returned(reason=RED, failed=(failed,))))[QUEUE_CHECK].summary
    assert "make test" in summary and "E   boom" in summary


def test_rule_17_no_success_for_a_head_that_two_pull_requests_have() -> None:
    one, other = story(number=12, same_head=(7,)), story(number=7, same_head=(12,))
    check = outputs(one)[CONTRACT_CHECK]
    assert (check.conclusion, check.title) == ("action_required", "#7 and #12 have the same head")
    assert check == outputs(other)[CONTRACT_CHECK], "one commit has one check, whoever is told"


def test_rule_8_our_own_checks_are_known_by_name() -> None:
    assert set(outputs(story())) == OWN_CHECKS


class TestGroup:
    """Rule 16: the forge's own merge queue."""

    def conclusions(self, told: Judged) -> list[str | None]:
        group = compose_group_checks([told], head=TESTED)
        assert {output.head for output in group} == {TESTED}
        return [output.conclusion for output in group]

    def test_a_sound_group_passes(self) -> None:
        assert self.conclusions(judged()) == ["success"] * 3

    def test_each_check_says_the_first_verdict_that_is_no_success(self) -> None:
        group = compose_group_checks([judged(), judged("docs/a"), judged("web/secrets/a")], head=TESTED)
        assert [output.conclusion for output in group] == ["failure", "success", "failure"]
        assert group[0].annotations[0].path == "docs/a"

    def test_a_fork_fails_because_nobody_heals_it_there(self) -> None:
        assert self.conclusions(judged(migrations=WILL_HEAL)) == ["success", "failure", "failure"]

    def test_a_waiting_approval_fails_the_group(self) -> None:
        assert self.conclusions(judged("migrations/a")) == ["action_required", "success", "failure"]

    def test_what_was_not_judged_passes_nothing(self) -> None:
        assert self.conclusions(judged(contract=None, problem="no such pull request")) == ["failure"] * 3


def test_summaries_and_titles_fit_whatever_there_is_to_tell() -> None:
    paths = [f"web/secrets/{i:05}/{'x' * 60}" for i in range(3000)]
    check = outputs(story(judged=judged(*paths, author="a" * 9000, checks=("c" * 9000,) * 90)))
    assert len(check[CONTRACT_CHECK].summary.encode()) < 65_000
    assert len(check[CONTRACT_CHECK].title) <= 200
    assert len(check[CONTRACT_CHECK].annotations) == 50


def test_help_lists_every_command() -> None:
    assert [word.usage for word in WORDS.values() if f"`{word.usage}`" not in compose_help()] == []


def test_explain_says_the_role_s_verdict_first_and_which_line_says_it() -> None:
    said = compose_explain("web/secrets/key", explain(contract(), "web/secrets/key"), role="web")
    assert "- role `web`: `role web cannot touch /web/secrets/**; no approval changes that`" in said
    assert ".pointsman.yml:14" in said


def test_a_refused_command_is_repeated_with_the_reason() -> None:
    assert compose_refusal("/queue high", "ada may not") == (
        "`/queue high` was not done:\n\n```text\nada may not\n```\n"
    )


def test_the_patch_of_a_comment_is_taken_by_git_apply_rule_13(tmp_path: Path) -> None:
    old, new = b"down_revision = 'f0f0'\n\tx = '```'\n", b"down_revision = 'aa22'\n\tx = '```'\n"
    said = compose_patch(patch([("m/bb11.py", old, new)]), "it is a fork's branch")
    body = said.partition("diff\n")[2]
    written = body[: body.index("\n````")] + "\n"
    (tmp_path / "m").mkdir()
    (tmp_path / "m/bb11.py").write_bytes(old)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply"], cwd=tmp_path, input=written.encode(), check=True)
    assert (tmp_path / "m/bb11.py").read_bytes() == new
    assert "it is a fork's branch" in said and "git apply heal.patch" in said


@pytest.mark.parametrize(
    "content",
    [b"", b"x" * 70_000, b"+\xff\xfe\n", b"+a\r\n", b"+\xe2\x80\xae\n"],
    ids=["empty", "too long", "no UTF-8", "other line ends", "would be escaped"],
)
def test_a_patch_that_would_not_come_out_as_it_went_in_is_made_locally(content: bytes) -> None:
    said = compose_patch(content, "no permission", base="abc", head="def")
    assert "pointsman heal --base abc --head def --patch | git apply" in said
    assert "<details>" not in said and len(said) < 2000


def test_a_job_s_summary_has_both_verdicts() -> None:
    said = summary_markdown([judged("docs/a", migrations=WILL_HEAL)])
    assert "### ✗ pointsman / contract: `not allowed: 1 path`" in said
    assert "### ✓ pointsman / migrations: `fork, healed when it lands`" in said
    assert "after   f0f0 ─── aa11 ─── aa22 ─── bb11" in said


class TestSarif:
    def results(self, *told: Judged) -> list[dict[str, Any]]:
        document = sarif(told, version="1.0")
        (run,) = document["runs"]
        rules = run["tool"]["driver"]["rules"]
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["message"]["text"]
            (place,) = result["locations"]
            physical = place["physicalLocation"]
            assert physical["region"]["startLine"] >= 1
            assert not physical["artifactLocation"]["uri"].startswith("/")
        found: list[dict[str, Any]] = run["results"]
        return found

    def test_it_is_a_log_of_version_2_1_0(self) -> None:
        document = sarif([judged()], version="1.0")
        assert document["version"] == "2.1.0"
        assert document["runs"][0]["tool"]["driver"]["name"] == "Pointsman"
        assert document["runs"][0]["results"] == [], "nothing found clears what an earlier upload said"

    def test_each_path_that_is_not_allowed_is_a_result(self) -> None:
        found = self.results(judged("docs/ä b.md", "web/secrets/k", "migrations/a", "web/ok"))
        assert [(one["ruleId"], one["level"]) for one in found] == [
            ("contract/outside", "error"),
            ("contract/approval", "note"),
            ("contract/denied", "error"),
        ]
        uri = found[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == "docs/%C3%A4%20b.md"

    def test_both_sides_of_a_refusal_have_their_lines(self) -> None:
        places = [
            one["locations"][0]["physicalLocation"] for one in self.results(judged(migrations=conflicted()))
        ]
        assert [place["region"]["startLine"] for place in places] == [14, 21]

    def test_a_fork_that_is_healed_is_a_note_and_no_role_an_error(self) -> None:
        assert [one["level"] for one in self.results(judged(migrations=WILL_HEAL))] == ["note"]
        assert [one["ruleId"] for one in self.results(judged(contract=None, why_no_role="x"))] == [
            "contract/role"
        ]

    def test_the_same_finding_has_the_same_fingerprint(self) -> None:
        first, second = self.results(judged("docs/a")), self.results(judged("docs/a"))
        assert first == second
