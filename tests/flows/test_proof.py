"""The proof of a heal, on real Alembic and SQLite: what it shows, what it can't tell, what it never touches."""

from __future__ import annotations

import py_compile
import sys
from pathlib import Path

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.proof import Proof
from tests.flows.alembic_project import ENV, POSTGRES_INI, Project, path, revision, table

ASYNC_ENV = """\
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import async_engine_from_config

def work(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()

async def online():
    engine = async_engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()

asyncio.run(online())
"""
SETTINGS_ENV = """\
import os
from sqlalchemy import create_engine
from alembic import context

url = os.environ["APP_DB"]
assert url.startswith("postgresql"), url
with create_engine(url, pool_size=5).connect() as connection:
    context.configure(connection=connection, version_table="my_versions")
    with context.begin_transaction():
        context.run_migrations()
"""


def routes(proof: Proof) -> dict[str, bool]:
    return {route.name: route.ok for route in proof.routes}


def test_r07_a_heal_that_holds_is_proved_by_every_route(tmp_path: Path) -> None:
    proof = Project(tmp_path).prove(both_orders=True)

    assert (proof.ran, proof.passed, proof.reason, proof.environment) == (True, True, None, "env.py")
    assert routes(proof) == {
        "empty -> head": True,
        "base head -> head": True,
        "down to f0 and up again": True,
        "already at c1": True,
        "base, then the change": True,
        "the change, then the base": True,
    }
    remark = next(route.detail for route in proof.routes if route.name == "already at c1") or ""
    assert "already ran c1 (a preview, staging) will never run b1" in remark
    assert "take it down to f0 first" in remark
    assert {"ran", "passed", "routes", "reason", "seconds"} <= proof.to_json().keys()


def test_r07_a_broken_upgrade_fails_and_is_quoted(tmp_path: Path) -> None:
    broken = revision("c1", "b1", 'op.add_column("userz", sa.Column("nick", sa.String))')
    proof = Project(tmp_path, healed={path("c1"): broken}).prove()

    assert (proof.ran, proof.passed) == (True, False)
    assert routes(proof) == {"empty -> head": False}
    assert "revision c1" in (proof.reason or "")
    assert "migrations/versions/c1.py:9 in upgrade" in (proof.reason or "")
    assert "no such table: userz" in (proof.reason or "")


def test_r07_a_typo_in_sql_is_the_migrations_own_fault(tmp_path: Path) -> None:
    broken = revision("c1", "b1", 'op.execute("UPDTAE users SET id = 1")')

    proof = Project(tmp_path, healed={path("c1"): broken}).prove()

    assert (proof.ran, proof.passed) == (True, False)


@pytest.mark.soak
def test_a_migration_that_works_only_on_an_empty_database_fails_from_the_base(tmp_path: Path) -> None:
    # The healed tree's f0 makes what c1 makes too, but for databases that are past f0.
    edited = revision(
        "f0",
        None,
        'op.create_table("users", sa.Column("id", sa.Integer, primary_key=True), sa.Column("nick", sa.String))',
        'op.drop_table("users")',
    )
    proof = Project(tmp_path, healed={path("f0"): edited}).prove()

    assert (proof.ran, proof.passed) == (True, False)
    assert routes(proof)["base head -> head"] is False
    assert "column users.nick is there only by 'empty -> head'" in (proof.reason or "")


def test_two_sides_that_do_not_commute_fail_in_both_orders(tmp_path: Path) -> None:
    proof = Project(
        tmp_path,
        base={path("b1"): revision("b1", "f0", 'op.execute("CREATE TABLE log AS SELECT * FROM users")')},
        healed={path("c1"): revision("c1", "b1", 'op.add_column("users", sa.Column("nick", sa.String))')},
    ).prove(both_orders=True)

    assert (proof.ran, proof.passed) == (True, False)
    assert "column log.nick is there only by 'the change, then the base'" in (proof.reason or "")


@pytest.mark.soak
def test_without_a_downgrade_the_way_down_is_left_out_and_said(tmp_path: Path) -> None:
    proof = Project(tmp_path, healed={path("c1"): revision("c1", "b1", table("notes")[0])}).prove()

    assert proof.passed
    detail = next(route.detail for route in proof.routes if route.name == "down and up again")
    assert detail == "not tried: c1 has no downgrade()"


@pytest.mark.soak
def test_a_published_downgrade_that_is_missing_is_not_the_changes_fault(tmp_path: Path) -> None:
    proof = Project(tmp_path, base={path("b1"): revision("b1", "f0", table("teams")[0])}).prove()

    assert proof.passed
    detail = next(route.detail for route in proof.routes if route.name == "down to b1 and up again")
    assert detail == "not down to f0: b1 has no downgrade()"


def test_a_downgrade_that_leaves_something_behind_fails(tmp_path: Path) -> None:
    up = 'op.create_index("by_id", "users", ["id"])\n    op.create_index("by_id_too", "users", ["id"])'
    proof = Project(
        tmp_path, healed={path("c1"): revision("c1", "b1", up, 'op.drop_index("by_id", "users")')}
    ).prove()

    assert (proof.ran, proof.passed) == (True, False)
    assert "by_id_too already exists" in (proof.reason or "")


def test_a_merge_revision_is_proved(tmp_path: Path) -> None:
    proof = Project(
        tmp_path,
        healed={
            path("c1"): revision("c1", "f0", *table("notes")),
            path("m1"): revision("m1", ("b1", "c1")),
        },
    ).prove(expected_heads=("m1",), moves=())

    assert proof.passed
    assert routes(proof) == {
        "empty -> head": True,
        "base head -> head": True,
        "down to f0 and up again": True,
    }


def test_an_unexpected_second_head_fails(tmp_path: Path) -> None:
    proof = Project(tmp_path, healed={path("d1"): revision("d1", "f0")}).prove()

    assert (proof.ran, proof.passed) == (True, False)
    assert "has the heads c1, d1; expected c1" in (proof.reason or "")


@pytest.mark.soak
def test_an_environment_that_the_base_does_not_have_is_proved_from_empty(tmp_path: Path) -> None:
    proof = Project(tmp_path).prove(base_heads=(), fork_points=(), moves=(), change_heads=())

    assert proof.passed
    assert routes(proof) == {"empty -> head": True, "down to base and up again": True}


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("import acme_settings_that_nobody_has", id="package missing"),
        pytest.param(
            "raise RuntimeError('Working outside of application context')",
            id="no application",
            marks=pytest.mark.soak,
        ),
        pytest.param("import sys; sys.exit('no DATABASE_URL')", id="exits", marks=pytest.mark.soak),
    ],
)
def test_where_env_py_cannot_run_the_migrations_are_proved_alone(tmp_path: Path, line: str) -> None:
    proof = Project(tmp_path, base={"migrations/env.py": f"{line}\n{ENV}"}).prove()

    assert (proof.passed, proof.environment) == (True, "bare")


@pytest.mark.parametrize(
    "env",
    [
        pytest.param(ASYNC_ENV, id="async", marks=pytest.mark.soak),
        pytest.param(SETTINGS_ENV, id="settings that want PostgreSQL"),
    ],
)
def test_env_py_is_led_to_the_scratch_database(tmp_path: Path, env: str) -> None:
    proof = Project(tmp_path, base={"migrations/env.py": env}).prove(url_env=("APP_DB",))

    assert (proof.passed, proof.environment, proof.reason) == (True, "env.py", None)


def test_an_address_written_into_env_py_is_not_reached(tmp_path: Path) -> None:
    real = tmp_path / "real.db"
    env = ENV.replace(
        'engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")',
        f"create_engine('sqlite:///{real}')",
    ).replace("engine_from_config", "create_engine")
    proof = Project(tmp_path, base={"migrations/env.py": env}).prove()

    assert proof.passed
    assert not real.exists()


@pytest.mark.soak
def test_a_connection_around_sqlalchemys_engines_is_refused_not_proved(tmp_path: Path) -> None:
    real = tmp_path / "real.db"
    env = f"import sqlite3\nsqlite3.connect({str(real)!r}).execute('CREATE TABLE x (y)')\n{ENV}"
    migration = revision(
        "c1", "b1", f"import sqlite3; sqlite3.connect({str(real)!r}).execute('DROP TABLE x')"
    )
    one = Project(tmp_path / "env", base={"migrations/env.py": env}).prove()
    other = Project(tmp_path / "migration", healed={path("c1"): migration}).prove()

    assert not real.exists()
    assert one.environment == "bare"
    assert (other.ran, other.passed) == (False, False)
    assert "a proof opens no other database" in (other.reason or "")


@pytest.mark.soak
def test_an_env_py_that_only_writes_sql_is_not_proved(tmp_path: Path) -> None:
    env = (
        "from alembic import context\ncontext.configure(url='sqlite://', as_sql=True)\n"
        "with context.begin_transaction():\n    context.run_migrations()\n"
    )
    proof = Project(tmp_path, base={"migrations/env.py": env}).prove()

    assert (proof.ran, proof.passed) == (False, False)
    assert "env.py writes SQL instead of connecting" in (proof.reason or "")


NOT_HERE = [
    pytest.param('op.execute("CREATE EXTENSION citext")', "another database", id="sql of another database"),
    pytest.param(
        'from sqlalchemy.dialects.postgresql import TSVECTOR\n    op.add_column("users", sa.Column("t", TSVECTOR))',
        "another database",
        id="type of another database",
        marks=pytest.mark.soak,
    ),
    pytest.param(
        'op.create_foreign_key("fk", "users", "teams", ["id"], ["id"])',
        "another database",
        id="constraint that SQLite can't add",
    ),
    pytest.param(
        'op.create_index("i", "users", ["id"], postgresql_concurrently=True)',
        "another database than SQLite: c1 builds or drops an index concurrently",
        id="index built concurrently",
        marks=pytest.mark.soak,
    ),
    pytest.param(
        'op.execute("VACUUM")',
        "another database than SQLite: c1 runs VACUUM",
        id="vacuum",
        marks=pytest.mark.soak,
    ),
    pytest.param("import geoalchemy2_that_nobody_has", "not installed here", id="package missing"),
    pytest.param(
        "import socket; socket.create_connection(('127.0.0.1', 5432))", "a proof has no network", id="network"
    ),
]


@pytest.mark.parametrize(("up", "reason"), NOT_HERE)
def test_what_this_machine_cannot_judge_is_not_proved_rather_than_failed(
    tmp_path: Path, up: str, reason: str
) -> None:
    files = {path("c1"): revision("c1", "b1", up)}
    proof = Project(tmp_path, base={"alembic.ini": POSTGRES_INI}, healed=files).prove(database="sqlite")

    assert (proof.ran, proof.passed) == (False, False)
    assert reason in (proof.reason or "")


def test_a_base_that_does_not_run_here_is_not_held_against_the_change(tmp_path: Path) -> None:
    proof = Project(tmp_path, base={path("b1"): revision("b1", "f0", "raise RuntimeError('no')")}).prove()

    assert (proof.ran, proof.passed) == (False, False)
    assert "the base's own migrations do not run here" in (proof.reason or "")


def test_i7_a_migration_sees_no_token_and_row_44_no_bytecode_is_read_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    stale = tmp_path / "c1.py"
    stale.write_text(revision("c1", "b1", "raise RuntimeError('stale bytecode ran')"))
    compiled = py_compile.compile(str(stale), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    project = Project(
        tmp_path,
        healed={path("c1"): revision("c1", "b1", "import os; assert 'hunter2' not in str(os.environ)")},
    )
    assert compiled is not None
    cached = Path("migrations/versions/__pycache__") / Path(compiled).name
    (project.repo.path / cached).parent.mkdir()
    (project.repo.path / cached).write_bytes(Path(compiled).read_bytes())
    project.healed = project.repo.commit("stale bytecode")

    proof = project.prove()

    assert proof.passed, proof.reason


@pytest.mark.parametrize(
    ("up", "reason"),
    [
        pytest.param("import time; time.sleep(60)", "longer than 2 s", id="time"),
        pytest.param("bytearray(10**9)", "MemoryError", id="memory"),
        pytest.param(
            "import os; os.kill(os.getpid(), 9)",
            "ended in the middle (SIGKILL)",
            id="killed",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_a_proof_is_bounded_and_leaves_nothing(tmp_path: Path, up: str, reason: str) -> None:
    proof = Project(tmp_path, healed={path("c1"): revision("c1", "b1", up)}).prove(
        timeout=2.0 if "sleep" in up else 60.0, memory=400 << 20
    )

    assert (proof.ran, proof.passed) == (False, False)
    assert reason in (proof.reason or "")


def test_an_interpreter_without_alembic_or_without_itself_is_not_proved(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)

    without = Project(tmp_path / "one").prove(python=str(bare))
    missing = Project(tmp_path / "two").prove(python="/nowhere/python")

    assert (without.ran, missing.ran) == (False, False)
    assert "has no Alembic" in (without.reason or "")
    assert "/nowhere/python" in (missing.reason or "")


def test_the_projects_own_virtual_environment_is_used_where_it_has_alembic(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with GitRepository.open(project.repo.path) as git:
        prover = SandboxProver(git, Sandbox(), worktree=project.repo.path)
        ours = prover.interpreter(None, "alembic")
        (project.repo.path / ".venv/lib/python3.11/site-packages/alembic").mkdir(parents=True)
        (project.repo.path / ".venv/lib/python3.11/site-packages/alembic/__init__.py").touch()

        assert prover.interpreter(None, "alembic") == str(project.repo.path / ".venv/bin/python") != ours
        assert prover.interpreter("/opt/python", "alembic") == "/opt/python"
