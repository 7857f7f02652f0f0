"""Every pair of MIGRATION-CASES "Pairs that do not commute", both ways round, and the pairs that do."""

from __future__ import annotations

from itertools import product

import pytest

from pointsman.core.migrations.operations import ComparePolicy, Relation, StopIf
from pointsman.core.migrations.operations.rules import RULES, judge
from tests.core.migrations.operations.revisions import compared, read, sql

ADD = "op.add_column('users', sa.Column('age', sa.Integer()))"
DROP = "op.drop_column('users', 'age')"
RENAME = "op.alter_column('users', 'age', new_column_name='years')"
RETYPE = "op.alter_column('users', 'age', type_=sa.BigInteger())"
NOT_NULL = "op.alter_column('users', 'age', nullable=False)"
DEFAULT = "op.alter_column('users', 'age', server_default='0')"
INDEX = "op.create_index('ix_users_age', 'users', ['age'])"
UNIQUE = "op.create_index('ux_users_age', 'users', ['age'], unique=True)"
KEY = "op.create_unique_constraint('uq_users_age', 'users', ['age'])"
CHECK = "op.create_check_constraint('ck_users_age', 'users', 'age > 0')"
FOREIGN = "op.create_foreign_key('fk_users_age', 'users', 'ages', ['age'], ['id'])"
INSERT = sql("INSERT INTO users (name, age) VALUES ('a', 1)")
UPDATE = sql("UPDATE users SET age = 1 WHERE age IS NULL")
NAMES = sql("UPDATE users SET name = upper(name) WHERE id > 3")
NEW_NAME = sql("INSERT INTO users (id, name) VALUES (1, 'x')")
VIEW = sql("CREATE VIEW adults AS SELECT id, age FROM users WHERE age > 17")
TABLE = "op.create_table('users', sa.Column('id', sa.Integer()))"
DROP_TABLE = "op.drop_table('users')"
RENAME_TABLE = "op.rename_table('users', 'people')"
CHILD = "op.create_table('posts', sa.Column('user_id', sa.Integer(), sa.ForeignKey('users.id')))"
ENUM_VALUE = sql("ALTER TYPE mood ADD VALUE 'glad'")
SET_GLAD = sql("UPDATE people SET mood = 'glad'")
MOOD = "op.add_column('people', sa.Column('mood', sa.Enum('sad', name='mood')))"

CONFLICTS = [
    ("one column added twice", ADD, "op.add_column('USERS', sa.Column('Age', sa.Text()))", "column_twice"),
    ("added here, made by a rename there", ADD, "op.alter_column('users', 'a', new_column_name='age')", "column_twice"),
    ("one index name twice", INDEX, "op.create_index('ix_users_age', 'users', ['name'])", "index_twice"),
    ("one index name on two tables", INDEX, "op.create_index('ix_users_age', 'posts', ['age'])", "index_twice"),
    ("unnamed index on the same columns", "op.create_index(None, 'users', ['age'])", INDEX, "index_twice"),
    ("index=True beside the same index", "op.add_column('t', sa.Column('a', sa.Text(), index=True))",
     "op.create_index('ix_t_a', 't', ['b'])", "index_twice"),
    ("one constraint name twice", CHECK, "op.create_check_constraint('ck_users_age', 'users', 'age > 1')",
     "constraint_name"),
    ("unnamed foreign key twice", "op.create_foreign_key(None, 'users', 'ages', ['age'], ['id'])",
     "op.create_foreign_key(None, 'users', 'ages', ['age'], ['id'])", "constraint_name"),
    ("two primary keys", "op.create_primary_key('pk_a', 'users', ['id'])",
     "op.create_primary_key('pk_b', 'users', ['age'])", "primary_key_twice"),
    ("column dropped twice", DROP, DROP, "column_dropped"),
    ("drop against alter", DROP, NOT_NULL, "column_dropped"),
    ("drop against default", DROP, DEFAULT, "column_dropped"),
    ("drop against type", DROP, RETYPE, "column_dropped"),
    ("drop against backfill", DROP, UPDATE, "column_dropped"),
    ("drop against index", DROP, INDEX, "column_dropped"),
    ("drop against unique constraint", DROP, KEY, "column_dropped"),
    ("drop against check", DROP, CHECK, "column_dropped"),
    ("drop against foreign key", DROP, FOREIGN, "column_dropped"),
    ("drop against a foreign key at it", "op.drop_column('ages', 'id')", FOREIGN, "column_dropped"),
    ("drop against view", DROP, VIEW, "column_dropped"),
    ("drop against a dropped index of its name", DROP, "op.drop_index('ix_users_age_and', table_name='users')",
     "column_dropped"),
    ("drop against a dropped constraint without a name", DROP, "op.drop_constraint(None, 'users')", "column_dropped"),
    ("rename against add", RENAME, "op.add_column('users', sa.Column('years', sa.Integer()))", "column_twice"),
    ("rename against alter of the old name", RENAME, NOT_NULL, "column_renamed"),
    ("rename against index on the old name", RENAME, INDEX, "column_renamed"),
    ("rename against view", RENAME, VIEW, "column_renamed"),
    ("rename against backfill", RENAME, UPDATE, "column_renamed"),
    ("rename against drop", RENAME, DROP, "column_dropped"),
    ("type against default", RETYPE, DEFAULT, "type_changed"),
    ("type against index", RETYPE, INDEX, "type_changed"),
    ("type against view", RETYPE, VIEW, "type_changed"),
    ("type against type", RETYPE, "op.alter_column('users', 'age', type_=sa.Text())", "type_changed"),
    ("two defaults", DEFAULT, "op.alter_column('users', 'age', server_default='1')", "altered_twice"),
    ("NOT NULL set and dropped", NOT_NULL, "op.alter_column('users', 'age', nullable=True)", "altered_twice"),
    ("NOT NULL against insert", NOT_NULL, INSERT, "not_null_data"),
    ("NOT NULL against backfill", NOT_NULL, UPDATE, "not_null_data"),
    ("required column against insert", "op.add_column('users', sa.Column('b', sa.Text(), nullable=False))", INSERT,
     "not_null_data"),
    ("unique index against insert", UNIQUE, INSERT, "unique_data"),
    ("unique constraint against update", KEY, UPDATE, "unique_data"),
    ("new column against rows of all columns", ADD, sql("INSERT INTO users SELECT * FROM old"), "data_schema"),
    ("new column against rows that fill it", ADD, sql("UPDATE users SET age = 1"), "data_schema"),
    ("new column that counts rows against rows", sql("ALTER TABLE users ADD COLUMN n SERIAL"), NAMES, "data_schema"),
    ("new column with a value a row against rows", "op.add_column('users', sa.Column('b', sa.Text(), "
     "server_default=sa.text('next_code()')))", NAMES, "data_schema"),
    ("default against new rows", "op.alter_column('users', 'b', server_default='0')", INSERT, "data_schema"),
    ("dropped column against new rows", "op.drop_column('users', 'b')", INSERT, "data_schema"),
    ("NOT NULL against rows that go", NOT_NULL, sql("DELETE FROM users WHERE age IS NULL"), "not_null_data"),
    ("NOT NULL of another column against new rows", "op.alter_column('users', 'b', nullable=False)", INSERT,
     "not_null_data"),
    ("type by another column against rows", sql("ALTER TABLE users ALTER b TYPE int USING name::int"), NAMES,
     "data_schema"),
    ("check against rows", CHECK, UPDATE, "data_schema"),
    ("new column against rows of columns in a text", ADD, "op.execute(sa.update(sa.table('users')).where("
     "sa.text('age > 1')).values(name='x'))", "data_schema"),
    ("new column against rows of columns by a variable", ADD,
     "t, key = sa.table('users'), op.get_context().opts['x']\n"
     "op.execute(t.update().where(t.c[key] == 1).values(name='x'))", "data_schema"),
    ("new column against an upsert", ADD,
     "from sqlalchemy.dialects import postgresql\nt = sa.table('users')\n"
     "op.execute(postgresql.insert(t).values(name='x').on_conflict_do_update(set_={'age': 1}))", "data_schema"),
    ("trigger against rows", sql("CREATE TRIGGER t AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()"), UPDATE,
     "data_schema"),
    ("view of all columns against a new one", ADD, sql("CREATE VIEW v AS SELECT * FROM users"), "column_added"),
    ("enum value added twice", ENUM_VALUE, ENUM_VALUE, "enum_changed"),
    ("enum value against its use in rows", ENUM_VALUE, SET_GLAD, "enum_used"),
    ("enum value against its use as default", ENUM_VALUE,
     sql("ALTER TABLE people ALTER COLUMN mood SET DEFAULT 'glad'"), "enum_used"),
    ("enum type made twice", "op.create_table('a', sa.Column('m', sa.Enum('x', name='mood')))",
     "op.create_table('b', sa.Column('m', sa.Enum('y', name='mood')))", "enum_changed"),
    ("enum type dropped against its use", "sa.Enum(name='mood').drop(op.get_bind())", MOOD, "enum_used"),
    ("enum type renamed against a value", sql("ALTER TYPE mood RENAME TO mood_old"), ENUM_VALUE, "enum_changed"),
    ("table rename against column", RENAME_TABLE, ADD, "table_renamed"),
    ("table rename against rows", RENAME_TABLE, UPDATE, "table_renamed"),
    ("table rename against foreign key", RENAME_TABLE, CHILD, "table_renamed"),
    ("table rename against the new name", RENAME_TABLE, "op.create_table('people')", "table_twice"),
    ("two data migrations", UPDATE, INSERT, "data_twice"),
    ("rows read here and changed there", sql("INSERT INTO log SELECT age FROM users"), UPDATE, "data_read"),
    ("rows deleted under a new foreign key", FOREIGN, sql("DELETE FROM ages WHERE id < 0"), "foreign_key_data"),
    ("table dropped against column", DROP_TABLE, ADD, "table_dropped"),
    ("table dropped against foreign key", DROP_TABLE, CHILD, "table_dropped"),
    ("table dropped against view", DROP_TABLE, VIEW, "table_dropped"),
    ("table dropped twice", DROP_TABLE, DROP_TABLE, "table_dropped"),
    ("table made twice", TABLE, TABLE, "table_twice"),
    ("table made against column", TABLE, ADD, "table_created"),
    ("table made against foreign key", TABLE, CHILD, "table_created"),
    ("key dropped under a foreign key", "op.drop_constraint('uq_users_id', 'users', type_='unique')", CHILD,
     "key_dropped"),
    ("index dropped here and made there", "op.drop_index('ix_users_age')", INDEX, "index_dropped"),
    ("constraint dropped twice", "op.drop_constraint('fk_users_age', 'users')",
     "op.drop_constraint('fk_users_age', 'users')", "constraint_name"),
    ("function replaced twice", sql("CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql"),
     sql("CREATE OR REPLACE FUNCTION f() RETURNS int AS $$ SELECT 2 $$ LANGUAGE sql"), "same_name"),
    ("function dropped under a trigger", sql("DROP FUNCTION f()"),
     sql("CREATE TRIGGER t AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION f()"), "function_used"),
    ("schema dropped", sql("DROP SCHEMA shop"), "op.add_column('o', sa.Column('a', sa.Text()), schema='shop')",
     "schema_changed"),
]  # fmt: skip

COMMUTING = [
    ("two columns of one table", ADD, "op.add_column('users', sa.Column('b', sa.Text()))", Relation.SAME_TABLE),
    ("two indexes of one table", INDEX, "op.create_index('ix_b', 'users', ['name'])", Relation.SAME_TABLE),
    ("other column dropped", DROP, "op.create_index('ix_b', 'users', ['name'])", Relation.SAME_TABLE),
    ("plain index against rows", INDEX, UPDATE, Relation.SAME_TABLE),
    ("new column against rows of others", ADD, NAMES, Relation.SAME_TABLE),
    ("new column against new rows of others", ADD, NEW_NAME, Relation.SAME_TABLE),
    ("new column against rows that go", ADD, sql("DELETE FROM users WHERE name = 'x'"), Relation.SAME_TABLE),
    ("new column with one default against new rows", "op.add_column('users', sa.Column('b', sa.Boolean(), "
     "server_default=sa.text('false'), nullable=False))", NEW_NAME, Relation.SAME_TABLE),
    ("new column with one default against rows in SQL", sql("ALTER TABLE users ADD b int NOT NULL DEFAULT 0"), NAMES,
     Relation.SAME_TABLE),
    ("new column against an expression's rows", ADD, "t = sa.table('users', sa.column('name'))\n"
     "op.execute(t.update().where(t.c.name == 'x').values(name='y'))", Relation.SAME_TABLE),
    ("new column against rows inserted in bulk", ADD,
     "op.bulk_insert(sa.table('users'), [{'id': 1, 'name': 'x'}, {'id': 2, 'name': 'y'}])", Relation.SAME_TABLE),
    ("dropped column against rows of others", DROP, NAMES, Relation.SAME_TABLE),
    ("renamed column against new rows of others", RENAME, NEW_NAME, Relation.SAME_TABLE),
    ("type against rows of others", RETYPE, NEW_NAME, Relation.SAME_TABLE),
    ("default against rows of others", DEFAULT, NAMES, Relation.SAME_TABLE),
    ("NOT NULL against rows of others", NOT_NULL, NAMES, Relation.SAME_TABLE),
    ("key against rows of others", KEY, NAMES, Relation.SAME_TABLE),
    ("check against rows of others", CHECK, NAMES, Relation.SAME_TABLE),
    ("foreign key against rows of others", FOREIGN, NAMES, Relation.SAME_TABLE),
    ("foreign key at a table of which other columns change", FOREIGN, sql("UPDATE ages SET label = 'x'"),
     Relation.DISJOINT),
    ("rights against rows", sql("GRANT SELECT ON users TO bob"), NAMES, Relation.SAME_TABLE),
    ("comment on the table against rows", "op.create_table_comment('users', 'who')", UPDATE, Relation.SAME_TABLE),
    ("column dropped here, index of another there", DROP, "op.drop_index('ix_users_name', table_name='users')",
     Relation.SAME_TABLE),
    ("type here, constraint of another column there", RETYPE,
     "op.drop_constraint('ck_users_name', 'users', type_='check')", Relation.SAME_TABLE),
    ("foreign key dropped under a foreign key", "op.drop_constraint('fk_users_boss', 'users')", CHILD,
     Relation.DISJOINT),
    ("two values of one enum", ENUM_VALUE, sql("ALTER TYPE mood ADD VALUE 'calm'"), Relation.SAME_TABLE),
    ("NOT NULL twice", NOT_NULL, NOT_NULL, Relation.SAME_TABLE),
    ("nothing to do", "pass", UPDATE, Relation.DISJOINT),
    ("two tables", ADD, "op.add_column('posts', sa.Column('age', sa.Text()))", Relation.DISJOINT),
    ("one name in two schemas", ADD, "op.add_column('users', sa.Column('age', sa.Text()), schema='old')",
     Relation.DISJOINT),
    ("foreign key to a table that gains a column", CHILD, ADD, Relation.DISJOINT),
    ("foreign key to a table that loses another column", CHILD, DROP, Relation.DISJOINT),
    ("foreign key to a table whose rows change", CHILD, UPDATE, Relation.DISJOINT),
    ("two foreign keys at one table", CHILD,
     "op.create_table('likes', sa.Column('user_id', sa.Integer(), sa.ForeignKey('users.id')))", Relation.DISJOINT),
    ("reads a column that the other does not set", sql("INSERT INTO log (n) SELECT name FROM users"),
     sql("UPDATE users SET age = 1"), Relation.DISJOINT),
    ("enum used but not the new value", ENUM_VALUE, MOOD, Relation.DISJOINT),
    ("the same extension if it is not there", sql("CREATE EXTENSION IF NOT EXISTS citext"),
     sql("CREATE EXTENSION IF NOT EXISTS citext"), Relation.DISJOINT),
    ("temporary tables of one name", sql("CREATE TEMP TABLE x AS SELECT 1; UPDATE x SET a = 1"),
     sql("CREATE TEMP TABLE x AS SELECT 2; DELETE FROM x"), Relation.DISJOINT),
]  # fmt: skip


@pytest.mark.parametrize("turned", [False, True], ids=["left-right", "right-left"])
@pytest.mark.parametrize(
    ("left", "right", "rule"), [case[1:] for case in CONFLICTS], ids=[c[0] for c in CONFLICTS]
)
def test_pairs_that_do_not_commute_are_a_conflict(left: str, right: str, rule: str, turned: bool) -> None:
    found = compared(right, left) if turned else compared(left, right)
    assert (found.relation, found.unknown) == (Relation.CONFLICT, ())
    assert rule in {pair.rule for pair in found.pairs if pair.relation is Relation.CONFLICT}


@pytest.mark.parametrize("turned", [False, True], ids=["left-right", "right-left"])
@pytest.mark.parametrize(
    ("left", "right", "relation"), [case[1:] for case in COMMUTING], ids=[c[0] for c in COMMUTING]
)
def test_pairs_that_commute_are_not_refused(left: str, right: str, relation: Relation, turned: bool) -> None:
    found = compared(right, left) if turned else compared(left, right)
    assert (found.relation, found.unknown) == (relation, ())


def test_every_rule_has_a_pair_that_meets_it() -> None:
    assert {case[3] for case in CONFLICTS} == set(RULES)


def test_no_rule_holds_where_the_kinds_say_that_it_need_not_be_asked() -> None:
    """Rules are only asked of the kinds that they can hold for: asking all of them finds nothing more."""
    bodies = {part for case in (*CONFLICTS, *COMMUTING) for part in case[1:3]}
    operations = [operation for body in sorted(bodies) for operation in read(body).operations]
    for a, b in product(operations, repeat=2):
        every = next((code for code, rule in RULES.items() if rule(a, b) or rule(b, a)), None)
        if not (a.kind == b.kind and a.if_exists and b.if_exists):
            found = judge(a, b)
            assert (found.rule if found and found.relation is Relation.CONFLICT else None) == every


@pytest.mark.parametrize(
    "body",
    [
        "from app import migrate\nmigrate(op.get_bind())",
        "from app.models import User\nsa.orm.Session(op.get_bind()).query(User).all()",
        "op.execute(open('x.sql').read())",
        sql("SELECT tidy_up_everything()"),
        sql("DO $$ BEGIN EXECUTE 'DROP TABLE ' || t; END $$"),
    ],
    ids=["other module", "model of another module", "a file", "a function", "dynamic SQL"],
)
def test_what_cannot_be_read_makes_the_pair_unknown(body: str) -> None:
    assert compared(body, ADD).relation is Relation.UNKNOWN
    assert compared(ADD, body).relation is Relation.UNKNOWN
    assert compared(body, "pass").relation is Relation.DISJOINT


def test_a_conflict_outweighs_what_cannot_be_read() -> None:
    assert compared(f"op.execute(mystery)\n{ADD}", ADD).relation is Relation.CONFLICT


@pytest.mark.parametrize(
    ("stop_if", "left", "right", "rule"),
    [
        (StopIf.DATA_MIGRATION, UPDATE, "op.drop_table('other')", "stop_data_migration"),
        (StopIf.SAME_TABLE, ADD, INDEX.replace("'age'", "'name'"), "stop_same_table"),
        (StopIf.DROP_COLUMN, DROP, "op.create_table('other')", "stop_drop_column"),
    ],
    ids=[stop.value for stop in StopIf],
)
def test_r11_the_contract_stops_what_would_otherwise_commute(
    stop_if: StopIf, left: str, right: str, rule: str
) -> None:
    policy = ComparePolicy(stop_if=frozenset({stop_if}))
    assert compared(left, right).relation in {Relation.DISJOINT, Relation.SAME_TABLE}
    found = compared(left, right, policy)
    assert (found.relation, {stop.rule for stop in found.stops}) == (Relation.CONFLICT, {rule})


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        (UPDATE, INSERT, Relation.SAME_DATA),
        (UPDATE, NOT_NULL, Relation.SAME_DATA),
        (UPDATE, DROP, Relation.CONFLICT),
        (f"{UPDATE}\n{TABLE}", f"{INSERT}\n{TABLE}", Relation.CONFLICT),
        (f"{UPDATE}\nop.execute(mystery)", INSERT, Relation.UNKNOWN),
        (ADD, INDEX.replace("'age'", "'name'"), Relation.SAME_TABLE),
    ],
    ids=[
        "rows and rows",
        "rows and NOT NULL",
        "rows and a dropped column",
        "more than rows",
        "unread",
        "no rows",
    ],
)
def test_where_rows_may_be_proved_only_pairs_that_meet_in_rows_are_left_to_the_proof(
    left: str, right: str, relation: Relation
) -> None:
    found = compared(left, right, ComparePolicy(prove_data=True))
    assert found.relation is relation
    if relation in {Relation.SAME_DATA, Relation.CONFLICT}:
        assert compared(left, right).relation is Relation.CONFLICT
