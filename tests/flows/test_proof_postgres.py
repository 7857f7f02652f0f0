"""The proof of a heal on a real PostgreSQL: what it shows there, what it leaves, what a migration can't reach."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

pytest.importorskip("psycopg", reason="psycopg is not installed (the extra `postgres`)")

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.postgresql.lease import MARK, Lease, leased, redacted
from pointsman.adapters.postgresql.programs import find_programs
from pointsman.adapters.postgresql.relay import relayed
from pointsman.adapters.postgresql.server import OwnServer
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.sandbox import Sandbox
from pointsman.core.proof import Proof, in_words
from pointsman.runner.failures import advice, other_server
from pointsman.runner.processes import descendants
from pointsman.runner.schema import differences
from pointsman.runner.schema_postgresql import read_schema
from tests.flows.alembic_project import POSTGRES_INI, Project, path, revision

pytestmark = pytest.mark.skipif(
    find_programs() is None,
    reason="no PostgreSQL: the wheel of the extra `postgres` is not made for this platform",
)
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
HEAL_ENV = "POINTSMAN_TEST_SERVER"
ROLES = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'pointsman_proof%' ORDER BY 1"
DATABASES = "SELECT datname FROM pg_database WHERE datname LIKE 'pointsman_proof%' ORDER BY 1"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The administrator's address of one server for all tests of this process."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        own = OwnServer(Sandbox(), Path(name) / "postgresql")
        yield own.url()
        own.stop()


@pytest.fixture(autouse=True)
def nothing_left(server: str) -> Iterator[None]:
    """Whatever a test did, no database and no role that was not there before is left on the server."""
    before = query(server, ROLES), query(server, DATABASES)
    yield
    assert (query(server, ROLES), query(server, DATABASES)) == before


def query(url: str, sql: str) -> list[object]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        return [row[0] for row in connection.execute(sql.encode()).fetchall()]


def prove(folder: Path, server: str, **changes: object) -> Proof:
    """On the tests' server, as a contract with `database: env:...` asks for it."""
    names = {name: changes.pop(name) for name in ("base", "healed") if name in changes}
    project = Project(folder, **names)  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HEAL_ENV, server)
        return project.prove(None, database=f"env:{HEAL_ENV}", **changes)


def script(up: str, down: str = "pass", id: str = "c1", parent: str | None = "b1") -> dict[str, str]:
    """A revision file whose bodies are several lines."""
    bodies = [textwrap.dedent(body).strip().replace("\n", "\n    ") for body in (up, down)]
    return {path(id): revision(id, parent, *bodies)}


def routes(proof: Proof) -> dict[str, bool]:
    return {route.name: route.ok for route in proof.routes}


MOODS = """
    op.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
    op.add_column("users", sa.Column("mood", sa.Enum("sad", "ok", name="mood", create_type=False)))
    op.execute("CREATE VIEW moods AS SELECT mood, count(*) FROM users GROUP BY mood")
    op.execute("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    """
NO_MOODS = """
    op.execute("DROP FUNCTION one()")
    op.execute("DROP VIEW moods")
    op.drop_column("users", "mood")
    op.execute("DROP TYPE mood")
    """


def test_r07_a_heal_with_what_only_postgresql_has_is_proved_by_every_route(
    tmp_path: Path, server: str
) -> None:
    proof = prove(tmp_path, server, healed=script(MOODS, NO_MOODS), both_orders=True)

    assert (proof.ran, proof.passed, proof.reason, proof.database) == (True, True, None, "postgresql")
    assert routes(proof) == {
        "empty -> head": True,
        "base head -> head": True,
        "down to f0 and up again": True,
        "already at c1": True,
        "base, then the change": True,
        "the change, then the base": True,
    }
    assert in_words(proof).startswith("proved on scratch PostgreSQL in ")


def test_where_sqlite_is_no_judge_our_own_server_is_asked_and_stopped(tmp_path: Path) -> None:
    project = Project(tmp_path, base={"alembic.ini": POSTGRES_INI}, healed=script(MOODS, NO_MOODS))
    with GitRepository.open(project.repo.path) as git:
        prover = SandboxProver(git, Sandbox(), folder=tmp_path / "scratch")
        before = _postmasters()
        proof = project.prove(prover)
        running = _postmasters()
        prover.close()

    assert (proof.passed, proof.database) == (True, "postgresql")
    assert len(running) == len(before) + 1
    assert _postmasters() == before


def _postmasters(of: str = "") -> list[str]:
    """The command lines of the servers below this process (other tests have theirs), or of a folder's, whosever."""
    everyone = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    found = []
    for pid in everyone if of else descendants(os.getpid()):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"/postgres") and b"-k" in words:
            found.append(b" ".join(words).decode(errors="replace"))
    return [line for line in found if of in line]


SAME = "CREATE TABLE t (id int PRIMARY KEY, name text); CREATE TYPE mood AS ENUM ('ok', 'sad'); "
DIFFERENT = {
    "column": ("ALTER TABLE t ADD nick text", "", "column t.nick is there only by 'one'"),
    "type": (
        "ALTER TABLE t ALTER id TYPE bigint",
        "",
        "column t.id is bigint NOT NULL by 'one', integer NOT NULL by",
    ),
    "null": (
        "ALTER TABLE t ALTER name SET NOT NULL",
        "",
        "column t.name is text NOT NULL by 'one', text NULL by",
    ),
    "default": ("ALTER TABLE t ALTER name SET DEFAULT 'x'", "", "text NULL DEFAULT 'x'::text by 'one'"),
    "generated": (
        "ALTER TABLE t ADD g int GENERATED ALWAYS AS (id) STORED",
        "ALTER TABLE t ADD g int",
        "column t.g",
    ),
    "identity": ("ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY", "", "identity always"),
    "index": ("CREATE INDEX i ON t (name)", "CREATE INDEX i ON t (lower(name))", "index i is"),
    "unique": ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (name)", "", "unique t.u is there only by 'one'"),
    "check": (
        "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 1)",
        "check",
    ),
    "foreign key": ("ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES t", "", "foreign key t.f"),
    "constraint not valid": (
        "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0) NOT VALID",
        "NOT VALID",
    ),
    "label": (
        "ALTER TYPE mood ADD VALUE 'glad' BEFORE 'sad'",
        "ALTER TYPE mood ADD VALUE 'glad'",
        "enum mood is ok, glad",
    ),
    "domain": ("CREATE DOMAIN d AS int CHECK (VALUE > 0)", "CREATE DOMAIN d AS int", "check d_check"),
    "view": (
        "CREATE VIEW v AS SELECT id FROM t",
        "CREATE VIEW v AS SELECT id FROM t WHERE id > 1",
        "view v is",
    ),
    "sequence": ("CREATE SEQUENCE s", "CREATE SEQUENCE s INCREMENT 7", "sequence s is bigint from 1 by 1"),
    "function": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2'",
        "function f() is",
    ),
    "trigger": (
        "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "",
        "trigger t.g is there only by 'one'",
    ),
    "policy": ("CREATE POLICY p ON t USING (id > 0)", "", "policy t.p"),
    "row security": ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "", "table t is there row security by 'one'"),
    "partition": (
        "CREATE TABLE m (id int) PARTITION BY RANGE (id)",
        "CREATE TABLE m (id int)",
        "table m is there partitioned by RANGE (id)",
    ),
    "schema": ("CREATE SCHEMA other; CREATE TABLE other.t (id int)", "", "column other.t.id"),
    "comment of nothing": ("COMMENT ON TABLE t IS 'x'", "", None),
    "order of columns": (
        "ALTER TABLE t ADD a int; ALTER TABLE t ADD b int",
        "ALTER TABLE t ADD b int; ALTER TABLE t ADD a int",
        None,
    ),
    "version table": ("CREATE TABLE alembic_version (version_num text PRIMARY KEY)", "", None),
}


@pytest.fixture(scope="module")
def two(server: str) -> Iterator[tuple[str, str]]:
    """Two leased databases' addresses."""
    with leased(server, seconds=300) as one, leased(server, seconds=300) as other:
        yield as_role(server, one), as_role(server, other)


def as_role(server: str, lease: Lease) -> str:
    host = server.partition("?")[2]
    return f"postgresql+psycopg://{lease.name}:{lease.password}@/{lease.name}?{host}"


@pytest.mark.parametrize(("first", "second", "said"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_schemas_are_told_apart_by_name(
    two: tuple[str, str], first: str, second: str, said: str | None
) -> None:
    found = []
    for url, more in zip(two, (first, second), strict=True):
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
            for statement in (SAME + more).split("; "):
                connection.exec_driver_sql(statement or "SELECT 1")
            found.append(read_schema(connection, without="alembic_version"))
        engine.dispose()

    told = differences(found[0], found[1], ("one", "other"))
    assert (said is None) == (told == [])
    assert said is None or said in "; ".join(told)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY pg_class TO PROGRAM 'touch /tmp/x'",
        "COPY (SELECT 1) TO '/tmp/x'",
        "ALTER SYSTEM SET fsync = on",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "CREATE ROLE another",
        "SELECT pg_read_file('postgresql.conf')",
        "DROP DATABASE postgres",
        "SELECT rolpassword FROM pg_authid",
        "CREATE EXTENSION postgis",
        "GRANT SELECT ON t TO reporting",
        "SET ROLE pointsman",
    ],
)
def test_i7_a_migration_has_no_rights_on_the_server_and_is_not_to_blame(
    two: tuple[str, str], sql: str
) -> None:
    engine = create_engine(two[0], isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (id int)")
        connection.exec_driver_sql(sql)
    engine.dispose()

    reason = other_server(refused.value, None, bare=False)
    assert reason in (
        "it needs what the scratch server does not give",
        "it needs a role that the scratch server does not have",
    )


@pytest.mark.soak
def test_the_order_of_an_enums_labels_is_part_of_the_schema(tmp_path: Path, server: str) -> None:
    first = """
        op.create_table("users", sa.Column("id", sa.Integer))
        op.execute("CREATE TYPE mood AS ENUM ('ok')")
        """
    mood = script(first, id="f0", parent=None)
    base = {**mood, **script("""op.execute("ALTER TYPE mood ADD VALUE 'glad'")""", id="b1", parent="f0")}
    change = script("""op.execute("ALTER TYPE mood ADD VALUE 'sad'")""")

    proof = prove(tmp_path, server, base=base, healed=change, both_orders=True)

    assert (proof.ran, proof.passed) == (True, False)
    assert "enum mood is ok, glad, sad by 'base, then the change', ok, sad, glad by" in (proof.reason or "")


CONCURRENT = """op.execute("CREATE INDEX CONCURRENTLY later ON users (id)")"""
NEW_LABEL = """
    op.execute("CREATE TYPE mood AS ENUM ('ok')")
    op.execute("CREATE TABLE said (mood mood)")
    """
USED_LATER = """
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad'")
        op.execute("CREATE INDEX CONCURRENTLY later ON users (id)")
    op.execute("INSERT INTO said VALUES ('glad')")
    """


@pytest.mark.soak
def test_an_index_built_concurrently_in_a_transaction_fails_and_says_what_to_write(
    tmp_path: Path, server: str
) -> None:
    proof = prove(tmp_path, server, healed=script(CONCURRENT))

    assert (proof.ran, proof.passed) == (True, False)
    assert "cannot run inside a transaction block" in (proof.reason or "")
    assert "autocommit_block()" in (proof.reason or "")


def test_a_new_label_that_is_used_in_its_transaction_gets_advice_where_env_py_is_known(
    two: tuple[str, str],
) -> None:
    engine = create_engine(two[0])
    with engine.connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.exec_driver_sql("DROP TYPE IF EXISTS label; CREATE TYPE label AS ENUM ('ok')")
        connection.commit()
        connection.exec_driver_sql("ALTER TYPE label ADD VALUE 'glad'")
        connection.exec_driver_sql("SELECT 'glad'::label")
    engine.dispose()

    assert other_server(refused.value, None, bare=False) is None
    assert other_server(refused.value, None, bare=True) == "how env.py sets transactions is not known"
    assert "autocommit_block()" in advice(refused.value)


@pytest.mark.soak
def test_what_needs_to_stand_outside_a_transaction_is_proved_in_an_autocommit_block(
    tmp_path: Path, server: str
) -> None:
    base = script(NEW_LABEL, id="b1", parent="f0")
    proof = prove(
        tmp_path, server, base=base, healed=script(USED_LATER, """op.execute("DROP INDEX later")""")
    )

    assert proof.ran, proof.reason
    assert routes(proof)["empty -> head"]
    assert routes(proof)["base head -> head"]


def test_i7_a_migration_does_not_learn_the_servers_password(tmp_path: Path, server: str) -> None:
    told = """
        import os, glob
        seen = []
        for one in glob.glob("/proc/[0-9]*/environ"):
            try:
                seen.append(open(one, "rb").read())
            except PermissionError:
                pass
        raise RuntimeError(repr([dict(os.environ), seen]))
        """
    proof = prove(tmp_path, server, healed=script(told))

    password = server.split(":")[2].split("@")[0]
    assert "RuntimeError" in (proof.reason or "")
    assert password not in repr(proof)
    assert HEAL_ENV not in repr(proof)


def test_i5_what_a_killed_proof_left_is_gone_with_the_next(server: str) -> None:
    crash = f"""
        import os, sys
        sys.path.insert(0, {str(Path(__file__).parents[2] / "bot")!r})
        from pointsman.adapters.postgresql import lease
        with lease.leased(sys.argv[1], seconds=600) as left:
            print(left.name, flush=True)
            os.kill(os.getpid(), 9)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(crash), server], capture_output=True, text=True, check=False
    )
    name = done.stdout.strip()
    assert name.startswith(MARK), done.stderr
    assert name in query(server, DATABASES)
    until = time.monotonic() + 20
    while name in query(server, "SELECT application_name FROM pg_stat_activity"):
        assert time.monotonic() < until, "the server did not notice the end of its owner"

    with leased(server, seconds=60) as lease:
        assert lease.name in (left := query(server, ROLES)) and name not in left
        assert name not in query(server, DATABASES)


def test_a_lease_in_use_is_not_swept(server: str) -> None:
    with leased(server, seconds=60) as first, leased(server, seconds=60) as second:
        left = query(server, ROLES)

    assert {first.name, second.name} <= {*left}


def test_a_variable_that_is_not_set_is_named_and_nothing_else(tmp_path: Path) -> None:
    proof = Project(tmp_path).prove(database="env:NO_SUCH_ADDRESS")

    assert (proof.ran, proof.passed) == (False, False)
    assert "NO_SUCH_ADDRESS" in (proof.reason or "")


def test_an_address_that_leads_nowhere_is_not_told(tmp_path: Path) -> None:
    began = time.monotonic()
    proof = Project(tmp_path).prove(database="postgresql://secretuser:hunter2@127.0.0.1:1/secretbase")

    assert (proof.ran, proof.passed) == (False, False)
    assert "secret" not in repr(proof)
    assert "hunter2" not in repr(proof)
    assert time.monotonic() - began < 30


def test_a_message_is_cut_to_what_is_no_secret() -> None:
    url = "postgresql://admin:hunter2@db.example:5432/main"

    assert redacted('connection to "db.example" as "admin" failed: hunter2\nmore', url) == (
        'connection to "***" as "***" failed: ***'
    )


@pytest.mark.soak
def test_a_second_process_gets_a_server_of_its_own_and_a_killed_one_leaves_none(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        hold = f"""
            import sys, time
            sys.path.insert(0, {str(Path(__file__).parents[2] / "bot")!r})
            from pathlib import Path
            from pointsman.adapters.postgresql.server import OwnServer
            from pointsman.adapters.sandbox import Sandbox
            own = OwnServer(Sandbox(), Path({name!r}))
            print(own.url(), flush=True)
            time.sleep(300)
            """
        command = [sys.executable, "-c", textwrap.dedent(hold)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
            assert first.stdout is not None
            theirs = first.stdout.readline().strip()
            own = OwnServer(Sandbox(), Path(name))
            ours = own.url()
            assert (query(theirs, "SELECT 1"), query(ours, "SELECT 1")) == ([1], [1])
            assert len(_postmasters(of=name)) == 2
            first.kill()
        own.stop()

        until = time.monotonic() + 30
        while _postmasters(of=name) and time.monotonic() < until:
            time.sleep(0.05)
        assert _postmasters(of=name) == []


@pytest.mark.parametrize(("mode", "answer"), [("prefer", b"hello"), ("disable", b"hello"), ("require", b"")])
def test_a_server_elsewhere_is_reached_through_one_socket(tmp_path: Path, mode: str, answer: bytes) -> None:
    """The server here has no TLS, as it says when it is asked; who requires it is not led on."""

    def serve() -> None:
        near, _ = listener.accept()
        with near:
            said = near.recv(100)
            if said == SSL_REQUEST:
                near.sendall(b"N")
                said = near.recv(100)
            near.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        host, port = listener.getsockname()
        to = {"host": host, "port": str(port), "sslmode": mode}
        with relayed(tmp_path, to), socket.socket(socket.AF_UNIX) as proof:
            proof.connect(str(tmp_path / ".s.PGSQL.5432"))
            proof.sendall(b"hello")
            proof.settimeout(20)
            said = b""
            with contextlib.suppress(ConnectionError):
                said = proof.recv(100)
        thread.join(20)

    assert said == answer
