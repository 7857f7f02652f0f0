"""Heals of Django apps proved with real Django on scratch SQLite, in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.flows.django_world import BASE, World
from tests.support.django_project import add, at, create, migration, settings
from tests.support.project import ROLES

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
    start = BASE | {"site_settings.py": settings("blog", "shop") + 'AUTH_USER_MODEL = "shop.Order"\n'}
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


def with_contract(more: str) -> dict[str, str]:
    """The base, with a contract that says that of Django, and seed rows."""
    contract = f"{ROLES}migrations: [{{backend: django, {more}}}]\n"
    return {
        ".pointsman.yml": contract,
        "seed.sql": "INSERT INTO blog_post (id, title) VALUES (1, 5), (2, 7);\n",
    }


def rows(change: str) -> str:
    before = (
        'def work(apps, schema_editor):\n    Post = apps.get_model("blog", "Post")\n'
        f"    for post in Post.objects.all():\n        post.title = post.title {change}\n        post.save()\n\n\n"
    )
    return migration(TITLE, "migrations.RunPython(work, migrations.RunPython.noop)", before=before)


SEEDED = "same_data: prove, seed: seed.sql, database: sqlite"


@pytest.mark.parametrize(
    ("ours", "theirs", "passes"),
    [
        pytest.param("+ 1", "+ 2", True, id="alike", marks=pytest.mark.soak),
        pytest.param("+ 1", "* 2", False, id="not alike"),
    ],
)
def test_two_data_migrations_are_healed_where_both_orders_leave_the_seed_rows_alike(
    world: World, ours: str, theirs: str, passes: bool
) -> None:
    start = BASE | with_contract(SEEDED)
    world.made({at("blog", "0003_ours"): rows(ours)}, {at("blog", "0003_theirs"): rows(theirs)}, start)
    code, answer = prove(world)
    assert (code == 0, answer["proof"]["passed"]) == (passes, passes), answer
    assert answer["proof"]["ran"], answer["proof"]
    if not passes:
        assert "title is 12 by 'base, then the change', 11 by 'the change, then the base'" in str(
            answer["refusals"]
        )


MODELS = """\
from django.db import models


class Post(models.Model):
    id = models.BigAutoField(primary_key=True)
    title = models.IntegerField(null=True)
"""


def test_row_45_a_model_that_no_migration_brings_is_refused_where_the_contract_asks(world: World) -> None:
    slug = "    slug = models.IntegerField(null=True)\n"
    first = BASE[at("blog", "0001_initial")].replace("primary_key=True", "primary_key=True, serialize=False")
    start = BASE | {"blog/models.py": MODELS, at("blog", "0001_initial"): first}
    start |= with_contract("models: check, database: sqlite")
    world.made(
        {at("blog", "0003_slug"): migration(TITLE, add("post", "slug")), "blog/models.py": MODELS + slug},
        {at("blog", "0003_note"): migration(TITLE, create("Note"))},
        start,
    )
    code, answer = prove(world)
    assert code == 1, answer
    assert "the models have what no migration brings: Delete model Note" in str(answer["refusals"])


HOSTILE = {
    "ends its process": ("import os\n\nos._exit(0)\n\n\n", "the process ended in the middle (exit 0)"),
    "runs nothing and says it did": (
        "from django.db.migrations.executor import MigrationExecutor\n\n"
        "MigrationExecutor.migrate = lambda *_, **__: None\n\n\n",
        "the database did not come to 0004_note",
    ),
}


@pytest.mark.soak
@pytest.mark.parametrize(("before", "said"), HOSTILE.values(), ids=HOSTILE.keys())
def test_i7_a_migration_does_not_talk_its_way_through(world: World, before: str, said: str) -> None:
    world.made(
        {at("blog", "0003_slug"): migration(TITLE, add("post", "slug"))},
        {at("blog", "0003_note"): migration(TITLE, create("Note"), before=before)},
    )
    code, answer = prove(world)
    assert code == 1, answer
    assert said in str(answer["refusals"])
