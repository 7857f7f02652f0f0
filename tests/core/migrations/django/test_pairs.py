"""Every pair of MIGRATION-CASES "Pairs that do not commute" in Django's operations, and some that do."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.django.footprint import footprint
from pointsman.core.migrations.django.tables import Tables
from pointsman.core.migrations.operations import Comparison, Relation, compare_footprints
from tests.support.django_project import add, create, migration

TABLES = Tables("blog", {"entry": "entries"}, {"post.title": "headline"})
FK = 'models.ForeignKey("blog.Author", null=True, on_delete=models.CASCADE)'


def on_post(kind: str, rest: str) -> str:
    return f'migrations.{kind}(model_name="post", {rest})'


def sql(text: str) -> str:
    return f"migrations.RunSQL({text!r})"


def code(*lines: str) -> tuple[str, str]:
    body = "".join(f"    {line}\n" for line in lines)
    return "migrations.RunPython(work, migrations.RunPython.noop)", f"def work(apps, editor):\n{body}\n\n"


ADD = add("post", "views")
REMOVE = on_post("RemoveField", 'name="views"')
RENAME = on_post("RenameField", 'old_name="views", new_name="hits"')
ALTER = on_post("AlterField", 'name="views", field=models.BigIntegerField()')
INDEX = on_post("AddIndex", 'index=models.Index(fields=["-views"], name="by_views")')
KEY = on_post("AddConstraint", 'constraint=models.UniqueConstraint(fields=["views"], name="one_views")')
CHECK = on_post(
    "AddConstraint", 'constraint=models.CheckConstraint(condition=models.Q(views__gt=0), name="some")'
)
WHERE = on_post(
    "AddConstraint",
    'constraint=models.UniqueConstraint(fields=["slug"], condition=models.Q(views__gt=0), name="one")',
)
LOWER = on_post("AddIndex", 'index=models.Index(Lower("views"), name="lower_views")')
TOGETHER = 'migrations.AlterUniqueTogether(name="post", unique_together={("slug", "views")})'
INSERT = code('apps.get_model("blog", "Post").objects.create(slug="a")')
UPDATE = code('Post = apps.get_model("blog", "Post")', 'Post.objects.update(slug="a")')
READ = code('Post = apps.get_model("blog", "Post")', 'Log = apps.get_model("blog", "Log")',
            "Log.objects.create(n=Post.objects.count())")  # fmt: skip
RELATION = add("comment", "post", 'models.ForeignKey("blog.Post", null=True, on_delete=models.CASCADE)')
LABEL = sql("ALTER TYPE mood ADD VALUE 'glad'")
DELETE = 'migrations.DeleteModel("Post")'
RENAME_MODEL = 'migrations.RenameModel("Post", "Article")'
MANY = add("post", "tags", 'models.ManyToManyField("blog.Tag")')
Body = str | tuple[str, str]

CONFLICTS: list[tuple[str, Body, Body, str]] = [
    ("one column twice", ADD, add("Post", "views", "models.TextField()"), "column_twice"),
    ("one index name twice", INDEX, INDEX.replace("-views", "slug"), "index_twice"),
    ("one key's name twice", KEY, KEY.replace('["views"]', '["slug"]'), "index_twice"),
    ("one constraint name twice", CHECK, CHECK.replace("views__gt", "slug__gt"), "constraint_name"),
    ("remove against alter", REMOVE, ALTER, "column_dropped"),
    ("remove against a backfill in SQL", REMOVE, sql("UPDATE blog_post SET views = 0"), "column_dropped"),
    ("remove against code", REMOVE, UPDATE, "column_dropped"),
    ("remove against an index", REMOVE, INDEX, "column_dropped"),
    ("remove against an index on an expression", REMOVE, LOWER, "column_dropped"),
    ("remove against a key", REMOVE, KEY, "column_dropped"),
    ("remove against a check", REMOVE, CHECK, "column_dropped"),
    ("remove against a key's condition", REMOVE, WHERE, "column_dropped"),
    ("remove against unique_together", REMOVE, TOGETHER, "column_dropped"),
    ("remove against a generated column", REMOVE,
     add("post", "twice", 'models.GeneratedField(expression=F("views") * 2, db_persist=True)'), "column_dropped"),
    ("remove a relation against SQL on its column", on_post("RemoveField", 'name="author"'),
     sql("CREATE INDEX i ON blog_post (author_id)"), "column_dropped"),
    ("remove a field named by hand against SQL", on_post("RemoveField", 'name="title"'),
     sql("CREATE INDEX i ON blog_post (headline)"), "column_dropped"),
    ("remove against an index of a relation", sql("ALTER TABLE blog_post DROP COLUMN author_id"),
     on_post("AddIndex", 'index=models.Index(fields=["author"], name="i")'), "column_dropped"),
    ("rename against add", RENAME, add("post", "hits"), "column_twice"),
    ("rename against alter", RENAME, ALTER, "column_renamed"),
    ("rename against an index", RENAME, INDEX, "column_renamed"),
    ("rename against code", RENAME, UPDATE, "column_renamed"),
    ("type against an index", ALTER, INDEX, "type_changed"),
    ("type against unique_together", ALTER, TOGETHER, "type_changed"),
    ("type against a view", ALTER, sql("CREATE VIEW v AS SELECT views FROM blog_post"), "type_changed"),
    ("a field altered twice", ALTER, ALTER.replace("Big", "Small"), "type_changed"),
    ("NOT NULL against an insert", add("post", "n", "models.IntegerField(default=0)"), INSERT, "not_null_data"),
    ("a key against an insert", KEY, INSERT, "unique_data"),
    ("unique=True against rows", add("post", "n", "models.IntegerField(null=True, unique=True)"), UPDATE,
     "unique_data"),
    ("a new column against rows", ADD, UPDATE, "data_schema"),
    ("an enum's label against its use", LABEL, sql("UPDATE people SET mood = 'glad'"), "enum_used"),
    ("model renamed against a column", RENAME_MODEL, ADD, "table_renamed"),
    ("model renamed against code", RENAME_MODEL, UPDATE, "table_renamed"),
    ("model renamed against a relation", RENAME_MODEL, RELATION, "table_renamed"),
    ("model renamed against the new name", RENAME_MODEL, create("Article"), "table_twice"),
    ("table named anew against a column", 'migrations.AlterModelTable("Post", "posts")', ADD, "table_renamed"),
    ("two data migrations", INSERT, UPDATE, "data_twice"),
    ("rows read and changed", READ, UPDATE, "data_read"),
    ("SQL and code on the same rows", sql("DELETE FROM blog_post"), UPDATE, "data_twice"),
    ("SQL on a table that is named by hand", sql("DELETE FROM entries"), add("entry", "n"), "data_schema"),
    ("model deleted against a column", DELETE, ADD, "table_dropped"),
    ("model deleted against a relation", DELETE, RELATION, "table_dropped"),
    ("model deleted against a proxy of it", DELETE,
     'migrations.CreateModel("Short", [], options={"proxy": True}, bases=("blog.post",))', "table_dropped"),
    ("model deleted against one that inherits", DELETE,
     'migrations.CreateModel("Long", [], bases=("blog.post",))', "table_dropped"),
    ("model made twice", create("Note"), create("Note"), "table_twice"),
    ("relation's table made twice", MANY, MANY, "table_twice"),
    ("a relation to many altered and made", MANY, MANY.replace("AddField", "AlterField"), "table_twice"),
    ("index removed and renamed", on_post("RemoveIndex", 'name="by_views"'),
     on_post("RenameIndex", 'old_name="by_views", new_name="b"'), "index_dropped"),
    ("constraint removed and validated", on_post("RemoveConstraint", 'name="some"'),
     'ValidateConstraint(model_name="post", name="some")', "constraint_name"),
    ("options twice", 'migrations.AlterModelOptions("post", {})', 'migrations.AlterModelOptions("Post", {})',
     "same_name"),
    ("managers twice", 'migrations.AlterModelManagers("post", [])',
     'migrations.AlterModelManagers("post", [])', "same_name"),
    ("one collation twice", 'CreateCollation("c", "und")', 'CreateCollation("c", "de")', "same_name"),
    ("built concurrently on what goes", REMOVE,
     'AddIndexConcurrently("post", models.Index(fields=["views"], name="i"))', "column_dropped"),
    ("state alone against the database", f"migrations.SeparateDatabaseAndState(state_operations=[{ADD}])",
     sql("ALTER TABLE blog_post ADD COLUMN views int"), "column_twice"),
]  # fmt: skip

COMMUTING: list[tuple[str, Body, Body, Relation]] = [
    ("two columns of a model", ADD, add("post", "b"), Relation.SAME_TABLE),
    ("two indexes", INDEX, on_post("AddIndex", 'index=models.Index(fields=["slug"], name="i")'), Relation.SAME_TABLE),
    ("another column removed", REMOVE, WHERE.replace("views__gt", "slug__gt"), Relation.SAME_TABLE),
    ("an index against rows", INDEX, UPDATE, Relation.SAME_TABLE),
    ("options against a column", 'migrations.AlterModelOptions("post", {})', ADD, Relation.DISJOINT),
    ("two models", ADD, add("comment", "views"), Relation.DISJOINT),
    ("relations of two models to one", RELATION, add("like", "post", FK.replace("Author", "Post")), Relation.DISJOINT),
    ("a relation to a model that gains a column", RELATION, ADD, Relation.DISJOINT),
    ("one model's rows and another's column", UPDATE, add("comment", "n"), Relation.DISJOINT),
    ("an extension twice", "CITextExtension()", 'CreateExtension("citext")', Relation.DISJOINT),
]  # fmt: skip


def compared(left: Body, right: Body) -> Comparison:
    one, other = (
        (path, footprint(migration([], operation, before=before).encode(), TABLES))
        for path, body in (("l.py", left), ("r.py", right))
        for operation, before in [body if isinstance(body, tuple) else (body, "")]
    )
    return compare_footprints([one], [other])


@pytest.mark.parametrize("turned", [False, True], ids=["left-right", "right-left"])
@pytest.mark.parametrize(("left", "right", "rule"), [c[1:] for c in CONFLICTS], ids=[c[0] for c in CONFLICTS])
def test_r11_pairs_that_do_not_commute_are_a_conflict(
    left: Body, right: Body, rule: str, turned: bool
) -> None:
    found = compared(right, left) if turned else compared(left, right)
    assert (found.relation, found.unknown) == (Relation.CONFLICT, ())
    assert rule in {pair.rule for pair in found.pairs if pair.relation is Relation.CONFLICT}


@pytest.mark.parametrize("turned", [False, True], ids=["left-right", "right-left"])
@pytest.mark.parametrize(
    ("left", "right", "relation"), [c[1:] for c in COMMUTING], ids=[c[0] for c in COMMUTING]
)
def test_r11_pairs_that_commute_are_none(left: Body, right: Body, relation: Relation, turned: bool) -> None:
    found = compared(right, left) if turned else compared(left, right)
    assert (found.relation, found.unknown) == (relation, ())
