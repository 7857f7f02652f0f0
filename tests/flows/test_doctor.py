"""`pointsman doctor` as a user sees it: what it says of a machine, a contract's demands and a queue's state."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.store.sql import SqlStore
from tests.support.repo import Repo

CONTRACT = """\
version: 1
base: main
identities: {ann: {email: ann@example.org}}
roles: {dev: {who: ann, owns: ['**']}}
"""


def doctor(folder: Path) -> tuple[int, dict[str, Any]]:
    """The exit code, and the findings by name."""
    command = [sys.executable, "-m", "pointsman", "doctor", "-C", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout)
    assert answer["sound"] == (done.returncode == 0), done.stderr
    return done.returncode, {finding["name"]: finding for finding in answer["findings"]}


def test_it_says_what_is_here_even_outside_a_repository(tmp_path: Path) -> None:
    code, found = doctor(tmp_path)

    assert code == 0
    assert found["repository"]["state"] == "missing"
    assert "repository" in found["repository"]["text"]
    assert {"network", "read_only", "hidden", "processes", "privileges", "user", "memory"} <= found.keys()


def test_it_weighs_the_parts_of_the_state(repo: Repo) -> None:
    repo.commit("contract", files={".pointsman.yml": CONTRACT})
    folder = repo.path / ".git/pointsman"
    SqlStore.open(folder / "state.db").close()
    (folder / "logs").mkdir()
    (folder / "logs/1.log").write_bytes(b"x" * 5000)
    repo.git("update-ref", "refs/pointsman/changes/1", "HEAD")

    code, found = doctor(repo.path)

    assert code == 0
    assert (found["logs"]["count"], found["logs"]["size"]) == (1, 5000)
    assert (found["journal"]["state"], found["journal"]["count"]) == ("ok", 0)
    assert found["journal"]["size"] > 0
    assert found["refs"]["count"] == 1
    assert found["contract"]["state"] == "ok"


@pytest.mark.parametrize(
    ("more", "name"),
    [
        pytest.param("sandbox: {user: no-such-account}\n", "user", id="an account that is not here"),
        pytest.param("sandbox: {network: nothing}\n", "contract", id="an unreadable contract"),
    ],
)
def test_i6_what_a_contract_demands_and_does_not_get_is_broken(repo: Repo, more: str, name: str) -> None:
    repo.commit("contract", files={".pointsman.yml": CONTRACT + more})

    code, found = doctor(repo.path)

    assert code == 1
    assert found[name]["state"] == "broken"


def test_a_damaged_journal_is_broken(repo: Repo) -> None:
    folder = repo.path / ".git/pointsman"
    folder.mkdir()
    (folder / "state.db").write_bytes(b"SQLite format 3\0" + b"?" * 5000)

    code, found = doctor(repo.path)

    assert (code, found["journal"]["state"]) == (1, "broken")


def test_people_read_it_in_four_parts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pointsman", "doctor", "-C", str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said.startswith("Tools\n  yes    git ")
    assert "What the runner takes from a job\n" in said
