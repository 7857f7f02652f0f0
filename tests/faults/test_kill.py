"""kill -9 at every boundary of the queue's work: nothing lost, nothing twice, nothing untested (I1-I5, R15).

A process of its own forks the runs, so that a fork never copies the threads of the test runner.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.wiring import local_queue
from tests.faults.outside import EVIDENCE, LANDS, MARKER, RETURNED
from tests.support.repo import Repo

ROOT = Path(__file__).parents[2]
SHARES = 8
"""The boundaries are dealt out to so many tests, so that they run side by side."""

CONTRACT = """
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles: {coder: {who: [ada], branches: ["agent/*"], owns: ["**"]}}
checks:
  unit:
    run: |
      tree=$(git rev-parse HEAD^{tree})
      test ! -e red && echo "passed:$tree" >> "$EVIDENCE"
    env: {EVIDENCE: %s}
queue: {speculate: 1, retry: {max: 1}}
"""


def template(folder: Path, evidence: Path) -> None:
    """A repository with three submitted branches, one of them red; `evidence` is where its gate writes."""
    repo = Repo(folder / "repo").init()
    repo.commit("start", files={".pointsman.yml": CONTRACT % evidence})
    for branch in (LANDS[0], RETURNED[0], LANDS[1]):
        repo.branch(branch, at="main")
        marker = {MARKER.format(branch.replace("/", "-")): branch}
        repo.commit(f"work of {branch}", files=marker | ({"red": ""} if branch in RETURNED else {}))
    repo.checkout("main")
    from pointsman.service.submit import Submission, Submitted

    with local_queue(repo.path) as queue:
        for branch in (LANDS[0], RETURNED[0], LANDS[1]):
            assert isinstance(queue.submit(Submission(branch=branch)), Submitted)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(1, SHARES + 1))
def test_R15_killed_at_every_boundary_and_started_again(tmp_path: Path, share: int) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    evidence = tmp_path / "template" / EVIDENCE
    template(tmp_path / "template", evidence)
    worker = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.faults.crash_worker",
            str(tmp_path / "template"),
            str(scratch),
            str(share),
            str(SHARES),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert worker.returncode == 0, worker.stderr
    outcomes = [json.loads(line) for line in worker.stdout.splitlines()]
    assert [one for one in outcomes if one["problems"]] == [], worker.stderr
    assert sum(one["killed"] for one in outcomes) >= 5, "the queue's work has more boundaries than this"
    assert not outcomes[-1]["killed"], "the last run came to its end"
