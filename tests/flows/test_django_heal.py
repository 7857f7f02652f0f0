"""Forks in Django apps, healed on real git: what is written and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.django_world import BASE, World
from tests.support.django_project import add, at, chain, create, migration, project


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path / "repo", capsys)


def test_r05_a_fork_is_reparented_and_renumbered(world: World) -> None:
    """Row 1 for Django: one tuple and the file's number change, nothing else."""
    change = migration(
        [
            "('blog', \"0002_title\"),  # after the title",
            ("shop", "0001_initial"),
            "migrations.swappable_dependency(settings.AUTH_USER_MODEL)",
        ],
        add("post", "views"),
    )
    world.made(
        {at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug"))},
        {at("blog", "0003_views"): change},
    )
    code, answer = world.heal()
    assert (code, answer["status"]) == (0, "healed"), answer
    (environment,) = answer["environments"]
    assert environment["backend"] == "django"
    assert (environment["config"], environment["name"]) == ("blog/migrations", "blog")
    assert environment["heads_after"] == ["0004_views"]
    assert environment["moves"] == [
        {
            "revision": "0003_views",
            "path": at("blog", "0003_views"),
            "old_parents": ["0002_title"],
            "new_parents": ["0003_slug"],
            "new_revision": "0004_views",
            "new_path": at("blog", "0004_views"),
        }
    ]
    assert world.shown(answer, at("blog", "0004_views")) == change.replace("0002_title", "0003_slug")
    assert world.repo.git("ls-tree", "--name-only", answer["tree"], at("blog", "0003_views")) == ""
    assert world.heads(answer["commit"])[0] == 0


def test_a_number_that_is_free_and_in_order_is_kept(world: World) -> None:
    world.made(
        {at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug"))},
        {at("blog", "0007_views"): migration([("blog", "0002_title")], add("post", "views"))},
    )
    _, answer = world.heal()
    assert answer["environments"][0]["heads_after"] == ["0007_views"]
    assert '("blog", "0003_slug")' in world.shown(answer, at("blog", "0007_views"))


def test_row_2_a_chain_moves_by_its_root_and_other_apps_follow_the_new_names(world: World) -> None:
    theirs = {
        at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views")),
        at("blog", "0004_likes"): migration([("blog", "0003_views")], add("post", "likes")),
        at("shop", "0002_post"): migration(
            [("shop", "0001_initial"), ("blog", "0004_likes")], add("order", "post")
        ),
    }
    world.made({at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug"))}, theirs)
    code, answer = world.heal()
    assert code == 0, answer
    assert [move["new_revision"] for move in answer["environments"][0]["moves"]] == [
        "0004_views",
        "0005_likes",
    ]
    assert '("blog", "0004_views")' in world.shown(answer, at("blog", "0005_likes"))
    assert '("blog", "0005_likes")' in world.shown(answer, at("shop", "0002_post"))
    assert world.heads(answer["commit"])[0] == 0


def test_row_41_several_apps_are_healed_at_once(world: World) -> None:
    theirs = {
        at("blog", "0003_views"): migration(
            [("blog", "0002_title"), ("shop", "0002_sum")], add("post", "views")
        ),
        at("shop", "0002_sum"): migration([("shop", "0001_initial")], add("order", "sum")),
    }
    ours = {
        at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug")),
        at("shop", "0002_paid"): migration([("shop", "0001_initial")], add("order", "paid")),
    }
    code, answer = world.made(ours, theirs).heal()
    assert code == 0, answer
    assert [each["heads_after"] for each in answer["environments"]] == [["0004_views"], ["0003_sum"]]
    text = world.shown(answer, at("blog", "0004_views"))
    assert '("blog", "0003_slug")' in text
    assert '("shop", "0003_sum")' in text
    assert world.heads(answer["commit"])[0] == 0


def test_row_32_max_migration_is_updated_though_git_conflicts_on_it(world: World) -> None:
    start = BASE | {"blog/migrations/max_migration.txt": "0002_title\n"}
    ours = {
        at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug")),
        "blog/migrations/max_migration.txt": "0003_slug\n",
    }
    theirs = {
        at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views")),
        "blog/migrations/max_migration.txt": "0003_views\n",
    }
    code, answer = world.made(ours, theirs, start).heal()
    assert code == 0, answer
    assert world.shown(answer, "blog/migrations/max_migration.txt") == "0004_views\n"


def test_row_32_a_lock_of_all_apps_is_updated_for_each_though_git_conflicts_on_it(world: World) -> None:
    lock = "Words for people.\n\nblog: {}\nshop: {}\n"
    name = "migrations_lockfile.txt"
    ours = {
        at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug")),
        at("shop", "0002_sum"): migration([("shop", "0001_initial")], add("order", "sum")),
        name: lock.format("0003_slug", "0002_sum"),
    }
    theirs = {
        at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views")),
        at("shop", "0002_paid"): migration([("shop", "0001_initial")], add("order", "paid")),
        name: lock.format("0003_views", "0002_paid"),
    }
    code, answer = world.made(ours, theirs, BASE | {name: lock.format("0002_title", "0001_initial")}).heal()
    assert code == 0, answer
    assert world.shown(answer, name) == lock.format("0004_views", "0003_paid")


def test_row_5_both_published_are_merged_as_django_would(world: World) -> None:
    world.made(
        {at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug"))},
        {at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views"))},
    )
    world.repo.merge("change")
    code, heads = world.heads()
    blog = next(each for each in heads["environments"] if each["name"] == "blog")
    assert (code, blog["forked"], blog["heads"]) == (1, True, ["0003_slug", "0003_views"])
    code, answer = world.heal(base="main", head="main")
    assert code == 0, answer
    (environment,) = answer["environments"]
    (added,) = environment["added"]
    assert added["path"] == at("blog", "0004_merge_0003_slug_0003_views")
    assert world.shown(answer, added["path"]).endswith(
        "\nfrom django.db import migrations\n\n\nclass Migration(migrations.Migration):\n\n    dependencies = [\n"
        '        ("blog", "0003_slug"),\n        ("blog", "0003_views"),\n    ]\n\n    operations = []\n'
    )
    assert world.heads(answer["commit"])[0] == 0


def test_row_34_a_parent_that_the_base_squashed_is_followed_to_the_squash(world: World) -> None:
    squash = migration(
        [],
        create("Post"),
        add("post", "title"),
        extra='    replaces = [("blog", "0001_initial"), ("blog", "0002_title")]\n',
    )
    ours: dict[str, str | None] = {
        at("blog", "0001_initial"): None,
        at("blog", "0002_title"): None,
        at("blog", "0001_squashed_0002_title"): squash,
        at("blog", "0003_slug"): migration([("blog", "0001_squashed_0002_title")], add("post", "slug")),
    }
    world.made(ours, {at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views"))})
    code, answer = world.heal()
    assert code == 0, answer
    assert '("blog", "0003_slug")' in world.shown(answer, at("blog", "0004_views"))


def test_row_35_a_squash_beside_what_it_replaces_is_no_fork(world: World) -> None:
    squash = migration(
        [], create("Post"), extra='    replaces = [("blog", "0001_initial"), ("blog", "0002_title")]\n'
    )
    world.made(
        {at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug"))},
        {at("blog", "0001_squashed_0002_title"): squash},
    )
    code, answer = world.heal()
    assert (code, answer["status"]) == (0, "clean"), answer


def test_run_before_is_kept_and_follows_a_new_name(world: World) -> None:
    theirs = {
        at("blog", "0003_views"): migration([("blog", "0002_title")], add("post", "views")),
        at("shop", "0002_sum"): migration(
            [("shop", "0001_initial")],
            add("order", "sum"),
            extra='    run_before = [("blog", "0003_views")]\n',
        ),
    }
    world.made({at("blog", "0003_slug"): migration([("blog", "0002_title")], add("post", "slug"))}, theirs)
    code, answer = world.heal()
    assert code == 0, answer
    assert 'run_before = [("blog", "0004_views")]' in world.shown(answer, at("shop", "0002_sum"))


def test_the_label_is_read_from_apps_py(world: World) -> None:
    apps = (
        'from django.apps import AppConfig\n\nclass B(AppConfig):\n    name = "blog"\n    label = "journal"\n'
    )
    start = project("blog") | {"blog/apps.py": apps} | chain("journal", ["0001_initial"])
    start = {path.replace("journal/migrations", "blog/migrations"): text for path, text in start.items()}
    world.made(
        {at("blog", "0002_a"): migration([("journal", "0001_initial")], create("A"))},
        {at("blog", "0002_b"): migration([("journal", "0001_initial")], create("B"))},
        start,
    )
    code, answer = world.heal()
    assert code == 0, answer
    assert answer["environments"][0]["name"] == "journal"
    assert '("journal", "0002_a")' in world.shown(answer, at("blog", "0003_b"))
    assert [each["name"] for each in world.heads()[1]["environments"]] == ["journal"]


def test_migrations_elsewhere_are_healed_where_settings_say_that_they_are(world: World) -> None:
    """As DefectDojo has them: `MIGRATION_MODULES`, a name for the first one of another app, and a squash."""
    start = {path.replace("blog/migrations", "blog/db_moves"): text for path, text in BASE.items()}
    start["blog/settings/base.py"] = 'MIGRATION_MODULES = {"blog": "blog.db_moves"}\n'
    squash = migration(
        [("blog", "0002_title"), ("shop", "__first__"), ("shop", "__latest__")],
        add("post", "views"),
        add("post", "likes"),
        extra='    replaces = [("blog", "0003_views"), ("blog", "0004_likes")]\n',
    )
    theirs = {
        "blog/db_moves/0003_views.py": migration([("blog", "0002_title")], add("post", "views")),
        "blog/db_moves/0004_likes.py": migration([("blog", "0003_views")], add("post", "likes")),
        "blog/db_moves/0003_views_squashed_0004_likes.py": squash,
    }
    ours = {"blog/db_moves/0003_slug.py": migration([("blog", "0002_title")], add("post", "slug"))}
    code, answer = world.made(ours, theirs, start).heal()
    assert code == 0, answer
    assert answer["environments"][0]["config"] == "blog/db_moves"
    code, heads = world.heads(answer["commit"])
    assert code == 0, heads
    text = world.shown(answer, "blog/db_moves/0003_views_squashed_0004_likes.py")
    assert text.replace("0003_slug", "0002_title") == squash


def test_i8_a_change_without_migrations_reads_none(world: World) -> None:
    _, answer = world.made({"README": "x"}, {"blog/models.py": "# more\n"}).heal()
    assert (answer["status"], answer["blobs_read"]) == ("clean", 0)
