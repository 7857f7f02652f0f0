"""`pointsman replay` as a user meets it: real histories of several habits, in words and as JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman.cli.main import cli
from pointsman.core.errors import UserError
from tests.support.project import Project, revision
from tests.support.repo import Repo

CONTRACT = """\
version: 1
base: main
identities:
  ada: {email: ada@example.org}
  bob: {email: bob@example.org}
roles:
  app: {who: [ada], branches: ["agent/app/*"], owns: [/app/, /migrations/versions/]}
  docs: {who: [bob], branches: ["agent/docs/*"], owns: [/docs/, /shared/]}
paths:
  secrets: {match: [".env*"], rule: never}
  shared: {match: [/shared/], approve: {by: [ada]}}
"""
BOB = "Bob <bob@example.org>"


def replay(repo: Repo, *args: str) -> Result:
    return CliRunner().invoke(cli, ["replay", "-C", str(repo.path), *args], standalone_mode=False)


def report(repo: Repo, *args: str) -> dict[str, Any]:
    result = replay(repo, "--json", *args)
    assert result.exception is None, result.exception
    assert result.return_value == 0
    answer = json.loads(result.stdout)
    assert set(answer) == {"rev", "contract", "merges", "summary"}
    assert isinstance(answer, dict)
    return answer


def change(repo: Repo, branch: str, files: dict[str, str], *, author: str | None = None) -> str:
    """A branch with one commit, merged as git itself words it."""
    repo.branch(branch)
    head = repo.commit(f"work on {branch}", files=files, author=author)
    repo.checkout("main")
    repo.merge(branch, message=f"Merge branch '{branch}'")
    return head


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A contract, and one revision `a`."""
    project = Project(tmp_path)
    project.repo.commit("start", files={".pointsman.yml": CONTRACT})
    project.add("a")
    return project


def landed_fork(project: Project) -> str:
    """`c` lands beside `b`; returns the merge's SHA."""
    project.on("agent/app/c").add("c", "'a'")
    project.on("main").add("b", "'a'")
    return project.repo.merge("agent/app/c", message="Merge branch 'agent/app/c'")


def outcomes(answer: dict[str, Any]) -> list[str]:
    return [merge["contract"]["outcome"] for merge in answer["merges"]]


def test_each_merge_is_held_to_the_contract_of_today(project: Project) -> None:
    change(project.repo, "agent/app/1", {"app/x.py": "x = 1\n"})
    change(project.repo, "agent/docs/2", {"docs/x.md": "x\n", "app/x.py": "x = 2\n"}, author=BOB)
    change(project.repo, "agent/docs/3", {"shared/x": "x\n"}, author=BOB)
    change(project.repo, "agent/app/4", {"app/.env": "x\n"})
    head = change(project.repo, "agent/app/5", {"docs/y.md": "y\n"}, author=BOB)
    answer = report(project.repo, "--last", "5")
    assert outcomes(answer) == ["allowed", "refused", "waiting", "refused", "no_role"]
    assert [merge["contract"]["role"] for merge in answer["merges"]] == ["app", "docs", "docs", "app", None]
    refused = answer["merges"][1]["contract"]["paths"]
    assert [(path["path"], path["status"]) for path in refused] == [("app/x.py", "outside")]
    last = answer["merges"][4]
    assert (last["head"], last["branch"], last["author"]) == (head, "agent/app/5", "bob@example.org")
    assert "bob@example.org has no role on branch 'agent/app/5'" in last["contract"]["note"]
    counts = answer["summary"]["contract"]
    assert [counts[word] for word in ("allowed", "waiting", "refused", "no_role")] == [1, 1, 2, 1]
    assert {each["name"] for each in counts["top_paths"]} == {"app/x.py", "app/.env"}


def test_a_contract_can_be_tried_before_it_is_committed(project: Project, tmp_path: Path) -> None:
    change(project.repo, "agent/app/1", {"app/x.py": "x = 1\n"})
    tried = tmp_path / "tried.yml"
    tried.write_text(CONTRACT.replace("owns: [/app/,", "owns: [/other/,"))
    before = project.repo.git("for-each-ref")
    assert outcomes(report(project.repo, "--last", "1", "--contract", str(tried))) == ["refused"]
    assert outcomes(report(project.repo, "--last", "1")) == ["allowed"]
    assert project.repo.git("for-each-ref") == before
    tried.write_text("version: 1\nbase: [\n")
    result = replay(project.repo, "--contract", str(tried))
    assert isinstance(result.exception, UserError)
    assert str(tried) in str(result.exception)


def test_a_fork_that_landed_is_found_with_its_heal_and_how_it_ended(project: Project) -> None:
    merge = landed_fork(project)
    fixed = project.add("c", raw=revision("c", "'b'"))
    answer = report(project.repo, "--last", "3")
    one, two = answer["merges"][1:]
    assert one["commit"] == merge
    assert one["migrations"]["status"] == "healed"
    ((move,),) = [each["moves"] for each in one["migrations"]["environments"]]
    assert (move["revision"], move["old_parents"], move["new_parents"]) == ("c", ["a"], ["b"])
    assert one["forks_landed"] == [{"config": "alembic.ini", "heads": ["b", "c"]}]
    assert two["commit"] == fixed
    assert [refusal["code"] for refusal in two["migrations"]["refusals"]] == ["edits_published"]
    assert [(each["landed_in"], each["how"]) for each in two["forks_fixed"]] == [(merge, "re-parent")]
    forks = answer["summary"]["forks"]
    assert (forks["found"], forks["landed"], forks["open"]) == (1, 1, 0)
    assert (forks["healer_on_landed"], forks["fixed_by"]) == ({"healed": 1}, {"re-parent": 1})


def test_squashed_history_is_a_change_a_commit_with_the_role_by_identity(project: Project) -> None:
    project.repo.commit("Add x (#1)", files={"app/x.py": "x = 1\n"})
    project.repo.commit("Add y (#2)", files={"app/y.py": "y = 1\n"}, author=BOB)
    project.add("b", "'a'")
    project.add("c", "'a'")
    answer = report(project.repo, "--last", "4")
    assert outcomes(answer) == ["allowed", "refused", "allowed", "allowed"]
    assert [merge["pull_request"] for merge in answer["merges"]] == [1, 2, None, None]
    assert [merge["branch"] for merge in answer["merges"]] == [None] * 4
    assert all("by identity alone" in merge["contract"]["note"] for merge in answer["merges"])
    assert [merge["migrations"]["status"] for merge in answer["merges"]] == [
        "clean",
        "clean",
        "clean",
        "healed",
    ]
    assert all(merge["head"] == merge["commit"] for merge in answer["merges"])


def test_who_has_several_roles_is_judged_by_none_where_the_branch_is_forgotten(project: Project) -> None:
    two = CONTRACT.replace("docs: {who: [bob]", "docs: {who: [ada]")
    project.repo.commit("two roles", files={".pointsman.yml": two})
    project.repo.commit("Add x (#1)", files={"app/x.py": "x = 1\n"})
    (merge,) = report(project.repo, "--last", "1")["merges"]
    assert merge["contract"]["outcome"] == "no_role"
    assert "several roles, and the branch is not known: app, docs" in merge["contract"]["note"]


def test_without_a_contract_only_the_migrations_are_judged_and_that_is_said(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    landed_fork(project)
    answer = report(project.repo)
    assert answer["contract"] is answer["summary"]["contract"] is None
    assert [merge["contract"] for merge in answer["merges"]] == [None, None]
    said = replay(project.repo).stdout
    assert "No contract: only what the healer would have said" in said
    assert "a fork landed in alembic.ini: b, c" in said
    assert "healer: healed; open" in said


def test_every_merge_is_one_plain_line_oldest_first(project: Project) -> None:
    change(project.repo, "agent/app/1", {"app/x.py": "x = 1\n"})
    change(project.repo, "agent/docs/2", {"app/\x1b[31mred\ny.py": "x = 2\n"}, author=BOB)
    lines = replay(project.repo, "--last", "2").stdout.splitlines()
    assert lines[0].startswith("2 landed changes of main up to ")
    assert ["agent/app/1" in lines[2], "agent/docs/2" in lines[3], lines[4]] == [True, True, ""]
    assert "allowed" in lines[2]
    assert r"app/\x1b[31mred\ny.py: " in lines[3]
    assert lines[5].startswith("2 replayed in ")


def test_r02_changes_without_migrations_read_none(project: Project) -> None:
    for number in range(3):
        change(project.repo, f"agent/app/{number}", {f"app/x{number}.txt": "x"})
    answer = report(project.repo, "--last", "3")
    assert [merge["migrations"]["blobs_read"] for merge in answer["merges"]] == [0, 0, 0]
    assert answer["summary"]["migrations"]["read_nothing"] == 3


def test_a_history_with_nothing_landed_on_anything_is_an_empty_report(repo: Repo) -> None:
    repo.commit("start", files={"x": "x"})
    answer = report(repo)
    assert (answer["merges"], answer["summary"]["merges"]) == ([], 0)
    assert "0 landed changes of main" in replay(repo).stdout


def test_a_repository_without_commits_and_an_unknown_rev_are_errors(repo: Repo) -> None:
    assert isinstance(replay(repo).exception, UserError)
    repo.commit("start", files={"x": "x"})
    assert isinstance(replay(repo, "--rev", "gone").exception, UserError)


def test_an_unreadable_contract_at_the_tip_is_an_error_with_its_place(repo: Repo) -> None:
    repo.commit("start", files={".pointsman.yml": "version: 1\nbase: main\nbasis: x\n"})
    result = replay(repo)
    assert isinstance(result.exception, UserError)
    assert ".pointsman.yml:3:1" in str(result.exception)


def test_the_line_is_the_contracts_base_else_where_head_is(repo: Repo) -> None:
    repo.commit("start", files={".pointsman.yml": CONTRACT.replace("base: main", "base: trunk")})
    repo.branch("trunk")
    repo.commit("one", files={"app/x": "1"})
    tip = repo.commit("two", files={"app/x": "2"})
    repo.checkout("main")
    answer = report(repo)
    assert (answer["rev"], len(answer["merges"]), answer["contract"]["base"]) == (tip, 2, "trunk")
    assert len(report(repo, "--rev", "trunk~1")["merges"]) == 1


def test_an_octopus_and_a_foreign_history_are_replayed(project: Project) -> None:
    repo = project.repo
    for name in ("one", "two"):
        repo.branch(name, at="main")
        repo.commit(name, files={f"app/{name}": name})
        repo.checkout("main")
    octopus = repo.merge("one", "two", message="Merge branches 'one' and 'two'")
    repo.git("checkout", "-q", "--orphan", "foreign")
    repo.commit("foreign", files={"foreign": "x"})
    repo.checkout("main")
    repo.merge("foreign", "--allow-unrelated-histories", message="Merge branch 'foreign'")
    one, two = report(repo, "--last", "2")["merges"]
    assert (one["commit"], one["head"], one["migrations"]["status"]) == (octopus, octopus, "clean")
    assert [refusal["code"] for refusal in two["migrations"]["refusals"]] == ["merge_conflict"]


def test_an_object_that_is_gone_ends_one_merge_and_not_the_report(project: Project) -> None:
    head = project.on("agent/app/c").add("c", "'a'")
    project.on("main").repo.merge("agent/app/c", message="Merge branch 'agent/app/c'")
    change(project.repo, "agent/app/1", {"app/x.txt": "x"})
    blob = project.repo.git("rev-parse", f"{head}:migrations/versions/c_step.py")
    (project.repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    answer = report(project.repo, "--last", "2")
    one, two = answer["merges"]
    assert blob in one["trouble"]
    assert (one["migrations"], two["migrations"]["status"]) == (None, "clean")
    assert answer["summary"]["not_judged"] == 1
    assert "not judged" in replay(project.repo, "--last", "2").stdout


def test_ctrl_c_ends_it_with_the_summary_so_far(project: Project) -> None:
    for number in range(40):
        project.repo.commit(f"c{number}", files={"app/x.py": f"x = {number}\n"})
    running = subprocess.Popen(
        [sys.executable, "-u", "-m", "pointsman", "replay", "-C", str(project.repo.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert running.stdout is not None
    for line in running.stdout:
        if line.endswith(" c3\n"):
            running.send_signal(signal.SIGINT)
            break
    rest, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    assert "interrupted: " in rest
    assert "contract " in rest


def test_the_proof_is_run_where_it_is_asked_for(project: Project) -> None:
    landed_fork(project)
    (merge,) = report(project.repo, "--last", "1", "--prove")["merges"]
    assert merge["migrations"]["proof"]["ran"]
    assert merge["migrations"]["status"] == "healed"
    (merge,) = report(project.repo, "--last", "1")["merges"]
    assert merge["migrations"]["proof"] is None


def test_a_proof_that_lacks_an_object_leaves_the_plan(project: Project) -> None:
    project.repo.commit("big", files={"app/big.bin": "never fetched"})
    landed_fork(project)
    blob = project.repo.git("rev-parse", "HEAD:app/big.bin")
    (project.repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    (merge,) = report(project.repo, "--last", "1", "--prove")["merges"]
    assert (merge["migrations"]["status"], merge["migrations"]["proof"]) == ("healed", None)
    assert merge["trouble"].startswith(f"not proved: object {blob}")
