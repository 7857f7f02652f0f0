"""Heals of Django apps proved with real Django on scratch SQLite, in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_django_heal import BASE, World
from tests.support.django_project import add, at, create, migration, settings

TITLE = [("blog", "0002_title")]


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path / "repo", capsys)


def prove(world: World) -> tuple[int, dict[str, Any]]:
    code, answer = world.heal("--prove")
    return code, answer


def names(answer: dict[str, Any]) -> list[str]:
    return [route["name"] for route in answer["proof"]["routes"]]


@pytest.mark.slow
def test_r07_every_route_reaches_one_schema(world: World) -> None:
    theirs = {
        at("blog", "0003_views"): migration(
            [*TITLE, "migrations.swappable_dependency(settings.AUTH_USER_MODEL)"],
            add(
                "post",
                "author",
                "models.ForeignKey(null=True, on_delete=models.CASCADE, to=settings.AUTH_USER_MODEL)",
            ),
            'migrations.AddIndex(model_name="post", index=models.Index(fields=["author"], name="by_author"))',
        ),
        at("blog", "0004_note"): migration([("blog", "0003_views")], create("Note")),
    }
    start = BASE | {
        "site_settings.py": settings("django.contrib.auth", "django.contrib.contenttypes", "blog", "shop")
    }
    world.made({at("blog", "0003_slug"): migration(TITLE, add("post", "slug"))}, theirs, start)
    code, answer = prove(world)
    assert (code, answer["status"]) == (0, "healed"), answer
    proof = answer["proof"]
    assert (proof["ran"], proof["passed"]) == (True, True), proof
    assert names(answer) == [
        "empty -> leaves",
        "base leaves -> leaves",
        "down to 0002_title and up again",
        "already at 0003_views",
        "already at 0004_note",
        "base, then the change",
        "the change, then the base",
    ]


def test_r07_a_migration_that_fails_is_not_healed(world: World) -> None:
    broken = migration(TITLE, 'migrations.RunSQL("ALTER TABLE blog_post DROP COLUMN never_there")')
    world.made({at("blog", "0003_tag"): migration(TITLE, create("Tag"))}, {at("blog", "0003_drop"): broken})
    code, answer = prove(world)
    assert code == 1
    (refusal,) = answer["refusals"]
    assert refusal["code"] == "proof_failed"
    assert "never_there" in refusal["message"]
    assert "0004_drop" in refusal["message"]


def test_an_application_that_does_not_load_is_not_proved(world: World) -> None:
    start = BASE | {"blog/models.py": "import a_package_that_is_not_here\n"}
    world.made(
        {at("blog", "0003_slug"): migration(TITLE, add("post", "slug"))},
        {at("blog", "0003_note"): migration(TITLE, create("Note"))},
        start,
    )
    code, answer = prove(world)
    assert (code, answer["status"]) == (0, "healed")
    assert (answer["proof"]["ran"], answer["proof"]["passed"]) == (False, False)
    assert "a_package_that_is_not_here" in answer["proof"]["reason"]


def test_what_can_not_be_reversed_is_said(world: World) -> None:
    seed = 'def seed(apps, schema_editor):\n    apps.get_model("blog", "Post").objects.create()\n\n\n'
    theirs = {at("blog", "0003_seed"): migration(TITLE, "migrations.RunPython(seed)", before=seed)}
    world.made({at("blog", "0003_tag"): migration(TITLE, create("Tag"))}, theirs)
    code, answer = prove(world)
    assert code == 0, answer
    remark = next(each for each in answer["proof"]["routes"] if each["name"] == "down and up again")
    assert remark["detail"] == "not tried: 0004_seed can't be reversed"


def test_row_5_a_merge_migration_is_proved(world: World) -> None:
    world.made(
        {at("blog", "0003_slug"): migration(TITLE, add("post", "slug"))},
        {at("blog", "0003_note"): migration(TITLE, create("Note"))},
    )
    world.repo.merge("change")
    code, answer = world.heal("--prove", base="main", head="main")
    assert (code, answer["proof"]["passed"]) == (0, True), answer


def test_a_tree_without_settings_is_not_proved(world: World) -> None:
    world.made(
        {at("blog", "0003_slug"): migration(TITLE, add("post", "slug"))},
        {at("blog", "0003_note"): migration(TITLE, create("Note"))},
        BASE | {"manage.py": "# nothing\n"},
    )
    _, answer = prove(world)
    assert "manage.py" in answer["proof"]["reason"]
