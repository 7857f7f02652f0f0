"""Row 32: head lock files of a whole project, a line for each app, as Sentry keeps one."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.heal.locks import candidates, keeps, updated
from pointsman.core.migrations.model import Layout

WORDS = "Django migrations lock file.\nIf you have a conflict in this file: rebase.\n\n"
LAYOUT = Layout("django", "src/blog/migrations", "blog", "src/blog/migrations", ("src/blog/migrations",))


def lock(**heads: str) -> bytes:
    return (WORDS + "".join(f"{app}: {head}\n" for app, head in heads.items())).encode()


def test_row_32_one_line_of_a_lock_of_all_apps_is_replaced() -> None:
    before = lock(blog="0003_slug", shop="0003_slug")
    assert updated(before, {"0003_slug": "0004_views"}, ["0004_views"], "blog") == lock(
        blog="0004_views", shop="0003_slug"
    )
    assert updated(before, {"0009_x": "0010_x"}, ["0010_x"], "blog") is None
    assert updated(before, {"0003_slug": "0004_views"}, ["0004_views"], "other") is None


def test_row_32_it_is_found_above_the_app_too_and_others_are_not() -> None:
    paths = [
        "migrations_lockfile.txt",
        "src/migrations_lockfile.txt",
        "max_migration.txt",
        "lib/migrations_lockfile.txt",
    ]
    assert candidates(LAYOUT, paths) == tuple(paths[:2])


@pytest.mark.parametrize(
    ("theirs", "kept"),
    [
        (lock(blog="0003_views", shop="0001_initial"), True),
        (lock(blog="0003_views", shop="0002_sum"), False),
        (lock(blog="0003_views", shop="0001_initial", news="0001_initial"), False),
        (b"New words.\n" + lock(blog="0003_views", shop="0001_initial"), False),
    ],
    ids=["its own head", "another app's head", "another app", "words"],
)
def test_r05_what_else_the_change_wrote_into_its_lock_is_not_lost(theirs: bytes, kept: bool) -> None:
    assert keeps(theirs, lock(blog="0004_views", shop="0001_initial"), {"0003_views", "0003_slug"}) is kept
