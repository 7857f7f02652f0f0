"""What is read of a revision's Python: each form that Alembic users write, as (kind, table, name)."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.operations import footprint
from tests.core.migrations.operations.revisions import read, revision

MODEL = """
class User(Base):
    __tablename__ = 'users'
    __table_args__ = {'schema': 'shop'}
    id = sa.Column(sa.Integer, primary_key=True)
"""
TABLE = "users = sa.table('users', sa.column('id'), sa.column('age'))\n"

FORMS = [
    ("create_table", "op.create_table('T', sa.Column('id', sa.Integer()), schema='S')", "",
     [("create_table", "s.t", None)]),
    ("public is the default schema", "op.drop_table('t', schema='public')", "", [("drop_table", "t", None)]),
    ("keywords", "op.add_column(table_name='t', column=sa.Column(name='a', type_=sa.Text()))", "",
     [("add_column", "t", "a")]),
    ("op.f", "op.create_index(op.f('ix_t_a'), 't', ['a'])", "", [("create_index", "t", "ix_t_a")]),
    ("no name", "op.create_foreign_key(None, 't', 'u', ['u_id'], ['id'])", "", [("add_foreign_key", "t", None)]),
    ("one alter_column, several changes",
     "op.alter_column('t', 'a', type_=sa.Text(), nullable=False, server_default='x')",
     "", [("alter_type", "t", "a"), ("alter_nullable", "t", "a"), ("alter_default", "t", "a")]),
    ("existing_ says nothing", "op.alter_column('t', 'a', existing_type=sa.Text(), existing_nullable=True)", "", []),
    ("default dropped", "op.alter_column('t', 'a', server_default=None)", "", [("alter_default", "t", "a")]),
    ("batch", "with op.batch_alter_table('t', schema='s') as batch:\n    batch.drop_column('a')\n"
     "    batch.drop_constraint('uq_a', type_='unique')\n    batch.create_index('ix_b', ['b'])", "",
     [("drop_column", "s.t", "a"), ("drop_constraint", "s.t", "uq_a"), ("create_index", "s.t", "ix_b")]),
    ("batch kept in a name", "batch = op.batch_alter_table('t')\nbatch.add_column(sa.Column('a', sa.Text()))", "",
     [("add_column", "t", "a")]),
    ("column flags", "op.add_column('t', sa.Column('a', sa.Text(), index=True))", "",
     [("add_column", "t", "a"), ("create_index", "t", "ix_t_a")]),
    ("constraints of a new table", "op.create_table('t', sa.Column('a'), sa.UniqueConstraint('a', name='uq'), "
     "sa.Index('ix', 'a'), sa.PrimaryKeyConstraint('a'))", "",
     [("create_table", "t", None), ("add_unique", "t", "uq"), ("create_index", "t", "ix")]),
    ("enum of a new table", "op.create_table('t', sa.Column('m', sa.Enum('a', name='mood')))", "",
     [("create_enum", None, "mood"), ("create_table", "t", None)]),
    ("enum that is there", "op.create_table('t', sa.Column('m', postgresql.ENUM('a', name='mood', create_type=False)))",
     "from sqlalchemy.dialects import postgresql\n", [("create_table", "t", None)]),
    ("enum by hand", "sa.Enum('a', name='mood').create(op.get_bind(), checkfirst=True)", "",
     [("create_enum", None, "mood")]),
    ("loop over a list", "for table in ['a', 'b']:\n    op.drop_table(table)", "",
     [("drop_table", "a", None), ("drop_table", "b", None)]),
    ("loop over a constant of pairs", "for t, c in ADDED.items():\n    op.drop_column(t, c)",
     "ADDED = {'a': 'x', 'b': 'y'}\n",
     [("drop_column", "a", "x"), ("drop_column", "b", "y")]),
    ("list that grows",
     "names = []\nfor n in range(2):\n    names.append(f'part_{n}')\n[op.drop_table(n) for n in names]", "",
     [("drop_table", "part_0", None), ("drop_table", "part_1", None)]),
    ("both branches",
     "if op.get_bind().dialect.name == 'sqlite':\n    op.drop_table('a')\nelse:\n    op.drop_table('b')", "",
     [("drop_table", "a", None), ("drop_table", "b", None)]),
    ("try and except", "try:\n    op.drop_table('a')\nexcept Exception:\n    op.drop_table('b')", "",
     [("drop_table", "a", None), ("drop_table", "b", None)]),
    ("helper of the same file", "add('t', column='a')",
     "def add(table, *, column='z'):\n    op.add_column(table, sa.Column(column, sa.Text()))\n", [("add_column",
     "t", "a")]),
    ("operation imported by name", "drop_table('t')", "from alembic.op import drop_table\n",
     [("drop_table", "t", None)]),
    ("partial", "drop('t')", "import functools\ndrop = functools.partial(op.drop_table, schema='s')\n",
     [("drop_table", "s.t", None)]),
    ("getattr", "getattr(op, 'drop_table')('t')", "", [("drop_table", "t", None)]),
    ("method of a class of the same file", "Task('a').run('b')",
     "class Task:\n    def __init__(self, t):\n        op.drop_table(t)\n"
     "    def run(self, t):\n        op.drop_table(t)\n",
     [("drop_table", "a", None), ("drop_table", "b", None)]),
    ("a set is no session", "found = {row.id for row in op.get_bind().execute('SELECT id FROM t')}\nfound.add('x')", "",
     [("data_read", None, None)]),
    ("coroutine", "op.run_async(later)", "async def later(c):\n    await c.execute(sa.text('DELETE FROM t'))\n",
     [("data_delete", "t", None)]),
    ("statement that executes itself", "users.delete().execute()", TABLE, [("data_delete", "users", None)]),
    ("op.f in an f-string", "op.execute(f'DROP TABLE {NAME}')", "NAME = op.f('t')\n", [("drop_table", "t", None)]),
    ("asking before doing", "if not table_exists(op, 't'):\n    op.drop_table('t')", "from app import table_exists\n",
     [("drop_table", "t", None)]),
    ("several databases", "globals()['upgrade_%s' % engine]()",
     "engine = context()\ndef upgrade_one():\n    op.drop_table('a')\ndef upgrade_two():\n    op.drop_table('b')\n",
     [("drop_table", "a", None), ("drop_table", "b", None)]),
    ("downgrade does not count", "pass", "def downgrade():\n    op.drop_table('t')\n", []),
    ("f-string", "op.execute(f'UPDATE {NAME} SET a = {value}')", "NAME = 'users'\nvalue = 1\n",
     [("data_update", "users", None)]),
    ("percent and format", "op.execute('DELETE FROM %s' % NAME)\nop.execute('DELETE FROM {0}'.format('b'))",
     "NAME = 'a'\n",
     [("data_delete", "a", None), ("data_delete", "b", None)]),
    ("text with parameters", "op.get_bind().execute(sa.text('UPDATE t SET a = :a').bindparams(a=1))", "",
     [("data_update", "t", None)]),
    ("sa.update", "op.execute(sa.update(users).where(users.c.id == 1).values(age=2))", TABLE,
     [("data_update", "users", None)]),
    ("table.delete()", "op.get_bind().execute(users.delete().where(users.c.age > 3))", TABLE,
     [("data_delete", "users", None)]),
    ("bulk_insert", "op.bulk_insert(users, [{'id': 1}])", TABLE, [("data_insert", "users", None)]),
    ("bulk_insert into the new table", "t = op.create_table('t', sa.Column('a'))\nop.bulk_insert(t, rows)",
     "rows = []\n",
     [("create_table", "t", None), ("data_insert", "t", None)]),
    ("session and model of the file", "session = sa.orm.Session(bind=op.get_bind())\nfor u in session.query(User):\n"
     "    u.age = 1\nsession.add(User(id=1))\nsession.commit()", MODEL,
     [("data_read", None, None), ("data_update", "shop.users", None), ("data_insert", "shop.users", None)]),
    ("loop over rows", "bind = op.get_bind()\nfor row in bind.execute(sa.text('SELECT id FROM a')).fetchall():\n"
     "    bind.execute(sa.text('UPDATE b SET x = 1 WHERE id = :i'), {'i': row.id})", "",
     [("data_read", None, None), ("data_update", "b", None)]),
    ("a helper that calls itself on values", "op.execute(sa.update(users).values(age=deep([1])))",
     TABLE + "def deep(x):\n    return [deep(y) for y in x] if isinstance(x, list) else x\n",
     [("data_update", "users", None)]),
    ("a helper that calls itself to go on", "drop(['a', 'b'])",
     "def drop(names):\n    for name in names:\n        op.execute('DELETE FROM t')\n        drop(names[1:])\n",
     [("data_delete", "t", None)]),
    ("endless recursion", "again()", "def again():\n    again()\n", []),
    ("values made of rows in another file", "bind = op.get_bind()\nfor row in bind.execute(users.select()):\n"
     "    bind.execute(users.update().values(age=slugify(row.name), id=generate_id('x')))",
     TABLE + "from app.text import slugify, generate_id\n",
     [("data_read", None, None), ("data_update", "users", None)]),
    ("a guard of another file", "if not should_run('core', PLUGINS):\n    return\nop.drop_table('t')",
     "from app.migration import should_run\nPLUGINS = ['core']\n", [("drop_table", "t", None)]),
    ("SQL that psycopg composes", "c = op.get_bind()\nc.exec_driver_sql(sql.SQL('UPDATE {t} SET a = {v}').format("
     "t=sql.Identifier('s', 'T'), v=sql.Placeholder()).as_string(c.connection))", "from psycopg import sql\n",
     [("data_update", "s.t", None)]),
    ("a log of another file", "get_logger().info('done')", "from app.log import get_logger\n", []),
    ("a table with types of another file", "sa.orm.Session(op.get_bind()).query(ports).all()",
     "from app.types import LONG\nports = sa.Table('ports', sa.MetaData(), sa.Column('a', LONG))\n",
     [("data_read", None, None)]),
    ("text with params", "op.get_bind().execute(sa.text('UPDATE t SET a = :a').params(a=1))", "",
     [("data_update", "t", None)]),
    ("a copied set", "x = set(op.get_bind().execute('SELECT a FROM t')).copy()", "", [("data_read", None, None)]),
    ("operations of GeoAlchemy", "with op.batch_alter_table('t') as b:\n    b.create_geospatial_index('ix', ['g'])", "",
     [("create_index", "t", "ix")]),
    ("enum made anew with its columns",
     "op.sync_enum_values('public', 'mood', ['a'], [TableReference(table_schema='public', table_name='t',"
     " column_name='m'), TableReference('u', 'n')])", "from alembic_postgresql_enum import TableReference\n",
     [("rename_enum", None, "mood"), ("alter_type", "t", "m"), ("alter_type", "u", "n")]),
    ("enum with new values", "op.sync_enum_values('public', 'mood', ['a'], ['a', 'b'])", "",
     [("rename_enum", None, "mood")]),
]  # fmt: skip

UNREAD = [
    ("table at run time", "op.drop_table(name())", "from app import name\n"),
    ("column made elsewhere", "\nop.add_column('t', audit_column())", "from app import audit_column\n"),
    ("SQL made elsewhere", "op.execute(SQL)", "from app.sql import SQL\n"),
    ("call elsewhere", "backfill(op.get_bind())", "from app import backfill\n"),
    ("model elsewhere", "sa.orm.Session().query(User).delete()", "from app.models import User\n"),
    ("custom operation", "op.create_audit_trigger('t')", ""),
    ("operation handed on", "list(map(op.drop_table, names))", "names = ['t']\n"),
    ("operation of another object", "Operations(context).drop_table('t')",
     "from alembic.operations import Operations\n"),
    ("table in an f-string", "op.execute(f'ALTER TABLE {table()} ADD COLUMN a int')", "from app import table\n"),
    ("clause in an f-string", "op.execute(f'DELETE FROM t WHERE {clause}')", "clause = input()\n"),
    ("exec", "exec('op.drop_table(1)')", ""),
    ("a helper that calls itself on tables", "drop(['a', 'b'])",
     "def drop(names):\n    op.drop_table(names[0])\n    drop(names[1:])\n"),
    ("a question that nobody asks", "check_and_mend('users')", "from app.users import check_and_mend\n"),
    ("a question of a helper that is asked", "if helper():\n    pass",
     "from app.users import check_and_mend\ndef helper():\n    check_and_mend('users')\n"),
    ("a connection handed to another file", "slugify(op.get_bind(), 't')", "from app.text import slugify\n"),
    ("endless calls",
     "f0()", "".join(f"def f{n}():\n    f{n + 1}()\n" for n in range(40)) + "def f40():\n    op.drop_table('t')\n"),
    ("all tables of a metadata", "Base.metadata.create_all(op.get_bind())", "Base = sa.orm.declarative_base()\n"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "before", "expected"), [c[1:] for c in FORMS], ids=[c[0] for c in FORMS])
def test_operations_are_read(
    body: str, before: str, expected: list[tuple[str, str | None, str | None]]
) -> None:
    found = read(body, before=before)
    assert [(o.kind.value, o.table, o.name) for o in found.operations] == expected
    assert found.unknown == ()


@pytest.mark.parametrize(("body", "before"), [c[1:] for c in UNREAD], ids=[c[0] for c in UNREAD])
def test_what_is_not_spelled_out_is_said_to_be_unknown(body: str, before: str) -> None:
    found = read(body, before=before)
    assert found.unknown
    assert all(place.why and place.line > 1 for place in found.unknown)


def test_details_that_rules_build_on() -> None:
    body = (
        "op.create_table('t', sa.Column('u', sa.ForeignKey('s.users.id')), sa.Column('m', sa.Enum(name='E')))\n"
        "op.add_column('t', sa.Column('need', sa.Text(), nullable=False))\n"
        "op.create_index('ix', 't', [sa.text('lower(name)')], unique=True)\n"
        "op.execute(sa.update(users).values({'age': 1}))"
    )
    _, table, column, index, update = read(body, before=TABLE).operations
    assert (table.columns, table.references, table.targets, table.types) == (
        ("u", "m"), ("s.users",), ("s.users.id",), ("e",)
    )  # fmt: skip
    assert (column.not_null, column.default) == (True, False)
    assert (index.unique, index.columns) == (True, ("lower", "name"))
    assert (update.columns, update.writes) == (("age",), ("age",))


def test_places_are_lines_of_the_file_and_one_line_of_text() -> None:
    found = read("x = 1\nop.create_index(\n    'ix',\n    't', ['a'],\n)").operations[0]
    assert (found.line, found.end_line, found.text) == (6, 9, "op.create_index( 'ix', 't', ['a'], )")


@pytest.mark.parametrize(
    "source",
    [
        b"\xff\xfe\x00",
        b"# -*- coding: no-such -*-\n",
        b"def upgrade(:\n",
        b"x = 1\n",
        b"from app import upgrade\n",
        b"x = " + b"-" * 50_000 + b"1",
    ],
    ids=[
        "not text",
        "unknown encoding",
        "row 40: syntax error",
        "no upgrade",
        "upgrade elsewhere",
        "too deep",
    ],
)
def test_a_file_that_cannot_be_read_is_unknown(source: bytes) -> None:
    found = footprint(source, "versions/x.py")
    assert (found.operations, len(found.unknown)) == ((), 1)


def test_line_ends_and_byte_order_marks_change_nothing() -> None:
    plain = revision("op.drop_table('t')\nop.drop_table('u')")
    for other in (plain.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + plain):
        assert footprint(other, "x.py") == footprint(plain, "x.py")


def test_what_an_environment_hands_to_upgrade_is_known_by_its_name() -> None:
    """Alembic passes what `context.run_migrations(**kw)` was given on to `upgrade`."""
    body = (
        "op.drop_column('t', 'a')\n    op.bulk_insert(tables.kinds, [{'name': 'x'}])\n    tester.check(op)\n"
    )
    found = footprint(f"def upgrade(op, tables, tester=None):\n    {body}".encode(), "x.py")
    assert [(o.kind.value, o.table) for o in found.operations] == [
        ("drop_column", "t"),
        ("data_insert", "kinds"),
    ]
    assert [place.line for place in found.unknown] == [4]


def test_row_40_of_a_file_for_a_newer_python_the_rest_is_read_and_its_f_strings_are_unknown() -> None:
    before = 'TABLE = f"t_{NAMES["x"]}"\ntype Row = dict[str, str]\n'
    body = 'op.drop_column("a", "b")\nop.execute(f"DROP TABLE {x["y"]}")\nop.drop_table(TABLE)'
    found = read(body, before=before)
    assert [(o.kind.value, o.table, o.name) for o in found.operations] == [("drop_column", "a", "b")]
    assert [(place.line, place.why) for place in found.unknown] == [
        (8, "this is an f-string of a newer Python"),
        (8, "the statement is made while running"),
        (9, "the table's name is not spelled out"),
    ]
