"""The state file's own migrations: one chain, equal to the tables, safe on data, and not loaded in vain."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from pointsman.adapters.store import tables
from pointsman.adapters.store.schema import SCRIPTS
from pointsman.adapters.store.sql import SqlStore
from pointsman.adapters.store.sqlite import SqliteHome
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import Intact, verify
from pointsman.core.queue.model import (
    Candidate,
    Change,
    JournalLine,
    LaneState,
    RecordedApproval,
    RecordedGrant,
    Run,
)
from tests.faults.store_writer import land, submit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def written(path: Path) -> Path:
    store = SqlStore.open(path)
    land(store, submit(store, "agent/a"))
    submit(store, "agent/b")
    store.close()
    return path


@pytest.fixture
def connection(written: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{written}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def config(connection: Connection | None = None) -> Config:
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", SCRIPTS)
    return made


def test_the_chain_has_one_head_and_the_program_names_it() -> None:
    assert ScriptDirectory.from_config(config()).get_heads() == [tables.HEAD_REVISION]


def test_the_migrated_schema_is_the_tables(connection: Connection) -> None:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    assert compare_metadata(context, tables.metadata) == []


KINDS = {
    "changes": Change,
    "candidates": Candidate,
    "runs": Run,
    "lanes": LaneState,
    "approvals": RecordedApproval,
    "grants": RecordedGrant,
    "journal": JournalLine,
}


@pytest.mark.parametrize("name", KINDS)
def test_every_field_has_its_column(name: str) -> None:
    columns = set(tables.metadata.tables[name].columns.keys())
    assert columns - {"id"} == {field.name for field in fields(KINDS[name])} - {"id"}


def test_each_step_down_and_up_again_keeps_the_data_of_the_others(connection: Connection) -> None:
    revisions = list(ScriptDirectory.from_config(config()).walk_revisions())
    for script in revisions:
        before = contents(connection)
        command.downgrade(config(connection), "-1")
        between = contents(connection)
        command.upgrade(config(connection), script.revision)
        after = contents(connection)
        for table in between:
            assert after[table] == before[table]
        command.downgrade(config(connection), "-1")
    assert set(inspect(connection).get_table_names()) <= {"alembic_version"}


def contents(connection: Connection) -> dict[str, list[Any]]:
    return {
        name: list(connection.exec_driver_sql(f'SELECT * FROM "{name}"'))  # noqa: S608 - our own names
        for name in inspect(connection).get_table_names()
        if name not in ("alembic_version", "sqlite_sequence")
    }


def test_a_file_that_is_behind_is_brought_up_when_it_is_opened(written: Path, connection: Connection) -> None:
    command.downgrade(config(connection), "base")
    connection.commit()
    store = SqlStore.open(written)
    submit(store, "agent/c")
    assert isinstance(verify(store.journal()), Intact)
    store.close()


def test_an_upgrade_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("half way")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.op.bulk_insert", fail, raising=True)
        with pytest.raises(RuntimeError, match="half way"):
            SqlStore.open(path)
    shell = sqlite3.connect(path)
    assert shell.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    shell.close()
    store = SqlStore.open(path)
    submit(store, "agent/a")
    store.close()


def test_a_file_of_a_newer_program_is_refused_and_left_alone(written: Path) -> None:
    shell = sqlite3.connect(written)
    shell.execute("UPDATE alembic_version SET version_num = '9999'")
    shell.commit()
    shell.close()
    with pytest.raises(EnvironmentProblem, match="newer pointsman") as caught:
        SqlStore.open(written)
    assert str(written) in str(caught.value)
    shell = sqlite3.connect(written)
    assert shell.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)
    shell.close()


def test_a_process_that_still_runs_when_a_newer_one_upgrades_the_file_says_so(written: Path) -> None:
    store = SqlStore.open(written)
    shell = sqlite3.connect(written)
    shell.execute("UPDATE alembic_version SET version_num = '9999'")
    shell.commit()
    shell.close()
    with pytest.raises(EnvironmentProblem, match="Restart"):
        submit(store, "agent/c")
    store.close()


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    shell = sqlite3.connect(path)
    shell.execute("CREATE TABLE recipes (name TEXT)")
    shell.commit()
    with pytest.raises(EnvironmentProblem, match="some other program"):
        SqlStore.open(path)
    assert shell.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]
    shell.close()


def test_the_file_is_safe_against_a_power_cut(written: Path) -> None:
    """WAL stays with the file; FULL, foreign keys and the wait for a lock are each connection's own."""
    store = SqlStore.open(written)
    assert isinstance(store._home, SqliteHome)
    with store._home.engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.close()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_opening_a_current_file_loads_no_alembic(written: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pointsman.adapters.store.sql import SqlStore;"
        "SqlStore.open(Path(sys.argv[1])).close(); sys.exit('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(written)], check=False)
    assert done.returncode == 0


QUESTIONS = {
    "changes of a lane": "SELECT * FROM changes WHERE lane = 'm' AND state IN ('queued') ORDER BY id",
    "candidates of a lane": "SELECT * FROM candidates WHERE lane = 'm' AND state IN ('passed')",
    "passed run": "SELECT * FROM runs WHERE tree = 't' AND digest = 'd' AND state = 'passed'",
    "runs": "SELECT * FROM runs WHERE candidate IN (SELECT value FROM json_each('[1]')) OR state = 'running'",
    "approvals": "SELECT * FROM approvals WHERE change IN (SELECT value FROM json_each('[1]'))",
    "journal of a lane": "SELECT * FROM journal WHERE lane = 'm' AND seq > 5 ORDER BY seq LIMIT 10",
    "lanes": "SELECT DISTINCT lane FROM changes",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_of_the_queue_reads_a_whole_table(connection: Connection, question: str) -> None:
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {QUESTIONS[question]}")
    scans = [row[-1] for row in plan if row[-1].startswith("SCAN")]
    assert [step for step in scans if "INDEX" not in step and "json_each" not in step] == []
