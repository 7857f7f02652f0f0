"""Wake-ups over procrastinate: who hears them, that doubles collapse, and that a dead worker's job begins anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg
import pytest

from pointsman.adapters.replicas.wakeups import Wakeups, prepare, queue_of
from tests.replicas.conftest import Opener


class Replica:
    """One replica, and what it heard."""

    def __init__(self, opened: Opener) -> None:
        self.heard: list[str] = []
        self.wakeups = Wakeups(opened(), self.heard.append)


@pytest.fixture
def replica(opened: Opener) -> Iterator[Callable[[], Replica]]:
    with ExitStack() as stack:

        def start() -> Replica:
            made = Replica(opened)
            stack.enter_context(closing(made.wakeups))
            return made

        yield start


@contextmanager
def jobs(opened: Opener, database: str) -> Iterator[Callable[[str], list[str]]]:
    """The states of the jobs of a repository, as another program reads them."""
    schema = prepare(opened())
    with psycopg.connect(database, autocommit=True) as connection:

        def states(name: str) -> list[str]:
            query = f"SELECT status::text FROM {schema}.procrastinate_jobs WHERE queue_name = %s ORDER BY id"  # noqa: S608
            return [state for (state,) in connection.execute(query.encode(), [queue_of(name)])]

        yield states


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def test_whoever_works_a_repository_hears_of_it_and_nobody_else(replica: Callable[[], Replica]) -> None:
    holder, other = replica(), replica()
    holder.wakeups.listen(["pointsman_r1", "é" * 200])
    other.wakeups.send("pointsman_r1")
    assert soon(lambda: "pointsman_r1" in holder.heard)
    other.wakeups.send("é" * 200)
    assert soon(lambda: "é" * 200 in holder.heard)
    holder.wakeups.send("pointsman_r1")  # itself, at once
    assert holder.heard[-1] == "pointsman_r1"
    assert other.heard == []


def test_what_nobody_works_waits_once_however_often_it_is_woken(
    replica: Callable[[], Replica], opened: Opener, database: str
) -> None:
    sender = replica()
    with jobs(opened, database) as states:
        for _ in range(3):
            threads = [threading.Thread(target=sender.wakeups.send, args=("a",)) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert soon(lambda: states("a") == ["todo"])
        holder = replica()
        holder.wakeups.listen(["a"])
        assert soon(lambda: holder.heard == ["a"])
        assert soon(lambda: states("a") == [])


@pytest.mark.parametrize("another_waits", [pytest.param(False, marks=pytest.mark.soak), True])
def test_a_wake_up_that_a_dead_process_had_begun_is_heard_by_the_next_holder(
    replica: Callable[[], Replica], opened: Opener, database: str, another_waits: bool
) -> None:
    sender = replica()
    with jobs(opened, database) as states, psycopg.connect(database, autocommit=True) as shell:
        sender.wakeups.send("a")
        assert soon(lambda: states("a") == ["todo"])
        shell.execute(f"SET search_path TO {prepare(opened())}".encode())
        shell.execute("UPDATE procrastinate_jobs SET status = 'doing'")
        if another_waits:
            sender.wakeups.send("a")
            assert soon(lambda: states("a") == ["doing", "todo"])
        holder = replica()
        holder.wakeups.listen(["a"])
        assert soon(lambda: holder.heard == ["a"] and states("a") == [])


@pytest.mark.soak
def test_it_goes_on_after_every_connection_was_cut(
    replica: Callable[[], Replica], cut: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.adapters.replicas.wakeups.AGAIN_SECONDS", 0.05)
    holder, other = replica(), replica()
    holder.wakeups.listen(["a"])
    other.wakeups.send("a")
    assert soon(lambda: "a" in holder.heard)
    cut()

    def heard_again() -> bool:
        other.wakeups.send("a")
        time.sleep(0.2)
        return len(holder.heard) > 1

    assert soon(heard_again)
