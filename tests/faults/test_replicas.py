"""Three real `pointsman run` on one PostgreSQL and one bare repository: killed, stopped, cut off at random (I1-I5)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pointsman.core.queue.model import ChangeState
from pointsman.service.submit import Submission as Asked
from pointsman.service.submit import Submitted
from pointsman.wiring import local_queue
from tests.faults.real_trace import read_trace
from tests.faults.simulation.judge import judge
from tests.faults.simulation.project import CONTRACT, LANE, Rules
from tests.faults.simulation.trace import Submission, Trace
from tests.faults.simulation.world import row
from tests.support.repo import Repo

REPLICAS = 3
CHANGES = 24
CHAOS_SECONDS = float(os.environ.get("CHAOS_SECONDS", "45"))
REST_SECONDS = 120.0
SEED = int(os.environ.get("CHAOS_SEED", "20261121"))
VARIABLE = "PM_TEST_DATABASE"

GATE = """\
sleep 0.2
grep -rqx red src && exit 1
grep -rqx is:X src && grep -rqx not:X src && exit 1
echo "$(git rev-parse HEAD^{tree}) unit" >> "$EVIDENCE"
"""

RULES = Rules(checks={"coder": {"unit": GATE}}, owns={"coder": ("src/",)})
EVIDENCE = "evidence"
KINDS = ("submit", "kill", "stop", "go on", "cut", "push", "wait")


class Replica:
    """One `pointsman run` that is started again when it dies."""

    def __init__(self, repository: Path, log: Path) -> None:
        self.repository = repository
        self.log = log
        self.stopped = False
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "pointsman", "run", "-C", str(self.repository)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--database", f"env:{VARIABLE}"], stdout=log, stderr=log
            )
        self.stopped = False

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.stopped = number is signal.SIGSTOP

    def end(self, number: signal.Signals) -> None:
        self.send(number)
        self.send(signal.SIGCONT)
        self.process.wait(30)


def contract(evidence: Path) -> str:
    check = {"run": GATE, "env": {"EVIDENCE": str(evidence)}}
    return json.dumps(
        {
            "version": 1,
            "base": LANE,
            "identities": {"ada": {"email": "ada@example.org"}},
            "roles": {"coder": {"who": ["ada"], "branches": ["code/**"], "owns": ["src/**"]}},
            "checks": {"unit": check},
            "matrix": {"coder": {"add": ["unit"]}},
            "queue": {"mode": "speculate", "retry": {"max": 1}},
            "limits": {"running_gates": 3},
        }
    )


def branches(repo: Repo, rng: random.Random) -> list[str]:
    """Changes that are green, red, red together with another, or in each other's way; all made at once."""
    names = [f"code/w{number}" for number in range(CHANGES)]
    for number, name in enumerate(names):
        mark = rng.choices(("fine", "red", "is:X", "not:X"), (12, 2, 1, 1))[0]
        path = "src/shared.txt" if rng.random() < 0.1 else f"src/w{number}.txt"
        repo.branch(name, at=LANE)
        repo.commit(f"work of {name}", files={path: f"{mark}\nby {name}\n"})
    repo.checkout(LANE)
    return names


@contextmanager
def daemons(bare: Path, folder: Path) -> Iterator[list[Replica]]:
    replicas = [Replica(bare, folder / f"replica{number}.log") for number in range(REPLICAS)]
    try:
        yield replicas
    finally:
        for replica in replicas:
            replica.end(signal.SIGKILL)


def outsider(bare: Repo, number: int) -> None:
    """Somebody pushes to main, unless the queue is quicker."""
    tip = bare.rev(LANE)
    blob = bare.git("hash-object", "-w", "--stdin", input=f"by hand {number}\n")
    entries = bare.git("ls-tree", "-r", tip) + f"\n100644 blob {blob}\tsrc/hand{number}.txt"
    index = {"GIT_INDEX_FILE": str(bare.path / f"index.{number}")}
    bare.git("update-index", "--add", "--index-info", input=entries + "\n", env=index)
    tree = bare.git("write-tree", env=index)
    commit = bare.git("commit-tree", tree, "-p", tip, "-m", f"by hand {number}")
    bare.git("update-ref", f"refs/heads/{LANE}", commit, tip, check=False)


def cut_off(database: str, rng: random.Random) -> None:
    """A connection of somebody to the database is dropped."""
    with psycopg.connect(database, autocommit=True) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = sorted(pid for (pid,) in connection.execute(query))
        if pids:
            connection.execute("SELECT pg_terminate_backend(%s)", [rng.choice(pids)])


def world(folder: Path, rng: random.Random) -> tuple[Repo, list[str]]:
    """A bare repository that keeps a log of where main was, and the branches to submit."""
    work = Repo(folder / "work").init()
    start = work.commit("start", files={CONTRACT: contract(folder / EVIDENCE), "src/shared.txt": "first\n"})
    names = branches(work, rng)
    bare = Repo(folder / "repo.git")
    work.git("clone", "-q", "--bare", str(work.path), str(bare.path))
    bare.git("config", "core.logAllRefUpdates", "always")
    again = bare.git("commit-tree", f"{start}^{{tree}}", "-p", start, "-m", "the log begins")
    bare.git("update-ref", f"refs/heads/{LANE}", again)
    return bare, names


def chaos(
    bare: Repo, names: list[str], replicas: list[Replica], database: str, rng: random.Random
) -> tuple[list[Submission], Counter[str]]:
    """Submit the branches, while replicas die, stand still and lose their connections, and others push."""
    counts: Counter[str] = Counter()
    submitted: list[Submission] = []
    end = time.monotonic() + CHAOS_SECONDS
    while time.monotonic() < end or len(submitted) < len(names):
        left = len(submitted) < len(names)
        kind = rng.choices(KINDS, (6 * left, 2, 2, 4, 3, 1, 3))[0]
        replica = rng.choice(replicas)
        if kind == "stop" and sum(one.stopped for one in replicas) == REPLICAS - 1:
            continue
        counts[kind] += 1
        match kind:
            case "submit":
                submitted.append(submit(bare.path, names[len(submitted)]))
            case "kill":
                replica.end(signal.SIGKILL)
                replica.start()
            case "stop":
                replica.send(signal.SIGSTOP)
            case "go on":
                replica.send(signal.SIGCONT)
            case "cut":
                cut_off(database, rng)
            case "push":
                outsider(bare, counts[kind])
        time.sleep(rng.uniform(0, 1.5))
    return submitted, counts


@pytest.mark.soak
def test_R15_three_replicas_killed_stopped_and_cut_off(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, database)
    monkeypatch.setenv("POINTSMAN_DATABASE", f"env:{VARIABLE}")
    rng = random.Random(SEED)
    bare, names = world(tmp_path, rng)
    begun = bare.rev(LANE)
    with daemons(bare.path, tmp_path) as replicas:
        submitted, counts = chaos(bare, names, replicas, database, rng)
        for replica in replicas:
            replica.send(signal.SIGCONT)
        rested = comes_to_rest(bare.path)
    trace = read_trace(bare, begun, tmp_path / EVIDENCE, {bare.rev(f"{begun}:{CONTRACT}"): RULES}, GATE)
    trace.submissions, trace.rested = submitted, rested
    trace.heads = {one.branch: [one.head] for one in submitted}
    read_store(bare.path, trace)
    ends = Counter(str(one["state"]) for one in trace.changes)
    print(f"seed {SEED}: {dict(counts)}, {dict(ends)}, {len(trace.moves)} moves of main")
    logs = "\n".join(path.read_text()[-3000:] for path in sorted(tmp_path.glob("*.log")))
    assert judge(trace) == [], logs
    assert "Traceback" not in logs


def read_store(bare: Path, trace: Trace) -> None:
    with local_queue(bare) as queue:
        trace.changes = [row(one) for one in queue.store.changes()]
        trace.candidates = [row(one) for one in queue.store.candidates(LANE)]
        trace.runs = [row(one) for one in queue.store.runs(running=True)]
        trace.paused = queue.store.lane(LANE).paused
        trace.journal = [row(one) for one in queue.store.journal()]


def submit(bare: Path, branch: str) -> Submission:
    with local_queue(bare) as queue:
        outcome = queue.submit(Asked(branch=branch))
    assert isinstance(outcome, Submitted)
    change = outcome.change
    return Submission(change=change.id, branch=branch, head=change.head, role="coder", at=0.0)


def comes_to_rest(bare: Path) -> bool:
    """Whether every change has an end before long."""
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        with local_queue(bare) as queue:
            if not queue.store.changes(states=(ChangeState.QUEUED,)) and not queue.store.runs(running=True):
                return True
        time.sleep(1.0)
    return False
