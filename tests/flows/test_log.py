"""`pointsman log` as a user meets it: the story of a queue in words, as JSON, live, and verified."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman.adapters.store.sql import SqlStore
from pointsman.cli.main import cli
from pointsman.core.model import Sha
from pointsman.core.queue.model import Change, ChangeState, Entry
from tests.support.repo import Repo

TIP = Sha("abcdef0123" * 4)


@pytest.fixture
def state(repo: Repo) -> Path:
    return repo.path / ".git" / "pointsman" / "state.db"


@pytest.fixture
def store(state: Path) -> Iterator[SqlStore]:
    store = SqlStore.open(state)
    yield store
    store.close()


def submit(store: SqlStore, branch: str, *, lane: str = "main", title: str = "A thing", **fields: Any) -> int:
    change = Change(
        id=0, lane=lane, branch=branch, head=TIP, author="ada", title=title, submitted_at=1.0, **fields
    )
    body = {"change": "$0", "branch": branch, "author": "ada", "title": title}
    (stored,) = store.save(change, entries=[Entry(lane=lane, kind="submitted", body=body)], at=1.0)
    assert isinstance(stored, Change)
    return stored.id


def tell(store: SqlStore, kind: str, *, lane: str = "main", **body: Any) -> None:
    store.save(entries=[Entry(lane=lane, kind=kind, body=body)], at=2.0)


@pytest.fixture
def queue(store: SqlStore) -> SqlStore:
    """Two changes on main, one on beta; the first landed, the second was returned."""
    submit(store, "agent/a", state=ChangeState.LANDED)
    submit(store, "agent/b", state=ChangeState.RETURNED)
    submit(store, "agent/c", lane="beta")
    tell(store, "built", candidate=1, changes=[1], commit=TIP)
    tell(store, "run_ended", candidate=1, check="tests", state="passed", seconds=1.25, why="")
    tell(store, "landed", candidate=1, changes=[1], branches=["agent/a"], commit=TIP)
    tell(store, "returned", change=2, branch="agent/b", text="check 'tests' failed")
    return store


def log(repo: Repo, *args: str) -> Result:
    return CliRunner().invoke(cli, ["log", "-C", str(repo.path), *args], standalone_mode=False)


def test_a_person_reads_what_happened_to_whom_and_why(repo: Repo, queue: SqlStore) -> None:
    lines = log(repo, "-n", "4").stdout.splitlines()
    assert [line.split("  ", 1)[1] for line in lines] == [
        "main  built      candidate 1 of #1 at abcdef0123",
        "main  checked    tests passed on candidate 1 after 1.2 s",
        "main  landed     #1 agent/a as abcdef0123",
        "main  returned   #2 agent/b: check 'tests' failed",
    ]


FILTERS: list[tuple[list[str], list[int]]] = [
    ([], [1, 2, 3, 4, 5, 6, 7]),
    (["--lane", "beta"], [3]),
    (["--change", "1"], [1, 4, 5, 6]),
    (["--change", "2"], [2, 7]),
    (["-n", "2"], [6, 7]),
    (["-n", "1", "--change", "1"], [6]),
    (["-n", "0"], []),
    (["-n", "99"], [1, 2, 3, 4, 5, 6, 7]),
    (["--change", "99"], []),
]


@pytest.mark.parametrize(("options", "expected"), FILTERS, ids=[" ".join(row[0]) or "all" for row in FILTERS])
def test_json_holds_the_whole_lines_that_were_asked_for(
    repo: Repo, queue: SqlStore, options: list[str], expected: list[int]
) -> None:
    lines = json.loads(log(repo, "--json", *options).stdout)["lines"]
    assert [line["seq"] for line in lines] == expected
    for line in lines:
        assert set(line) == {"seq", "at", "lane", "kind", "body", "previous", "hash"}


def test_a_repository_without_a_queue_gets_a_kind_word(repo: Repo) -> None:
    plain = log(repo)
    assert (plain.return_value, plain.stdout) == (0, "")
    assert "nothing was submitted" in plain.stderr
    assert json.loads(log(repo, "--json").stdout) == {"lines": []}


def test_R53_verify_says_how_many_lines_and_the_head(repo: Repo, queue: SqlStore) -> None:
    head = queue.journal()[-1].hash
    told = log(repo, "--verify")
    assert (told.return_value, told.stdout) == (0, f"intact: 7 lines, head {head}\n")
    told = json.loads(log(repo, "--verify", "--json").stdout)
    assert told == {"intact": True, "first": 1, "count": 7, "head": head}


FORGERIES = [
    ("edited", "UPDATE journal SET body = replace(body, 'failed', 'passed') WHERE seq = 7", "line 7"),
    ("cut out", "DELETE FROM journal WHERE seq = 4", "line 4"),
    ("tail cut off", "DELETE FROM journal WHERE seq = 7", "line 7"),
    ("all cut off", "DELETE FROM journal", "line 1"),
]


@pytest.mark.parametrize(
    ("statement", "named"), [row[1:] for row in FORGERIES], ids=[row[0] for row in FORGERIES]
)
def test_R53_verify_names_the_first_line_that_is_wrong(
    repo: Repo, queue: SqlStore, state: Path, statement: str, named: str
) -> None:
    shell = sqlite3.connect(state)
    shell.executescript(
        f"DROP TRIGGER journal_no_update; DROP TRIGGER journal_no_delete; {statement}; SELECT 1;"
    )
    shell.close()
    told = log(repo, "--verify")
    assert told.return_value == 1
    assert f"broken at {named}:" in told.stdout
    as_json = log(repo, "--verify", "--json")
    assert as_json.return_value == 1
    assert json.loads(as_json.stdout)["intact"] is False
    assert log(repo).return_value == 0


def test_no_title_can_move_the_cursor_or_hide_a_line(repo: Repo, store: SqlStore) -> None:
    submit(store, "agent/\udce9", title="\x1b[2J\x1b[31mred\r\u202egnp.exe\nsecond \x9b line é")
    (line,) = log(repo).stdout.splitlines()
    assert line.endswith("\\x1b[2J\\x1b[31mred\\r\\u202egnp.exe\\nsecond \\x9b line é")
    assert "agent/\\udce9" in line
    assert log(repo, "--json").return_value == 0


def test_a_line_of_another_version_or_a_forger_is_shown_as_it_stands(repo: Repo, store: SqlStore) -> None:
    tell(store, "teleported", change=3, where="main")
    tell(store, "landed", changes="all", branches=7, commit=None)
    tell(store, "built", healed=["x", {}], changes=None)
    tell(store, "run_ended", seconds="soon", probe=3)
    shown = log(repo)
    assert shown.return_value == 0
    assert "teleported change=3 where=main" in shown.stdout.splitlines()[0]


@pytest.mark.parametrize("options", [["--verify", "--lane", "main"], ["--follow", "--json"]], ids=" ".join)
def test_options_that_contradict_each_other_are_a_usage_error(repo: Repo, options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pointsman", "log", "-C", str(repo.path), *options],
        check=False,
        capture_output=True,
    )
    assert (done.returncode, done.stdout) == (2, b"")


def test_follow_shows_lines_as_they_are_written_until_ctrl_c(repo: Repo, queue: SqlStore) -> None:
    command = [sys.executable, "-u", "-m", "pointsman", "log", "-C", str(repo.path), "--follow", "-n", "1"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as follower:
        assert follower.stdout is not None
        assert "returned" in follower.stdout.readline()
        tell(queue, "paused", why="three in a row were red")
        assert "three in a row were red" in follower.stdout.readline()
        follower.send_signal(signal.SIGINT)
        try:
            rest, complaints = follower.communicate(timeout=20)
        finally:
            follower.kill()
    assert (follower.returncode, rest, complaints) == (0, "", "")
