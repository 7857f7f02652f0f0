"""The state file under several processes, kill -9, a full disk and forgers, seen after it is opened again."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.adapters.store.sql import SqlStore
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import Broken, Intact, changes_named, missing_end, verify
from pointsman.core.queue.model import ChangeState
from tests.faults.store_writer import land, submit

WRITER = [sys.executable, "-m", "tests.faults.store_writer"]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pointsman" / "state.db"


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen([*WRITER, *map(str, args)], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def finish(writer: subprocess.Popen[str]) -> str:
    said, _ = writer.communicate(timeout=120)
    assert writer.returncode == 0
    return said


def assert_consistent(store: SqlStore) -> None:
    """The chain is whole, and records and lines tell the same story."""
    changes, lines = store.changes(), store.journal()
    assert isinstance(verify(lines), Intact)
    assert store.journal_head() == ((lines[-1].seq, lines[-1].hash) if lines else (0, "0" * 64))
    told: dict[str, set[int]] = {"submitted": set(), "landing": set(), "landed": set()}
    for line in lines:
        told[line.kind] |= changes_named(line.body)
    assert told["submitted"] == {change.id for change in changes}
    assert told["landed"] == {change.id for change in changes if change.state is ChangeState.LANDED}
    assert told["landing"] == told["landed"]


def test_processes_that_open_and_append_at_once_lose_no_line(path: Path) -> None:
    writers = [start("append", path, f"w{name}", 15) for name in range(4)]
    for writer in writers:
        finish(writer)
    store = SqlStore.open(path)
    assert_consistent(store)
    branches = [line.body["branch"] for line in store.journal()]
    assert sorted(branches) == sorted(f"w{name}/{number}" for name in range(4) for number in range(15))
    for name in range(4):
        own = [branch for branch in branches if branch.startswith(f"w{name}/")]
        assert own == [f"w{name}/{number}" for number in range(15)]
    store.close()


def test_I5_a_writer_killed_at_any_moment_leaves_whole_saves_only(path: Path) -> None:
    pick = random.Random(5)
    for _ in range(3):
        writer = start("forever", path)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        time.sleep(pick.uniform(0.0, 0.08))
        writer.kill()
        writer.wait()
        writer.stdout.close()
        store = SqlStore.open(path)
        assert_consistent(store)
        submit(store, "after")
        assert_consistent(store)
        store.close()


def test_I5_a_writer_killed_before_any_statement_of_a_save_leaves_nothing_of_it(path: Path) -> None:
    died_at = finish(start("each-statement", path)).split()
    # BEGIN, the ledger, one record, two lines, the ledger again, and the commit.
    assert len(died_at) == 7
    store = SqlStore.open(path)
    assert_consistent(store)
    assert [line.kind for line in store.journal()] == ["submitted", "landing", "landed"]
    store.close()


def test_a_full_disk_is_told_with_the_path_and_what_was_saved_stays(path: Path) -> None:
    said = finish(start("fill", path))
    assert str(path) in said
    assert "disk" in said
    store = SqlStore.open(path)
    assert_consistent(store)
    assert store.changes()[0].branch == "first"
    submit(store, "after")
    assert_consistent(store)
    store.close()


def test_a_lock_that_is_held_too_long_is_told_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.adapters.store.sqlite.LOCK_SECONDS", 0.1)
    store = SqlStore.open(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert store.changes() == ()
    with pytest.raises(EnvironmentProblem, match="locked"):
        submit(store, "first")
    holder.execute("ROLLBACK")
    submit(store, "first")
    holder.close()
    store.close()


def forge(path: Path, *statements: str) -> None:
    """What somebody with the file and an SQLite shell can do."""
    shell = sqlite3.connect(path)
    shell.execute("DROP TRIGGER journal_no_update")
    shell.execute("DROP TRIGGER journal_no_delete")
    for statement in statements:
        shell.execute(statement)
    shell.commit()
    shell.close()


@pytest.fixture
def written(path: Path) -> Path:
    """A state file of three landed changes: nine lines."""
    store = SqlStore.open(path)
    for number in range(3):
        land(store, submit(store, f"agent/{number}"))
    store.close()
    return path


FORGERIES: list[tuple[str, str, int]] = [
    (
        "a word in a body",
        "UPDATE journal SET body = replace(body, 't/1', 't/9') WHERE seq = 4",
        4,
    ),
    ("no JSON", "UPDATE journal SET body = '{' WHERE seq = 2", 2),
    ("no object", "UPDATE journal SET body = '[]' WHERE seq = 2", 2),
    ("no text", "UPDATE journal SET body = 7 WHERE seq = 2", 2),
    ("an infinite number", """UPDATE journal SET body = '{"change":1e999}' WHERE seq = 2""", 2),
    ("the time", "UPDATE journal SET at = at + 1 WHERE seq = 5", 5),
    ("a time that is none", "UPDATE journal SET at = 'noon' WHERE seq = 5", 5),
    ("the lane", "UPDATE journal SET lane = 'beta' WHERE seq = 1", 1),
    ("the kind", "UPDATE journal SET kind = 'returned' WHERE seq = 9", 9),
    ("a hash", "UPDATE journal SET hash = previous WHERE seq = 3", 3),
    ("a line taken out", "DELETE FROM journal WHERE seq = 6", 6),
    ("the first line taken out", "DELETE FROM journal WHERE seq = 1", 1),
]


@pytest.mark.parametrize(
    ("statement", "line"), [row[1:] for row in FORGERIES], ids=[row[0] for row in FORGERIES]
)
def test_R53_an_edited_line_is_found(written: Path, statement: str, line: int) -> None:
    forge(written, statement)
    store = SqlStore.open(written)
    outcome = verify(store.journal())
    assert isinstance(outcome, Broken)
    assert outcome.seq == line
    store.close()


def test_R53_a_cut_tail_is_found_by_the_ends_that_are_missing(written: Path) -> None:
    forge(written, "DELETE FROM journal WHERE seq > 7")
    store = SqlStore.open(written)
    assert verify(store.journal()) == Intact(count=7, head=store.journal()[-1].hash)
    missing = missing_end(store.changes(), store.journal())
    assert missing is not None
    assert missing.branch == "agent/2"
    assert store.journal_head()[0] == 9
    store.close()


def test_R53_a_cut_tail_stays_noticed_after_more_lines_follow(written: Path) -> None:
    forge(written, "DELETE FROM journal WHERE seq = 9")
    store = SqlStore.open(written)
    submit(store, "after")
    outcome = verify(store.journal())
    assert isinstance(outcome, Broken)
    assert outcome.seq == 9
    store.close()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE journal SET kind = 'x'", "DELETE FROM journal", "DELETE FROM journal WHERE seq = 9"],
)
def test_R53_the_journal_refuses_edits_while_its_triggers_stand(written: Path, statement: str) -> None:
    shell = sqlite3.connect(written)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        shell.execute(statement)
    shell.close()


def test_a_number_is_never_given_twice(written: Path) -> None:
    shell = sqlite3.connect(written)
    shell.execute("DELETE FROM changes WHERE id = 3")
    shell.commit()
    shell.close()
    store = SqlStore.open(written)
    assert submit(store, "after").id == 4
    store.close()


def test_what_was_saved_outlives_a_log_that_was_never_folded_in(path: Path) -> None:
    store = SqlStore.open(path)
    submit(store, "first")
    other = SqlStore.open(path)
    assert other.changes()[0].branch == "first"
    copy = path.with_name("copy.db")
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
    crashed = SqlStore.open(copy)
    assert_consistent(crashed)
    assert crashed.changes()[0].branch == "first"
    for opened in (store, other, crashed):
        opened.close()


def test_the_file_and_its_folder_are_its_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        store = SqlStore.open(path)
        submit(store, "first")
        modes = {found.name: found.stat().st_mode & 0o777 for found in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    store.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all\n" * 300)


def torn_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:8292] = os.urandom(8192)
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize("damage", [garbage, torn_header, cut_short], ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_named_and_left_as_it_is(written: Path, damage: Callable[[Path], None]) -> None:
    damage(written)
    before = written.read_bytes()
    with pytest.raises(EnvironmentProblem) as caught:
        store = SqlStore.open(written)
        try:
            store.changes()
            store.journal()
        finally:
            store.close()
    assert str(written) in str(caught.value)
    assert "backup" in str(caught.value)
    assert written.read_bytes() == before


def test_a_folder_that_can_not_be_is_told_with_the_path(tmp_path: Path) -> None:
    (tmp_path / "pointsman").write_text("a file")
    with pytest.raises(EnvironmentProblem, match=r"pointsman/state\.db"):
        SqlStore.open(tmp_path / "pointsman" / "state.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_told_with_the_path(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EnvironmentProblem, match=r"state\.db"):
        SqlStore.open(tmp_path / "pointsman" / "state.db")
