"""Version folders that `env.py` names at run time: each a history of its own, unless their revisions say otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.cli.main import entry
from tests.support.project import VERSIONS, Project, codes, moves, revision

TYPO = "migrations: [{backend: alembic, config: alembic.ini, versions: [migrations/versions/typo]}]\n"
APART = """\
migrations:
  - {backend: alembic, config: alembic.ini, versions: [migrations/versions/one], on_fork: merge_revision}
  - {backend: alembic, config: alembic.ini, versions: [migrations/versions/two]}
"""
TOGETHER = """\
migrations:
  - {backend: alembic, config: alembic.ini, versions: [migrations/versions/one, migrations/versions/two]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The folders `one` and `two`; `a` in each, then `b` of `two` on main and `c` on the branch `change`."""
    project = Project(tmp_path)
    project.add("a1", name="one/a1.py")
    project.add("a2", name="two/a2.py")
    project.on("change").add("c2", "'a2'", name="two/c2.py")
    project.on("main").add("b2", "'a2'", name="two/b2.py")
    return project


def heads(
    path: Path, capsys: pytest.CaptureFixture[str], rev: str = "HEAD"
) -> tuple[int, dict[str, list[str]]]:
    with pytest.raises(SystemExit) as left:
        entry(["heads", "-C", str(path), "--json", "--rev", rev])
    told = json.loads(capsys.readouterr().out)["environments"]
    return int(str(left.value.code)), {each.get("name", ""): each["heads"] for each in told}


def test_each_folder_is_read_and_healed_by_itself(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert heads(tmp_path, capsys) == (0, {"one": ["a1"], "two": ["b2"]})
    verdict = project.heal()
    assert (verdict.healing.status, moves(verdict)) == ("healed", {"c2": ("b2",)})
    project.commit(verdict, "main")
    assert heads(tmp_path, capsys, "main") == (0, {"one": ["a1"], "two": ["c2"]})


def test_where_one_folder_s_revisions_follow_the_other_s_people_say_what_belongs_together(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`d2` in `one` follows `b2` in `two`: `e2` beside it would fork what no folder shows by itself."""
    project.add("d2", "'b2'", name="one/d2.py")
    project.on("late").add("e2", "'b2'", name="two/e2.py")
    assert heads(tmp_path, capsys)[0] == 1
    assert codes(project.heal("main", "change")) == ["version_folders"]
    assert codes(project.heal("main~1", "late")) == ["missing_parent", "version_folders", "version_folders"]
    healed = project.heal("main", "change", contract=TOGETHER)
    assert (healed.healing.status, moves(healed)) == ("healed", {"c2": ("d2",)})


def test_an_entry_for_each_folder_has_rules_of_its_own(project: Project) -> None:
    project.on("other", at="main~1").add("c1", "'a1'", name="one/c1.py")
    project.on("main").add("b1", "'a1'", name="one/b1.py")
    two = project.heal("main", "change", contract=APART).healing
    one = project.heal("main", "other", contract=APART).healing
    strategies = [each.plan.strategy for healing in (two, one) for each in healing.environments]
    assert strategies == ["reparent", "merge_revision"]
    assert [path.rpartition("/")[0] for path, new in one.files.items() if new] == [f"{VERSIONS}/one"]


def test_a_folder_that_is_not_there_hides_no_fork(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(project.heal(contract=TYPO)) == ["version_folders"]
    project.repo.commit("deep", files={f"{VERSIONS}/three/x/y.py": revision("y")})
    assert heads(tmp_path, capsys)[0] == 1
