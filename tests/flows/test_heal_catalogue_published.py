"""The catalogue of migration forks on real git, one test a row: what is published, released, squashed or gone."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from tests.support.alembic import confirmed
from tests.support.project import VERSIONS, Project, codes, forked, moves, revision


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
    assert confirmed(project, verdict) == [id]
    assert project.repo.git("diff", "--name-status", "main", fix) == f"A\t{path}"
    assert project.heal("main", "main").healing.tree == verdict.healing.tree, "the same fork, the same repair"


def test_row_05_the_contract_may_permit_moving_a_published_revision(tmp_path: Path) -> None:
    project = _published_fork(tmp_path)
    verdict = project.heal("main", "main", contract="migrations: [{backend: alembic, published: reparent}]\n")
    assert moves(verdict) == {"c": ("b",)}
    assert confirmed(project, verdict) == ["c"]


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
    assert confirmed(project, verdict) == ["c"]


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


def _squashed(
    path: Path, squash: str, *, second: str = "op.add_column('t_a', sa.Column('n', sa.Text()))"
) -> Project:
    """`a`, `a2` and, on the change, `c`; the base puts one revision in the place of the first two, and goes on."""
    project = Project(path)
    project.add("a")
    project.add("a2", "'a'", up=second)
    project.on("change").add("c", "'a2'")
    project.on("main").repo.git("rm", "-q", f"{VERSIONS}/a_step.py", f"{VERSIONS}/a2_step.py")
    project.add("squashed", up=squash)
    project.add("d", "'squashed'")
    return project


WHOLE = "op.create_table('t_a', sa.Column('n', sa.Text(), nullable=True), sa.Column('id', sa.Integer()))"


def test_row_34_a_parent_squashed_on_the_base_is_followed_where_both_build_the_same(tmp_path: Path) -> None:
    project = _squashed(tmp_path, WHOLE)
    verdict = project.heal()
    assert moves(verdict) == {"c": ("d",)}
    assert project.parents(project.commit(verdict)) == {"squashed": (), "d": ("squashed",), "c": ("d",)}
    assert confirmed(project, verdict) == ["c"]
    again = project.heal("main", project.commit(verdict, "healed"))
    assert again.healing.tree == verdict.healing.tree


def test_row_34_the_squash_itself_is_followed_where_it_is_the_base_s_head(tmp_path: Path) -> None:
    project = _squashed(tmp_path, WHOLE)
    project.on("short", at="main~1")
    verdict = project.heal("short")
    (move,) = verdict.healing.environments[0].plan.moves
    assert (move.old_parents, move.new_parents) == (("a2",), ("squashed",))
    assert confirmed(project, verdict) == ["c"]


@pytest.mark.parametrize(
    ("squash", "second"),
    [
        (WHOLE.replace("Text", "String"), None),
        (WHOLE.replace("sa.Column('n', sa.Text(), nullable=True), ", ""), None),
        (f"{WHOLE}; op.create_index('ix', 't_a', ['n'])", None),
        (f"{WHOLE}; op.execute('SELECT 1')", None),
        (WHOLE, "op.add_column('t_a', column)"),
        (WHOLE, "op.add_column('t_a', sa.Column('n', sa.Text())); op.execute('UPDATE t_a SET n = 1')"),
    ],
    ids=["other type", "column missing", "one index more", "SQL in the squash", "computed", "rows written"],
)
def test_row_34_a_squash_that_may_be_another_is_left_to_people_with_both_named(
    tmp_path: Path, squash: str, second: str | None
) -> None:
    project = _squashed(tmp_path, squash, **({"second": second} if second else {}))
    verdict = project.heal()
    assert codes(verdict) == ["parent_removed"]
    assert verdict.healing.refusals[0].paths == (f"{VERSIONS}/c_step.py", f"{VERSIONS}/squashed_step.py")


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
    assert confirmed(project, verdict) == ["c"]


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


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Revision `a` on main; tests add branches only."""
    project = Project(tmp_path_factory.mktemp("published"))
    project.add("a")
    return project


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
    published: Project, old: str, new: str, free: bool
) -> None:
    branch = f"change{zlib.crc32(new.encode())}"
    published.on(branch).add("a", raw=revision("a").replace(old, new))
    assert codes(published.heal("main", branch)) == ([] if free else ["edits_published"])


def test_row_38_a_published_revision_may_be_renamed_and_not_deleted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("a2", "'a'")
    project.on("renamed").repo.git("mv", f"{VERSIONS}/a2_step.py", f"{VERSIONS}/better.py")
    project.repo.commit("rename")
    project.on("deleted").repo.git("rm", "-q", f"{VERSIONS}/a2_step.py")
    project.repo.commit("delete")
    renamed = project.heal("main", "renamed")
    assert renamed.healing.status == "clean"
    assert confirmed(project, renamed) == ["a2"]
    assert codes(project.heal("main", "deleted")) == ["deletes_published"]
