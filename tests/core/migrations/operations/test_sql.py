"""What is read of SQL text, in `op.execute` and in `.sql` files, as (kind, table, name)."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.operations import Footprint, footprint

STATEMENTS = [
    ("CREATE TABLE IF NOT EXISTS Shop.Orders (id int, u int REFERENCES users (id), CHECK (id > 0))",
     [("create_table", "shop.orders", None)]),
    ('CREATE TABLE "t" AS SELECT * FROM a', [("create_table", "t", None), ("data_read", None, None)]),
    ("CREATE UNIQUE INDEX CONCURRENTLY ix ON ONLY t USING btree (lower(a)) WHERE b", [("create_index", "t", "ix")]),
    ("CREATE OR REPLACE VIEW v AS SELECT a FROM t JOIN u USING (id)", [("create_view", "v", "v")]),
    ("CREATE TYPE mood AS ENUM ('a', 'b')", [("create_enum", None, "mood")]),
    ("CREATE SEQUENCE s; CREATE SCHEMA IF NOT EXISTS x; CREATE EXTENSION citext",
     [("create_sequence", None, "s"), ("create_schema", None, "x"), ("create_extension", None, "citext")]),
    ("CREATE FUNCTION f(a int) RETURNS int AS $x$ BEGIN DELETE FROM t; RETURN 1; END $x$ LANGUAGE plpgsql",
     [("create_function", None, "f")]),
    ("CREATE TRIGGER tr BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE PROCEDURE f()",
     [("create_trigger", "t", "tr")]),
    ("CREATE TRIGGER tr AFTER INSERT ON t BEGIN UPDATE t SET a = 1; DELETE FROM b; END; DROP TABLE c",
     [("create_trigger", "t", "tr"), ("drop_table", "c", None)]),
    ("DROP TABLE IF EXISTS a, b CASCADE", [("drop_table", "a", None), ("drop_table", "b", None)]),
    ("DROP INDEX CONCURRENTLY s.ix", [("drop_index", None, "ix")]),
    ("DROP TRIGGER IF EXISTS tr ON t", [("drop_trigger", "t", "tr")]),
    ("ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 1, DROP COLUMN IF EXISTS b, ALTER c TYPE bigint USING c::bigint",
     [("add_column", "t", "a"), ("drop_column", "t", "b"), ("alter_type", "t", "c")]),
    ("ALTER TABLE ONLY t ADD CONSTRAINT fk FOREIGN KEY (u) REFERENCES users(id) NOT VALID",
     [("add_foreign_key", "t", "fk")]),
    ("ALTER TABLE t ALTER a SET NOT NULL, ALTER COLUMN b DROP DEFAULT, RENAME CONSTRAINT x TO y",
     [("alter_nullable", "t", "a"), ("alter_default", "t", "b"), ("rename_constraint", "t", "x")]),
    ("ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME TO u; ALTER TABLE t SET SCHEMA old",
     [("rename_column", "t", "a"), ("rename_table", "t", None), ("rename_table", "t", None)]),
    ("ALTER TABLE `t` MODIFY COLUMN a bigint, CHANGE b c int, ADD UNIQUE KEY uq (a), DROP FOREIGN KEY fk",
     [("alter_type", "t", "a"), ("rename_column", "t", "b"), ("alter_type", "t", "b"), ("add_unique", "t", "uq"),
      ("drop_constraint", "t", "fk")]),
    ("ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO bob",
     [("alter_table", "t", None), ("raw", "t", None)]),
    ("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'c' AFTER 'a'", [("add_enum_value", None, "mood")]),
    ("ALTER INDEX ix RENAME TO iy", [("rename_index", None, "ix")]),
    ("INSERT INTO t (a) VALUES (:a) ON CONFLICT DO NOTHING", [("data_insert", "t", None)]),
    ("UPDATE t AS x SET a = y.a FROM u y WHERE y.id = x.id", [("data_update", "t", None)]),
    ("WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO old SELECT * FROM gone",
     [("data_insert", "old", None), ("data_delete", "t", None)]),
    ("REPLACE INTO t (a) SELECT a FROM u", [("data_insert", "t", None)]),
    ("UPDATE t SET a = b -> 'x' WHERE NOT b ? 'y' AND c = ?", [("data_update", "t", None)]),
    ("SELECT pgp_sym_decrypt(a, 'k') FROM t", [("data_read", None, None)]),
    ("TRUNCATE TABLE a, b", [("data_delete", "a", None), ("data_delete", "b", None)]),
    ("COMMENT ON COLUMN t.a IS 'it''s; fine'", [("alter_comment", "t", "a")]),
    ("SET lock_timeout = '1s'; BEGIN; COMMIT; -- DROP TABLE t;\n/* DROP TABLE t; */", []),
    ("SET search_path TO shop; DROP TABLE t", [("drop_table", "shop.t", None)]),
    ("SELECT setval('s', (SELECT max(id) FROM t))", [("data_read", None, None)]),
    ("SELECT a INTO copy FROM t", [("create_table", "copy", None), ("data_read", None, None)]),
    ("SELECT create_hypertable('t', 'at')", [("alter_table", "t", None)]),
    ("SELECT 1 FROM pg_class; SELECT now()", []),
    ("DO $$ DECLARE n int; BEGIN IF NOT EXISTS (SELECT 1 FROM pg_type) THEN CREATE TYPE m AS ENUM ('a'); ELSE"
     " DROP TABLE a; END IF; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
     [("create_enum", None, "m"), ("drop_table", "a", None)]),
    ("DO $$ BEGIN FOR r IN SELECT id FROM a LOOP UPDATE b SET x = r.id; END LOOP; EXECUTE 'DROP TABLE c'; END $$",
     [("data_read", None, None), ("data_update", "b", None), ("drop_table", "c", None)]),
]  # fmt: skip

UNREAD = [
    "VACUUM FULL everything; FROBNICATE t",
    "CALL tidy()",
    "DROP SCHEMA s CASCADE",
    "SELECT tidy('t')",
    "SELECT s.tidy(id) FROM t",
    "UPDATE SET WHERE",
    "SELECT " + "(" * 400 + "1" + ")" * 400,
    "CREATE VIEW v AS SELECT FROM WHERE",
    "GRANT ALL ON ALL TABLES IN SCHEMA s TO bob",
    "SET search_path TO a, b",
]


def of(text: str) -> Footprint:
    return footprint(text.encode(), "db/V1__x.sql")


@pytest.mark.parametrize(("text", "expected"), STATEMENTS, ids=[case[0][:40] for case in STATEMENTS])
def test_statements_are_read(text: str, expected: list[tuple[str, str | None, str | None]]) -> None:
    found = of(text)
    assert [(o.kind.value, o.table, o.name) for o in found.operations] == expected
    assert found.unknown == ()


@pytest.mark.parametrize("text", UNREAD, ids=[text[:30] for text in UNREAD])
def test_statements_that_are_not_read_are_unknown(text: str) -> None:
    assert of(text).unknown


def test_a_statement_says_what_it_reads_and_writes() -> None:
    update = of("UPDATE t SET a = 'x' WHERE b IN (SELECT c FROM u)").operations[0]
    assert (update.columns, update.writes, update.references, update.values) == (
        ("a", "b", "c"),
        ("a",),
        ("u",),
        ("x",),
    )
    insert = of("INSERT INTO t SELECT * FROM u").operations[0]
    assert (insert.columns, insert.references) == ((), ("u",))


def test_a_large_insert_is_read_by_its_front() -> None:
    rows = ", ".join(f"({n}, 'name {n}')" for n in range(8_000))
    found = of(f"INSERT INTO t (id, name) VALUES {rows}; DROP TABLE u")  # noqa: S608 - read, never run
    assert [(o.kind.value, o.table, o.columns) for o in found.operations] == [
        ("data_insert", "t", ("id", "name")),
        ("drop_table", "u", ()),
    ]
