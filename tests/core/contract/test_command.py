"""`pointsman contract` on a real repository: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.cli.main import entry
from tests.support.repo import Repo

CONTRACT = """\
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles: {docs: {who: ada, owns: [/docs/], cannot_touch: [/docs/legal/]}}
checks: {unit: {run: make test}}
"""


@pytest.fixture
def run(repo: Repo, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs the command in the repository: (exit code, stdout, stderr)."""

    def call(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            entry(["contract", args[0], "-C", str(repo.path), *args[1:]])
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    return call


def commit(repo: Repo, files: dict[str, str | bytes | None]) -> None:
    repo.write(files)
    repo.git("add", "-A")
    repo.git("commit", "-qm", "x")


def test_init_prints_writes_once_and_the_result_lints(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {"docs/a.md": "a", "src/a.py": "a"})
    code, out, _ = run("init")
    assert (code, "roles:" in out, (repo.path / ".pointsman.yml").exists()) == (0, True, False)
    code, out, err = run("init", "--write")
    assert (code, out) == (0, "")
    assert "pointsman contract lint" in err
    code, _, err = run("init", "--write")
    assert (code, "is there already" in err) == (2, True)
    code, out, _ = run("lint", "--json")
    assert code == 1
    assert [finding["code"] for finding in json.loads(out)["findings"]] == ["no_gate"]


def test_init_reads_the_codeowners_of_the_base_branch(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {".github/CODEOWNERS": "/docs/ @octocat\n", "docs/a.md": "a"})
    code, out, _ = run("init")
    assert code == 0
    assert 'octocat: {user: "octocat"}' in out


def test_lint_of_a_clean_contract(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {".pointsman.yml": CONTRACT, "docs/legal/a": "a", "docs/b": "b"})
    assert run("lint") == (0, ".pointsman.yml is clean\n", "")
    assert run("lint", "--rev", "main") == (0, ".pointsman.yml is clean\n", "")


def test_lint_shows_each_finding_at_its_place(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {".pointsman.yml": CONTRACT, "docs/a": "a"})
    code, out, _ = run("lint")
    assert code == 1
    assert out == (
        ".pointsman.yml:4:57 dead_pattern roles.docs.cannot_touch[0]: /docs/legal/ matches no file on the base branch\n"
    )


def test_lint_of_an_unreadable_contract_lists_every_mistake(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    repo.write({".pointsman.yml": CONTRACT + "queue: {mod: x, max_batch: 0}\n"})
    code, out, err = run("lint")
    assert (code, out) == (2, "")
    assert ".pointsman.yml:6:9 queue.mod: unknown key 'mod'; did you mean 'mode'?" in err
    assert ".pointsman.yml:6:28 queue.max_batch: expected a whole number >= 1, got 0" in err


@pytest.mark.parametrize("command", [("lint",), ("explain", "a")])
def test_without_a_contract_the_next_step_is_named(repo: Repo, run, command: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {"a": "a"})
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert "pointsman contract init" in err


def test_a_foreign_file_is_not_held_against_this_repository(repo: Repo, run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {"other": "a"})
    foreign = tmp_path / "other.yml"
    foreign.write_text(CONTRACT)
    assert run("lint", str(foreign))[0] == 0
    assert run("lint", str(foreign), "--rev", "HEAD")[0] == 1


def test_a_file_of_a_megabyte_is_refused_unread(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    repo.write({".pointsman.yml": "a: b\n" * 200_000})
    code, _, err = run("lint")
    assert code == 2
    assert "a contract may have 262,144" in err


def test_explain_reads_the_base_branch_and_not_the_work_tree(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {".pointsman.yml": CONTRACT})
    repo.write({".pointsman.yml": CONTRACT.replace("/docs/legal/", "/nothing/")})
    code, out, _ = run("explain", "docs/legal/x", "docs/a", "--json")
    paths = {one["path"]: one["roles"][0] for one in json.loads(out)["paths"]}
    assert code == 1
    assert {path: (role["status"], role["rule"], role["line"]) for path, role in paths.items()} == {
        "docs/legal/x": ("denied", "roles.docs.cannot_touch[0]", 4),
        "docs/a": ("allowed", "roles.docs.owns[0]", 4),
    }


def test_explain_says_it_in_words(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    commit(repo, {".pointsman.yml": CONTRACT})
    code, out, _ = run("explain", "docs/AGENTS.md", "--role", "docs")
    assert code == 0
    assert "docs  needs approval: role docs owns /docs/; waits for 1 approval(s) of class control" in out
    assert "also control: AGENTS.md (built in)" in out
    assert run("explain", "a", "--role", "nope")[0] == 2


def test_schema_prints_the_json_schema(run) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SystemExit) as done:
        entry(["contract", "schema"])
    assert not done.value.code


def test_R23_inventory_prints_each_resource_with_its_holder(repo: Repo, run) -> None:  # type: ignore[no-untyped-def]
    writers = "writers: {main: {holder: queue, kind: branch}, prod-db: {holder: ada, kind: database}, f: {holder: b}}\n"
    commit(repo, {".pointsman.yml": CONTRACT + writers})
    code, out, _ = run("inventory")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["resource", "kind", "holder"],
        ["main", "branch", "queue"],
        ["prod-db", "database", "ada"],
        ["f", "b"],
    ]
    code, out, _ = run("inventory", "--json")
    assert json.loads(out)["writers"][1] == {
        "name": "prod-db",
        "kind": "database",
        "holder": "ada",
        "line": 6,
    }
    commit(repo, {".pointsman.yml": CONTRACT})
    code, out, err = run("inventory")
    assert (code, out, "lists no resources" in err) == (1, "", True)
