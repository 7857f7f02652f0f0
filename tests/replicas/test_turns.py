"""One writer a repository (I2): who gets the turn, what ends it, and that nothing lands or is saved without it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from pointsman.adapters.replicas import turns as module
from pointsman.adapters.replicas.turns import LaneLock, Turns, key_of
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.errors import LaneLost
from pointsman.core.queue.model import ChangeState, Entry
from pointsman.service.submit import Submission, Submitted
from pointsman.wiring import LocalQueue, local_queue
from tests.faults.store_writer import submit
from tests.replicas.conftest import Opener
from tests.support.repo import Repo

CONTRACT = """\
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles:
  dev: {who: [ada], branches: ["agent/**"], owns: ["/**"]}
checks:
  unit: {run: "true"}
"""


@pytest.fixture
def turns(opened: Opener) -> Iterator[Callable[[], Turns]]:
    """Makes one more replica's."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Turns(opened())))


def soon(true: Callable[[], bool]) -> bool:
    """Whether it comes true within some seconds: a server ends a session when it comes to it."""
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def test_i2_of_many_that_race_for_a_turn_one_gets_it(turns: Callable[[], Turns]) -> None:
    replicas = [turns() for _ in range(2)]
    begin = threading.Barrier(6)
    won: list[int] = []

    def race(number: int) -> None:
        begin.wait()
        if replicas[number % 2].take(["a"]):
            won.append(number % 2)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 3  # the threads of one replica, and none of the other's
    assert len(set(won)) == 1


def test_a_turn_that_is_released_or_whose_process_ends_is_anybodys(turns: Callable[[], Turns]) -> None:
    first, second = turns(), turns()
    assert first.take(["a", "b"]) == {"a", "b"}
    assert second.take(["a", "b", "c"]) == {"c"}
    first.release("a")
    assert second.take(["a", "b"]) == {"a"}
    first.close()
    assert soon(lambda: second.take(["a", "b"]) == {"a", "b"})


def test_no_more_is_taken_at_once_than_asked_for_so_that_others_get_their_share(
    turns: Callable[[], Turns],
) -> None:
    first, second = turns(), turns()
    names = [f"r{number}" for number in range(6)]
    assert len(first.take(names, most=2)) == 2
    assert len(second.take(names, most=2)) == 2
    assert len(first.take(names, most=4)) == 4
    assert first.take(names) | second.take(names) == set(names)


def test_a_lost_connection_ends_every_turn_at_once(
    turns: Callable[[], Turns], cut: Callable[..., int]
) -> None:
    first, second = turns(), turns()
    first.take(["a"])
    first.check("a")
    assert cut("pointsman lanes") == 1
    with pytest.raises(LaneLost):
        first.check("a")
    assert not first.holds("a")
    assert soon(lambda: second.take(["a"]) == {"a"})
    assert first.take(["a"]) == frozenset()
    second.close()
    assert soon(lambda: first.take(["a"]) == {"a"})


def test_who_never_had_the_turn_has_not_got_it(turns: Callable[[], Turns]) -> None:
    with pytest.raises(LaneLost):
        turns().check("a")


def test_a_process_that_is_stopped_loses_its_turn_by_the_servers_clock(
    turns: Callable[[], Turns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SILENT_SECONDS", 1)
    stopped, other = turns(), turns()
    stopped.take(["a"])
    monkeypatch.setattr(module, "PING_SECONDS", 60.0)
    assert soon(lambda: other.take(["a"]) == {"a"})
    with pytest.raises(LaneLost):
        stopped.check("a")


def test_a_turn_is_the_lock_that_the_manual_names(turns: Callable[[], Turns], database: str) -> None:
    turns().take(["a"])
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT pg_try_advisory_lock(%s)", [key_of("a")]).fetchone() == (False,)


def test_i5_what_a_holder_saves_that_was_followed_is_refused_and_submissions_never_are(
    opened: Opener, turns: Callable[[], Turns]
) -> None:
    first, second, anybody = (SqlStore(opened().home("pointsman_x")) for _ in range(3))
    old = LaneLock(turns(), "x", first)
    assert old.acquire()
    submit(first, "agent/a")
    second.hold(
        "another"
    )  # who does so has the lock; the old holder does not know yet that it has it no more
    with pytest.raises(LaneLost):
        first.save(entries=[Entry(lane="main", kind="landing", body={})], at=1.0)
    assert [change.branch for change in first.changes()] == ["agent/a"]
    submit(anybody, "agent/b")
    submit(second, "agent/c")
    old.release()
    submit(first, "agent/d")
    assert [line.kind for line in anybody.journal()] == ["submitted"] * 4


@pytest.fixture
def project(repo: Repo) -> Repo:
    repo.write({".pointsman.yml": CONTRACT, "a.txt": "a\n"})
    repo.commit("Start")
    repo.git("switch", "-q", "-c", "agent/a")
    repo.write({"b.txt": "b\n"})
    repo.commit("Add b")
    repo.git("switch", "-q", "main")
    return repo


def run_queue(queue: LocalQueue, at: str, then: Callable[[], object]) -> None:
    """Work the queue; `then` happens when the journal has a line of the kind `at`."""

    def hear(entry: Entry) -> None:
        if entry.kind == at:
            then()

    queue.listen(hear)
    queue.loop.run(once=True)


@pytest.mark.parametrize(
    "at",
    [
        "landing",
        pytest.param("built", marks=pytest.mark.soak),
        pytest.param("passed", marks=pytest.mark.soak),
    ],
)
def test_i2_nothing_lands_once_the_turn_is_lost_and_the_next_holder_lands_it_once(
    project: Repo, database: str, cut: Callable[..., int], monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    monkeypatch.setenv("POINTSMAN_DATABASE", database)
    before = project.rev("main")
    with local_queue(Path(project.path)) as queue:
        assert isinstance(queue.submit(Submission(branch="agent/a", author="ada@example.org")), Submitted)
        assert queue.lock.acquire()
        with pytest.raises(LaneLost):
            run_queue(queue, at, lambda: cut("pointsman lanes"))
        assert project.rev("main") == before
        assert [change.state for change in queue.store.changes()] == [ChangeState.QUEUED]
        queue.stop_runs()
        queue.lock.release()
        with local_queue(Path(project.path)) as other:
            assert soon(other.lock.acquire)
            assert not queue.lock.acquire()
            run_queue(other, "", lambda: None)
    assert project.git("log", "--first-parent", "--format=%s", f"{before}..main").splitlines() == [
        "Add b (#1)"
    ]
