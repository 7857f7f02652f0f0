"""Times reading all facts of a lane with 1,000 queued changes from SQLite and real git refs, new and again, with a
history of 20,000 changes that have ended.

No budget of its own: it comes before each decision, whose budget is 100 ms. Beside it: what git alone takes to list
the branches, and sqlite3 to read the rows. Run: `python -m bench.observe`.
"""

from __future__ import annotations

import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pointsman.core.model import Sha
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import Candidate, CandidateState, Change, ChangeState, Member, Run, RunState
from pointsman.service.facts import LOOKED_AT
from pointsman.wiring import LocalQueue, local_queue

CHANGES, ENDED, LIVE, ROUNDS = 1_000, 20_000, 12, 9
CONTRACT = """\
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles: {coder: {who: [ada], branches: ["agent/*"], owns: ["**"]}}
checks: {unit: {run: make test}}
limits: {running_gates: 12}
"""


def main() -> None:
    """Prints milliseconds at the median, beside those of the bare parts."""
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as place:
        folder = Path(place)
        heads = _repository(folder)
        with local_queue(folder) as queue:
            _fill(queue, heads)
            print(f"{CHANGES:,} queued changes, {LIVE} live candidates, {ENDED:,} that ended; milliseconds")
            observer = queue.loop.observer
            looks = [_once(lambda: observer.observe("main"))]
            seen = observer.observe("main")
            while len(seen.touches) < min(CHANGES, LOOKED_AT):
                looks.append(_once(lambda: observer.observe("main")))
                seen = observer.observe("main")
            assert len(seen.changes) == CHANGES
            assert len([one for one in seen.candidates if one.state is CandidateState.TESTING]) == LIVE
            print(f"{'the first time':34}{looks[0]:9.1f}")
            print(
                f"{'while the changes are looked into':34}{statistics.median(looks):9.1f}, {len(looks) * 2} times"
            )
            again = _timed(lambda: observer.observe("main"))
            print(f"{'once all are known':34}{again:9.1f}")
            print(f"{'deciding on it':34}{_timed(lambda: decide(seen)):9.1f}")
            git = _timed(lambda: _git(folder, "for-each-ref", "refs/heads/"))
            print(f"{'git for-each-ref, alone':34}{git:9.1f}")
            sql = _timed(lambda: _rows(folder))
            print(f"{'sqlite3, the rows of the queue':34}{sql:9.1f}")
            print(f"again, of the two: {again / (git + sql):.1f}x")


def _repository(folder: Path) -> dict[int, Sha]:
    _git(folder, "init", "-q", "-b", "main", "--template=")
    (folder / ".pointsman.yml").write_text(CONTRACT)
    _git(folder, "add", "-A")
    _git(folder, "-c", "user.name=ada", "-c", "user.email=ada@example.org", "commit", "-qm", "start")
    parts = []
    for number in range(1, CHANGES + 1):
        message, text = f"Add {number}\n", f"{number}\n"
        parts.append(
            f"commit refs/heads/agent/{number}\n"
            f"committer Ada <ada@example.org> {1_700_000_000 + number} +0000\n"
            f"data {len(message)}\n{message}from refs/heads/main^0\n"
            f"M 100644 inline files/{number % 50}/{number}.txt\ndata {len(text)}\n{text}\n"
        )
    subprocess.run(
        ["git", "-C", str(folder), "fast-import", "--quiet"], input="".join(parts).encode(), check=True
    )
    lines = _git(
        folder, "for-each-ref", "--format=%(objectname) %(refname:lstrip=3)", "refs/heads/agent/"
    ).split("\n")
    return {int(name): Sha(sha) for sha, name in (line.split(" ") for line in lines)}


def _fill(queue: LocalQueue, heads: dict[int, Sha]) -> None:
    """Straight into the store, many at a time: how they came there is not what is timed."""
    tip = queue.git.resolve("main")
    tree = queue.git.tree_of(tip)
    contract = queue.contract
    assert contract is not None
    checks = tuple((name, "d") for name in contract.checks)
    old = [_change(0, Sha("b" * 40), ChangeState.LANDED, at=float(number)) for number in range(ENDED)]
    past = [
        _candidate(tip, tree, [number], checks, CandidateState.FAILED, contract.digest, at=float(number))
        for number in range(1, ENDED // 10)
    ]
    for records in (old, past):
        for start in range(0, len(records), 500):
            queue.store.save(*records[start : start + 500], at=1.0)
    now = time.time()
    changes = [
        _change(number, heads[number], ChangeState.QUEUED, at=now - 1000) for number in range(1, CHANGES + 1)
    ]
    stored = queue.store.save(*(replace(one, id=0) for one in changes), at=now)
    ids = [one.id for one in stored if isinstance(one, Change)]
    for number in range(LIVE):
        one = _candidate(
            tip, tree, ids[: number + 1], checks, CandidateState.TESTING, contract.digest, at=now
        )
        (made,) = queue.store.save(one, at=now)
        assert isinstance(made, Candidate)
        run = Run(
            id=0,
            lane="main",
            candidate=made.id,
            check=checks[0][0],
            digest="d",
            commit=tip,
            tree=tree,
            attempt=1,
            state=RunState.RUNNING,
            started_at=now,
        )
        queue.store.save(run, at=now)


def _change(number: int, head: Sha, state: ChangeState, *, at: float) -> Change:
    return Change(
        id=0,
        lane="main",
        branch=f"agent/{number}",
        head=head,
        author="ada@example.org",
        title=f"Add {number}",
        body="Because it was missing.\n" * 20,
        submitted_at=at,
        state=state,
        ended_at=None if state is ChangeState.QUEUED else at,
    )


def _candidate(
    tip: Sha,
    tree: Sha,
    changes: list[int],
    checks: tuple[tuple[str, str], ...],
    state: CandidateState,
    contract: str,
    *,
    at: float,
) -> Candidate:
    members = tuple(Member(change=one, head=tip, role="coder", commit=tip, tree=tree) for one in changes)
    return Candidate(
        id=0,
        lane="main",
        base=tip,
        members=members,
        contract=contract,
        checks=checks,
        state=state,
        created_at=at,
    )


def _rows(folder: Path) -> int:
    with closing(sqlite3.connect(folder / ".git/pointsman/state.db")) as database:
        rows = database.execute("SELECT * FROM changes WHERE lane = 'main' AND state = 'queued'").fetchall()
        return len(rows) + len(database.execute("SELECT * FROM runs WHERE state = 'running'").fetchall())


def _git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _timed(work: Callable[[], object]) -> float:
    """Milliseconds at the median."""
    return statistics.median(_once(work) for _ in range(ROUNDS))


def _once(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


if __name__ == "__main__":
    main()
