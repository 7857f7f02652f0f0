"""The catalogue of migration forks on real git, one test a row: the shapes that histories take."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.util import CommandError

from tests.support import alembic
from tests.support.alembic import confirmed
from tests.support.project import INI, VERSIONS, Project, codes, forked, moves, revision


def test_every_row_of_the_catalogue_has_a_test_by_its_name() -> None:
    tests = Path(__file__).parents[1]
    text = "\n".join(path.read_text() for path in tests.rglob("test_*.py"))
    assert {int(row) for row in re.findall(r"row[_ ](\d\d)", text)} >= set(range(1, 46))


def test_row_01_one_new_revision_per_side_is_reparented(tmp_path: Path) -> None:
    project = forked(tmp_path)
    verdict = project.heal()
    fix = project.commit(verdict)
    assert moves(verdict) == {"c": ("b",)}
    assert confirmed(project, verdict) == ["c"]
    before = project.repo.show("change", f"{VERSIONS}/c_step.py").splitlines()
    after = project.repo.show(fix, f"{VERSIONS}/c_step.py").splitlines()
    changed = [(x, y) for x, y in zip(before, after, strict=True) if x != y]
    assert changed == [(b"Revises: a", b"Revises: b"), (b"down_revision = 'a'", b"down_revision = 'b'")]


def test_row_02_of_a_chain_only_the_bottom_moves(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").add("d", "'c'")
    project.add("e", "'d'")
    verdict = project.heal()
    assert moves(verdict) == {"c": ("b",)}
    assert confirmed(project, verdict) == ["e"]


def test_row_03_queued_changes_follow_one_another_in_queue_order(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    for id in ("x", "y", "z"):
        project.on(id).add(id, "'a'")
    tip = "main"
    for id in ("y", "x", "z"):
        tip = project.commit(project.heal(tip, id))
        assert len(alembic.heads(project, tip)) == 1
    assert alembic.upgraded(project, tip) == ["t_a", "t_x", "t_y", "t_z"]
    assert project.parents(tip) == {"a": (), "y": ("a",), "x": ("y",), "z": ("x",)}


def test_row_04_a_base_that_advanced_by_several_is_followed_at_its_head(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.add("b2", "'b'")
    project.add("b3", "'b2'")
    verdict = project.heal()
    assert moves(verdict) == {"c": ("b3",)}
    assert confirmed(project, verdict) == ["c"]


def _two_published_heads(path: Path) -> Project:
    project = Project(path)
    project.add("a")
    project.add("l", "'a'")
    project.add("r", "'a'")
    return project


def test_row_09_a_merge_of_old_base_heads_takes_the_new_head_in_place_of_the_stale_one(
    tmp_path: Path,
) -> None:
    project = _two_published_heads(tmp_path)
    project.on("change").add("m", "('l', 'r')", up="pass")
    project.on("main").add("l2", "'l'")
    verdict = project.heal()
    assert moves(verdict) == {"m": ("l2", "r")}
    assert confirmed(project, verdict) == ["m"]


def test_row_10_a_merge_of_the_base_with_the_change_itself_takes_the_base_s_new_head(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").repo.merge("main")
    project.add("m", "('b', 'c')", up="pass")
    project.on("main").add("b2", "'b'")
    verdict = project.heal()
    assert moves(verdict) == {"m": ("b2", "c")}
    assert confirmed(project, verdict) == ["m"]


def test_row_11_of_two_empty_merges_the_unpublished_one_is_dropped(tmp_path: Path) -> None:
    project = _two_published_heads(tmp_path)
    project.on("change").add("m1", "('l', 'r')", up="pass")
    project.add("n", "'m1'")
    project.on("main").add("m2", "('l', 'r')", up="pass")
    verdict = project.heal()
    fix = project.commit(verdict)
    assert f"{VERSIONS}/m1_step.py" not in project.repo.files(fix)
    assert project.parents(fix)["n"] == ("m2",)
    assert confirmed(project, verdict) == ["n"]


def test_row_12_a_merge_with_a_body_is_kept_and_only_its_parent_changes(tmp_path: Path) -> None:
    project = _two_published_heads(tmp_path)
    project.on("change").add("m1", "('l', 'r')")
    project.on("main").add("m2", "('l', 'r')", up="pass")
    verdict = project.heal()
    fix = project.commit(verdict)
    assert project.parents(fix)["m1"] == ("m2",)
    assert b"down_revision = ('m2',)" in project.repo.show(fix, f"{VERSIONS}/m1_step.py")
    assert confirmed(project, verdict) == ["m1"]


def test_row_12_a_merge_whose_body_does_not_commute_with_the_base_is_left_to_people(tmp_path: Path) -> None:
    project = _two_published_heads(tmp_path)
    project.on("change").add("m1", "('l', 'r')", up="op.execute('UPDATE t_a SET id = 1')")
    project.on("main").add("m2", "('l', 'r')", up="op.drop_table('t_a')")
    verdict = project.heal()
    assert codes(verdict) == ["conflict"]
    assert set(verdict.healing.refusals[0].paths) == {f"{VERSIONS}/m1_step.py", f"{VERSIONS}/m2_step.py"}


def test_row_13_two_heads_of_its_own_are_the_author_s_to_order(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").add("d", "'a'")
    verdict = project.heal()
    assert codes(verdict) == ["two_heads"]
    assert set(verdict.healing.refusals[0].paths) == {f"{VERSIONS}/c_step.py", f"{VERSIONS}/d_step.py"}


def test_row_13_two_heads_are_refused_without_a_rival_on_the_base_too(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "'a'")
    project.add("d", "'a'")
    assert codes(project.heal()) == ["two_heads"]


def test_row_13_the_contract_may_take_the_order_of_the_commits(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").add("aa", "'a'")
    project.add("c2", "'c'")
    verdict = project.heal(contract="migrations: [{backend: alembic, two_heads: commit_order}]\n")
    assert moves(verdict) == {"c": ("b",), "aa": ("c2",)}
    assert confirmed(project, verdict) == ["aa"]


def test_row_14_a_new_labelled_branch_is_left_alone(tmp_path: Path) -> None:
    project = forked(tmp_path, labels="('reports',)")
    verdict = project.heal()
    assert verdict.healing.status == "clean"
    assert confirmed(project, verdict) == ["b", "c"]


def test_row_15_one_label_twice_is_broken(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a", labels="('core',)")
    project.on("change").add("c", "'a'", labels="('core',)")
    assert codes(project.heal()) == ["duplicate_label"]


def test_row_16_lineages_are_held_to_the_base_s_heads_not_to_one(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("e1", labels="('expand',)")
    project.add("k1", labels="('contract',)")
    project.on("change").add("e3", "'e1'")
    project.on("main").add("e2", "'e1'")
    verdict = project.heal()
    assert moves(verdict) == {"e3": ("e2",)}
    assert confirmed(project, verdict) == ["e3", "k1"]


@pytest.mark.parametrize(
    ("more", "status"), [({}, "refused"), ({"labels": "('second',)"}, "clean")], ids=["plain", "labelled"]
)
def test_row_17_a_second_base_needs_a_label(tmp_path: Path, more: dict[str, str], status: str) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("z", **more)
    verdict = project.heal()
    assert verdict.healing.status == status
    assert codes(verdict) == (["second_base"] if status == "refused" else [])
    assert alembic.heads(project, verdict.healing.merged or "") == ["a", "z"]


def test_row_17_a_second_base_in_a_location_of_its_own_is_clean(tmp_path: Path) -> None:
    ini = INI + "version_locations = %(here)s/migrations/versions %(here)s/plugin/versions\n"
    project = Project(tmp_path, ini=ini)
    project.add("a")
    project.on("change").repo.commit("plugin", files={"plugin/versions/p_step.py": revision("p")})
    verdict = project.heal()
    assert verdict.healing.status == "clean"
    assert alembic.heads(project, verdict.healing.tree or "", "plugin/versions") == ["a", "p"]


def test_row_18_depends_on_a_moved_revision_needs_no_edit(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").add("s", labels="('side',)", depends="'c'")
    verdict = project.heal()
    assert moves(verdict) == {"c": ("b",)}
    assert confirmed(project, verdict) == ["c", "s"]


def test_row_19_a_move_that_would_close_a_circle_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "'a'")
    project.on("main").add("b", "'a'", depends="'c'")
    assert codes(project.heal()) == ["dependency_cycle"]


def test_row_20_depends_on_hides_no_head(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("b", "'a'")
    project.add("c", "'a'", depends="'b'")
    assert project.heads("main") == ["b", "c"]
    assert project.environments("main")[0].forked
    with pytest.raises(CommandError, match="Multiple head revisions"):
        alembic.upgraded(project, "main", "head")


def test_row_21_depends_on_across_lineages_stays(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("z", labels="('other',)")
    project.on("change").add("c", "'a'", depends="'z'")
    project.on("main").add("b", "'a'")
    verdict = project.heal()
    assert b"depends_on = 'z'" in project.repo.show(project.commit(verdict), f"{VERSIONS}/c_step.py")
    assert confirmed(project, verdict) == ["c", "z"]
