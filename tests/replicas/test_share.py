"""Replicas that share an app's repositories and inbox: each delivery goes to whoever works its repository."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from pointsman.adapters.replicas import share as module
from pointsman.adapters.replicas.share import Share
from pointsman.adapters.store import inbox_grouped
from pointsman.adapters.store.inbox_postgresql import PostgresInbox
from pointsman.core.errors import EnvironmentProblem, LaneLost
from pointsman.core.hints import Delivery
from tests.replicas.conftest import Opener

DAY = 86400.0
KNOWN = (1, 2, 3)


def delivery(
    name: str, repository: int | None = None, *, at: float = 0.0, payload: bytes = b"{}"
) -> Delivery:
    return Delivery(id=name, event="push", repository=repository, payload=payload, received_at=at)


def ids(found: tuple[Delivery, ...]) -> list[str]:
    return [each.id for each in found]


@pytest.fixture
def inbox(opened: Opener) -> Iterator[PostgresInbox]:
    with closing(PostgresInbox.open(opened())) as inbox:
        yield inbox


def test_deliveries_come_back_as_they_were_once_and_in_order(inbox: PostgresInbox, opened: Opener) -> None:
    given = [delivery("c", 2**62, at=3.0, payload=b"\0\xff"), delivery("a", at=1.0), delivery("b", 7, at=2.0)]
    with closing(PostgresInbox.open(opened())) as other:
        assert [inbox.add(each) for each in given] == [True] * 3
        assert not other.add(given[0])
        assert other.pending(now=10.0) == tuple(given)
        assert other.pending(now=10.0, limit=2) == tuple(given[:2])
        assert other.size() == (3, 1.0)
        inbox.done("c", at=4.0)
        assert not other.add(given[0])
        assert ids(other.pending(now=10.0)) == ["a", "b"]


def test_what_fails_waits_and_is_put_aside_in_the_end_until_it_is_sent_again(inbox: PostgresInbox) -> None:
    inbox.add(delivery("a"))
    assert inbox.later("a", at=100.0, why="a 502\0\ud800")
    assert ids(inbox.pending(now=99.0)) == []
    assert ids(inbox.pending(now=100.0)) == ["a"]
    assert [inbox.later("a", at=1.0, why="no") for _ in range(9)] == [True] * 8 + [False]
    assert inbox.size() == (0, 0.0)
    assert inbox.add(delivery("a", at=2.0))
    assert inbox.later("a", at=3.0, why="once more")


def test_ids_are_forgotten_and_failures_are_bounded(
    inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_grouped, "TRIES", 1)
    monkeypatch.setattr(inbox_grouped, "ASIDE_ROWS", 1)
    for name in ("worked", "failed", "failed later"):
        inbox.add(delivery(name))
    inbox.done("worked", at=0.0)
    assert not inbox.later("failed", at=0.0, why="no")
    assert not inbox.later("failed later", at=1.0, why="no")
    assert not inbox.add(delivery("worked", at=6 * DAY))
    inbox.add(delivery("next", at=8 * DAY))
    assert inbox.add(delivery("worked", at=8 * DAY))
    assert inbox.add(delivery("failed", at=8 * DAY))
    assert ids(inbox.pending(now=9 * DAY)) == ["next", "worked", "failed"]


@pytest.mark.soak
def test_a_crowd_shares_commits_and_each_hears_its_own_answer(inbox: PostgresInbox) -> None:
    news: list[tuple[str, bool]] = []

    def add(share: int) -> None:
        for n in range(20):
            name = f"d{n}" if share % 2 else f"d{share}-{n}"
            news.append((name, inbox.add(delivery(name))))

    threads = [threading.Thread(target=add, args=(share,)) for share in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    new = [name for name, is_new in news if is_new]
    assert sorted(new) == sorted({name for name, _ in news})
    assert sorted(new) == sorted(ids(inbox.pending(now=1.0, limit=1000)))


def test_a_cut_connection_is_told_of_and_made_again(inbox: PostgresInbox, cut: Callable[..., int]) -> None:
    inbox.add(delivery("before"))
    cut()
    with pytest.raises(EnvironmentProblem, match="can't be reached"):
        inbox.add(delivery("lost"))
    assert inbox.add(delivery("lost"))
    assert inbox.size()[0] == 2


class Replica:
    """One replica's share, and how often it was woken."""

    def __init__(self, opened: Opener, bell: threading.Event) -> None:
        self.bell = bell
        self.share = Share(opened(), bell.set)


@pytest.fixture
def replica(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Replica]]:
    monkeypatch.setattr(module, "TAKE_SECONDS", 0.0)
    with ExitStack() as stack:

        def start() -> Replica:
            made = Replica(opened, threading.Event())
            stack.enter_context(closing(made.share))
            return made

        yield start


def soon(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


def test_i2_repositories_are_shared_without_overlap_and_those_of_a_lost_replica_are_taken_over(
    replica: Callable[[], Replica], cut: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAKEN_AT_ONCE", 2)
    first, second = replica().share, replica().share
    assert first.mine(KNOWN) == {1, 2}
    assert second.mine(KNOWN) == {3}
    assert first.mine(KNOWN) == {1, 2}
    store, turn = first.open(1)
    with pytest.raises(LaneLost):
        second.open(1)
    cut("pointsman lanes")  # both
    with pytest.raises(LaneLost):
        turn.check()
    with pytest.raises(EnvironmentProblem, match="can't be reached"):
        second.mine(KNOWN)  # that is how it learns of it
    assert soon(lambda: second.mine(KNOWN) == {1, 2, 3})
    second.open(1)
    with pytest.raises(LaneLost):
        store.save(at=1.0)
    assert first.mine(KNOWN) == frozenset()


def test_a_delivery_is_worked_by_whoever_works_its_repository_and_wakes_it(
    replica: Callable[[], Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TAKEN_AT_ONCE", 2)
    first, second = replica(), replica()
    assert first.share.mine(KNOWN) == {1, 2}
    assert second.share.mine(KNOWN) == {3}
    time.sleep(0.1)
    first.bell.clear()
    assert second.share.add(delivery("one", 1))
    assert first.bell.wait(20)
    assert first.share.add(delivery("three", 3))
    assert second.bell.wait(20)
    first.bell.clear()
    assert second.share.add(delivery("new", 99))
    assert second.share.add(delivery("none"))
    assert first.bell.wait(20)  # it took the app's own turn first
    assert ids(first.share.pending(now=1.0)) == ["one", "new", "none"]
    assert ids(second.share.pending(now=1.0)) == ["three"]
    assert first.share.size() == second.share.size() == (4, 0.0)


def test_a_repository_that_a_replica_stumbles_on_is_left_to_others(
    replica: Callable[[], Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = replica().share, replica().share
    assert first.mine([1]) == {1}
    first.give_up(1)
    assert first.mine([1]) == frozenset()
    assert second.mine([1]) == {1}
