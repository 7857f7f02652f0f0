"""Where folders of numbered migrations are found, in which style, and which folders of SQL files are none."""

from __future__ import annotations

import pytest

from pointsman.core.migrations.model import Layout
from pointsman.core.migrations.numbered.backend import Numbered
from pointsman.core.migrations.numbered.discover import may_move
from pointsman.core.migrations.numbered.names import Style, is_loaded

FLYWAY, PAIRED, PLAIN = Style.FLYWAY, Style.PAIRED, Style.PLAIN
JAVA = "app/src/main/resources/db/migration"


def found(
    paths: list[str], configs: dict[str, str] | None = None, named: tuple[str, ...] = ()
) -> list[Layout]:
    blobs = {path: text.encode() for path, text in (configs or {}).items()}
    return list(Numbered().discover([*paths, *blobs], blobs, named))


def under(folder: str, *names: str) -> list[str]:
    return [f"{folder}/{name}" for name in names]


def told(layouts: list[Layout]) -> list[tuple[str, Style]]:
    return [(layout.config, Style(layout.file_template)) for layout in layouts]


PAIRS = ("000001_a.up.sql", "000001_a.down.sql", "000002_b.up.sql", "000002_b.down.sql")


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param(under(JAVA, "V1__a.sql", "V2__b.sql"), [(JAVA, FLYWAY)], id="spring's folder"),
        pytest.param(
            under(JAVA, "2023/V1__a.sql", "2024/V2__b.sql", "R__c.sql"), [(JAVA, FLYWAY)], id="flyway goes down folders"
        ),
        pytest.param(
            under("db/migration", "h2/V1__a.sql", "h2/V2__b.sql", "mysql/V1__a.sql", "mysql/V2__b.sql"),
            [("db/migration/h2", FLYWAY), ("db/migration/mysql", FLYWAY)],
            id="a folder for each database",
        ),
        pytest.param(under("sql/schema", "V1__a.sql", "V2__b.sql"), [("sql/schema", FLYWAY)], id="flyway's names tell"),
        pytest.param(under("store/sql", *PAIRS), [("store/sql", PAIRED)], id="a pair tells, whatever the folder"),
        pytest.param(under("db/migrations", "001_a.sql", "002_b.sql"), [("db/migrations", PLAIN)], id="plain"),
        pytest.param(
            under("db/migrate", "20240101000000_a.sql", "20240102000000_b.sql", "schema.sql"),
            [("db/migrate", PLAIN)],
            id="timestamps, and a file that is none",
        ),
        pytest.param(
            under("migrations", "001_a.sql", "001_a.down.sql", "002_b.sql", "002_b.down.sql"),
            [("migrations", PLAIN)],
            id="only the way down says so",
        ),
        pytest.param(under("migrations", "001_a.sql"), [], id="one file is no habit"),
        pytest.param(under("db/seed", "001_a.sql", "002_b.sql"), [], id="no folder of migrations"),
        pytest.param(under("tests/migrations", *PAIRS), [], id="test data"),
        pytest.param(under("node_modules/x/migrations", *PAIRS), [], id="of a package"),
        pytest.param(
            under("migrations", "2.0.0to2.0.1.sql", "2.0.1to2.1.0.sql", "2.1.0to2.2.0.sql"),
            [],
            id="from release to release",
        ),
        pytest.param(under("migrations", "01_a.sql", "01_b.sql", "01_c.sql"), [], id="numbers that do not count"),
        pytest.param(under("migrations", "1_a.sql", "2_b.sql", "x.sql", "y.sql"), [], id="most are not numbered"),
        pytest.param(
            [*under("migrations", "1_a.sql", "2_b.sql", "env.py"), "migrations/versions/a.py"], [], id="alembic's"
        ),
        pytest.param(under("app/migrations", "1_a.sql", "2_b.sql", "__init__.py"), [], id="django's"),
        pytest.param(under("prisma/migrations", "1_a.sql", "2_b.sql", "migration_lock.toml"), [], id="prisma's"),
        pytest.param(under("db/migrations", "0000_a.sql", "0001_b.sql", "meta/_journal.json"), [], id="drizzle's"),
        pytest.param(under("migrations", "1_a.sql", "2_b.sql", "atlas.sum"), [], id="atlas's"),
    ],
)  # fmt: skip
def test_folders_are_found_by_strong_signs_only(paths: list[str], expected: list[tuple[str, Style]]) -> None:
    assert told(found(paths)) == expected


@pytest.mark.parametrize(
    ("config", "text", "paths", "expected"),
    [
        pytest.param("flyway.conf", "flyway.locations=filesystem:sql\n", ["sql/V1__a.sql"], ("sql",), id="conf"),
        pytest.param(
            "db/conf/flyway.conf", "flyway.locations = filesystem:./sql , filesystem:data",
            ["db/sql/V1__a.sql", "db/data/V2__b.sql"], ("db/sql", "db/data"), id="beside the folder conf",
        ),
        pytest.param(
            "flyway.toml", '[flyway]\nlocations = ["filesystem:a/b"]\n', ["a/b/V1__a.sql"], ("a/b",), id="toml"
        ),
        pytest.param(
            "flyway.conf", "flyway.locations=classpath:db/x", ["src/main/resources/db/x/V1__a.sql"],
            ("src/main/resources/db/x",), id="classpath",
        ),
        pytest.param("flyway.conf", "flyway.locations=s3:bucket,/abs", ["sql/V1__a.sql"], (), id="elsewhere"),
        pytest.param("flyway.toml", "[flyway\n", ["sql/V1__a.sql"], (), id="broken"),
    ],
)  # fmt: skip
def test_flyways_settings_say_where(
    config: str, text: str, paths: list[str], expected: tuple[str, ...]
) -> None:
    layouts = found(paths, {config: text})
    assert tuple(place for layout in layouts for place in layout.versions) == expected
    assert len(layouts) <= 1, "the locations of one setting are one history"


def test_a_contract_may_name_what_nothing_tells() -> None:
    assert told(found(under("schema/changes", "1_a.sql"), named=("schema/changes",))) == [
        ("schema/changes", PLAIN)
    ]
    assert found(under("schema/changes", "a.sql"), named=("schema/changes",)) == []


@pytest.mark.parametrize(
    ("style", "name", "loaded"),
    [
        (FLYWAY, "V1__a.sql", True), (FLYWAY, "R__a.sql", False), (FLYWAY, "U1__a.sql", False),
        (FLYWAY, "1_a.sql", False),
        (FLYWAY, "V1_2_3__a.sql", True), (FLYWAY, "V1__a.sql.conf", False), (FLYWAY, "v1__a.sql", False),
        (PAIRED, "1_a.up.sql", True), (PAIRED, "1_a.down.sql", False), (PAIRED, "1_a.sql", False),
        (PLAIN, "12-x.sql", True), (PLAIN, "0012a_x.sql", True), (PLAIN, "12.sql", True),
        (PLAIN, "12_x.down.sql", False),
        (PLAIN, "001.do.x.sql", True), (PLAIN, "001.undo.x.sql", False), (PLAIN, "00002_x.go", True),
        (PLAIN, "00002_x_test.go", False), (PLAIN, "x_12.sql", False), (PLAIN, "12x.sql", True),
        (PLAIN, "12xy.sql", False),
    ],
)  # fmt: skip
def test_what_a_tool_loads(style: Style, name: str, loaded: bool) -> None:
    assert is_loaded(style, f"migrations/{name}") is loaded


def test_i8_files_of_a_known_folder_do_not_make_the_tree_be_searched_again() -> None:
    layouts = found(under("db/migrations", "1_a.sql", "2_b.sql"))
    assert not may_move("db/migrations/3_c.sql", new=True, layouts=layouts)
    assert may_move("other/migrations/3_c.sql", new=True, layouts=layouts)
    assert not may_move("src/app.py", new=True, layouts=layouts)
    assert may_move("flyway.conf", new=False, layouts=layouts)
