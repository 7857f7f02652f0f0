"""What single operations of Django touch, and what is left to a proof because its text does not tell."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.django.footprint import footprint
from pointsman.core.migrations.django.tables import Tables
from tests.support.django_project import add, migration

RUN = "migrations.RunPython(work, migrations.RunPython.noop)"


def told(operation: str, before: str = "") -> tuple[list[tuple[str, str | None]], list[str]]:
    found = footprint(migration([], operation, before=before).encode(), Tables("blog"))
    return [(each.kind.value, each.table) for each in found.operations], [each.why for each in found.unknown]


def work(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"from blog.tools import helper\n\n\ndef work(apps, schema_editor):\n{body}\n\n"


POST = 'Post = apps.get_model("blog", "Post")'
CODE = {
    "rows are updated": ((POST, "Post.objects.filter(a=1).update(a=2)"), [("data_update", "blog_post")], []),
    "rows are made": ((POST, "Post.objects.using(1).create(a=1)"), [("data_insert", "blog_post")], []),
    "rows are read": ((POST, "print(Post.objects.count())"), [("data_read", "blog_post")], []),
    "one text for the model": (
        ('apps.get_model("shop.Order").objects.all().delete()',),
        [("data_delete", "shop_order")],
        [],
    ),
    "SQL of its own": (('schema_editor.execute("DELETE FROM x_y")',), [("data_delete", "x_y")], []),
    "nothing": (("pass",), [], []),
    "the project's code": (
        (POST, "helper(Post)"),
        [("data_read", "blog_post")],
        ["it uses blog.tools, which is code of the project"],
    ),
    "a relation": (
        (POST, "for p in Post.objects.all():", "    p.author.save()"),
        [("data_update", "blog_post")],
        ["it writes through a relation"],
    ),
    "a relation by name": (
        (POST, "for p in Post.objects.all():", "    a = p.author", "    a.save()"),
        [("data_update", "blog_post")],
        ["it writes through a relation"],
    ),
    "a model picked while running": (
        ("m = apps.get_model('blog', name)", "m.objects.create()"),
        [],
        ["it picks a model while running"],
    ),
    "a command": (
        ("from django.core.management import call_command", "call_command('x')"),
        [],
        ["it runs call_command()"],
    ),
    "SQL made while running": (
        ("schema_editor.execute(f'DELETE FROM {t}')",),
        [],
        ["it runs SQL that is made while running"],
    ),
}


@pytest.mark.parametrize(("lines", "operations", "unknown"), CODE.values(), ids=CODE.keys())
def test_run_python(lines: tuple[str, ...], operations: list[tuple[str, str]], unknown: list[str]) -> None:
    assert told(RUN, work(*lines)) == (operations, unknown)


OPERATIONS = {
    "a foreign key": (
        add("post", "author", 'models.ForeignKey(to="shop.Order", on_delete=models.CASCADE)'),
        [("add_column", "blog_post"), ("create_index", "blog_post")],
    ),
    "many to many": (
        add("post", "tags", 'models.ManyToManyField(to="blog.Tag")'),
        [("create_table", "blog_post_tags")],
    ),
    "a proxy": ('migrations.CreateModel("P", [], options={"proxy": True})', [("raw", None)]),
    "state and database": (
        'migrations.SeparateDatabaseAndState([migrations.RunSQL("DROP TABLE x_y")], [migrations.DeleteModel("Old")])',
        [("drop_table", "x_y"), ("drop_table", "blog_old")],
    ),
    "SQL with parameters": (
        'migrations.RunSQL([("DELETE FROM blog_post WHERE a = %s", [1])])',
        [("data_delete", "blog_post")],
    ),
    "no SQL": ("migrations.RunSQL(migrations.RunSQL.noop)", []),
    "an extension": ('CreateExtension("citext")', [("create_extension", None)]),
}


@pytest.mark.parametrize(("operation", "wanted"), OPERATIONS.values(), ids=OPERATIONS.keys())
def test_operations(operation: str, wanted: list[tuple[str, str | None]]) -> None:
    assert told(operation) == (wanted, [])


@pytest.mark.parametrize(
    "operation", ["Own(1)", "*more", "migrations.AddField(**given)", "migrations.RunPython(tools.work)"]
)
def test_what_can_not_be_read_is_said(operation: str) -> None:
    assert told(operation)[1]
