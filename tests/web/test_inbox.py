"""The inbox on real files: order, repetition, giving up, forgetting; kills, crowds and broken disks (rule 6)."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.adapters.store import inbox_file
from pointsman.adapters.store import inbox_grouped as module
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery

ROOT = Path(__file__).parents[2]
DAY = 86400.0


def delivery(
    name: str, *, at: float = 0.0, payload: bytes = b"{}", repository: int | None = None
) -> Delivery:
    return Delivery(id=name, event="push", repository=repository, payload=payload, received_at=at)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "inbox.db"


@pytest.fixture
def inbox(path: Path) -> Iterator[SqlInbox]:
    opened = SqlInbox.open(path)
    yield opened
    opened.close()


def ids(inbox: SqlInbox, now: float = 1e12) -> list[str]:
    return [each.id for each in inbox.pending(now=now, limit=10_000)]


def aside(path: Path) -> list[tuple[str, str]]:
    """(id, why) of those that failed too often, newest first, as another program reads them."""
    other = sqlite3.connect(path)
    found = other.execute(
        "SELECT id, why FROM deliveries WHERE state = 'aside' ORDER BY ended_at DESC"
    ).fetchall()
    other.close()
    return found


def test_deliveries_come_back_as_they_were_in_order(inbox: SqlInbox) -> None:
    given = [
        delivery("c", at=3.0, payload=b"\x00\xff", repository=2**62),
        delivery("a", at=1.0),
        delivery("b", at=2.0, repository=7),
    ]
    assert all(inbox.add(each) for each in given)
    assert inbox.pending(now=10.0) == tuple(given)
    assert inbox.pending(now=10.0, limit=2) == tuple(given[:2])
    assert inbox.size() == (3, 1.0)


def test_an_id_counts_once_even_when_it_was_worked(inbox: SqlInbox) -> None:
    assert [inbox.add(delivery("a")) for _ in range(2)] == [True, False]
    inbox.done("a", at=1.0)
    inbox.done("a", at=2.0)
    assert not inbox.add(delivery("a"))
    assert (ids(inbox), inbox.size()) == ([], (0, 0.0))


def test_the_payload_of_what_was_worked_is_gone_from_the_file(inbox: SqlInbox, path: Path) -> None:
    inbox.add(delivery("a", payload=b"PRIVATE" * 1000))
    inbox.done("a", at=1.0)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT payload FROM deliveries").fetchall() == [(None,)]
    other.close()


def test_what_failed_waits_its_time_while_others_go_before_it(inbox: SqlInbox) -> None:
    inbox.add(delivery("a"))
    inbox.add(delivery("b"))
    assert inbox.later("a", at=100.0, why="a 502")
    assert ids(inbox, now=99.0) == ["b"]
    assert ids(inbox, now=100.0) == ["a", "b"]
    assert inbox.size()[0] == 2


def test_ten_failures_put_it_aside_with_the_reason(inbox: SqlInbox, path: Path) -> None:
    inbox.add(delivery("a"))
    assert [inbox.later("a", at=float(n), why=f"failure {n}\ud800" + "x" * 9999) for n in range(10)] == [
        True
    ] * 9 + [False]
    assert ids(inbox) == []
    ((name, why),) = aside(path)
    assert (name, why[:9], len(why)) == ("a", "failure 9", module.WHY_CHARACTERS)
    assert not inbox.later("a", at=11.0, why="again")


def test_one_that_was_put_aside_starts_anew_when_it_is_sent_again(inbox: SqlInbox, path: Path) -> None:
    inbox.add(delivery("a"))
    while inbox.later("a", at=1.0, why="no"):
        pass
    assert inbox.add(delivery("a", at=2.0))
    assert (ids(inbox), aside(path)) == (["a"], [])
    assert inbox.later("a", at=3.0, why="once more")


def test_done_or_later_for_an_id_that_nobody_knows(inbox: SqlInbox) -> None:
    inbox.done("nobody", at=1.0)
    assert not inbox.later("nobody", at=1.0, why="no")


def test_ids_are_forgotten_after_a_week_and_failures_after_a_month(inbox: SqlInbox, path: Path) -> None:
    inbox.add(delivery("worked"))
    inbox.done("worked", at=0.0)
    inbox.add(delivery("failed"))
    while inbox.later("failed", at=0.0, why="no"):
        pass
    inbox.add(delivery("waiting"))
    inbox.add(delivery("6 days", at=6 * DAY))
    assert not inbox.add(delivery("worked", at=6.1 * DAY))
    inbox.add(delivery("8 days", at=8 * DAY))
    assert inbox.add(delivery("worked", at=8.1 * DAY))
    assert [name for name, _ in aside(path)] == ["failed"]
    inbox.add(delivery("31 days", at=31 * DAY))
    assert aside(path) == []
    assert "waiting" in ids(inbox)


def test_only_so_many_failures_are_kept_the_newest(
    inbox: SqlInbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ASIDE_ROWS", 3)
    monkeypatch.setattr(module, "TRIES", 1)
    for n in range(6):
        inbox.add(delivery(f"d{n}", at=float(n)))
        inbox.later(f"d{n}", at=float(n), why="no")
    inbox.add(delivery("next", at=DAY))
    assert [name for name, _ in aside(path)] == ["d5", "d4", "d3"]


def test_a_large_payload_is_not_kept_with_a_failure(inbox: SqlInbox, path: Path) -> None:
    for name, size in (("large", 2_000_000), ("small", 10)):
        inbox.add(delivery(name, payload=b"x" * size))
        while inbox.later(name, at=0.0, why="no"):
            pass
    with sqlite3.connect(path) as other:
        kept = dict(other.execute("SELECT id, length(payload) FROM deliveries").fetchall())
    other.close()
    assert kept == {"large": None, "small": 10}


def test_what_is_read_at_once_is_bounded_in_bytes(inbox: SqlInbox) -> None:
    for n in range(5):
        inbox.add(delivery(f"d{n}", payload=b"x" * 12_000_000))
    assert ids(inbox) == ["d0", "d1"]
    inbox.done("d0", at=0.0)
    assert ids(inbox) == ["d1", "d2"]


def test_it_takes_no_more_when_nobody_works_what_it_holds(
    inbox: SqlInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_file, "FILE_BYTES", 1_000_000)
    inbox.add(delivery("a", payload=b"x" * 1_500_000))
    with pytest.raises(EnvironmentProblem, match="nobody works"):
        inbox.add(delivery("b"))
    inbox.done("a", at=0.0)
    assert inbox.add(delivery("b"))


def test_the_file_is_for_its_owner_alone(inbox: SqlInbox, path: Path) -> None:
    inbox.add(delivery("a"))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes["inbox.db"] == modes["inbox.db-wal"] == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_crowd_shares_commits_and_each_hears_its_own_answer(inbox: SqlInbox) -> None:
    news: list[tuple[str, bool]] = []

    def add(share: int) -> None:
        for n in range(50):
            name = f"d{n}" if share % 2 else f"d{share}-{n}"
            news.append((name, inbox.add(delivery(name))))

    threads = [threading.Thread(target=add, args=(share,)) for share in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(news) == 400
    new = [name for name, is_new in news if is_new]
    assert sorted(new) == sorted({name for name, _ in news}) == sorted(ids(inbox))


def test_two_processes_share_one_file(inbox: SqlInbox, path: Path) -> None:
    workers = [start_adding(path, prefix, count=150) for prefix in ("same", "same", "other")]
    told = [[line.split() for line in worker.communicate(timeout=90)[0].splitlines()] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    new = [name for lines in told for name, is_new in lines if is_new == "True"]
    assert (
        sorted(new)
        == sorted(ids(inbox))
        == sorted([f"{p}{n}" for p in ("same", "other") for n in range(150)])
    )


WORKER = """
import sys, threading
from pathlib import Path
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.core.hints import Delivery
path, prefix, count, threads = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
inbox, lock = SqlInbox.open(path), threading.Lock()
def work(share):
    for n in range(share, count, threads):
        name = f"{prefix}{n}"
        is_new = inbox.add(Delivery(id=name, event="push", repository=None, payload=b"x" * 500, received_at=1.0))
        with lock:
            sys.stdout.write(f"{name} {is_new}\\n")
            sys.stdout.flush()
all_ = [threading.Thread(target=work, args=(share,)) for share in range(threads)]
[thread.start() for thread in all_]
[thread.join() for thread in all_]
"""


def start_adding(path: Path, prefix: str, *, count: int, threads: int = 1) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(path), prefix, str(count), str(threads)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.mark.parametrize("after", [1, 37, 180])
def test_rule_6_kill_9_loses_nothing_that_was_acknowledged(path: Path, after: int) -> None:
    worker = start_adding(path, f"{after}-", count=1_000_000, threads=4)
    assert worker.stdout is not None
    told = [worker.stdout.readline().split()[0] for _ in range(after)]
    worker.kill()
    told += [line.split()[0] for line in worker.stdout.read().splitlines() if line.endswith("True")]
    worker.wait()
    worker.stdout.close()
    inbox = SqlInbox.open(path)
    kept = set(ids(inbox))
    inbox.close()
    assert set(told) <= kept
    # At most what each thread had in hand is kept without anybody having heard of it.
    assert len(kept) <= len(told) + 4


@pytest.mark.parametrize(
    "wrong",
    [b"no database at all, but long enough to have a header" * 40, b"SQLite format 3\0" + b"\xff" * 4096],
)
def test_a_damaged_file_is_said_and_left_alone(path: Path, wrong: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(wrong)
    with pytest.raises(EnvironmentProblem, match=str(path)):
        SqlInbox.open(path)
    assert path.read_bytes() == wrong


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE deliveries (id TEXT)")
    other.close()
    with pytest.raises(EnvironmentProblem, match="some other program"):
        SqlInbox.open(path)


def test_a_file_of_a_newer_pointsman_is_left_alone(inbox: SqlInbox, path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version=99")
    other.close()
    with pytest.raises(EnvironmentProblem, match="newer pointsman"):
        SqlInbox.open(path)


def test_a_folder_in_the_way_is_said(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(EnvironmentProblem, match="can't be opened"):
        SqlInbox.open(path)


def test_a_file_that_cannot_be_written_is_said(inbox: SqlInbox) -> None:
    """As a mount that turned read-only: root may write whatever the mode says."""
    inbox._writer.execute("PRAGMA query_only=ON")
    with pytest.raises(EnvironmentProblem, match="can't be written"):
        inbox.add(delivery("a"))
    inbox._writer.execute("PRAGMA query_only=OFF")
    assert inbox.add(delivery("a"))


def test_a_full_disk_refuses_whole_and_takes_again_when_there_is_room(inbox: SqlInbox) -> None:
    inbox.add(delivery("before"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        with pytest.raises(EnvironmentProblem, match=r"inbox\.db"):
            inbox.add(delivery("large", payload=b"x" * 1_000_000))
        assert ids(inbox) == ["before"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert inbox.add(delivery("large", payload=b"x" * 1_000_000))
    assert ids(inbox) == ["before", "large"]


def test_a_lock_that_somebody_keeps_is_said_within_githubs_patience(inbox: SqlInbox, path: Path) -> None:
    assert inbox_file.LOCK_SECONDS < 8
    inbox._writer.execute("PRAGMA busy_timeout=50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(EnvironmentProblem, match="locked"):
        inbox.add(delivery("a"))
    other.execute("ROLLBACK")
    other.close()
    assert inbox.add(delivery("a"))


def test_after_it_was_closed_it_says_so(path: Path) -> None:
    inbox = SqlInbox.open(path)
    inbox.close()
    with pytest.raises(EnvironmentProblem, match="closed"):
        inbox.add(delivery("a"))
