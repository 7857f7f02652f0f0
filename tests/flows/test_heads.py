"""`pointsman heads` as a user has it: real repositories, the whole command, its JSON and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.main import entry
from pointsman.service.migrations import Reader
from pointsman.wiring import open_git
from tests.support.project import VERSIONS, Project, revision
from tests.support.repo import Repo


def heads(capsys: pytest.CaptureFixture[str], path: Path, *args: str) -> tuple[int, dict[str, Any]]:
    with pytest.raises(SystemExit) as left:
        entry(["heads", "-C", str(path), "--json", *args])
    return int(str(left.value.code)), json.loads(capsys.readouterr().out)


def test_one_head_is_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = Project(tmp_path)
    sha = project.add("a")
    assert heads(capsys, tmp_path) == (
        0,
        {
            "rev": sha,
            "environments": [
                {
                    "backend": "alembic",
                    "config": "alembic.ini",
                    "versions": [VERSIONS],
                    "recursive": False,
                    "revisions": 1,
                    "heads": ["a"],
                    "forked": False,
                    "problems": [],
                }
            ],
        },
    )


def test_a_fork_or_a_problem_is_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("b", "'a'")
    fork = project.add("c", "'a'")
    project.repo.commit(
        "merge", files={f"{VERSIONS}/m.py": revision("m", "('b', 'c')"), f"{VERSIONS}/x.py": "x = 1\n"}
    )
    code, answer = heads(capsys, tmp_path, "--rev", fork)
    assert (code, answer["environments"][0]["heads"], answer["environments"][0]["forked"]) == (
        1,
        ["b", "c"],
        True,
    )
    code, answer = heads(capsys, tmp_path)
    assert (code, answer["environments"][0]["heads"], answer["environments"][0]["forked"]) == (
        1,
        ["m"],
        False,
    )
    assert [(p["code"], p["paths"]) for p in answer["environments"][0]["problems"]] == [
        ("no_revision", [f"{VERSIONS}/x.py"])
    ]


def test_no_environment_is_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Repo(tmp_path).init().commit("start", files={"readme": ""})
    code, answer = heads(capsys, tmp_path)
    assert (code, answer["environments"]) == (0, [])


@pytest.mark.parametrize("args", [["--rev", "nowhere"], ["--rev", "--help-me"], ["--nonsense"]])
def test_usage_is_exit_2(tmp_path: Path, args: list[str]) -> None:
    Project(tmp_path).add("a")
    with pytest.raises(SystemExit) as left:
        entry(["heads", "-C", str(tmp_path), *args])
    assert left.value.code == 2


def test_people_get_a_block_an_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("b", "'a'")
    project.add("c", "'a'")
    with pytest.raises(SystemExit):
        entry(["heads", "-C", str(tmp_path)])
    assert capsys.readouterr().out == (
        "alembic.ini (alembic, 3 revisions, 2 heads)\n"
        f"  fork b  {VERSIONS}/b_step.py\n"
        f"  fork c  {VERSIONS}/c_step.py\n"
    )


def test_a_link_to_a_revision_is_followed_and_one_to_nowhere_is_a_problem(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / VERSIONS).mkdir(parents=True)
    (tmp_path / "shared.py").write_text(revision("s"))
    (tmp_path / VERSIONS / "good.py").symlink_to("../../shared.py")
    (tmp_path / VERSIONS / "bad.py").symlink_to("/etc/passwd")
    project.repo.commit("links")
    (environment,) = project.environments("main")
    assert environment.heads == ("s",)
    assert [(p.code, p.paths) for p in environment.problems] == [("not_a_file", (f"{VERSIONS}/bad.py",))]


def test_each_blob_is_parsed_once_ever(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("b", "'a'")
    with open_git(tmp_path) as git:
        reader = Reader(git)
        first = git.tree_of(git.resolve("main~1"))
        for tree in (first, git.tree_of(git.resolve("main")), first):
            reader.read(tree)
        assert reader.reads.revisions == 2


def test_start_up_loads_no_heavy_library(tmp_path: Path) -> None:
    Project(tmp_path).add("a")
    code = (
        "import sys\nfrom pointsman.cli.main import entry\n"
        f"try: entry(['heads', '-C', {str(tmp_path)!r}])\nexcept SystemExit as end: assert end.code == 0\n"
        "heavy = {'alembic', 'sqlalchemy', 'rich', 'github', 'git', 'sqlglot', 'pathspec', 'yaml', 'mako'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
