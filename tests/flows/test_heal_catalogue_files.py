"""The catalogue of migration forks on real git, one test a row: what stands in files, and their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.util import CommandError

from pointsman.core.migrations.alembic.edit import set_parents
from tests.support import alembic
from tests.support.alembic import confirmed
from tests.support.project import VERSIONS, Project, codes, forked, moves, revision


@pytest.mark.parametrize(("form", "after"), [("('a',)", "('b',)"), ("['a']", "['b']")])
def test_row_22_a_tuple_or_list_of_one_keeps_its_form(tmp_path: Path, form: str, after: str) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", form)
    project.on("main").add("b", "'a'")
    verdict = project.heal()
    assert confirmed(project, verdict) == ["c"]
    fix = project.commit(verdict)
    assert f"down_revision = {after}\n".encode() in project.repo.show(fix, f"{VERSIONS}/c_step.py")


LINES = [
    b'down_revision: str | None = "a"  # after a',
    b"down_revision: Union[str, Sequence[str], None] = 'a'",
    b"down_revision='a' # noqa",
    b"down_revision = (  # why\n    'a'\n)",
]


def _written(line: bytes, ends: bytes, bom: bytes) -> bytes:
    raw = b'"""d"""\nfrom typing import Sequence, Union\nrevision = "c"\n' + line
    return bom + (raw + b"\n\n\ndef upgrade():\n    pass\n").replace(b"\n", ends)


def _moved(raw: bytes) -> bytes:
    return raw.replace(b'"a"', b'"b"').replace(b"'a'", b"'b'")


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_row_23_only_the_string_token_changes(line: bytes, ends: bytes, bom: bytes) -> None:
    raw = _written(line, ends, bom)
    assert set_parents(raw, ["b"]) == _moved(raw)


def test_row_23_bytes_go_through_git_as_they_are(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.repo.git("config", "core.autocrlf", "false")
    project.add("a")
    raw = _written(LINES[0], b"\r\n", b"\xef\xbb\xbf")
    project.on("change").add("c", raw=raw)
    project.on("main").add("b", "'a'")
    verdict = project.heal()
    assert project.repo.show(project.commit(verdict), f"{VERSIONS}/c_step.py") == _moved(raw)
    assert confirmed(project, verdict) == ["c"]


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
    verdict = project.heal()
    assert codes(verdict) == ["abbreviated_id"]
    with pytest.raises((UserWarning, KeyError, CommandError)):
        alembic.heads(project, verdict.healing.merged or "")


def test_row_26_an_empty_string_is_an_error_and_an_empty_tuple_a_base(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a", "()")
    assert project.environments("main")[0].problems == ()
    assert project.environments("main")[0].graph.bases == ("a",)
    assert alembic.heads(project, "main") == ["a"]
    project.on("change").add("c", "''")
    verdict = project.heal()
    assert "empty_id" in codes(verdict)
    with pytest.raises((UserWarning, KeyError, CommandError)):
        alembic.heads(project, verdict.healing.merged or "")


def test_row_27_no_down_revision_at_all_is_broken(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", raw='revision = "c"\n')
    assert "no_down_revision" in codes(project.heal())


def test_row_28_the_reserved_id_is_broken(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("base", "'a'")
    verdict = project.heal()
    assert "reserved_id" in codes(verdict)
    merged = verdict.healing.merged or ""
    assert alembic.upgraded(project, merged, "base") == [], "nothing that is said to Alembic can mean it"


def test_row_29_one_id_in_two_files_is_refused_with_both(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").add("c", "'a'", name="c_mine.py")
    project.on("main").add("c", "'a'", name="c_theirs.py")
    verdict = project.heal()
    assert codes(verdict) == ["duplicate_revision"]
    assert verdict.healing.refusals[0].paths == (f"{VERSIONS}/c_mine.py", f"{VERSIONS}/c_theirs.py")
    assert f"give {VERSIONS}/c_mine.py an id of its own" in verdict.healing.refusals[0].message


def test_row_29_where_ids_are_numbers_the_unpublished_one_is_renamed_with_all_that_names_it(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path)
    project.add("0001", name="0001_start.py")
    project.add("0002", "'0001'", name="0002_go.py")
    project.on("change").add("0003", "'0002'", name="0003_mine.py")
    project.add("side", labels="('reports',)", depends="'0003'", name="side.py")
    project.on("main").add("0003", "'0002'", name="0003_theirs.py", up="pass")
    verdict = project.heal()
    fix = project.commit(verdict)
    assert project.parents(fix) == {
        "0001": (),
        "0002": ("0001",),
        "0003": ("0002",),
        "0004": ("0003",),
        "side": (),
    }
    assert b'revision = "0004"' in project.repo.show(fix, f"{VERSIONS}/0004_mine.py")
    assert b"depends_on = '0004'" in project.repo.show(fix, f"{VERSIONS}/side.py")
    assert project.repo.show(fix, f"{VERSIONS}/0003_theirs.py") == project.repo.show(
        "main", f"{VERSIONS}/0003_theirs.py"
    )


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


def test_row_39_a_helper_in_the_version_folder_is_broken_as_it_is_for_alembic(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.on("change").repo.commit(
        "help", files={f"{VERSIONS}/tools.py": "X = 1\n", f"{VERSIONS}/__init__.py": ""}
    )
    verdict = project.heal()
    assert codes(verdict) == ["no_revision"]
    assert verdict.healing.refusals[0].paths == (f"{VERSIONS}/tools.py",)
    with pytest.raises(CommandError, match="Could not determine revision id"):
        alembic.heads(project, verdict.healing.merged or "")


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


def test_row_40_a_broken_file_on_the_base_holds_up_no_heal_of_another_and_may_be_mended(
    tmp_path: Path,
) -> None:
    project = Project(tmp_path)
    project.add("a")
    project.add("bad", raw=revision("bad", "'a'") + "x = (1 2)\n")
    project.on("change").add("c", "'bad'")
    project.on("mend").add("bad", raw=revision("bad", "'a'"))
    project.on("main").add("b", "'bad'")
    assert [problem.code for problem in project.environments("main")[0].problems] == ["unparsable"]
    verdict = project.heal()
    assert moves(verdict) == {"c": ("b",)}
    mended = project.heal("main", "mend")
    assert codes(mended) == []
    assert confirmed(project, mended) == ["b"]


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
    fix = project.commit(verdict)
    assert project.heads(fix) == ["c", "q"]
    assert alembic.heads(project, fix) == ["c"]
    assert alembic.heads(project, fix, home="two/scripts") == ["q"]


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
    assert confirmed(project, verdict) == ["c"]
