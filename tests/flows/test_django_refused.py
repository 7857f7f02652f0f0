"""Forks in Django apps that are left to people, on real git: what does not commute, what Django stumbles over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.django_world import BASE, World
from tests.support.django_project import add, at, create, migration


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path / "repo", capsys)


REFUSED = {
    "both add one field": (add("post", "slug"), add("post", "slug", "models.TextField()"), "conflict"),
    "removed and indexed": (
        'migrations.RemoveField(model_name="post", name="title")',
        'migrations.AddIndex(model_name="post", index=models.Index(fields=["title"], name="post_title"))',
        "conflict",
    ),
    "renamed and altered": (
        'migrations.RenameField(model_name="post", old_name="title", new_name="head")',
        'migrations.AlterField(model_name="post", name="title", field=models.TextField())',
        "conflict",
    ),
    "model dropped and used": ('migrations.DeleteModel(name="Post")', add("post", "views"), "conflict"),
    "options twice": (
        'migrations.AlterModelOptions(name="post", options={"ordering": ["id"]})',
        'migrations.AlterModelOptions(name="post", options={"verbose_name": "entry"})',
        "conflict",
    ),
    "unique_together twice": (
        'migrations.AlterUniqueTogether(name="post", unique_together={("title", "id")})',
        'migrations.AlterUniqueTogether(name="post", unique_together={("id", "title")})',
        "conflict",
    ),
    "raw SQL on what the other drops": (
        'migrations.RunSQL("UPDATE blog_post SET title = 1", migrations.RunSQL.noop)',
        'migrations.RemoveField(model_name="post", name="title")',
        "conflict",
    ),
}


@pytest.mark.parametrize("pair", REFUSED.values(), ids=REFUSED.keys())
def test_r11_what_does_not_commute_is_refused_with_both_operations(
    world: World, pair: tuple[str, str, str]
) -> None:
    ours, theirs, code = pair
    world.made(
        {at("blog", "0003_ours"): migration([("blog", "0002_title")], ours)},
        {at("blog", "0003_theirs"): migration([("blog", "0002_title")], theirs)},
    )
    left, answer = world.heal()
    assert left == 1
    (refusal,) = answer["refusals"]
    assert refusal["code"] == code
    assert at("blog", "0003_ours") in refusal["message"]
    assert at("blog", "0003_theirs") in refusal["message"]


FILL = """\
def fill(apps, schema_editor):
    Post = apps.get_model("blog", "Post")
    Post.objects.filter(title=None).update(title=0)


"""


def test_r11_rows_against_columns_of_one_table_are_refused(world: World) -> None:
    world.made(
        {
            at("blog", "0003_ours"): migration(
                [("blog", "0002_title")], "migrations.RunPython(fill, migrations.RunPython.noop)", before=FILL
            )
        },
        {at("blog", "0003_theirs"): migration([("blog", "0002_title")], add("post", "views"))},
    )
    code, answer = world.heal()
    assert (code, [each["code"] for each in answer["refusals"]]) == (1, ["conflict"])


def test_r11_a_table_named_by_hand_is_the_same_table(world: World) -> None:
    named = create("Post").replace(
        "            ],\n        )", '            ],\n            options={"db_table": "entries"},\n        )'
    )
    start = BASE | {at("blog", "0001_initial"): migration([], named)}
    ours = migration([("blog", "0002_title")], 'migrations.RunSQL("DELETE FROM entries")')
    world.made(
        {at("blog", "0003_ours"): ours},
        {at("blog", "0003_theirs"): migration([("blog", "0002_title")], add("post", "views"))},
        start,
    )
    assert [each["code"] for each in world.heal()[1]["refusals"]] == ["conflict"]


BROKEN = {
    "a parent that is not there": (
        {at("blog", "0003_x"): migration([("blog", "0002_gone")])},
        "missing_parent",
    ),
    "a need of another app that is not there": (
        {at("blog", "0003_x"): migration([("blog", "0002_title"), ("shop", "0009_gone")])},
        "missing_dependency",
    ),
    "no Python": ({at("blog", "0003_x"): "class Migration(:\n"}, "unparsable"),
    "computed": (
        {
            at("blog", "0003_x"): migration([("blog", "0002_title")]).replace(
                "dependencies = [", "dependencies = needs() + ["
            )
        },
        "computed",
    ),
    "no class": ({at("blog", "helper"): "def f():\n    pass\n"}, "no_revision"),
    "a second history": ({at("blog", "0003_x"): migration([])}, "second_base"),
    "a circle through two apps": (
        {
            at("blog", "0003_x"): migration([("blog", "0002_title"), ("shop", "0002_y")]),
            at("shop", "0002_y"): migration([("shop", "0001_initial"), ("blog", "0003_x")]),
        },
        "dependency_cycle",
    ),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_django_would_stumble_over_is_refused(world: World, broken: tuple[dict[str, str], str]) -> None:
    files, code = broken
    left, answer = world.made({"README": "x"}, files).heal()
    assert left == 1
    assert [each["code"] for each in answer["refusals"]] == [code]
    assert "branch label" not in answer["refusals"][0]["message"]


def test_row_37_a_published_migration_is_not_edited(world: World) -> None:
    edited = migration([("blog", "0001_initial")], add("post", "title", "models.TextField()"))
    _, answer = world.made({"README": "x"}, {at("blog", "0002_title"): edited}).heal()
    assert [each["code"] for each in answer["refusals"]] == ["edits_published"]


def test_row_19_a_circle_through_another_app_that_a_move_would_make_is_refused(world: World) -> None:
    """blog's new leaf on the base needs shop's, and the change's shop migration needs what it adds to blog."""
    ours = {
        at("shop", "0002_sum"): migration([("shop", "0001_initial")], add("order", "sum")),
        at("blog", "0003_slug"): migration(
            [("blog", "0002_title"), ("shop", "0002_sum")], add("post", "slug")
        ),
    }
    theirs = {
        at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views")),
        at("shop", "0002_paid"): migration(
            [("shop", "0001_initial"), ("blog", "0003_views")],
            add("order", "paid"),
            extra='    run_before = [("blog", "0003_slug")]\n',
        ),
    }
    code, answer = world.made(ours, theirs).heal()
    assert code == 1
    (refusal,) = answer["refusals"]
    assert refusal["code"] == "dependency_cycle"
    assert "shop.0003_paid" in refusal["message"]
