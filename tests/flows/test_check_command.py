"""`pointsman check` and `contract` on odd revisions, contracts, roles and names: what each is answered."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.main import entry
from tests.flows.check_command import AUTHOR, BASE, BRANCH, CONTRACT, DOC, Check, site
from tests.support.repo import Repo

ADA = "ada@example.org"


@pytest.fixture
def check(repo: Repo, capsys: pytest.CaptureFixture[str]) -> Check:
    site(repo)
    return Check(repo, capsys)


def cli(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        entry([*args])
    printed = capsys.readouterr()
    return int(str(left.value.code or 0)), printed.out, printed.err


# Revisions


def test_a_change_of_nothing_is_allowed(check: Check) -> None:
    check.repo.commit()
    for head in (BRANCH, "main", check.repo.rev("main")):
        found = check(head=head)
        assert (found.code, found.outcome, found.paths) == (0, "allowed", {})


@pytest.mark.parametrize(
    "spell", ["{branch}", "{sha}", "{short}", "v1", "refs/tags/v1", "{branch}~0", "HEAD", "@"]
)
def test_a_revision_is_whatever_git_takes(check: Check, spell: str) -> None:
    head = check.repo.commit(files={DOC: "mine\n"})
    check.repo.git("tag", "-a", "-m", "x", "v1")
    found = check(head=spell.format(branch=BRANCH, sha=head, short=head[:9]))
    assert (found.code, found.answer["head"], found.paths) == (0, head, {DOC: "allowed"})


@pytest.mark.parametrize(
    "rev", ["--help", "-x", "--all", "main..HEAD", "^main", "", " ", "HEAD:docs", "main^9", "no\nsuch"]
)
def test_what_names_no_commit_is_a_usage_error(check: Check, rev: str) -> None:
    for found in (check(head=rev), check(base=rev)):
        assert (found.code, found.answer) == (2, {})
        assert "no name of a commit" in found.stderr or "names no branch, tag or commit" in found.stderr


def test_a_branch_that_is_called_like_a_commit_is_not_that_commits_branch(check: Check) -> None:
    main = check.repo.rev("main")
    check.repo.commit(files={DOC: "mine\n"})
    check.repo.git("update-ref", f"refs/heads/{main}", "HEAD")
    found = check(head=main, branch=None)
    assert (found.answer["head"], found.answer["branch"], found.answer["role"]) == (main, None, None)


@pytest.mark.parametrize("option", ["--branch", "--author"])
def test_an_empty_option_does_not_become_its_default(
    check: Check, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    """A script's variable that is not set must not let the change say who made it."""
    code, out, err = cli(
        capsys, "check", "-C", str(check.repo.path), "--base=main", f"--head={BRANCH}", option, "", "--json"
    )
    assert (code, out, f"{option} is empty" in err) == (2, "", True)


def test_it_works_in_a_subfolder_a_worktree_and_a_bare_clone(check: Check) -> None:
    repo = check.repo
    repo.commit(files={DOC: "mine\n"})
    repo.checkout("main").git("worktree", "add", "-q", "../wt", BRANCH)
    repo.git("clone", "-q", "--bare", ".", "../bare.git")
    for folder in (repo.path / "docs", repo.path.parent / "wt", repo.path.parent / "bare.git"):
        assert check(directory=folder).paths == {DOC: "allowed"}
    assert check(head="HEAD", directory=repo.path.parent / "wt").answer["branch"] == BRANCH


# What would land


def test_a_conflict_is_never_allowed_by_the_contract(check: Check) -> None:
    check.repo.commit(files={DOC: "mine\n"})
    check.repo.checkout("main").commit(files={DOC: "theirs\n"})
    found = check()
    assert (found.code, found.outcome, found.problems, found.answer["tree"]) == (
        1,
        "refused",
        ["not_merged"],
        None,
    )
    assert found.answer["migrations"]["refusals"][0]["code"] == "merge_conflict"


def test_the_contract_on_the_base_counts_and_never_the_changes_own(check: Check) -> None:
    wider = CONTRACT.replace("owns: [/docs/,", "owns: [/.pointsman.yml, /docs/,").replace(
        "cannot_touch: [/src/layouts/, ", "cannot_touch: ["
    )
    check.repo.commit(files={".pointsman.yml": wider, BASE: "mine\n"})
    found = check()
    assert (found.outcome, found.paths) == ("refused", {".pointsman.yml": "outside", BASE: "denied"})


@pytest.mark.parametrize(
    ("files", "problems"),
    [
        pytest.param({".pointsman.yml": CONTRACT + "# more\n"}, [], id="alone, a person has to approve"),
        pytest.param(
            {".pointsman.yml": CONTRACT + "# more\n", DOC: "x"}, ["contract_not_alone"], id="not alone"
        ),
        pytest.param(
            {".pointsman.yml": CONTRACT + "quue: {}\n"}, ["contract_unreadable"], id="unreadable after"
        ),
        pytest.param({".pointsman.yml": None}, ["contract_removed"], id="removed"),
    ],
)
def test_a_change_of_the_contract(
    check: Check, files: dict[str, str | bytes | None], problems: list[str]
) -> None:
    check.repo.commit(files=files)
    found = check(branch="fix", author=ADA)
    assert (found.code, found.problems) == (1, problems)
    assert found.outcome == ("refused" if problems else "waiting")
    assert found.paths[".pointsman.yml"] == "needs_approval"


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        "CODEOWNERS",
        ".gitlab/CODEOWNERS",
        "docs/.gitattributes",
        ".gitmodules",
        "alembic.ini",
        "db/migrations/env.py",
        "CLAUDE.md",
        "sub/AGENTS.md",
        ".Claude/settings.json",
    ],
)
def test_I4_the_control_class_needs_a_person_whoever_owns_everything(check: Check, path: str) -> None:
    check.repo.commit(files={path: "x"})
    found = check(branch="fix", author=ADA)
    assert (found.code, found.outcome, found.paths) == (1, "waiting", {path: "needs_approval"})
    (need,) = found.answer["contract"]["waiting_for"]
    assert (need["class"], need["human"]) == ("control", True)


# Roles


def test_no_role_lists_every_candidate_with_its_line(check: Check) -> None:
    check.repo.commit(files={DOC: "mine\n"})
    found = check(branch="elsewhere")
    contract = found.answer["contract"]
    assert (found.code, found.answer["role"], contract["code"]) == (1, None, "no_role")
    assert [(one["role"], one["line"]) for one in contract["candidates"]] == [("owner", 7), ("docs", 8)]
    assert contract["candidates"][1]["why"] == "the branch has to match agent/docs/*"


def test_two_roles_are_listed_and_neither_holds(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    site(repo, CONTRACT.replace("owner: {who: [ada]", "owner: {who: [ada, bot]"))
    found = Check(repo, capsys)()
    contract = found.answer["contract"]
    assert (found.code, contract["code"]) == (1, "several_roles")
    assert [(one["role"], one["line"]) for one in contract["candidates"]] == [("owner", 7), ("docs", 8)]


def test_R37_a_wrong_target_is_refused_and_its_paths_are_judged_all_the_same(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = (
        CONTRACT
        + "  lead: {who: [{team: a/leads}], branches: [integration/*], owns: ['**'], accepts_from: [docs]}\n"
    )
    site(repo, rules).commit(files={DOC: "mine\n", BASE: "mine\n"})
    repo.git("branch", "integration/1", "main")
    check = Check(repo, capsys)
    found = check()
    assert (found.answer["role"], found.outcome, found.problems) == ("docs", "refused", ["wrong_target"])
    assert found.paths == {DOC: "allowed", BASE: "denied"}
    assert check(base="integration/1").problems == []


def test_an_author_may_be_written_as_git_writes_one(check: Check) -> None:
    check.repo.commit(files={DOC: "mine\n"})
    assert check(author="The Bot <BOT@example.org>").answer["role"] == "docs"


def test_nobodys_name_reaches_the_terminal_as_a_command(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    check.repo.commit(files={"docs/\x1b[2Jx\nallowed": "x"})
    where = ["-C", str(check.repo.path), "--base=main", f"--head={BRANCH}"]
    for author, branch in ((AUTHOR, BRANCH), ("eve\x1b[32m\nallowed@x.org", "a\x1b[0mb")):
        code, out, _ = cli(capsys, "check", *where, "--author", author, "--branch", branch)
        assert (code, "\x1b" in out, "\nallowed" in out) == (1, False, False)


# Contracts that are none


def _link(repo: Repo) -> None:
    (repo.path / ".pointsman.yml").unlink()
    (repo.path / ".pointsman.yml").symlink_to("real.yml")


def _link_that_reads_like_a_contract(repo: Repo) -> None:
    (repo.path / ".pointsman.yml").unlink()
    (repo.path / ".pointsman.yml").symlink_to(
        "version: 1\nbase: main\nidentities: {bot: {email: bot@example.org}}\nroles: {r: {who: bot, owns: ['**']}}\n"
    )


def _folder(repo: Repo) -> None:
    (repo.path / ".pointsman.yml").unlink()
    repo.write({".pointsman.yml/x": CONTRACT})


def _submodule(repo: Repo) -> None:
    (repo.path / ".pointsman.yml").unlink()
    repo.git("rm", "-q", "--cached", ".pointsman.yml")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},.pointsman.yml")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(_link, "is a symbolic link", id="link"),
        pytest.param(
            _link_that_reads_like_a_contract, "is a symbolic link", id="link that reads like a contract"
        ),
        pytest.param(_folder, "is a folder", id="folder"),
        pytest.param(_submodule, "is a submodule", id="submodule"),
    ],
)
def test_only_a_file_is_a_contract(
    check: Check, capsys: pytest.CaptureFixture[str], make: Callable[[Repo], None], says: str
) -> None:
    repo = check.repo.checkout("main").write({"real.yml": CONTRACT})
    make(repo)
    repo.git("add", "real.yml", *([] if make is _submodule else [".pointsman.yml"]))
    repo.commit_index()
    found = check()
    assert (found.code, f".pointsman.yml {says} on" in found.stderr) == (2, True)
    if make is not _submodule:
        code, out, err = cli(capsys, "contract", "lint", "-C", str(repo.path))
        assert (code, out, says in err) == (2, "", True)


def test_an_unreadable_contract_lists_each_mistake_on_a_line_of_its_own(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    site(repo, CONTRACT + "quue: {}\nqueue: {max_batch: 012}\n")
    found = Check(repo, capsys)()
    lines = found.stderr.splitlines()
    assert found.code == 2
    assert ".pointsman.yml:13:1 quue: unknown key 'quue'; did you mean 'queue'?" in lines
    assert any(
        line.startswith(".pointsman.yml:14:20 queue.max_batch: expected a whole number >= 1, got '012'")
        for line in lines
    )


def test_a_contract_that_cannot_be_opened_is_named(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    if os.geteuid() == 0:
        pytest.skip("root opens everything")
    (check.repo.path / ".pointsman.yml").chmod(0)
    code, out, err = cli(capsys, "contract", "lint", "-C", str(check.repo.path))
    assert (code, out, "cannot be read" in err) == (2, "", True)


# explain and check


def test_explain_says_of_each_path_what_check_says(check: Check, capsys: pytest.CaptureFixture[str]) -> None:
    repo = check.repo
    names = [
        DOC,
        BASE,
        "src/pages/i.astro",
        "lone.txt",
        "other",
        "db/env.py",
        "db/script.py.mako",
        "AGENTS.md",
        "docs/caf\u00e9",
        "src/l\u0430youts/x",
        "protected",
        "[id].ts",
    ]
    present = {name: "1\n" for name in names if name != "protected"}
    repo.checkout("main").commit(files=present)
    (repo.path / "docs/link").symlink_to("d.md")
    repo.git("add", "-A")
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor/lib")
    repo.commit_index()
    repo.git("branch", "-f", BRANCH)
    repo.git("checkout", "-q", "-f", BRANCH)
    (repo.path / "docs/link").unlink()
    (repo.path / "docs/link").symlink_to("other")
    repo.write(dict.fromkeys(present, "2\n"))
    repo.git("add", "--", *present, "docs/link")
    repo.git("update-index", "--cacheinfo", f"160000,{'2' * 40},vendor/lib")
    repo.commit_index()
    for author, branch, role in ((AUTHOR, BRANCH, "docs"), (ADA, "fix", "owner")):
        judged = check(author=author, branch=branch)
        code, out, _ = cli(
            capsys, "contract", "explain", "-C", str(repo.path), "--role", role, "--json", "--", *judged.paths
        )
        explained: dict[str, dict[str, Any]] = {
            one["path"]: one["roles"][0] for one in json.loads(out)["paths"]
        }
        assert {path: one["status"] for path, one in explained.items()} == judged.paths
        assert {path: one["rule"] for path, one in explained.items()} == judged.rules
        assert len(judged.paths) == 13
        assert code == 1, "a link is nobody's to change"


@pytest.mark.parametrize(
    ("asked", "is_"),
    [("/docs/d.md", "docs/d.md"), ("./docs/d.md", "docs/d.md"), ("docs/new", "docs/new")],
)
def test_explain_takes_a_path_from_the_root(
    check: Check, capsys: pytest.CaptureFixture[str], asked: str, is_: str
) -> None:
    code, out, _ = cli(capsys, "contract", "explain", "-C", str(check.repo.path), "--json", asked)
    assert (code, json.loads(out)["paths"][0]["path"]) == (0, is_)


@pytest.mark.parametrize("asked", ["", ".", "..", "docs/../x", "docs//d.md", "/", "docs", "docs/"])
def test_explain_refuses_what_names_no_file(
    check: Check, capsys: pytest.CaptureFixture[str], asked: str
) -> None:
    code, out, err = cli(capsys, "contract", "explain", "-C", str(check.repo.path), "--", asked)
    assert (code, out) == (2, "")
    assert "names no file" in err or "is a folder" in err


def test_the_two_commands_do_not_write_to_the_repository(
    check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    check.repo.commit(files={DOC: "mine\n"})

    def refs_and_state() -> tuple[str, list[Path]]:
        return check.repo.git("for-each-ref"), sorted((check.repo.path / ".git").glob("*"))

    before = refs_and_state()
    check()
    cli(capsys, "contract", "explain", "-C", str(check.repo.path), DOC)
    cli(capsys, "contract", "lint", "-C", str(check.repo.path))
    assert refs_and_state() == before


def test_R56_a_role_that_the_queue_has_not_seen_for_long_is_found(
    check: Check, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check.repo.commit(files={DOC: "mine\n"})
    where = ["-C", str(check.repo.path)]
    assert cli(capsys, "submit", *where, "--author", AUTHOR, BRANCH)[0] == 0

    def unused() -> list[str]:
        found = json.loads(cli(capsys, "contract", "lint", *where, "--json")[1])["findings"]
        return [one["message"] for one in found if one["code"] == "unused_role"]

    assert unused() == []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 40 * 86_400)
    assert unused() == [f"roles.{role}: nobody has had this role for 40 days" for role in ("owner", "docs")]
