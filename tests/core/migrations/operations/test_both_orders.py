"""The rules against a real database: whatever pair they let pass gives one schema and the same rows in either order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

from pointsman.core.migrations.operations import Footprint, Relation, compare_footprints, footprint

BEFORE = """
CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c INT NOT NULL DEFAULT 7);
CREATE TABLE u (id INTEGER PRIMARY KEY, t_id INT, label TEXT);
CREATE INDEX ix_t_a ON t (a);
CREATE VIEW v AS SELECT id, a FROM t;
INSERT INTO t (a, b, c) VALUES ('x', 'p', 1), ('y', NULL, 2), (NULL, 'q', 3);
INSERT INTO u (t_id, label) VALUES (1, 'one'), (2, 'two');
"""
STATEMENTS = [
    "ALTER TABLE t ADD COLUMN d TEXT",
    "ALTER TABLE t ADD COLUMN d TEXT NOT NULL DEFAULT 'n'",
    "ALTER TABLE t ADD COLUMN e TEXT",
    "ALTER TABLE t DROP COLUMN b",
    "ALTER TABLE t DROP COLUMN c",
    "ALTER TABLE t RENAME COLUMN b TO bb",
    "ALTER TABLE t RENAME TO tt",
    "ALTER TABLE u RENAME TO t2",
    "CREATE INDEX ix_t_b ON t (b)",
    "CREATE UNIQUE INDEX ux_t_a ON t (a)",
    "CREATE UNIQUE INDEX ux_t_b ON t (b)",
    "CREATE UNIQUE INDEX ux_t_lower ON t (lower(a)) WHERE c > 1",
    "DROP INDEX ix_t_a",
    "DROP INDEX IF EXISTS ix_t_a",
    "DROP VIEW v",
    "CREATE VIEW w AS SELECT b FROM t",
    "CREATE VIEW star AS SELECT * FROM t",
    "CREATE TABLE made AS SELECT id, a FROM t",
    "CREATE TABLE child (id INT, t_id INT REFERENCES t (id))",
    "DROP TABLE u",
    "CREATE TRIGGER tr AFTER UPDATE ON t BEGIN UPDATE u SET label = 'seen'; END",
    "INSERT INTO t (a, b) VALUES ('z', 'r')",
    "INSERT INTO t (a, b, c) VALUES ('z', 'x', 1)",
    "INSERT INTO t SELECT 9, 'k', 'l', 4",
    "INSERT INTO u (t_id, label) SELECT id, a FROM t ORDER BY id",
    "INSERT INTO t (id, a) VALUES (1, 'up') ON CONFLICT (id) DO UPDATE SET b = 'up'",
    "UPDATE t SET a = 'same'",
    "UPDATE t SET a = b WHERE b IS NOT NULL",
    "UPDATE t SET b = upper(a)",
    "UPDATE t SET c = c + 1",
    "UPDATE u SET label = (SELECT a FROM t WHERE t.id = u.t_id)",
    "UPDATE u SET label = 'fixed'",
    "DELETE FROM t WHERE b IS NULL",
    "DELETE FROM t",
    "DELETE FROM u WHERE t_id IN (SELECT id FROM t WHERE a = 'x')",
    "REPLACE INTO t (id, a) VALUES (2, 'new')",
]


def _template() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.executescript(BEFORE)
        return database.serialize()


def _after(template: bytes, statements: Sequence[str]) -> object:
    """The schema by name and all rows, columns in the order of their names; None where a statement fails."""
    with sqlite3.connect(":memory:") as database:
        database.deserialize(template)
        try:
            for statement in statements:
                database.executescript(statement)
            return list(_everything(database))
        except sqlite3.Error:
            return None


def _everything(database: sqlite3.Connection) -> Iterator[object]:
    for kind, name in sorted(database.execute("SELECT type, name FROM sqlite_master").fetchall()):
        if kind not in {"table", "view"}:
            yield kind, name
            continue
        columns = sorted(database.execute(f"PRAGMA table_info({name})").fetchall(), key=lambda row: row[1])
        listed = ", ".join(f'"{row[1]}"' for row in columns)
        rows = database.execute(f"SELECT {listed} FROM {name}").fetchall()  # noqa: S608 - names of our own
        yield kind, name, [row[1:] for row in columns], sorted(rows, key=repr)


def test_r11_what_the_rules_let_pass_gives_the_same_in_either_order() -> None:
    read: dict[str, Footprint] = {each: footprint(each.encode(), "x.sql") for each in STATEMENTS}
    assert not [each for each, found in read.items() if found.unknown or not found.operations]
    passed, wrong, template = 0, [], _template()
    for one, other in combinations_with_replacement(STATEMENTS, 2):
        found = compare_footprints([("one.sql", read[one])], [("other.sql", read[other])])
        if found.relation not in {Relation.DISJOINT, Relation.SAME_TABLE}:
            continue
        passed += 1
        if _after(template, [one, other]) != _after(template, [other, one]):
            wrong.append((found.relation.value, one, other))
    assert wrong == []
    assert passed > 150, "rules that let nothing pass would be right as well"
