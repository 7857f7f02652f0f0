"""What every Store must do, shown on each implementation: add one by adding an opener to OPENERS."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pointsman.adapters.store.address import Address, schema_name
from pointsman.adapters.store.postgresql import Database
from pointsman.adapters.store.sql import SqlStore
from pointsman.adapters.store.tables import metadata
from pointsman.core.bounds import BOUNDS
from pointsman.core.journal import GENESIS, Intact, verify
from pointsman.core.model import Sha
from pointsman.core.queue.model import (
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Entry,
    Healed,
    LaneState,
    Member,
    Reason,
    RecordedApproval,
    RecordedGrant,
    Run,
    RunState,
    Wait,
)
from pointsman.ports import Record, Store
from tests.faults.simulation.memory_store import MemoryStore
from tests.support.documents import open_document
from tests.support.postgres import TestServer

Opener = Callable[[], Store]

MEMORIES: dict[Path, MemoryStore] = {}
"""What the simulation of faults remembers with, by the folder that another home would be in."""

OPENERS: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SqlStore.open(folder / "pointsman" / "state.db"),
    "document": open_document,
    "memory": lambda folder: MEMORIES.setdefault(folder, MemoryStore()),
}
POSTGRESQL = "postgresql"

A, B, T = Sha("a" * 40), Sha("b" * 40), Sha("c" * 40)


SCHEMA = schema_name("a repository")


@pytest.fixture(scope="module")
def contract_database(postgres: TestServer) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def clean_database(contract_database: str) -> Iterator[str]:
    """The address of a database, empty after each test: making the tables anew takes longer than most tests."""
    yield contract_database
    with psycopg.connect(contract_database) as connection:
        connection.execute(f'SET search_path TO "{SCHEMA}"'.encode())
        connection.execute("ALTER TABLE journal DISABLE TRIGGER USER")
        names = ", ".join(table.name for table in metadata.sorted_tables if table.name != "ledger")
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE".encode())
        connection.execute("ALTER TABLE journal ENABLE TRIGGER USER")
        connection.execute("UPDATE ledger SET writes = 0, lines = 0, head = repeat('0', 64), holder = NULL")


@pytest.fixture(params=[*OPENERS, POSTGRESQL])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Opens the same memory each time it is called, as another process would."""
    opened: list[Store] = []
    with ExitStack() as stack:
        if request.param == POSTGRESQL:
            address = Address(request.getfixturevalue("clean_database"), source="the test's")

        def open_again() -> Store:
            if request.param == POSTGRESQL:
                database = stack.enter_context(closing(Database.open(address)))
                opened.append(SqlStore(database.home(SCHEMA)))
            else:
                opened.append(OPENERS[request.param](tmp_path))
            return opened[-1]

        yield open_again
        for store in opened:
            store.close()


@pytest.fixture
def store(opener: Opener) -> Store:
    return opener()


def make_change(**fields: Any) -> Change:
    base: dict[str, Any] = {"id": 0, "lane": "main", "branch": "agent/a", "head": A, "author": "ada"}
    return Change(**(base | {"title": "Add a thing", "submitted_at": 1_700_000_000.25} | fields))


def make_candidate(**fields: Any) -> Candidate:
    member = Member(change=1, head=A, role="builder", commit=B, tree=T)
    base: dict[str, Any] = {"id": 0, "lane": "main", "base": A, "members": (member,), "contract": "d1"}
    more = {"checks": (("tests", "d2"),), "state": CandidateState.TESTING, "created_at": 2.0}
    return Candidate(**(base | more | fields))


def make_run(**fields: Any) -> Run:
    base: dict[str, Any] = {"id": 0, "lane": "main", "candidate": None, "check": "tests", "digest": "d2"}
    more = {"commit": B, "tree": T, "attempt": 1, "state": RunState.RUNNING, "started_at": 3.0}
    return Run(**(base | more | fields))


def make_entry(kind: str = "submitted", lane: str = "main", **body: Any) -> Entry:
    return Entry(lane=lane, kind=kind, body=body)


def save_one(store: Store, record: Record, *entries: Entry) -> Any:
    (stored,) = store.save(record, entries=entries, at=5.0)
    return stored


FULL_CHANGE = make_change(
    branch="agent/\udce9\udc80",
    title="quotes ' \" \0 nul, \u202e bidi, é, 😀, \ud800 alone",
    body="two\nlines\r\n\ttab",
    worktree="/tmp/wt\udcff",
    priority=-3,
    depends_on=("12", "agent/b"),
    state=ChangeState.RETURNED,
    wait=Wait(code="busy", text="the gate is busy \udce9", key="k"),
    reason=Reason(code="red", text="é", details="<<<<<<<\n\x1b[31m", reproduce="make test"),
    landed=B,
    ended_at=1_700_000_001.125,
)
FULL_MEMBER = Member(
    change=1,
    head=A,
    role="builder",
    commit=B,
    tree=T,
    healed=Healed(strategy="reparent", summary="b follows a", seconds=0.25, proof="ran"),
)


def test_every_field_of_every_record_comes_back(opener: Opener) -> None:
    store = opener()
    change = save_one(store, FULL_CHANGE)
    candidate = save_one(
        store,
        make_candidate(
            members=(FULL_MEMBER, replace(FULL_MEMBER, change=2, healed=None)),
            checks=(("tests", "d2"), ("lint", "d3")),
            state=CandidateState.LANDING,
            reason="because \udce9",
        ),
    )
    full_run = make_run(
        candidate=candidate.id,
        change=change.id,
        probe="onto:" + A,
        state=RunState.FAILED,
        seconds=1.5,
        code="tests_failed",
        why="2 failed",
        tests=41,
        failing_test="tests/test_\udce9.py::test_a",
        signature="s",
        log="/tmp/log\udcff",
    )
    run = save_one(store, full_run)
    lane = save_one(store, LaneState(name="release/\udce9", paused="red", failures=3, resumed_at=9.5))
    approval = save_one(store, RecordedApproval(change=change.id, head=A, by="grace", at=4.5, human=True))
    grant = save_one(
        store, RecordedGrant(change=change.id, head=A, pattern="/docs/", by="grace", at=4.5, expires=9.75)
    )
    store.close()
    later = opener()
    assert change == replace(FULL_CHANGE, id=change.id)
    assert later.change(change.id) == change
    assert later.candidates("main") == (candidate,)
    assert later.runs(candidates=[candidate.id]) == (run,)
    assert run == replace(full_run, id=run.id)
    assert later.lane("release/\udce9") == lane
    assert later.approvals([change.id]) == (approval,)
    assert later.grants([change.id]) == (grant,)


@given(text=st.text(st.characters(exclude_categories=())), at=st.floats(0, 4e9), name=st.binary(max_size=9))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_and_any_time_come_back_exactly(store: Store, text: str, at: float, name: bytes) -> None:
    branch = name.decode("utf-8", "surrogateescape")
    record = make_change(title=text, branch=branch, submitted_at=at, wait=Wait(code="c", text=text, key=""))
    stored = save_one(store, record, make_entry(change="$0", title=text, branch=branch, at=at))
    if "$0" not in (text, branch):
        assert store.journal()[-1].body == {"change": stored.id, "title": text, "branch": branch, "at": at}
    found = store.change(stored.id)
    assert found is not None
    assert (found.title, found.branch, found.submitted_at) == (text, branch, at)
    assert isinstance(verify(store.journal()), Intact)


def test_new_records_get_the_next_number_and_others_are_replaced(store: Store) -> None:
    first, second = store.save(make_change(), make_change(branch="agent/b"), at=1.0)
    assert isinstance(first, Change)
    assert isinstance(second, Change)
    assert second.id == first.id + 1
    changed = save_one(store, replace(first, priority=7))
    assert store.changes() == (changed, second)
    assert store.change(99) is None


def test_an_entry_names_the_records_saved_with_it_by_place(store: Store) -> None:
    lane = LaneState(name="main", failures=1)
    body: dict[str, Any] = {
        "change": "$0",
        "changes": ["$0", {"deep": "$2"}],
        "spot": "$1",
        "text": "costs $0",
        "far": "$9",
    }
    first, _, third = store.save(
        make_change(), lane, make_change(branch="agent/b"), entries=[make_entry(**body)], at=1.0
    )
    assert isinstance(first, Change)
    assert isinstance(third, Change)
    (line,) = store.journal()
    assert line.body == body | {"change": first.id, "changes": [first.id, {"deep": third.id}]}


def test_a_save_that_fails_leaves_nothing(store: Store) -> None:
    kept = save_one(store, make_change(), make_entry(change="$0"))
    seen = store.version()
    with pytest.raises(LookupError):
        store.save(make_change(branch="agent/b"), make_run(candidate=404), entries=[make_entry()], at=1.0)
    with pytest.raises(ValueError, match="JSON"):
        store.save(make_change(branch="agent/b"), entries=[make_entry(x=float("nan"))], at=1.0)
    assert store.changes() == (kept,)
    assert len(store.journal()) == 1
    assert store.version() == seen


ENDS = [ChangeState.RETURNED, ChangeState.WITHDRAWN, ChangeState.LANDED]


@pytest.mark.parametrize("end", ENDS)
def test_I5_a_change_that_ended_stays_ended_whoever_saves_what_they_read_before(
    opener: Opener, end: ChangeState
) -> None:
    mine, theirs = opener(), opener()
    read = save_one(mine, make_change())
    theirs.version()  # a document learns of others' saves when it looks: saving on an older one is refused
    ended = save_one(theirs, replace(read, state=end, ended_at=8.0))
    mine.version()
    assert save_one(mine, replace(read, priority=5)) == ended
    assert mine.change(read.id) == ended


def test_I5_landed_replaces_another_end_and_nothing_replaces_landed(store: Store) -> None:
    change = save_one(store, make_change())
    withdrawn = save_one(store, replace(change, state=ChangeState.WITHDRAWN))
    landed = save_one(store, replace(withdrawn, state=ChangeState.LANDED, landed=B))
    assert save_one(store, replace(change, state=ChangeState.WITHDRAWN)) == landed
    assert store.change(change.id) == landed


def test_lanes_are_those_that_ever_had_a_change(store: Store) -> None:
    assert store.lanes() == ()
    for lane in ("main", "beta", "main", "zeta/é"):
        save_one(store, make_change(lane=lane))
    save_one(store, LaneState(name="other", failures=1))
    assert store.lanes() == ("beta", "main", "zeta/é")


def test_a_lane_without_a_memory_is_a_fresh_one(store: Store) -> None:
    assert store.lane("main") == LaneState(name="main")
    save_one(store, LaneState(name="main", paused="red"))
    save_one(store, LaneState(name="main", failures=2))
    assert store.lane("main") == LaneState(name="main", failures=2)
    assert store.lane("Main") == LaneState(name="Main")


def test_changes_by_lane_and_state_in_order_of_their_numbers(store: Store) -> None:
    states = [ChangeState.QUEUED, ChangeState.LANDED, ChangeState.RETURNED, ChangeState.QUEUED]
    stored = [save_one(store, make_change(state=state)) for state in states]
    other = save_one(store, make_change(lane="beta"))
    save_one(store, replace(stored[0], priority=9))
    assert [change.id for change in store.changes()] == [*(change.id for change in stored), other.id]
    assert [change.id for change in store.changes("main")] == [change.id for change in stored]
    assert [change.id for change in store.changes("main", states=[ChangeState.QUEUED])] == [
        stored[0].id,
        stored[3].id,
    ]
    ended = store.changes(states=[ChangeState.LANDED, ChangeState.RETURNED])
    assert ended == (stored[1], stored[2])
    assert store.changes("nowhere") == ()
    named = save_one(store, make_change(branch="agent/named"))
    assert store.changes("main", branch="agent/named") == (named,)
    assert store.changes("beta", branch="agent/named") == ()


def test_candidates_by_lane_and_state_in_order_of_their_numbers(store: Store) -> None:
    testing = save_one(store, make_candidate())
    failed = save_one(store, make_candidate(state=CandidateState.FAILED))
    save_one(store, make_candidate(lane="beta"))
    assert store.candidates("main") == (testing, failed)
    assert store.candidates("main", states=[CandidateState.FAILED]) == (failed,)
    assert store.candidates("main", states=[CandidateState.LANDED]) == ()


def test_runs_of_candidates_probes_of_changes_and_what_runs_now(store: Store) -> None:
    one, two = (save_one(store, make_change()) for _ in range(2))
    candidate = save_one(store, make_candidate())
    other = save_one(store, make_candidate())
    done = save_one(store, make_run(candidate=candidate.id, change=one.id, state=RunState.PASSED))
    probe = save_one(store, make_run(change=one.id, probe="alone", state=RunState.FAILED))
    save_one(store, make_run(change=two.id, probe="alone", state=RunState.FAILED))
    live = save_one(store, make_run(candidate=other.id))
    assert store.runs() == ()
    assert store.runs(candidates=[candidate.id]) == (done,)
    assert store.runs(changes=[one.id]) == (probe,)
    assert store.runs(running=True) == (live,)
    assert store.runs(candidates=[candidate.id, other.id], changes=[one.id], running=True) == (
        done,
        probe,
        live,
    )
    assert store.runs(candidates=range(10_000, 60_000)) == ()


def test_a_passed_run_counts_for_its_own_tree_and_check_only(store: Store) -> None:
    save_one(store, make_run(state=RunState.FAILED))
    assert store.passed_run(T, "d2") is None
    first, newest = (save_one(store, make_run(state=RunState.PASSED, attempt=n)) for n in (1, 2))
    save_one(store, make_run(state=RunState.CANCELLED))
    assert first != newest
    assert store.passed_run(T, "d2") == newest
    assert store.passed_run(A, "d2") is None
    assert store.passed_run(T, "d9") is None


def test_approvals_and_grants_add_up_and_are_asked_for_by_change(store: Store) -> None:
    one, two = (save_one(store, make_change()) for _ in range(2))
    first = RecordedApproval(change=one.id, head=A, by="ada", at=1.0, human=False)
    second = replace(first, head=B, human=True)
    other = replace(first, change=two.id)
    grant = RecordedGrant(change=two.id, head=A, pattern="*.md", by="ada", at=1.0, expires=2.0)
    store.save(first, second, other, grant, at=1.0)
    assert store.approvals([one.id]) == (first, second)
    assert store.approvals([two.id, one.id]) == (first, second, other)
    assert store.approvals([]) == ()
    assert store.grants([one.id]) == ()
    assert store.grants([one.id, two.id]) == (grant,)


def test_the_journal_is_one_chain_over_all_lanes_and_is_read_in_pages(store: Store) -> None:
    assert store.journal() == ()
    for number in range(6):
        store.save(
            entries=[make_entry("decided", lane="beta" if number % 3 == 0 else "main", n=number)], at=number
        )
    lines = store.journal()
    assert [line.seq for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line.at for line in lines] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert lines[0].previous == GENESIS
    assert verify(lines) == Intact(count=6, head=lines[-1].hash)
    assert store.journal(after=4) == lines[4:]
    assert store.journal(limit=2) == lines[:2]
    assert [line.body["n"] for line in store.journal(lane="beta")] == [0, 3]
    assert [line.seq for line in store.journal(after=1, lane="main", limit=2)] == [2, 3]
    assert store.journal(after=6) == ()


def test_the_version_grows_with_every_write_of_anybody_and_only_then(opener: Opener) -> None:
    mine, theirs = opener(), opener()
    seen = mine.version()
    mine.changes()
    mine.journal()
    assert mine.version() == seen
    save_one(theirs, LaneState(name="main"))
    after_theirs = mine.version()
    store_only = mine.save(entries=[make_entry()], at=1.0)
    assert store_only == ()
    assert seen < after_theirs < mine.version() == theirs.version()


def test_threads_may_share_a_store(store: Store) -> None:
    def work(name: int) -> None:
        for number in range(5):
            save_one(store, make_change(branch=f"t{name}/{number}"), make_entry(change="$0"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({change.branch for change in store.changes()}) == 20
    lines = store.journal()
    assert [line.body["change"] for line in lines] == [change.id for change in store.changes()]
    assert isinstance(verify(lines), Intact)


def test_what_ended_goes_beyond_its_bound_and_what_is_queued_or_running_stays(store: Store) -> None:
    if not isinstance(store, SqlStore):
        pytest.skip("it lives as long as a simulation and keeps everything")
    bounds = replace(BOUNDS, changes=2, candidates=2, runs=2)
    store.save(make_change(), make_candidate(), at=1.0)
    store.save(make_run(candidate=1), at=1.0)
    for number in range(2, 8):
        ended = make_change(branch=f"agent/{number}", state=ChangeState.LANDED, ended_at=float(number))
        store.save(ended, make_candidate(state=CandidateState.LANDED), at=1.0)
        store.save(make_run(candidate=number, state=RunState.PASSED), at=1.0)
    while store.attic().forget(bounds):
        pass
    assert [one.id for one in store.changes()] == [1, 6, 7]
    assert [one.id for one in store.candidates("main")] == [1, 6, 7]
    assert [one.id for one in store.runs(candidates=range(1, 8))] == [1, 6, 7]
