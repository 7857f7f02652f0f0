"""The catalogue of migration forks on real git, one test a row: what is repaired, what is left to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import INI, VERSIONS, Project, codes, forked, moves, revision


def test_row_01_one_new_revision_per_side_is_reparented(tmp_path: Path) -> None:
    project = forked(tmp_path)
    verdict = project.heal()
    fix = project.commit(verdict)
    assert moves(verdict) == {"c": ("b",)}
    assert project.heads(fix) == ["c"]
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
    assert project.heads(project.commit(verdict)) == ["e"]


def test_row_03_queued_changes_follow_one_another_in_queue_order(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    for id in ("x", "y", "z"):
        project.on(id).add(id, "'a'")
    tip = "main"
    for id in ("y", "x", "z"):
        tip = project.commit(project.heal(tip, id))
        assert len(project.heads(tip)) == 1
    assert project.parents(tip) == {"a": (), "y": ("a",), "x": ("y",), "z": ("x",)}


def test_row_04_a_base_that_advanced_by_several_is_followed_at_its_head(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.add("b2", "'b'")
    project.add("b3", "'b2'")
    assert moves(project.heal()) == {"c": ("b3",)}


def _published_fork(path: Path) -> Project:
    project = forked(path)
    project.repo.merge("change")
    return project


def test_row_05_two_published_sides_are_joined_and_neither_is_edited(tmp_path: Path) -> None:
    project = _published_fork(tmp_path)
    verdict = project.heal("main", "main")
    fix = project.commit(verdict)
    (environment,) = verdict.healing.environments
    ((id, path),) = environment.added
    assert (environment.plan.strategy, moves(verdict)) == ("merge_revision", {})
    assert project.parents(fix)[id] == ("b", "c")
    assert project.heads(fix) == [id]
    assert project.repo.git("diff", "--name-status", "main", fix) == f"A\t{path}"
    assert project.heal("main", "main").healing.tree == verdict.healing.tree, "the same fork, the same repair"


def test_row_05_the_contract_may_permit_moving_a_published_revision(tmp_path: Path) -> None:
    project = _published_fork(tmp_path)
    verdict = project.heal("main", "main", contract="migrations: [{backend: alembic, published: reparent}]\n")
    assert moves(verdict) == {"c": ("b",)}
    assert project.heads(project.commit(verdict)) == ["c"]


@pytest.mark.parametrize("kind", ["tag", "branch"])
def test_row_06_a_released_revision_is_not_moved_but_joined(tmp_path: Path, kind: str) -> None:
    project = forked(tmp_path)
    if kind == "tag":
        project.repo.git("tag", "-m", "one", "v1.0", "change")
    else:
        project.repo.git("branch", "release/1.0", "change~0")
        project.on("change").repo.commit("more", files={"readme": "x"})
    verdict = project.heal()
    assert [each.plan.strategy for each in verdict.healing.environments] == ["merge_revision"]
    assert project.parents(project.commit(verdict))["c"] == ("a",)


def test_row_07_a_fork_that_another_change_healed_meanwhile_is_clean(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.commit(project.heal(), "main")
    verdict = project.heal("main", "change")
    assert verdict.healing.status == "clean"
    assert project.heads(project.commit(verdict)) == ["c"]


@pytest.mark.parametrize("on_fork", ["reparent", "merge_revision"])
def test_row_08_a_stale_fix_commit_is_remade_from_the_original_change(tmp_path: Path, on_fork: str) -> None:
    contract = f"migrations: [{{backend: alembic, on_fork: {on_fork}}}]\n"
    project = forked(tmp_path)
    project.commit(project.heal(contract=contract), "pushed")
    project.on("main").add("b2", "'b'")
    verdict = project.heal("main", "pushed", contract=contract)
    from_scratch = project.heal("main", "change", contract=contract)
    assert verdict.healing.status == "healed"
    assert verdict.healing.tree == from_scratch.healing.tree
    assert len(project.heads(project.commit(verdict))) == 1


def test_row_08_a_commit_that_only_claims_to_be_a_fix_is_taken_as_it_is(tmp_path: Path) -> None:
    project = forked(tmp_path)
    fix = project.commit(project.heal(), "pushed")
    text = project.repo.git("show", "-s", "--format=%B", fix)
    project.on("elsewhere", at=fix).repo.commit("x", files={"smuggled": "x"})
    forged = project.repo.git("commit-tree", "HEAD^{tree}", "-p", "main", "-p", "change", "-m", text)
    project.on("main").add("b2", "'b'")
    verdict = project.heal("main", forged)
    assert "smuggled" in project.repo.files(project.commit(verdict))


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
    assert project.heads(project.commit(verdict)) == ["m"]


def test_row_10_a_merge_of_the_base_with_the_change_itself_takes_the_base_s_new_head(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").repo.merge("main")
    project.add("m", "('b', 'c')", up="pass")
    project.on("main").add("b2", "'b'")
    verdict = project.heal()
    assert moves(verdict) == {"m": ("b2", "c")}
    assert project.heads(project.commit(verdict)) == ["m"]


def test_row_11_of_two_empty_merges_the_unpublished_one_is_dropped(tmp_path: Path) -> None:
    project = _two_published_heads(tmp_path)
    project.on("change").add("m1", "('l', 'r')", up="pass")
    project.add("n", "'m1'")
    project.on("main").add("m2", "('l', 'r')", up="pass")
    verdict = project.heal()
    fix = project.commit(verdict)
    assert f"{VERSIONS}/m1_step.py" not in project.repo.files(fix)
    assert project.parents(fix)["n"] == ("m2",)
    assert project.heads(fix) == ["n"]


def test_row_12_a_merge_with_a_body_is_kept_and_only_its_parent_changes(tmp_path: Path) -> None:
    project = _two_published_heads(tmp_path)
    project.on("change").add("m1", "('l', 'r')")
    project.on("main").add("m2", "('l', 'r')", up="pass")
    verdict = project.heal()
    fix = project.commit(verdict)
    assert project.parents(fix)["m1"] == ("m2",)
    assert b"down_revision = ('m2',)" in project.repo.show(fix, f"{VERSIONS}/m1_step.py")


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
    assert project.heads(project.commit(verdict)) == ["aa"]


def test_row_14_a_new_labelled_branch_is_left_alone(tmp_path: Path) -> None:
    project = forked(tmp_path, labels="('reports',)")
    verdict = project.heal()
    assert verdict.healing.status == "clean"
    assert project.heads(project.commit(verdict)) == ["b", "c"]


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
    assert project.heads(project.commit(verdict)) == ["e3", "k1"]


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


def test_row_17_a_second_base_in_a_location_of_its_own_is_clean(tmp_path: Path) -> None:
    ini = INI + "version_locations = %(here)s/migrations/versions %(here)s/plugin/versions\n"
    project = Project(tmp_path, ini=ini)
    project.add("a")
    project.on("change").repo.commit("plugin", files={"plugin/versions/p_step.py": revision("p")})
    assert project.heal().healing.status == "clean"


def test_row_18_depends_on_a_moved_revision_needs_no_edit(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.on("change").add("s", labels="('side',)", depends="'c'")
    verdict = project.heal()
    assert moves(verdict) == {"c": ("b",)}
    assert project.heads(project.commit(verdict)) == ["c", "s"]


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


def test_row_21_depends_on_across_lineages_stays(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("z", labels="('other',)")
    project.on("change").add("c", "'a'", depends="'z'")
    project.on("main").add("b", "'a'")
    fix = project.commit(project.heal())
    assert b"depends_on = 'z'" in project.repo.show(fix, f"{VERSIONS}/c_step.py")


@pytest.mark.parametrize(("form", "after"), [("('a',)", "('b',)"), ("['a']", "['b']")])
def test_row_22_a_tuple_or_list_of_one_keeps_its_form(tmp_path: Path, form: str, after: str) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", form)
    project.on("main").add("b", "'a'")
    fix = project.commit(project.heal())
    assert f"down_revision = {after}\n".encode() in project.repo.show(fix, f"{VERSIONS}/c_step.py")


@pytest.mark.parametrize(
    "line",
    [
        b'down_revision: str | None = "a"  # after a',
        b"down_revision: Union[str, Sequence[str], None] = 'a'",
        b"down_revision='a' # noqa",
        b"down_revision = (  # why\n    'a'\n)",
    ],
)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_row_23_only_the_string_token_changes(tmp_path: Path, line: bytes, ends: bytes, bom: bytes) -> None:
    raw = (
        bom
        + b'"""d"""\nfrom typing import Sequence, Union\nrevision = "c"\n'
        + line
        + b"\n\n\ndef upgrade():\n    pass\n"
    )
    raw = raw.replace(b"\n", ends)
    project = Project(tmp_path)
    project.repo.git("config", "core.autocrlf", "false")
    project.add("a")
    project.on("change").add("c", raw=raw)
    project.on("main").add("b", "'a'")
    fix = project.commit(project.heal())
    quote = b'"' if b'"a"' in line else b"'"
    expected = raw.replace(quote + b"a" + quote, quote + b"b" + quote)
    assert project.repo.show(fix, f"{VERSIONS}/c_step.py") == expected


def test_row_24_a_computed_parent_is_refused_where_it_is(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "max(['a'])")
    project.on("main").add("b", "'a'")
    assert codes(project.heal()) == ["computed"]


def test_row_24_revisions_that_git_orders_can_not_fork(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    raw = (
        "from alembic_git_revisions import get_down_revision\n"
        'revision = "{}"\ndown_revision = get_down_revision(revision)\n'
    )
    project.on("change").add("c", raw=raw.format("c"))
    project.on("main").add("b", raw=raw.format("b"))
    assert project.heal().healing.status == "clean"
    assert project.environments("main")[0].problems == ()


@pytest.mark.parametrize("where", ["down", "depends"])
def test_row_25_an_abbreviated_id_is_broken(tmp_path: Path, where: str) -> None:
    project = Project(tmp_path)
    project.add("abcdef012345")
    more = {"down": "'abcd'"} if where == "down" else {"down": "'abcdef012345'", "depends": "'abcd'"}
    project.on("change").add("c", **more)
    assert codes(project.heal()) == ["abbreviated_id"]


def test_row_26_an_empty_string_is_an_error_and_an_empty_tuple_a_base(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a", "()")
    assert project.environments("main")[0].problems == ()
    assert project.environments("main")[0].graph.bases == ("a",)
    project.on("change").add("c", "''")
    assert "empty_id" in codes(project.heal())


def test_row_27_no_down_revision_at_all_is_broken(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", raw='revision = "c"\n')
    assert "no_down_revision" in codes(project.heal())


def test_row_28_the_reserved_id_is_broken(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("base", "'a'")
    assert "reserved_id" in codes(project.heal())


def test_row_29_one_id_in_two_files_is_refused_with_both(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "'a'", name="c_mine.py")
    project.on("main").add("c", "'a'", name="c_theirs.py")
    verdict = project.heal()
    assert codes(verdict) == ["duplicate_revision"]
    assert verdict.healing.refusals[0].paths == (f"{VERSIONS}/c_mine.py", f"{VERSIONS}/c_theirs.py")


def test_row_30_one_path_added_by_both_is_a_conflict_with_both_sides_quoted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "'a'", name="next.py")
    project.on("main").add("b", "'a'", name="next.py")
    verdict = project.heal()
    assert codes(verdict) == ["merge_conflict"]
    assert verdict.healing.refusals[0].paths == (f"{VERSIONS}/next.py",)
    assert "Revision ID: c" in verdict.healing.refusals[0].message
    assert "Revision ID: b" in verdict.healing.refusals[0].message


@pytest.mark.parametrize("suffix", ["", "_more"], ids=["number alone", "number and name"])
@pytest.mark.parametrize("repeated", [True, False], ids=["same id", "other id"])
def test_row_31_numbered_revisions_are_renumbered_where_that_is_the_habit(
    tmp_path: Path, suffix: str, repeated: bool
) -> None:
    project = Project(tmp_path)
    project.add("0001", name="0001_start.py")
    project.add("0002", "'0001'", name="0002_go.py")
    mine = f"0003{suffix}"
    project.on("change").add(mine, "'0002'", name="0003_mine.py", up="pass")
    project.add("0004", f"'{mine}'", name="0004_top.py")
    theirs = mine if repeated else f"0003{suffix}_other"
    project.on("main").add(theirs, "'0002'", name="0003_theirs.py")
    fix = project.commit(project.heal())
    assert project.parents(fix) == {
        "0001": (),
        "0002": ("0001",),
        theirs: ("0002",),
        f"0004{suffix}": (theirs,),
        "0005": (f"0004{suffix}",),
    }
    names = {path.rpartition("/")[2] for path in project.repo.files(fix) if path.startswith(VERSIONS)}
    assert names == {"0001_start.py", "0002_go.py", "0003_theirs.py", "0004_mine.py", "0005_top.py"}
    assert f"Revision ID: 0004{suffix}\n".encode() in project.repo.show(fix, f"{VERSIONS}/0004_mine.py")


@pytest.mark.parametrize(
    "place", ["migrations/current_alembic_head", f"{VERSIONS}/head.txt", "migrations_lockfile.txt"]
)
def test_row_32_a_head_lock_file_is_updated_in_the_same_commit(tmp_path: Path, place: str) -> None:
    project = Project(tmp_path)
    project.repo.write({place: "a\n"})
    project.add("a")
    project.on("change").repo.write({place: "c\n"})
    project.add("c", "'a'")
    project.on("main").repo.write({place: "b\n"})
    project.add("b", "'a'")
    verdict = project.heal()
    fix = project.commit(verdict)
    assert project.repo.show(fix, place) == b"c\n", (
        "both sides wrote it: git alone would call that a conflict"
    )
    assert moves(verdict) == {"c": ("b",)}


@pytest.mark.parametrize(
    ("place", "mine"),
    [("docs/head.txt", "c\n"), ("migrations/head.txt", "c and a remark\n")],
    ids=["elsewhere", "words"],
)
def test_row_32_what_only_looks_like_a_lock_is_a_conflict_as_ever(
    tmp_path: Path, place: str, mine: str
) -> None:
    project = Project(tmp_path)
    project.repo.write({place: "a\n"})
    project.add("a")
    project.on("change").repo.write({place: mine})
    project.add("c", "'a'")
    project.on("main").repo.write({place: "b\n"})
    project.add("b", "'a'")
    verdict = project.heal()
    assert codes(verdict) == ["merge_conflict"]
    assert verdict.healing.refusals[0].paths == (place,)


def test_row_32_a_lock_that_only_the_base_keeps_up_is_updated_too(tmp_path: Path) -> None:
    project = forked(tmp_path)
    project.repo.commit("lock", files={"migrations/head.txt": "b"})
    assert project.repo.show(project.commit(project.heal()), "migrations/head.txt") == b"c"


def test_row_33_a_docstring_without_revises_stays_without(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    raw = '"""Revises the way in which we count."""\nrevision = "c"\ndown_revision = "a"\n'
    project.on("change").add("c", raw=raw)
    project.on("main").add("b", "'a'")
    fix = project.commit(project.heal())
    assert project.repo.show(fix, f"{VERSIONS}/c_step.py").decode() == raw.replace('"a"', '"b"')


def test_row_33_a_wrong_revises_is_set_right(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", raw=revision("c", "'a'").replace("Revises: a", "Revises: 123nonsense"))
    project.on("main").add("b", "'a'")
    fix = project.commit(project.heal())
    assert b"Revises: b\n" in project.repo.show(fix, f"{VERSIONS}/c_step.py")


def test_row_34_a_parent_squashed_on_the_base_is_left_to_people(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("a2", "'a'")
    project.on("change").add("c", "'a2'")
    project.on("main").repo.git("rm", "-q", f"{VERSIONS}/a_step.py", f"{VERSIONS}/a2_step.py")
    project.add("squashed")
    verdict = project.heal()
    assert codes(verdict) == ["parent_removed"]
    assert "a2" in verdict.healing.refusals[0].message


def test_row_35_a_squash_that_keeps_the_old_head_s_id_is_clean(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("a2", "'a'")
    project.on("change").add("c", "'a2'")
    project.on("main").repo.git("rm", "-q", f"{VERSIONS}/a_step.py", f"{VERSIONS}/a2_step.py")
    project.add("a2", name="squashed.py")
    verdict = project.heal()
    assert verdict.healing.status == "clean"
    assert project.heads(project.commit(verdict)) == ["c"]


def test_row_36_a_parent_that_the_base_reverted_is_left_to_people(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("a2", "'a'")
    project.on("change").add("c", "'a2'")
    project.on("main").repo.git("revert", "--no-edit", "HEAD")
    assert codes(project.heal()) == ["parent_removed"]


def test_row_37_an_edit_of_a_published_revision_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("a", up="op.execute('select 1')")
    assert codes(project.heal()) == ["edits_published"]


@pytest.mark.parametrize(
    ("old", "new", "free"),
    [
        ('"a"', "'a'", True),
        ("import sqlalchemy as sa", "import sqlalchemy as sa  # tidied\nimport os", True),
        ("def upgrade():", "def upgrade() -> None:", True),
        ("down_revision = None", "down_revision: str | None = None", True),
        ('"""step a', '"""Better words', True),
        ("import sqlalchemy as sa", "import others as sa", False),
        ("sa.Integer()", "sa.String()", False),
        ("down_revision = None", "down_revision = ()\nX = 1", False),
    ],
)
def test_row_37_what_changes_nothing_in_a_published_revision_is_free(
    tmp_path: Path, old: str, new: str, free: bool
) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("a", raw=revision("a").replace(old, new))
    assert codes(project.heal()) == ([] if free else ["edits_published"])


def test_row_38_a_published_revision_may_be_renamed_and_not_deleted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("a2", "'a'")
    project.on("renamed").repo.git("mv", f"{VERSIONS}/a2_step.py", f"{VERSIONS}/better.py")
    project.repo.commit("rename")
    project.on("deleted").repo.git("rm", "-q", f"{VERSIONS}/a2_step.py")
    project.repo.commit("delete")
    assert project.heal("main", "renamed").healing.status == "clean"
    assert codes(project.heal("main", "deleted")) == ["deletes_published"]


def test_row_39_a_helper_in_the_version_folder_is_broken_as_it_is_for_alembic(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").repo.commit(
        "help", files={f"{VERSIONS}/tools.py": "X = 1\n", f"{VERSIONS}/__init__.py": ""}
    )
    verdict = project.heal()
    assert codes(verdict) == ["no_revision"]
    assert verdict.healing.refusals[0].paths == (f"{VERSIONS}/tools.py",)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (revision("c", "'a'") + "\nop.add_column(\n", "unparsable"),
        (revision("c", "(\n<<<<<<< ours\n'a'\n=======\n'b'\n>>>>>>> theirs\n)"), "conflict_markers"),
        (
            'revision = "c"\n<<<<<<< HEAD\ndown_revision = "a"\n=======\ndown_revision = "b"\n>>>>>>> x\n',
            "conflict_markers",
        ),
        ("\0", "unparsable"),
    ],
    ids=["cut off", "markers inside", "markers outside", "binary"],
)
def test_row_40_conflict_markers_and_syntax_errors_are_broken(tmp_path: Path, text: str, code: str) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", raw=text)
    assert code in codes(project.heal())


def test_row_41_each_environment_is_healed_by_itself(tmp_path: Path) -> None:
    project = Project(tmp_path)
    two = {"two/alembic.ini": "[alembic]\nscript_location = scripts\n", "two/scripts/env.py": ""}
    project.repo.write({**two, "two/scripts/versions/p.py": revision("p")})
    project.add("a")
    project.on("change").repo.write({"two/scripts/versions/q.py": revision("q", "'p'")})
    project.add("c", "'a'")
    project.on("main").repo.write({"two/scripts/versions/r.py": revision("r", "'p'")})
    project.add("b", "'a'")
    verdict = project.heal()
    assert {e.plan.layout.config: e.plan.moves[0].revision for e in verdict.healing.environments} == {
        "alembic.ini": "c",
        "two/alembic.ini": "q",
    }
    assert project.heads(project.commit(verdict)) == ["c", "q"]


def test_row_42_one_id_in_two_environments_is_legal(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.repo.write(
        {"two/alembic.ini": "[alembic]\nscript_location = scripts\n", "two/scripts/env.py": ""}
    )
    project.repo.write({"two/scripts/versions/a.py": revision("a")})
    project.add("a")
    assert [each.problems for each in project.environments("main")] == [(), ()]


def test_row_43_a_date_in_a_file_name_is_left_alone(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a", name="2024-01-01_a.py")
    project.on("change").add("c", "'a'", name="2024-01-02_c.py")
    project.on("main").add("b", "'a'", name="2024-01-03_b.py")
    verdict = project.heal()
    (move,) = verdict.healing.environments[0].plan.moves
    assert (move.path, move.new_path) == (f"{VERSIONS}/2024-01-02_c.py", f"{VERSIONS}/2024-01-02_c.py")
    assert project.heads(project.commit(verdict)) == ["c"]
