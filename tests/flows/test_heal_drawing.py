"""`pointsman heal` as people read it: ten lines and a drawing, the rest on request, the same as a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pointsman.cli.main import entry
from tests.support.project import VERSIONS, Project, forked

Run = Callable[..., tuple[int, str, str]]
ADDING = 'op.add_column("t", sa.Column("size", sa.Integer()))'


@pytest.fixture
def heal(capsys: pytest.CaptureFixture[str]) -> Run:
    """`heal` of `change` onto `main`, unproved: (exit code, stdout, stderr)."""

    def run(path: Path, *args: str, base: str = "main", head: str = "change") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            entry(["heal", "-C", str(path), "--base", base, "--head", head, "--no-prove", *args])
        said = capsys.readouterr()
        return int(str(left.value.code)), said.out, said.err

    return run


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`b` on main, `c` with the change."""
    return forked(tmp_path_factory.mktemp("plain")).repo.path


@pytest.fixture(scope="module")
def clashing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both sides add one column."""
    project = Project(tmp_path_factory.mktemp("clashing"))
    project.add("a", up='op.create_table("t", sa.Column("id", sa.Integer()))')
    project.on("change").add("c", "'a'", up=ADDING)
    project.on("main").add("b", "'a'", up=ADDING)
    return project.repo.path


def drawn(said: str) -> Iterator[str]:
    return (line.strip() for line in said.splitlines() if line.startswith("    "))


def texts(path: Path) -> list[str]:
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 - our own
    return ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_healed_fork_is_told_in_ten_lines_with_its_drawing(plain: Path, heal: Run) -> None:
    code, said, _ = heal(plain)
    assert code == 0
    assert list(drawn(said)) == ["before  a ─┬─ b", "└─ c", "after   a ─── b ─── c"]
    told = [line for line in said.splitlines() if not line.startswith("    ")]
    assert len(told) <= 10
    assert "  c now follows b instead of a, since b was on the base first." in told
    assert "  A database that already ran c (a preview, say) will not run b: make it anew." in told
    assert "\x1b" not in said, "no colours where there is no terminal"


def test_all_of_it_comes_on_request(plain: Path, heal: Run) -> None:
    path = f"{VERSIONS}/c_step.py"
    assert path not in heal(plain)[1]
    assert f"{path}: c follows b, was a" in heal(plain, "-v")[1]


def test_a_refused_fork_is_drawn_with_both_operations_and_the_next_step(clashing: Path, heal: Run) -> None:
    code, said, _ = heal(clashing)
    assert code == 1
    assert "before  a ─┬─ b" in said and "after" not in said.partition("conflict")[0]
    assert f"{VERSIONS}/b_step.py:18" in said and f"{VERSIONS}/c_step.py:18" in said
    assert said.splitlines()[-1].startswith("  Merge the base into the change")
    assert len([line for line in said.splitlines() if "─" not in line]) <= 10


def test_a_long_refusal_is_cut_and_whole_on_request(tmp_path: Path, heal: Run) -> None:
    project = Project(tmp_path)
    project.add("a", up='op.create_table("t", sa.Column("id", sa.Integer()))')
    columns = "\n    ".join(f'op.add_column("t", sa.Column("c{i}", sa.Integer()))' for i in range(5))
    project.on("change").add("c", "'a'", up=columns)
    project.on("main").add("b", "'a'", up=columns)
    short, whole = heal(tmp_path)[1], heal(tmp_path, "-v")[1]
    assert len(short.splitlines()) <= 15
    assert "more lines; -v tells more" in short
    assert all(f'"c{i}"' in whole for i in range(5)) and "-v tells more" not in whole


def test_two_environments_are_drawn_one_after_the_other_row_41(tmp_path: Path, heal: Run) -> None:
    from tests.support.project import revision

    def second(id: str, down: str) -> dict[str, str | bytes]:
        return {f"two/s/versions/{id}.py": revision(id, down)}

    project = Project(tmp_path)
    project.add("a")
    project.repo.commit(
        "second", files={"two/alembic.ini": "[alembic]\nscript_location = s\n", **second("p", "None")}
    )
    project.on("change").add("c", "'a'")
    project.repo.commit("q", files=second("q", "'p'"))
    project.on("main").add("b", "'a'")
    project.repo.commit("r", files=second("r", "'p'"))
    said = heal(tmp_path, "--svg", str(tmp_path / "fork.svg"))[1]
    assert said.index("alembic.ini") < said.index("a ─── b ─── c") < said.index("two/alembic.ini")
    assert "p ─── r ─── q" in said
    assert {"alembic.ini", "two/alembic.ini"} <= set(texts(tmp_path / "fork.svg"))


def test_a_file_is_drawn_beside_the_report_and_beside_json(plain: Path, tmp_path: Path, heal: Run) -> None:
    file = tmp_path / "fork.svg"
    file.write_text("an older one")
    code, said, _ = heal(plain, "--svg", str(file))
    assert code == 0 and "healed" in said
    assert {"a", "b", "c", "BEFORE", "AFTER", "Migration fork healed: change onto main"} <= set(texts(file))
    first = file.read_bytes()
    plain_json = json.loads(heal(plain, "--json")[1])
    assert json.loads(heal(plain, "--json", "--svg", str(file))[1]) == plain_json
    assert file.read_bytes() == first, "the same heal is the same drawing"
    assert [each.name for each in tmp_path.iterdir()] == ["fork.svg"], "nothing is left beside it"


def test_refused_and_clean_heals_are_drawn_too(
    clashing: Path, plain: Path, tmp_path: Path, heal: Run
) -> None:
    assert heal(clashing, "--svg", str(tmp_path / "refused.svg"))[0] == 1
    words = texts(tmp_path / "refused.svg")
    assert {"Left to people: change onto main", f"{VERSIONS}/c_step.py:18", ADDING} <= set(words)
    assert heal(plain, "--svg", str(tmp_path / "clean.svg"), head="main~1")[0] == 0
    assert texts(tmp_path / "clean.svg") == ["No migration fork: main~1 onto main"]


@pytest.mark.parametrize("file", ["-", "nowhere/fork.svg", "."], ids=["stdout", "no folder", "a folder"])
def test_a_file_that_can_not_be_written_stops_it_before_anything_is(
    plain: Path, heal: Run, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(plain)
    code, out, err = heal(plain, "--svg", file, "--write", "fixed")
    assert (code, out) == (2, "")
    assert "--svg" in err
    refs = subprocess.run(["git", "branch", "--list", "fixed"], cwd=plain, capture_output=True, check=True)
    assert refs.stdout == b""


def test_a_terminal_of_ascii_gets_ascii(plain: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "pointsman", "heal", "--base", "main", "--head", "change", "--no-prove"],
        cwd=plain,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert b"before  a -+- b" in told.stdout


def test_no_id_reaches_the_terminal_as_it_is(tmp_path: Path, heal: Run) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c\\x1b[2J\\u202e", "'a'", name="c_step.py")
    project.on("main").add("b", "'a'")
    for options in ([], ["-v"]):
        _, said, err = heal(tmp_path, *options, "--svg", str(tmp_path / "fork.svg"))
        assert "follows b" in said
        assert not set(said + err) & {"\x1b", "\u202e"}
    assert not set((tmp_path / "fork.svg").read_text()) & {"\x1b", "\u202e"}
