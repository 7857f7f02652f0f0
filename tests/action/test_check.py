"""`check` in a job: the verdict on a pull request from a bare fetch, told where Actions reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.action.steps import CONTRACT, Forked, Runner


def test_a_pull_request_is_judged_from_a_bare_fetch_and_nothing_is_checked_out(
    runner: Runner, tmp_path: Path
) -> None:
    forked = Forked(tmp_path)
    said = runner("check", forked.event(), "pull_request")
    assert (said.code, said.outcome, said.outputs["forked"]) == (1, "forked", "true")
    assert said.outputs["role"] == "builder"
    assert json.loads(said.outputs["checks"]) == ["ownership", "migrations", "unit", "lint"]
    assert "b1 ─── c1" in said.summary
    assert list((tmp_path / "workspace").iterdir()) == []


@pytest.mark.parametrize(
    ("fail_on", "code"), [("any", 1), ("forked", 1), ("refused", 0), ("never", 0), ("", 1)]
)
def test_fail_on_says_which_outcomes_fail_the_step(
    runner: Runner, tmp_path: Path, fail_on: str, code: int
) -> None:
    assert runner("check", Forked(tmp_path).event(), "pull_request", fail_on=fail_on).code == code


def test_an_unknown_word_for_fail_on_is_no_pass(runner: Runner, tmp_path: Path) -> None:
    said = runner("check", Forked(tmp_path).event(), "pull_request", fail_on="nothing")
    assert (said.code, said.outcome) == (2, "error")
    assert "one of: any, forked, refused, never" in said.log


def test_a_path_that_is_not_allowed_is_marked_on_its_line(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path, files={"certs/a,b:c.pem": "x\n"})
    said = runner("check", forked.event(), "pull_request", sarif="out/pointsman.sarif")
    assert (said.code, said.outcome) == (1, "refused")
    (mark,) = said.commands
    assert mark.startswith("::error file=certs/a%2Cb%3Ac.pem,line=1,endLine=1,title=not allowed")
    document = json.loads((tmp_path / "workspace/out/pointsman.sarif").read_text())
    (result,) = document["runs"][0]["results"]
    assert result["ruleId"] == "contract/denied"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "certs/a%2Cb%3Ac.pem"


def test_a_missing_approval_is_waiting_and_no_pass(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path, files={"core/a.py": "a = 2\n"})
    said = runner("check", forked.event(), "pull_request")
    assert (said.code, said.outcome) == (1, "waiting")
    assert runner("check", forked.event(), "pull_request", fail_on="refused").code == 0


def test_the_account_id_beats_the_login(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path, files={"docs/a.md": "x\n"})
    other = {"login": "ada", "id": 99, "type": "User"}
    assert runner("check", forked.event(user=other), "pull_request").outcome == "refused"
    renamed = {"login": "ada-lovelace", "id": 5, "type": "User"}
    assert runner("check", forked.event(user=renamed), "pull_request").outcome == "allowed"


def test_the_contract_on_the_base_counts_and_not_the_one_in_the_pull_request(
    runner: Runner, tmp_path: Path
) -> None:
    open_to_all = CONTRACT.replace('{match: ["*.pem"], rule: never}', "{match: [/nothing/], rule: never}")
    forked = Forked(tmp_path, files={".pointsman.yml": open_to_all, "a.pem": "x\n"})
    assert runner("check", forked.event(), "pull_request").outcome == "refused"


def test_the_inputs_name_commits_where_the_event_names_none(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path, files={"docs/a.md": "x\n"})
    named = {"base": forked.base, "head": forked.head, "author": "ada", "branch": "agent/notes"}
    said = runner("check", {}, "push", **named)
    assert (said.code, said.outcome, said.outputs["head"]) == (0, "allowed", forked.head)


def test_names_in_place_of_ids_are_refused(runner: Runner, tmp_path: Path) -> None:
    Forked(tmp_path)
    said = runner("check", {}, "push", base="main", head="agent/notes")
    assert (said.code, said.outcome) == (2, "error")
    assert "'main', which is no full commit id" in said.log


def test_objects_of_a_checkout_are_used_where_they_are_all_there(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    forked.repo.git("clone", "-q", str(forked.repo.path), str(tmp_path / "workspace"))
    said = runner("check", forked.event(), "pull_request")
    assert said.outcome == "forked"
    assert not list((tmp_path / "temp").iterdir()), "nothing was fetched"


def test_a_sarif_file_outside_the_workspace_is_refused(runner: Runner, tmp_path: Path) -> None:
    said = runner("check", Forked(tmp_path).event(), "pull_request", sarif="../../escaped.sarif")
    assert said.code == 2
    assert not (tmp_path.parent / "escaped.sarif").exists()


def test_a_repository_without_a_contract_is_an_error_and_no_verdict(runner: Runner, tmp_path: Path) -> None:
    forked = Forked(tmp_path)
    base = forked.repo.commit("no contract", files={".pointsman.yml": None})
    said = runner("check", forked.event(base={"sha": base, "ref": "main"}), "pull_request")
    assert (said.code, said.outcome) == (2, "error")
    assert said.commands[0].startswith("::error title=pointsman::there is no .pointsman.yml")
