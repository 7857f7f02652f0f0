"""kill -9 at every boundary of the queue's work: nothing lost, nothing twice, nothing untested (I1-I5, R15).

A process of its own forks the runs, so that a fork never copies the threads of the test runner.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman.service.submit import Submission, Submitted
from pointsman.wiring import local_queue
from tests.faults.outside import EVIDENCE, MARKER, STORY
from tests.support.repo import Repo

ROOT = Path(__file__).parents[2]
SHARES = 20
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


SHORT_STORY = {"agent/plain": "landed", "agent/red": "returned"}
"""One landing and one return: every kind of write that the queue knows, few enough to die at each."""

LONG_STORY = {"agent/plain": "landed", "agent/red": "returned", "agent/late": "landed"}


def template(folder: Path, evidence: Path, story: dict[str, str]) -> None:
    """A repository with the story's branches submitted; `evidence` is where its gate writes."""
    repo = Repo(folder / "repo").init()
    (folder / STORY).write_text(json.dumps(story))
    repo.commit("start", files={".pointsman.yml": CONTRACT % evidence})
    for branch, end in story.items():
        repo.branch(branch, at="main")
        marker = {MARKER.format(branch.replace("/", "-")): branch}
        repo.commit(f"work of {branch}", files=marker | ({"red": ""} if end == "returned" else {}))
    repo.checkout("main")
    with local_queue(repo.path) as queue:
        for branch in story:
            assert isinstance(queue.submit(Submission(branch=branch)), Submitted)


@pytest.mark.slow
@pytest.mark.parametrize(
    "share",
    [pytest.param(at, marks=[pytest.mark.soak] if at > 1 else []) for at in range(1, SHARES + 1)],
)
def test_R15_killed_at_every_boundary_and_started_again(tmp_path: Path, share: int) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    evidence = tmp_path / "template" / EVIDENCE
    template(tmp_path / "template", evidence, SHORT_STORY)
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
        env={**os.environ, "TMPDIR": str(scratch)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert worker.returncode == 0, worker.stderr
    outcomes = [json.loads(line) for line in worker.stdout.splitlines()]
    assert [one for one in outcomes if one["problems"]] == [], worker.stderr
    assert sum(one["killed"] for one in outcomes) >= 24 // SHARES, (
        "the queue's work has more boundaries than this"
    )
    assert not outcomes[-1]["killed"], "the last run came to its end"
