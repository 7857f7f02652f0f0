"""Which exceptions of a migration are its own fault, and which this machine can't judge."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.exc import IntegrityError, OperationalError

from pointsman.runner.databases import with_driver
from pointsman.runner.failures import BROKEN, CANT_TELL, failure

SAID = [
    pytest.param(
        "ALTER TABLE t ALTER COLUMN c TYPE TEXT", 'near "ALTER": syntax error', None, CANT_TELL, id="alter"
    ),
    pytest.param("SELECT id::text FROM t", 'unrecognized token: ":"', None, CANT_TELL, id="cast"),
    pytest.param("UPDATE t SET a = now()", "no such function: now", None, CANT_TELL, id="function"),
    pytest.param("SELECT 1 FROM pg_class", "no such table: pg_class", None, CANT_TELL, id="catalogue"),
    pytest.param("CREATE TABLE s.t (a)", "unknown database s", "postgresql", CANT_TELL, id="schema"),
    pytest.param("SELEC 1", 'near "SELEC": syntax error', "mysql", CANT_TELL, id="unknown SQL for MySQL"),
    pytest.param(
        "ALTER TABLE t ADD COLUMN c INT NOT NULL",
        "Cannot add a NOT NULL column with default value NULL",
        "postgresql",
        CANT_TELL,
        id="limit of SQLite",
    ),
    pytest.param("SELEC 1", 'near "SELEC": syntax error', None, BROKEN, id="typo"),
    pytest.param(
        "ALTER TABLE t ALTER COLUMN c TYPE TEXT",
        'near "ALTER": syntax error',
        "sqlite",
        BROKEN,
        id="sqlite's own",
    ),
    pytest.param("SELECT 1 FROM usrs", "no such table: usrs", "postgresql", BROKEN, id="no such table"),
    pytest.param(
        "ALTER TABLE t ADD COLUMN a INT", "duplicate column name: a", "postgresql", BROKEN, id="twice"
    ),
    pytest.param("CREATE TABLE t (a)", "table t already exists", None, BROKEN, id="already there"),
]


@pytest.mark.parametrize(("statement", "said", "target", "expected"), SAID)
def test_what_sqlite_says_is_weighed_by_what_the_project_means_to_use(
    tmp_path: Path, statement: str, said: str, target: str | None, expected: str
) -> None:
    problem = OperationalError(statement, {}, Exception(said))

    assert judged(problem, tmp_path, target) == expected


def test_data_that_breaks_a_rule_is_the_migrations_fault(tmp_path: Path) -> None:
    problem = IntegrityError("INSERT INTO t VALUES (1)", {}, Exception("UNIQUE constraint failed: t.a"))

    assert judged(problem, tmp_path, "postgresql") == BROKEN


def test_a_module_that_the_tree_lost_is_broken_one_that_is_not_installed_is_not(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()

    assert judged(ModuleNotFoundError("no app.models", name="app.models"), tmp_path, None) == BROKEN
    assert judged(ModuleNotFoundError("no psycopg", name="psycopg"), tmp_path, None) == CANT_TELL


def test_a_parent_that_is_nowhere_is_named_not_alembics_key_error(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    text = "revision = 'b'\ndown_revision = 'gone'\ndef upgrade(): pass\n"
    (tmp_path / "versions" / "b.py").write_text(text)
    with pytest.warns(UserWarning, match="gone"), pytest.raises(KeyError) as raised:
        ScriptDirectory(tmp_path).walk_revisions().__next__()

    said = failure(raised.value, tree=tmp_path, versions=[tmp_path / "versions"], target=None).text
    assert said == "a migration follows or needs gone, which is in no file of its environment"


def test_a_driver_that_sqlalchemy_does_not_drive_yet_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("psycopg", "psycopg2", "sqlalchemy.dialects.postgresql.psycopg2")

    def load(name: str) -> None:
        if name not in there:
            raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", load)
    assert with_driver("postgresql://a/?host=b") == "postgresql+psycopg2://a/?host=b"


def judged(problem: Exception, tree: Path, target: str | None) -> str:
    """The verdict on an exception out of the upgrade() of a migration that lies in `tree`."""
    versions = tree / "versions"
    versions.mkdir(exist_ok=True)
    code = compile("def upgrade(problem):\n    raise problem\n", str(versions / "a1.py"), "exec")
    module: dict[str, object] = {"revision": "a1"}
    exec(code, module)  # noqa: S102
    try:
        module["upgrade"](problem)  # type: ignore[operator]
    except Exception as raised:  # noqa: BLE001
        found = failure(raised, tree=tree, versions=[versions], target=target)
        assert (found.path, found.revision) == ("versions/a1.py", "a1")
        return found.kind
    raise AssertionError("nothing was raised")
