"""The lane as a document on a ref: races are lost cleanly, old ends are cut, odd documents are refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.store import rows
from pointsman.adapters.store.document import FILE, STATE_REF, DocumentStore, LaneTaken
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import verify
from pointsman.core.queue.model import CandidateState, Change, ChangeState, Note, Run, RunState
from pointsman.ports import PushRefused
from tests.contract.test_store import make_candidate, make_change, make_entry, make_run, save_one
from tests.support.documents import disk_remote, open_document
from tests.support.repo import Repo


def remote_repo(folder: Path) -> Repo:
    return disk_remote(folder).remote


def document(folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(remote_repo(folder).show(STATE_REF, FILE))
    return value


def put(folder: Path, content: str | bytes, name: str = FILE) -> None:
    """Somebody writes the ref by hand."""
    repo = remote_repo(folder)
    blob = repo.git("hash-object", "-w", "--stdin", input=content)
    tree = repo.git("mktree", input=f"100644 blob {blob}\t{name}\n")
    repo.git("update-ref", STATE_REF, repo.git("commit-tree", "-m", "by hand", tree))


def test_nothing_is_written_before_the_first_save(tmp_path: Path) -> None:
    open_document(tmp_path).close()
    assert remote_repo(tmp_path).git("for-each-ref") == ""


def test_every_save_is_a_commit_on_the_one_before(tmp_path: Path) -> None:
    store = open_document(tmp_path)
    save_one(store, make_change(), make_entry("submitted"))
    save_one(store, make_change(branch="agent/b"), make_entry("decided"))
    log = remote_repo(tmp_path).git("log", "--format=%s|%an|%at", STATE_REF).splitlines()
    assert log == ["decided (main)|Pointsman|5", "submitted (main)|Pointsman|5"]


def test_of_two_runs_one_loses_with_nothing_saved_anywhere(tmp_path: Path) -> None:
    mine, theirs = open_document(tmp_path), open_document(tmp_path)
    kept = save_one(theirs, make_change(branch="theirs"), make_entry("theirs"))
    with pytest.raises(LaneTaken, match="another run has the lane"):
        mine.save(make_change(branch="mine"), entries=[make_entry("mine")], at=1.0)
    assert mine.changes() == ()
    assert mine.journal() == ()
    later = open_document(tmp_path)
    assert later.changes() == (kept,)
    assert [line.kind for line in later.journal()] == ["theirs"]


def test_who_has_looked_again_saves_on_what_the_other_saved(tmp_path: Path) -> None:
    mine, theirs = open_document(tmp_path), open_document(tmp_path)
    save_one(theirs, make_change(branch="theirs"), make_entry("theirs"))
    mine.version()
    save_one(mine, make_change(branch="mine"), make_entry("mine"))
    assert [change.branch for change in mine.changes()] == ["theirs", "mine"]
    assert [change.id for change in mine.changes()] == [1, 2]
    assert verify(mine.journal()).count == 2  # type: ignore[union-attr]


def test_a_push_that_is_refused_saves_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    remote = disk_remote(tmp_path)
    store = DocumentStore.at(GitRepository.open(remote.mirror.path), remote, folder=tmp_path)
    remote.refusal = PushRefused(code="forbidden", why="Resource not accessible by integration")
    with pytest.raises(EnvironmentProblem, match=r"not accessible by integration.*contents: write") as caught:
        store.save(make_change(), at=1.0)
    assert not isinstance(caught.value, LaneTaken)
    assert store.changes() == ()
    remote.refusal = None
    assert save_one(store, make_change()).id == 1


def test_a_ref_that_was_deleted_under_a_run_is_no_empty_queue_for_it(tmp_path: Path) -> None:
    store = open_document(tmp_path)
    save_one(store, make_change())
    remote_repo(tmp_path).git("update-ref", "-d", STATE_REF)
    with pytest.raises(EnvironmentProblem, match="is gone"):
        store.version()


def test_what_ended_long_ago_is_cut_and_the_chain_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ENDED_KEPT", 3)
    monkeypatch.setattr(rows, "LINES_KEPT", 4)
    store = open_document(tmp_path)
    queued = save_one(store, make_change(branch="waits"), make_entry())
    live = save_one(store, make_candidate())
    green = save_one(store, make_run(candidate=live.id, change=queued.id, state=RunState.PASSED))
    for number in range(6):
        state, at = ChangeState.LANDED, float(number)
        save_one(store, make_change(branch=f"b{number}", state=state, ended_at=at), make_entry(n=number))
        old = save_one(store, make_candidate(state=CandidateState.DISCARDED))
        save_one(store, make_run(candidate=old.id, state=RunState.FAILED))
    head = store.journal_head()
    store.close()
    later = open_document(tmp_path)
    assert [change.branch for change in later.changes()] == ["waits", "b3", "b4", "b5"]
    assert [one.id for one in later.candidates("main")] == [live.id, *range(5, 8)]
    assert green in later.runs(candidates=[live.id])
    assert [line.body.get("n") for line in later.journal()] == [2, 3, 4, 5]
    assert later.journal_head() == head
    new = save_one(later, make_change(branch="new"), make_entry("next"))
    assert new.id == 8, "numbers are never given twice"
    assert later.journal()[-1].previous == head[1]


def test_a_run_that_is_under_way_keeps_the_candidate_and_the_change_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ENDED_KEPT", 1)
    store = open_document(tmp_path)
    change: Change = save_one(store, make_change(state=ChangeState.RETURNED, ended_at=1.0))
    candidate = save_one(store, make_candidate(state=CandidateState.FAILED))
    run: Run = save_one(store, make_run(candidate=candidate.id, change=change.id))
    for number in range(3):
        save_one(store, make_change(state=ChangeState.LANDED, ended_at=2.0 + number))
        save_one(store, make_candidate(state=CandidateState.DISCARDED))
    later = open_document(tmp_path)
    assert later.runs(running=True) == (run,)
    assert later.change(change.id) == change


def test_the_words_of_an_ended_change_are_shortened_and_those_of_a_queued_one_are_not(tmp_path: Path) -> None:
    store = open_document(tmp_path)
    long = "x" * 60_000
    queued = save_one(store, make_change(body=long))
    ended = save_one(store, make_change(body=long, state=ChangeState.LANDED))
    later = open_document(tmp_path)
    assert later.change(queued.id) == queued
    assert later.change(ended.id) == replace(ended, body="x" * rows.BODY_KEPT)


def test_a_document_that_would_be_too_large_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LARGEST", 20_000)
    store = open_document(tmp_path)
    kept = save_one(store, make_change())
    with pytest.raises(EnvironmentProblem, match="more than the 20000"):
        store.save(make_change(body="x" * 30_000), at=1.0)
    assert open_document(tmp_path).changes() == (kept,)


def test_notes_come_back_and_are_forgotten(tmp_path: Path) -> None:
    store = open_document(tmp_path)
    store.save(Note(key="comment:7", value="99"), Note(key="cursor", value="1"), at=1.0)
    store.save(Note(key="cursor", value=""), at=2.0)
    assert open_document(tmp_path).notes("") == {"comment:7": "99"}


def test_a_document_of_an_older_schema_is_brought_up(tmp_path: Path) -> None:
    store = open_document(tmp_path)
    save_one(store, make_change(), make_entry())
    value = document(tmp_path)
    value["schema"] = "0001"
    del value["tables"]["notes"], value["tables"]["claims"]
    newer = {
        "changes": ("number", "account", "hold", "features"),
        "candidates": ("purpose", "tested"),
        "approvals": ("account", "revoked"),
        "grants": ("account",),
        "ledger": ("holder",),
    }
    for name, columns in newer.items():
        table = value["tables"][name]
        for column in columns:
            place = table["columns"].index(column)
            for row in (table["columns"], *table["rows"]):
                del row[place]
    put(tmp_path, json.dumps(value))
    later = open_document(tmp_path)
    assert later.changes() == store.changes()
    assert later.journal() == store.journal()


def broken(**changes: Any) -> str:
    ledger = {"columns": ["id", "writes", "lines", "head"], "rows": [[1, 0, 0, "0" * 64]]}
    empty = {"format": 1, "schema": "0002", "sequences": {}, "tables": {"ledger": ledger}}
    return json.dumps(empty | changes)


def test_the_smallest_document_is_an_empty_state(tmp_path: Path) -> None:
    put(tmp_path, broken())
    assert open_document(tmp_path).changes() == ()


def tables(**more: Any) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(broken())["tables"]
    return value | more


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(broken(format=2), "newer pointsman", id="newer format"),
        pytest.param(broken(schema="9999"), "newer pointsman", id="newer schema"),
        pytest.param("", "can't be read", id="empty"),
        pytest.param("{", "can't be read", id="cut off"),
        pytest.param("[]", "can't be read", id="no object"),
        pytest.param(b"\xff\xfe", "can't be read", id="no text"),
        pytest.param("[" * 100_000, "can't be read", id="nested without end"),
        pytest.param(broken(tables={}), "can't be read", id="no ledger"),
        pytest.param(broken(tables=[]), "can't be read", id="no tables"),
        pytest.param(
            broken(tables=tables(notes={"columns": ["key"], "rows": [["a", "b"]]})),
            "can't be read",
            id="a long row",
        ),
        pytest.param(
            broken(tables=tables(notes={"columns": ["key", "value"], "rows": [["a", {"x": 1}]]})),
            "can't be read",
            id="an object in a row",
        ),
        pytest.param(
            broken(tables=tables(notes={"columns": ['key") SELECT 1; --', "value"], "rows": [["a", "b"]]})),
            "can't be read",
            id="SQL for a column",
        ),
        pytest.param(
            broken(tables=tables(notes={"columns": ["key", "nothing"], "rows": [["a", "b"]]})),
            "can't be read",
            id="a column that no table has",
        ),
        pytest.param(
            broken(tables=tables(notes={"columns": ["key", "value"], "rows": [["a", None]]})),
            "can't be read",
            id="a row that the schema refuses",
        ),
        pytest.param(
            broken(tables=tables(runs={"columns": ["id"], "rows": [[1]]})), "can't be read", id="half a run"
        ),
    ],
)
def test_a_document_that_is_not_understood_is_left_alone(
    tmp_path: Path, content: str | bytes, why: str
) -> None:
    put(tmp_path, content)
    before = remote_repo(tmp_path).rev(STATE_REF)
    with pytest.raises(EnvironmentProblem, match=why) as caught:
        open_document(tmp_path)
    assert STATE_REF in str(caught.value)
    assert remote_repo(tmp_path).rev(STATE_REF) == before
    assert list(tmp_path.glob("pointsman-state-*")) == [], "the private file is gone"


def test_a_ref_that_something_else_uses_is_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "hello", name="readme")
    with pytest.raises(EnvironmentProblem, match="something else uses this ref"):
        open_document(tmp_path)


def test_the_private_file_goes_with_the_store(tmp_path: Path) -> None:
    store = open_document(tmp_path)
    save_one(store, make_change())
    assert list(tmp_path.glob("pointsman-state-*"))
    store.close()
    assert list(tmp_path.glob("pointsman-state-*")) == []
