"""Nothing grows without bound: each part is filled beyond its limit, kept up, and what matters is still there."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.caches import ParseResults
from pointsman.adapters.gates.logs import RunFiles
from pointsman.adapters.store import archive, inbox_grouped
from pointsman.adapters.store.attic import SqlAttic
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.bounds import BOUNDS, Bounds
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery
from pointsman.core.journal import Broken, Intact, verify
from pointsman.core.model import Sha
from pointsman.core.queue.model import (
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Entry,
    Member,
    Note,
    RecordedApproval,
    Run,
    RunState,
)
from pointsman.service.migrations import Reader
from pointsman.service.pull_desk import FORGOTTEN
from pointsman.service.upkeep import STAMP, Upkeep
from pointsman.wiring import local_queue
from tests.flows.world import World

SMALL = Bounds(
    changes=5,
    candidates=5,
    runs=5,
    claims=5,
    notes=5,
    asked_heads=2,
    reviews=5,
    journal=10,
    segment=10,
    logs=5,
    log_bytes=1000,
    pins=5,
)
A = Sha("a" * 40)
ENDED = 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    with closing(SqlStore.open(tmp_path / "state" / "state.db")) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def change(number: int, state: ChangeState = ChangeState.LANDED, **more: object) -> Change:
    made = Change(
        id=0,
        lane="main",
        branch=f"agent/{number}",
        head=Sha(f"{number:040x}"),
        author="ada",
        title="t",
        submitted_at=float(number),
        state=state,
        ended_at=None if state is ChangeState.QUEUED else 1000.0 + number,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def candidate(members: list[int], state: CandidateState, at: float = 0.0) -> Candidate:
    joined = tuple(Member(change=one, head=A, role="coder", commit=A, tree=A) for one in members)
    checks = (("unit", "d"),)
    return Candidate(
        id=0,
        lane="main",
        base=A,
        members=joined,
        contract="c",
        checks=checks,
        state=state,
        created_at=at,
    )


def run(candidate: int | None, change: int | None, state: RunState = RunState.PASSED) -> Run:
    return Run(
        id=0,
        lane="main",
        candidate=candidate,
        change=change,
        check="unit",
        digest="d",
        commit=A,
        tree=A,
        attempt=1,
        state=state,
        started_at=1.0,
    )


def fill(store: SqlStore) -> None:
    """Old ends, each with a candidate, a run and an approval. #1 is queued since ever, with evidence and a probe, #2 is
    what it depends on, and what is tested now is as old as they are."""
    store.save(change(1, ChangeState.QUEUED, depends_on=("agent/2",)), change(2), at=1.0)
    store.save(candidate([1], CandidateState.FAILED, 2.0), candidate([1, 2], CandidateState.TESTING), at=1.0)
    store.save(run(1, 1, RunState.FAILED), run(2, None, RunState.RUNNING), run(None, 1), at=1.0)
    for number in range(3, 3 + ENDED):
        store.save(change(number), candidate([number], CandidateState.LANDED), at=2.0)
        approval = RecordedApproval(change=number, head=A, by="lead", at=1.0, human=True)
        store.save(run(number, None), run(None, number), approval, at=2.0)


def test_rows_of_what_has_ended_go_and_what_is_queued_live_or_evidence_stays(store: SqlStore) -> None:
    fill(store)
    while store.attic().forget(SMALL):
        pass
    newest = [*range(ENDED - 2, ENDED + 3)]
    assert [one.id for one in store.changes()] == [1, 2, *newest]
    assert [one.id for one in store.candidates("main")][:2] == [1, 2]
    assert len(store.candidates("main")) <= 2 + SMALL.candidates + SMALL.runs
    runs = store.runs(candidates=range(1, 50), changes=range(1, 50), running=True)
    assert [one.id for one in runs][:3] == [1, 2, 3]
    assert len(runs) == 3 + SMALL.runs
    assert {one.change for one in store.approvals(range(1, 50))} == set(newest)
    assert store.attic().forget(SMALL) == {}


def test_a_cut_anywhere_in_forgetting_leaves_a_state_that_reads_and_goes_on(store: SqlStore) -> None:
    """Every piece is a transaction, and none may leave a row that names one that is gone."""
    fill(store)
    while store.attic().forget(SMALL):
        with closing(sqlite3.connect(_file(store))) as database:
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert {one.id for one in store.changes(states=(ChangeState.QUEUED,))} == {1}
        assert {one.id for one in store.runs(running=True)} == {2}


def test_claims_that_ended_go_and_open_ones_stay(store: SqlStore) -> None:
    with closing(sqlite3.connect(_file(store))) as database, database:
        rows = [(f"t{number}", None if number == 0 else 1.0) for number in range(ENDED)]
        database.executemany(
            "INSERT INTO claims (task, role, holder, branch, resources, modifies, creates, status, claimed_at, "
            "expires_at, ended_at) VALUES (?, 'coder', 'ada', '', '[]', '[]', '[]', 'ready', 1.0, 2.0, ?)",
            rows,
        )
    store.attic().forget(SMALL)
    with closing(sqlite3.connect(_file(store))) as database:
        left = [row[0] for row in database.execute("SELECT task FROM claims ORDER BY id")]
    assert left == ["t0", *(f"t{number}" for number in range(ENDED - SMALL.claims, ENDED))]


def tell(store: SqlStore, count: int) -> None:
    for number in range(count):
        store.save(
            entries=[Entry(lane="main", kind="built", body={"candidate": number, "é": "\ud800"})], at=1.5
        )


def archive_all(store: SqlStore) -> None:
    while store.attic().archive(SMALL, at=2.0):
        pass


def test_R53_the_journal_is_archived_by_segments_and_reads_and_verifies_as_before(store: SqlStore) -> None:
    tell(store, 45)
    before = store.journal()
    archive_all(store)
    with closing(sqlite3.connect(_file(store))) as database:
        held = database.execute("SELECT count(*) FROM journal").fetchone()[0]
    assert held < SMALL.journal + SMALL.segment
    assert store.journal()[: len(before)] == before
    assert isinstance(verify(store.journal()), Intact)
    assert store.journal(after=7, limit=5) == before[7:12]
    assert store.journal(after=18, lane="main", limit=30)[:20] == before[18:38]
    assert store.journal_head() == (store.journal()[-1].seq, store.journal()[-1].hash)


def test_R53_the_rest_verifies_alone_once_the_oldest_segments_are_kept_elsewhere(store: SqlStore) -> None:
    tell(store, 45)
    archive_all(store)
    segments = sorted((_file(store).parent / "journal").iterdir())
    segments[0].unlink()
    assert verify(store.journal()) == Intact(count=48, head=store.journal()[-1].hash, first=11)
    shutil.rmtree(segments[0].parent)
    outcome = verify(store.journal())
    assert isinstance(outcome, Intact)
    assert outcome.first == 31


def test_R53_a_line_edited_in_a_segment_or_a_segment_gone_from_the_middle_is_found(store: SqlStore) -> None:
    tell(store, 45)
    archive_all(store)
    first, second, _ = sorted((_file(store).parent / "journal").iterdir())
    lines = list(store.journal(limit=10))
    forged = [*lines[:4], replace(lines[4], kind="landed"), *lines[5:]]
    archive.write_segment(_file(store), forged)
    assert verify(store.journal()) == Broken(seq=5, why="its content does not match its hash")
    archive.write_segment(_file(store), lines)
    second.unlink()
    outcome = verify(store.journal())
    assert isinstance(outcome, Broken)
    assert outcome.seq == 11
    first.write_bytes(b"no gzip")
    with pytest.raises(EnvironmentProblem, match="can't be read"):
        store.journal()


def test_R53_lines_cut_off_the_beginning_without_an_archive_are_found(store: SqlStore) -> None:
    tell(store, 5)
    with closing(sqlite3.connect(_file(store))) as database, database:
        database.execute("DROP TRIGGER journal_no_delete")
        database.execute("DELETE FROM journal WHERE seq <= 2")
    assert verify(store.journal()) == Broken(seq=1, why="the line is missing; the next one there is 3")


def test_a_kill_between_writing_a_segment_and_taking_its_lines_out_doubles_nothing(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(store, 25)
    before = store.journal()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("pointsman.adapters.store.attic._take_out", killed)
        with pytest.raises(KeyboardInterrupt):
            store.attic().archive(SMALL, at=2.0)
    assert store.journal() == before
    assert store.attic().archive(SMALL, at=2.0) == SMALL.segment
    assert store.journal()[:25] == before
    with pytest.raises(EnvironmentProblem), closing(sqlite3.connect(_file(store))) as database:
        try:
            database.execute("DELETE FROM journal")
        except sqlite3.IntegrityError as refused:
            raise EnvironmentProblem(str(refused)) from refused


def test_a_journal_that_was_tampered_with_is_not_archived(store: SqlStore) -> None:
    tell(store, 25)
    with closing(sqlite3.connect(_file(store))) as database, database:
        database.execute("DROP TRIGGER journal_no_update")
        database.execute("UPDATE journal SET kind = 'landed' WHERE seq = 3")
    with pytest.raises(EnvironmentProblem, match="line 3"):
        store.attic().archive(SMALL, at=2.0)
    assert not (_file(store).parent / "journal").exists()


def test_logs_and_results_beyond_the_bound_go_oldest_first_and_those_in_use_stay(tmp_path: Path) -> None:
    for number in range(1, 11):
        for name in (f"logs/{number}.log", f"results/{number}.json"):
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * 10)
            os.utime(path, (number, number))
    files = RunFiles(root=tmp_path, bounds=SMALL)
    assert files.tidy({1}, now=100.0) == 8
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == sorted(
        f"{number}.log" for number in (1, *range(6, 11))
    )
    (tmp_path / "logs/10.log").write_bytes(b"x" * 990)
    files.tidy({1}, now=100.0)
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["1.log", "10.log"]


def test_parse_results_of_too_many_repositories_go_and_so_do_drafts_that_were_left(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number:08x}-7").write_bytes(b"x" * 10)
        os.utime(tmp_path / f"{number:08x}-7", (5000 + number, 5000 + number))
    (tmp_path / "00000009-7.4711").write_bytes(b"draft")
    os.utime(tmp_path / "00000009-7.4711", (1000, 1000))
    removed = ParseResults(folder=tmp_path, files=5).tidy((), now=6000.0)
    assert removed == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{number:08x}-7" for number in range(5, 10)]


def test_notes_of_long_ago_go_and_those_of_changes_that_may_return_stay(world: World) -> None:
    with local_queue(world.path) as queue:
        assert isinstance(queue.store, SqlStore)
        fill(queue.store)
        for number in range(8):
            queue.store.save(
                Note(key=f"did:{number}", value="1"), Note(key=f"review:{number}", value="a" * 40), at=1.0
            )
        for number in (1, 4, ENDED + 2):
            queue.store.save(Note(key=f"healer:{number:040x}:tree", value="{}"), at=1.0)
        Upkeep(
            store=queue.store,
            attic=queue.store.attic(),
            pins=queue.loop.performer.pins,
            clock=queue.loop.clock,
            bounds=SMALL,
        ).run()
        assert set(queue.store.notes("did:")) == {f"did:{number}" for number in range(3, 8)}
        assert set(queue.store.notes("review:")) == {f"review:{number}" for number in range(3, 8)}
        assert queue.store.note(FORGOTTEN) == "2"
        kept = [key.split(":")[1] for key in queue.store.notes("healer:")]
        assert kept == [f"{number:040x}" for number in (1, ENDED + 2)]


def test_an_hour_after_the_last_a_run_keeps_the_repository_up_and_the_queue_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = replace(SMALL, journal=3, segment=3)
    monkeypatch.setattr("pointsman.wiring.local.BOUNDS", bounds)
    world.branch("agent/one", {"one.txt": "x\n"})
    world.land("agent/one")
    folder = world.path / ".git/pointsman"
    with local_queue(world.path) as queue:
        started = float(queue.store.note(STAMP) or 0)
        assert started > 0
        queue.store.save(Note(key=STAMP, value=str(started - 3601)), at=1.0)
    for number in range(900, 910):
        (folder / f"logs/{number}.log").touch()
        world.repo.git("update-ref", f"refs/pointsman/changes/{number}", "main")
    world.branch("agent/more", {"more.txt": "x\n"})
    world.submit("agent/more")
    with local_queue(
        world.path, contract_needed=False
    ) as queue:  # `work` looks for every line in the state file
        queue.loop.run(once=True)
        assert float(queue.store.note(STAMP) or 0) >= started
    assert world.states()["agent/more"] == "landed"
    assert world.cli("log", "--verify", "--json").json["intact"]
    assert "agent/one" in world.cli("log", "--change", "1").out
    assert list((folder / "journal").iterdir())
    assert len(list((folder / "logs").iterdir())) <= bounds.logs + 1
    assert len(world.repo.git("for-each-ref", "refs/pointsman/").splitlines()) <= bounds.pins + 2


def test_doctor_says_of_each_part_how_much_there_may_be_and_what_to_do_above(world: World) -> None:
    folder = world.path / ".git/pointsman"
    world.work()
    (folder / "logs").mkdir()
    with (folder / "logs/1.log").open("wb") as file:
        file.truncate(BOUNDS.log_bytes + 1)
    told = world.cli("doctor", "--json")
    found = {one["name"]: one for one in json.loads(told.out)["findings"]}
    parts = {
        "journal",
        "state file",
        "changes",
        "candidates",
        "runs",
        "archived",
        "logs",
        "results",
        "refs",
        "cache",
    }
    assert parts <= found.keys()
    assert found["journal"]["most"] == BOUNDS.journal + BOUNDS.segment
    assert found["logs"]["size"] > found["logs"]["most_bytes"] == BOUNDS.log_bytes
    assert "upkeep" in found["logs"]["mend"]
    assert "2.0 GB of 2.0 GB" in world.cli("doctor").out


def _file(store: SqlStore) -> Path:
    attic = store.attic()
    assert isinstance(attic, SqlAttic)
    file = attic.home.file
    assert file is not None
    return file


def test_ids_of_worked_deliveries_go_beyond_their_bound_and_what_waits_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_grouped, "DONE_ROWS", 5)
    monkeypatch.setattr(inbox_grouped, "PRUNE_ROWS", 4)
    with closing(SqlInbox.open(tmp_path / "inbox.db")) as kept:
        for number in range(20):
            kept.add(delivery(f"id{number}", at=10.0))
            if number:
                kept.done(f"id{number}", at=10.0 + number)
        for again in range(5):  # a piece at a time, seconds apart
            kept.add(delivery(f"later{again}", at=4000.0 + 2 * again))
        assert not kept.add(delivery("id19", at=4100.0))
        assert kept.add(delivery("id1", at=4100.0))
        assert kept.pending(now=5000.0)[0].id == "id0"
    with closing(sqlite3.connect(tmp_path / "inbox.db")) as database:
        assert database.execute("SELECT count(*) FROM deliveries WHERE state = 'done'").fetchone() == (5,)


def delivery(id: str, *, at: float) -> Delivery:
    return Delivery(id=id, event="push", repository=7, payload=b"{}", received_at=at)


def test_a_running_queue_remembers_a_bounded_number_of_trees_settings_and_contracts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.service.migrations.MOST_LAYOUTS", 2)
    monkeypatch.setattr("pointsman.service.migrations.MOST_CONFIGS", 2)
    monkeypatch.setattr("pointsman.service.observe.MOST_CONTRACTS", 2)
    with local_queue(world.path) as queue:
        reader, observer = Reader(git=queue.git), queue.loop.observer
        for number in range(5):
            world.branch(
                f"agent/{number}", {"alembic.ini": f"# {number}\n", ".pointsman.yml": f"version: {number}\n"}
            )
            commit = queue.git.resolve(f"agent/{number}")
            reader.layouts(queue.git.tree_of(commit))
            observer.read_contract(commit)
        assert len(reader._layouts) == 2
        assert len(reader._configs) <= 3
        assert len(observer._contracts) <= 2
