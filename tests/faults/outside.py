"""Judges a repository after a run from outside: git history, the gate's own evidence, the journal file.

Shares no code with the queue: it reads with git and sqlite3 alone.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
from pathlib import Path

EVIDENCE = "evidence"
"""The gate of these stories writes the tree that it passed into this file."""

MARKER = "{}.txt"
STORY = "story.json"
"""Beside the repository: how each branch is to end, `landed` or `returned`."""


def git(repository: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *args], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def judge_repository(folder: Path, evidence: Path) -> list[str]:
    """What is wrong, in words; [] when the invariants hold. `folder` holds `repo` and its story."""
    repository = folder / "repo"
    story: dict[str, str] = json.loads((folder / STORY).read_text())
    return [
        *_untested(repository, evidence),
        *_landed_once(repository, story),
        *_states(repository, story),
        *_journal(repository),
    ]


def _untested(repository: Path, evidence: Path) -> list[str]:
    """I1: every commit that main was moved to has a tree that the gate passed."""
    lines = evidence.read_text().split() if evidence.exists() else []
    passed = {line.removeprefix("passed:") for line in lines if line.startswith("passed:")}
    commits = git(repository, "log", "--first-parent", "--format=%H %T", "main").splitlines()[:-1]
    return [f"untested on main: {line}" for line in commits if line.split()[1] not in passed]


def _landed_once(repository: Path, story: dict[str, str]) -> list[str]:
    """I5: what a change adds came to main exactly once, what was returned never."""
    problems = []
    for branch, end in story.items():
        marker = MARKER.format(branch.replace("/", "-"))
        times = git(
            repository, "log", "--first-parent", "-m", "--format=%H", "--diff-filter=A", "main", "--", marker
        )
        count = len(times.split())
        if count != (1 if end == "landed" else 0):
            problems.append(f"{branch} landed {count} times")
    return problems


def _rows(repository: Path, query: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(repository / ".git" / "pointsman" / "state.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def _states(repository: Path, expected: dict[str, str]) -> list[str]:
    """I5: every change ended, each as the story says, exactly once in the journal."""
    problems = []
    states = {
        str(branch): str(state) for branch, state in _rows(repository, "select branch, state from changes")
    }
    if states != expected:
        problems.append(f"states are {states}")
    ends = _rows(repository, "select kind, body from journal where kind in ('landed', 'returned')")
    for change_id, branch in _rows(repository, "select id, branch from changes"):
        said = [
            kind
            for kind, body in ends
            if change_id in json.loads(str(body)).get("changes", [])
            or json.loads(str(body)).get("change") == change_id
        ]
        if said != [expected[str(branch)]]:
            problems.append(f"the journal says of {branch}: {said}")
    return problems


def _journal(repository: Path) -> list[str]:
    """Each line names the hash of the one before it."""
    problems = []
    before = None
    for seq, previous, own in _rows(repository, "select seq, previous, hash from journal order by seq"):
        if before is not None and previous != before:
            problems.append(f"journal line {seq} does not follow the one before it")
        before = own
    if before is None or len(str(before)) != hashlib.sha256().digest_size * 2:
        problems.append("the journal is empty or not hashed")
    return problems
