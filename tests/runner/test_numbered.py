"""The proof of numbered migrations, route by route, on SQLite: what holds, what fails and what nobody here can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.runner.databases import SqliteFiles
from pointsman.runner.numbered_files import statements
from pointsman.runner.prove_numbered import Proving

USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);"
PLAIN, PAIRED, FLYWAY = "{version}_{title}.sql", "{version}_{title}.up.sql", "V{version}__{title}.sql"
GOOSE = "-- +goose Up\nCREATE TABLE {0} (id INTEGER);\n-- +goose Down\nDROP TABLE {0};\n"
DBMATE = "-- migrate:up\nCREATE TABLE {0} (id INTEGER);\n\n-- migrate:down\nDROP TABLE {0};\n"


def table(name: str) -> str:
    return f"CREATE TABLE {name} (id INTEGER);"


def prove(
    folder: Path, template: str, base: dict[str, str], healed: dict[str, str], head: str, **more: Any
) -> dict[str, Any]:
    for tree, files in (("base", base), ("healed", base | healed)):
        (folder / tree / "m").mkdir(parents=True)
        for name, text in files.items():
            (folder / tree / "m" / name).write_text(text)
    (folder / "databases").mkdir()
    job = {
        "healed": str(folder / "healed"),
        "base": str(folder / "base"),
        "versions": ["m"],
        "recursive": template == FLYWAY,
        "template": template,
        "expected_heads": [head],
        "base_heads": ["2"],
        "fork_points": ["1"],
        "renamed": {},
        "both_orders": False,
        "same_data": False,
        "seed": None,
        "postgresql": None,
    }
    return Proving({**job, **more}, SqliteFiles(folder / "databases")).run()


@pytest.mark.parametrize(
    ("template", "base", "healed"),
    [
        pytest.param(
            PAIRED,
            {"01_a.up.sql": USERS, "02_b.up.sql": table("b"), "02_b.down.sql": "DROP TABLE b;"},
            {"03_c.up.sql": table("c"), "03_c.down.sql": "DROP TABLE c;"},
            id="pairs",
        ),
        pytest.param(
            FLYWAY,
            {"V1__a.sql": USERS, "V2__b.sql": table("b"), "U2__b.sql": "DROP TABLE b;"},
            {"V3__c.sql": table("c"), "U3__c.sql": "DROP TABLE c;"},
            id="flyway",
        ),
        pytest.param(
            PLAIN,
            {"1_a.sql": GOOSE.format("a"), "2_b.sql": GOOSE.format("b")},
            {"3_c.sql": GOOSE.format("c")},
            id="goose",
        ),
        pytest.param(
            PLAIN,
            {"1_a.sql": DBMATE.format("a"), "2_b.sql": DBMATE.format("b")},
            {"3_c.sql": DBMATE.format("c")},
            id="dbmate",
        ),
    ],
)
def test_every_route_reaches_one_schema(
    tmp_path: Path, template: str, base: dict[str, str], healed: dict[str, str]
) -> None:
    answer = prove(tmp_path, template, base, healed, "3", both_orders=True)
    assert (answer["ran"], answer["passed"], answer["reason"]) == (True, True, None), answer
    assert [route["name"] for route in answer["routes"] if route["detail"] is None] == [
        "empty -> head",
        "base head -> head",
        "down to 1 and up again",
        "base, then the change",
        "the change, then the base",
    ]


BASE = {"1_a.up.sql": USERS, "2_b.up.sql": "ALTER TABLE users ADD COLUMN age INTEGER;"}


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        pytest.param({"3_c.up.sql": "ALTER TABLE nobody ADD x TEXT;"}, "no such table: nobody", id="no table"),
        pytest.param({"3_c.up.sql": USERS}, "table users already exists", id="made twice"),
        pytest.param(
            {"3_c.up.sql": table("c"), "3_c.down.sql": "SELECT 1;"}, "already exists", id="a way down that stays"
        ),
        pytest.param(
            {"3_c.up.sql": table("c"), "3_c.down.sql": "DROP TABLE d;"}, "no such table: d", id="a broken way down"
        ),
        pytest.param(
            {"3_c.up.sql": "CREATE TABLE old AS SELECT * FROM users; ALTER TABLE users RENAME COLUMN age TO years;"},
            "the change, then the base",
            id="works in one order only",
        ),
    ],
)  # fmt: skip
def test_what_does_not_hold_fails(tmp_path: Path, new: dict[str, str], reason: str) -> None:
    answer = prove(tmp_path, PAIRED, BASE, new, "3", both_orders=True)
    assert (answer["ran"], answer["passed"]) == (True, False) and reason in answer["reason"], answer


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        pytest.param("CREATE TABLE c (id INT AUTO_INCREMENT) ENGINE=InnoDB;", "written for MySQL", id="mysql"),
        pytest.param("CREATE TABLE c (id BIGSERIAL);", "another database than SQLite", id="postgresql"),
        pytest.param("CREATE TABEL c (id INTEGER);", "another database than SQLite", id="not SQLite's syntax"),
        pytest.param("CREATE TABLE ${prefix}_c (id INTEGER);", "${prefix} is filled in", id="a placeholder"),
        pytest.param("\\i other.sql\n", "commands of a shell", id="psql"),
        pytest.param("ATTACH '/tmp/other.db' AS o;", "not authorized", id="another database file"),
    ],
)  # fmt: skip
def test_what_can_not_be_told_is_never_green(tmp_path: Path, new: str, reason: str) -> None:
    answer = prove(tmp_path, PAIRED, BASE, {"3_c.up.sql": new}, "3")
    assert (answer["ran"], answer["passed"]) == (False, False) and reason in answer["reason"], answer


def test_signs_of_a_dialect_in_comments_and_strings_are_none(tmp_path: Path) -> None:
    new = "-- unlike `this` ENGINE=InnoDB\nINSERT INTO users (name) VALUES ('it''s ::text');"
    answer = prove(tmp_path, PAIRED, BASE, {"3_c.up.sql": new}, "3")
    assert answer["passed"], answer


SEED = "INSERT INTO users (name) VALUES ('ada'), ('bob');"
UPPER = "UPDATE users SET name = upper(name);"


@pytest.mark.parametrize(
    ("ours", "theirs", "seed", "ran", "reason"),
    [
        pytest.param(UPPER, table("c"), SEED, True, None, id="rows and no rows"),
        pytest.param(UPPER, "UPDATE users SET name = name || '!';", SEED, True, None, id="rows that commute"),
        pytest.param(
            UPPER, "UPDATE users SET name = name || 'x';", SEED, True, "the change, then the base", id="rows do not"
        ),
        pytest.param(UPPER, table("c"), None, False, "no seed rows", id="no seed"),
        pytest.param(UPPER, table("c"), "INSERT INTO nobody VALUES (1);", False, "does not load", id="a broken seed"),
        pytest.param(UPPER, table("c"), "SELECT 1;", False, "brings no rows", id="an empty seed"),
        pytest.param(
            UPPER, "UPDATE users SET age = 1 WHERE name = 'z';", SEED.replace("name", "age").replace("'ada'", "1"),
            False, "no rows that", id="rows that nothing touches",
        ),
    ],
)  # fmt: skip
def test_both_orders_from_seed_rows_reach_the_same_rows(
    tmp_path: Path, ours: str, theirs: str, seed: str | None, ran: bool, reason: str | None
) -> None:
    path = tmp_path / "seed.sql"
    path.write_text(seed or "")
    start = {"1_a.up.sql": "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);"}
    answer = prove(
        tmp_path, PAIRED, start | {"2_b.up.sql": ours}, {"3_c.up.sql": theirs}, "3",
        both_orders=True, same_data=True, seed=str(path) if seed is not None else None, seed_name="seed.sql",
    )  # fmt: skip
    assert (answer["ran"], answer["passed"], answer["rows"]) == (ran, reason is None, reason is None), answer
    assert reason is None or reason in answer["reason"]


def test_of_two_published_files_the_moved_one_has_not_run(tmp_path: Path) -> None:
    base = {"1_a.up.sql": USERS, "2_b.up.sql": table("b"), "2_c.up.sql": table("c")}
    for tree in ("base", "healed"):
        (tmp_path / tree / "m").mkdir(parents=True)
    answer = prove(tmp_path / "x", PAIRED, base, {"3_c.up.sql": table("c")}, "3")
    assert not answer["passed"], "as it stands, the table is made twice"
    (tmp_path / "x/healed/m/2_c.up.sql").unlink()
    job = {
        "healed": str(tmp_path / "x/healed"), "base": str(tmp_path / "x/base"), "versions": ["m"],
        "recursive": False, "template": PAIRED, "expected_heads": ["3"], "base_heads": ["2_b", "2_c"],
        "fork_points": ["1"], "renamed": {"3": "2_c"}, "both_orders": False, "seed": None, "same_data": False,
        "postgresql": None,
    }  # fmt: skip
    again = Proving(job, SqliteFiles(tmp_path / "x/databases")).run()
    assert again["passed"], again


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("SELECT 1; SELECT 2", 2),
        ("SELECT ';'; -- ; no\n", 1),
        ("DO $$ BEGIN; END; $$; SELECT 1;", 2),
        ("DO $x$ a; $$ b; $x$;", 1),
        ("/* ; */ ;;", 0),
        ('SELECT "a;b"', 1),
    ],
)
def test_statements_end_at_semicolons_outside_quotes(text: str, count: int) -> None:
    assert len(statements(text)) == count
