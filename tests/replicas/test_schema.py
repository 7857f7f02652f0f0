"""The schema in PostgreSQL: the chain of SQLite, equal to the tables, up and down on data, made once by many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from pointsman.adapters.store import tables
from pointsman.adapters.store.postgresql import use_schema
from pointsman.adapters.store.schema import SCRIPTS
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import Intact, verify
from tests.faults.store_writer import land, submit
from tests.replicas.conftest import Opener

SCHEMA = "pointsman_x"
AWKWARD = "a\\u0000b\\c\0\udce9 \ud800\U0001f600"


@pytest.fixture
def written(opened: Opener) -> SqlStore:
    store = SqlStore(opened().home(SCHEMA))
    land(store, submit(store, "agent/a", title=AWKWARD))
    submit(store, "agent/b")
    return store


@pytest.fixture
def connection(written: SqlStore, database: str) -> Iterator[Connection]:
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(database, prepare_threshold=None)
    )
    with engine.connect() as connection:
        use_schema(connection, SCHEMA)
        yield connection
    engine.dispose()


def config(connection: Connection | None = None) -> Config:
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", SCRIPTS)
    return made


def contents(connection: Connection) -> dict[str, list[Any]]:
    """Every table's columns and rows, without the order of columns that came back."""
    found = {}
    for name in inspect(connection).get_table_names():
        if name != "alembic_version":
            rows = connection.execute(text(f'SELECT * FROM "{name}" ORDER BY 1')).mappings()  # noqa: S608 - ours
            found[name] = [dict(row) for row in rows]
    return found


def test_the_migrated_schema_is_the_tables(connection: Connection) -> None:
    options = {"compare_type": True, "compare_server_default": True}
    assert compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata) == []


def test_each_step_down_and_up_again_keeps_the_data_of_the_others(connection: Connection) -> None:
    for script in ScriptDirectory.from_config(config()).walk_revisions():
        before = contents(connection)
        command.downgrade(config(connection), "-1")
        between = contents(connection)
        command.upgrade(config(connection), script.revision)
        after = contents(connection)
        for table in between:
            assert after[table] == before[table]
        command.downgrade(config(connection), "-1")
    assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = :schema ::regnamespace"
    assert connection.scalar(text(functions), {"schema": SCHEMA}) == 0


def test_tables_that_are_behind_are_brought_up_when_they_are_opened(
    connection: Connection, opened: Opener
) -> None:
    command.downgrade(config(connection), "0002")
    connection.commit()
    store = SqlStore(opened().home(SCHEMA))
    submit(store, "agent/c")
    assert [change.branch for change in store.changes()] == ["agent/a", "agent/b", "agent/c"]
    assert store.changes()[0].title == AWKWARD
    assert isinstance(verify(store.journal()), Intact)


def test_three_replicas_that_start_at_once_make_the_tables_once(opened: Opener) -> None:
    begin = threading.Barrier(3)
    databases = [opened() for _ in range(3)]
    problems: list[BaseException] = []

    def start(number: int) -> None:
        try:
            with databases[number].home(SCHEMA).transaction(write=False):
                pass  # its connection has looked, and remembers that nothing is there
            begin.wait()
            submit(SqlStore(databases[number].home("pointsman_y")), f"agent/{number}")
        except BaseException as problem:  # noqa: BLE001 - told below
            problems.append(problem)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    store = SqlStore(databases[0].home("pointsman_y"))
    assert sorted(change.branch for change in store.changes()) == [f"agent/{n}" for n in range(3)]
    assert isinstance(verify(store.journal()), Intact)


def test_tables_of_a_newer_program_are_refused_and_a_process_that_still_runs_says_so(
    written: SqlStore, connection: Connection, opened: Opener
) -> None:
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    connection.commit()
    with pytest.raises(EnvironmentProblem, match="newer pointsman"):
        opened().home(SCHEMA)
    with pytest.raises(EnvironmentProblem, match="Restart"):
        submit(written, "agent/c")


def test_a_schema_of_another_program_is_left_alone(opened: Opener, database: str) -> None:
    with psycopg.connect(database) as other:
        other.execute("CREATE SCHEMA recipes CREATE TABLE cakes (name text)")
    with pytest.raises(EnvironmentProblem, match="some other program"):
        opened().home("recipes")


def test_R53_the_journal_refuses_edits(connection: Connection) -> None:
    for statement in (
        "UPDATE journal SET kind = 'x'",
        "DELETE FROM journal WHERE seq = 2",
        "TRUNCATE journal",
    ):
        with connection.begin_nested() as attempt:
            with pytest.raises(DBAPIError, match="append-only"):
                connection.execute(text(statement))
            attempt.rollback()


def test_a_number_is_never_given_twice(written: SqlStore, connection: Connection) -> None:
    connection.execute(text("DELETE FROM changes WHERE id = 2"))
    connection.commit()
    assert submit(written, "agent/c").id == 3
