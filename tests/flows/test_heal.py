"""`pointsman heal` as a user has it: JSON, exit codes, what is written where, and what is not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from pointsman.cli.main import entry
from pointsman.core.model import Sha
from pointsman.service.heal.healer import Healer
from pointsman.service.migrations import Reader
from pointsman.wiring import open_git
from tests.support.project import ROLES, VERSIONS, Project, codes, forked, revision

Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def heal(capsys: pytest.CaptureFixture[str]) -> Run:
    """`heal` with JSON, by default of `change` onto `main` and unproved: (exit code, answer)."""

    def run(
        path: Path, *args: str, base: str = "main", head: str = "change", prove: bool = False
    ) -> tuple[int, Any]:
        wanted = [] if prove else ["--no-prove"]
        with pytest.raises(SystemExit) as left:
            entry(["heal", "-C", str(path), "--base", base, "--head", head, "--json", *wanted, *args])
        out = capsys.readouterr().out
        return int(str(left.value.code)), json.loads(out) if out else None

    return run


def test_the_fix_commit_stands_on_base_and_head_and_no_branch_moves(tmp_path: Path, heal: Run) -> None:
    project = forked(tmp_path)
    refs = project.repo.git("for-each-ref")
    code, answer = heal(tmp_path)
    repo, commit = project.repo, answer["commit"]
    assert (code, answer["status"]) == (0, "healed")
    assert answer["base"] == repo.rev("main")
    assert answer["head"] == repo.rev("change")
    assert repo.git("show", "-s", "--format=%P", commit) == f"{repo.rev('main')} {repo.rev('change')}"
    assert repo.rev(f"{commit}^{{tree}}") == answer["tree"]
    assert answer["environments"][0] | {"sides": "", "not_known": []} == {
        "backend": "alembic",
        "config": "alembic.ini",
        "strategy": "reparent",
        "heads_before": ["b", "c"],
        "heads_after": ["c"],
        "moves": [
            {"revision": "c", "path": f"{VERSIONS}/c_step.py", "old_parents": ["a"], "new_parents": ["b"]}
        ],
        "added": [],
        "dropped": [],
        "sides": "",
        "not_known": [],
        "remarks": [],
    }
    assert (answer["refusals"], answer["proof"]) == ([], None)
    assert project.repo.git("for-each-ref") == refs
    assert project.repo.git("status", "--porcelain") == ""


def test_the_same_heal_is_the_same_commit(tmp_path: Path, heal: Run) -> None:
    forked(tmp_path)
    assert heal(tmp_path)[1]["commit"] == heal(tmp_path)[1]["commit"]


@pytest.mark.parametrize("on_fork", ["reparent", "merge_revision"])
@pytest.mark.parametrize(
    "template",
    ["", "file_template = %%(year)d-%%(month).2d_%%(slug)s\n", "file_template = %%(nonsense)s/%%(rev)s\n"],
)
def test_r05_alembic_itself_sees_one_head_after_a_heal(tmp_path: Path, on_fork: str, template: str) -> None:
    project = Project(
        tmp_path / "repo",
        ini=f"[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\n{template}",
    )
    project.add("a")
    project.on("change").add("c", "'a'")
    project.on("main").add("b", "'a'")
    verdict = project.heal(contract=f"migrations: [{{backend: alembic, on_fork: {on_fork}}}]\n")
    project.repo.git("worktree", "add", "-q", str(tmp_path / "healed"), project.commit(verdict))
    scripts = ScriptDirectory.from_config(Config(str(tmp_path / "healed/alembic.ini")))
    assert tuple(scripts.get_heads()) == verdict.healing.environments[0].plan.heads_after
    assert len(list(scripts.walk_revisions())) == len(project.environments("main")[0].revisions) + 1 + (
        on_fork != "reparent"
    )


def test_histories_without_a_common_commit_are_refused(tmp_path: Path, heal: Run) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.repo.git("checkout", "-q", "--orphan", "change")
    project.repo.commit("another world")
    code, answer = heal(tmp_path)
    assert (code, [r["code"] for r in answer["refusals"]], answer["refusals"][0]["paths"]) == (
        1,
        ["merge_conflict"],
        [],
    )


def test_without_an_identity_the_bot_signs(
    tmp_path: Path, heal: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = forked(tmp_path)
    for part in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{part}_NAME")
        monkeypatch.delenv(f"GIT_{part}_EMAIL")
    commit = heal(tmp_path)[1]["commit"]
    assert project.repo.git("show", "-s", "--format=%an <%ae>", commit) == "Pointsman <pointsman@localhost>"


def test_a_clean_change_needs_no_commit(tmp_path: Path, heal: Run) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "'a'")
    code, answer = heal(tmp_path, "--write", "somewhere")
    assert (code, answer["status"], answer["commit"]) == (0, "clean", None)
    assert answer["tree"] == project.repo.rev("change^{tree}")
    assert not project.repo.git("branch", "--list", "somewhere")


def test_a_refusal_is_exit_1_and_writes_nothing(tmp_path: Path, heal: Run) -> None:
    project = Project(tmp_path)
    project.add("a", up='op.create_table("t", sa.Column("id", sa.Integer()))')
    adding = 'op.add_column("t", sa.Column("{}", sa.Integer()))'
    project.on("change").add("c", "'a'", up=adding.format("size"))
    project.on("main").add("b", "'a'", up=adding.format("size"))
    code, answer = heal(tmp_path, "--write", "fixed")
    assert (code, answer["status"], answer["commit"], answer["tree"]) == (1, "refused", None, None)
    (refusal,) = answer["refusals"]
    assert refusal["code"] == "conflict"
    assert f"{VERSIONS}/b_step.py:18" in refusal["message"]
    assert f"{VERSIONS}/c_step.py:18" in refusal["message"]
    assert not project.repo.git("branch", "--list", "fixed")


@pytest.mark.parametrize("name", ["change", "refs/heads/change", "new", "refs/pointsman/x"])
def test_write_moves_a_ref_that_loses_nothing(tmp_path: Path, heal: Run, name: str) -> None:
    project = forked(tmp_path)
    code, answer = heal(tmp_path, "--write", name)
    full = name if name.startswith("refs/") else f"refs/heads/{name}"
    assert (code, project.repo.rev(full)) == (0, answer["commit"])


def test_write_refuses_a_branch_that_holds_something_else(tmp_path: Path, heal: Run) -> None:
    project = forked(tmp_path)
    other = project.on("other").repo.commit("mine", files={"x": ""})
    assert heal(tmp_path, "--write", "other") == (2, None)
    assert project.repo.rev("other") == other


@pytest.mark.parametrize("on", ["change", "merged"])
def test_the_patch_applies_to_the_change_and_to_the_merge(
    tmp_path: Path, on: str, capsys: pytest.CaptureFixture[str]
) -> None:
    project = forked(tmp_path)
    project.repo.commit("lock", files={"migrations/head.txt": "b"})
    with pytest.raises(SystemExit):
        entry(["heal", "-C", str(tmp_path), "--base", "main", "--head", "change", "--no-prove", "--patch"])
    patch = capsys.readouterr().out
    project.on("merged", at="main").repo.merge("change")
    project.on(on)
    args = [] if on == "merged" else ["--exclude=migrations/head.txt"]
    project.repo.git("apply", *args, "-", input=patch)
    assert b"down_revision = 'b'" in (tmp_path / VERSIONS / "c_step.py").read_bytes()
    if on == "merged":
        project.repo.git("add", "-A")
        assert project.repo.git("write-tree") == project.heal().healing.tree


def test_a_patch_takes_files_of_any_bytes(tmp_path: Path) -> None:
    from pointsman.core.patch import patch

    repo = Project(tmp_path).repo
    files: dict[str, tuple[bytes | None, bytes | None]] = {
        "crlf.py": (b"a\r\nb\r\n", b"a\r\nc\r\n"),
        "latin.py": (b"\xe9 = 1\n", b"\xe9 = 2"),
        "no end": (b"x", b"y\n"),
        'od"d\tn\xe4me.py'.encode().decode(): (b"1\n", b"2\n"),
        "new.py": (None, b"n\n"),
        "gone.py": (b"g\n", None),
        "empty.py": (None, b""),
        "formfeed.py": (b"a\x0cb\rc\n", b"a\x0cB\rc\n"),
    }
    repo.commit("before", files={name: old for name, (old, _) in files.items() if old is not None})
    text = patch((name, old, new) for name, (old, new) in files.items())
    repo.git("apply", "-", input=text)
    for name, (_, new) in files.items():
        path = tmp_path / name
        assert (path.read_bytes() if path.exists() else None) == new, name


def test_an_unreadable_contract_is_exit_2(tmp_path: Path, heal: Run) -> None:
    project = forked(tmp_path)
    project.repo.commit("contract", files={".pointsman.yml": "version: 9\nnonsense: true\n"})
    assert heal(tmp_path) == (2, None)


@pytest.mark.parametrize(
    ("policy", "strategy", "refused"),
    [
        ("on_fork: merge_revision", "merge_revision", []),
        ("on_fork: stop", None, ["stopped_by_policy"]),
        ("config: /elsewhere.ini, on_fork: stop", "clean", []),
        ("config: /alembic.ini, on_fork: merge_revision", "merge_revision", []),
    ],
)
def test_r10_the_contract_on_the_base_says_how(
    tmp_path: Path, heal: Run, policy: str, strategy: str | None, refused: list[str]
) -> None:
    project = forked(tmp_path)
    contract = f"{ROLES}migrations: [{{backend: alembic, proof: off, {policy}}}]\n"
    project.repo.commit("contract", files={".pointsman.yml": contract})
    _, answer = heal(tmp_path)
    assert [refusal["code"] for refusal in answer["refusals"]] == refused
    if strategy == "clean":
        assert answer["status"] == "clean"
    elif strategy:
        assert [each["strategy"] for each in answer["environments"]] == [strategy]


def test_a_contract_of_the_change_counts_for_nothing(tmp_path: Path, heal: Run) -> None:
    project = forked(tmp_path)
    contract = f"{ROLES}migrations: [{{backend: alembic, on_fork: stop}}]\n"
    project.on("change").repo.commit("contract", files={".pointsman.yml": contract})
    assert heal(tmp_path)[0] == 0


def test_one_head_required_refuses_what_the_base_would_bear(tmp_path: Path, heal: Run) -> None:
    project = forked(tmp_path, labels="('x',)")
    contract = f"{ROLES}migrations: [{{backend: alembic, one_head: required, proof: off}}]\n"
    project.repo.commit("contract", files={".pointsman.yml": contract})
    assert heal(tmp_path)[1]["refusals"][0]["code"] == "too_many_heads"


@pytest.mark.parametrize(
    "files",
    [{"app.py": "x = 2\n"}, {"readme.md": "x"}, {"migrations/readme": "x"}],
    ids=["code", "text", "beside the revisions"],
)
def test_r02_i8_a_change_without_migrations_reads_none(tmp_path: Path, files: dict[str, str]) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").repo.commit("work", files=files)
    project.on("main").add("b", "'a'")
    verdict = project.heal()
    assert (verdict.healing.status, verdict.healing.reads) == ("clean", 0)


def test_r02_a_change_to_text_alone_reads_not_even_settings(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").repo.commit("work", files={"readme.md": "x"})
    with open_git(tmp_path) as git:
        reader = Reader(git)
        Healer(git=git, reader=reader).heal(Sha(project.repo.rev("main")), Sha(project.repo.rev("change")))
        assert (reader.reads.configs, reader.reads.revisions) == (0, 0)


def test_r04_the_order_of_queued_changes_is_theirs_whatever_the_names(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("m")
    for id in ("z", "k", "b"):
        project.on(id).add(id, "'m'")
    tip = "main"
    for id in ("z", "k", "b"):
        tip = project.commit(project.heal(tip, id))
    assert project.parents(tip) == {"m": (), "z": ("m",), "k": ("z",), "b": ("k",)}


def test_a_fork_on_the_base_is_no_fault_of_a_change_beside_it(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.repo.merge("change")
    project.on("next").add("d", "'c'")
    assert project.heal("main", "next").healing.status == "clean"
    project.on("late", at="main").add("e", "'a'")
    assert codes(project.heal("main", "late")) == ["ambiguous_parent"]


def test_moving_the_whole_environment_is_clean(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").repo.git("mv", "migrations", "db")
    project.repo.commit("move", files={"alembic.ini": "[alembic]\nscript_location = db\n"})
    assert project.heal().healing.status == "clean"


def test_a_renamed_config_keeps_its_history_and_ending_it_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("renamed").repo.git("mv", "alembic.ini", "db.ini")
    project.add("c", "'a'")
    project.on("main").add("b", "'a'")
    verdict = project.heal("main", "renamed")
    assert project.heads(project.commit(verdict)) == ["c"]
    project.on("ended", at="main~1").repo.git("rm", "-rq", "migrations", "alembic.ini")
    project.repo.commit("no more database")
    project.on("main").repo.git("reset", "-q", "--hard", "main~1")
    assert codes(project.heal("main", "ended")) == ["deletes_published"]


def test_a_first_environment_is_clean_and_a_forked_one_is_not(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    new = {
        "two/alembic.ini": "[alembic]\nscript_location = s\n",
        "two/s/env.py": "",
        "two/s/versions/p.py": revision("p"),
    }
    project.on("change").repo.commit("second", files=dict(new))
    assert project.heal().healing.status == "clean"
    project.repo.commit("fork", files={f"two/s/versions/{id}.py": revision(id, "'p'") for id in "qr"})
    assert codes(project.heal()) == ["two_heads"]


def test_a_sha_256_repository_heals_too(tmp_path: Path) -> None:
    project = Project(tmp_path / "x")
    subprocess.run(["rm", "-rf", str(tmp_path / "x" / ".git")], check=True)
    project.repo.init(object_format="sha256")
    project.add("a")
    project.on("change").add("c", "'a'")
    project.on("main").add("b", "'a'")
    assert project.heads(project.commit(project.heal())) == ["c"]


@pytest.mark.slow
def test_r07_a_heal_is_proved_on_scratch_databases(tmp_path: Path, heal: Run) -> None:
    ini = "[alembic]\nscript_location = migrations\nsqlalchemy.url = sqlite:///app.db\n"
    project = Project(tmp_path, ini=ini)
    project.add("a")
    project.on("change").add("c", "'a'", extra="")
    project.on("main").add("b", "'a'")
    code, answer = heal(tmp_path, prove=True)
    assert (code, answer["proof"]["ran"], answer["proof"]["passed"]) == (0, True, True), answer
    project.on("broken", at="main~1").add("d", "'a'", up="op.drop_table('never_made')")
    code, answer = heal(tmp_path, head="broken", prove=True)
    assert (code, answer["status"], [r["code"] for r in answer["refusals"]]) == (
        1,
        "refused",
        ["proof_failed"],
    )
    assert answer["commit"] is None
