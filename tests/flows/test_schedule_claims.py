"""R16, R19: one holder of each resource, in threads and in processes, and a journal that tells each of them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.store.address import Address, schema_name
from pointsman.adapters.store.claims import SqlClaims
from pointsman.adapters.store.postgresql import Database
from pointsman.adapters.store.sql import SqlStore
from pointsman.adapters.store.sqlite import SqliteHome
from pointsman.core.journal import Intact, verify
from pointsman.core.queue.model import JournalLine
from pointsman.core.schedule.model import Outcome, Task
from tests.flows.schedule_worker import TASKS, give_back, take
from tests.support.postgres import TestServer

ROOT = Path(__file__).parents[2]
NEED = ("staging-db",)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[SqliteHome]:
    opened = SqliteHome.open(tmp_path / "pointsman" / "state.db")
    yield opened
    opened.close()


def journal(home: SqliteHome) -> tuple[JournalLine, ...]:
    lines = SqlStore(home).journal()
    assert isinstance(verify(lines), Intact)
    return lines


def most_at_once(lines: tuple[JournalLine, ...], resource: str) -> int:
    """The journal, replayed: how many had the resource at any moment."""
    holders: set[Any] = set()
    most = 0
    for line in lines:
        if line.kind == "claimed" and resource in line.body["resources"]:
            holders.add(line.body["claim"])
        elif line.kind == "released":
            holders.discard(line.body["claim"])
        most = max(most, len(holders))
    return most


def test_R16_of_a_hundred_claims_at_once_one_holds_the_resource(home: SqliteHome) -> None:
    tasks = tuple(Task(id=f"t{number}", role="coder", resources=NEED) for number in range(100))
    claims = SqlClaims(home)
    with ThreadPoolExecutor(100) as pool:
        rulings = list(pool.map(lambda one: take(claims, one.id, f"agent {one.id}", tasks), tasks))
    got = [ruling.claim for ruling in rulings if ruling.claim is not None]
    assert len(got) == 1
    refused = [ruling.refusal for ruling in rulings if ruling.refusal is not None]
    assert {(one.code, one.because) for one in refused} == {("resource_held", (got[0].task,))}
    assert claims.held(at=time.time()).live == (got[0],)
    assert [line.kind for line in journal(home)] == ["claimed"]


def test_R16_of_many_that_want_one_task_one_gets_it_as_often_as_it_asks(home: SqliteHome) -> None:
    free, claims = (Task(id="t", role="coder"),), SqlClaims(home)
    with ThreadPoolExecutor(20) as pool:
        rulings = list(pool.map(lambda number: take(claims, "t", f"agent {number % 20}", free), range(40)))
    got = [ruling for ruling in rulings if ruling.claim is not None]
    assert {one.claim for one in got} == {claims.claim(1)}
    assert len(got) == 2
    assert sorted(one.kind for one in got) == ["", "claimed"]


def test_R16_the_resource_goes_round_in_four_processes(home: SqliteHome) -> None:
    worker = [sys.executable, "-m", "tests.flows.schedule_worker", str(home.path), "4"]
    done = subprocess.run(worker, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    numbers = [line.split() for line in done.stdout.splitlines()]
    assert sorted(name for _, name in numbers) == sorted(task.id for task in TASKS)
    assert len({number for number, _ in numbers}) == 20
    lines = journal(home)
    assert [line.kind for line in lines] == ["claimed", "released"] * 20
    assert most_at_once(lines, "staging-db") == 1
    assert SqlClaims(home).held(at=time.time()).live == ()


@pytest.mark.soak
def test_R16_postgresql_lets_one_through_as_well(postgres: TestServer) -> None:
    tasks = tuple(Task(id=f"t{number}", role="coder", resources=NEED) for number in range(40))
    with postgres.database() as url, closing(Database.open(Address(url, source="the test's"))) as database:
        claims = SqlClaims(database.home(schema_name("a repository")))
        with ThreadPoolExecutor(20) as pool:
            rulings = list(pool.map(lambda one: take(claims, one.id, f"agent {one.id}", tasks), tasks))
        (got,) = (ruling.claim for ruling in rulings if ruling.claim is not None)
        assert claims.held([task.id for task in tasks], at=time.time()).last == {got.task: got}
        give_back(claims, got)
        assert claims.held(at=time.time()).live == ()


def test_an_expired_claim_holds_nothing_and_a_claim_reads_back_as_it_was_made(home: SqliteHome) -> None:
    claims = SqlClaims(home)
    wanted = Task(id="agent/u", role="coder", resources=NEED, modifies=("a/ü [id].py",), creates=("n/",))
    made = take(claims, wanted.id, "Ada \U0001f600", (wanted,)).claim
    assert made is not None
    assert claims.claim(made.id) == made
    assert claims.claim(99) is None
    seen = claims.held((wanted.id, "other"), at=made.expires_at - 1)
    assert (seen.live, dict(seen.last)) == ((made,), {wanted.id: made})
    late = claims.held((wanted.id,), at=made.expires_at)
    assert (late.live, dict(late.last)) == ((), {wanted.id: made})


def test_what_a_claim_ends_as_stays_with_it(home: SqliteHome) -> None:
    claims = SqlClaims(home)
    made = take(claims, "t0", "ada").claim
    assert made is not None
    give_back(claims, made)
    ended = claims.claim(made.id)
    assert ended is not None
    assert ended.outcome is Outcome.DONE
    assert ended.ended_at is not None
    last = journal(home)[-1]
    assert (last.kind, last.lane, last.body["outcome"], last.body["by"]) == (
        "released",
        "main",
        "done",
        "ada",
    )
