"""Times 100 lanes in one process: repositories of their own, each with its real store and git, woken one after the
other, with nothing to do and with a change each that is built, judged and landed.

No budget of its own: 100 lanes have to fit into one process beside the 30 seconds between two wakes (service/station).
Beside it: what git alone takes for the same commits. Run: `python -m bench.lanes`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from pointsman.service.submit import Submission
from pointsman.wiring import LocalQueue, local_queue

LANES, ROUNDS = 100, 5
CONTRACT = """\
version: 1
base: main
identities: {ada: {email: ada@example.org}}
roles: {coder: {who: [ada], branches: ["agent/*"], owns: ["**"]}}
"""


def main() -> None:
    """Prints seconds for all lanes at once, milliseconds a lane, and what the process then holds."""
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as place, ExitStack() as stack:
        folder = Path(place)
        template = _repository(folder / "template")
        alone = statistics.median(_git_alone(template, folder / f"alone{number}") for number in range(ROUNDS))
        before = _resident()
        lanes = [
            stack.enter_context(local_queue(_copy(template, folder / f"lane{number}")))
            for number in range(LANES)
        ]
        print(f"{LANES} lanes; opening them took {_resident() - before:.0f} MB")
        told = f"{'':32}{'all lanes':>12}{'a lane':>10}"
        print(told)
        idle = statistics.median(_wake(lanes) for _ in range(ROUNDS))
        print(f"{'nothing queued':32}{idle:10.2f} s{idle / LANES * 1000:7.1f} ms")
        for lane in lanes:
            lane.submit(
                Submission(branch="agent/held", author="ada@example.org", depends_on=("agent/never",))
            )
        _wake(lanes)
        held = statistics.median(_wake(lanes) for _ in range(ROUNDS))
        print(f"{'a change each that waits':32}{held:10.2f} s{held / LANES * 1000:7.1f} ms")
        for lane in lanes:
            lane.submit(Submission(branch="agent/one", author="ada@example.org"))
        busy = _wake(lanes)
        print(f"{'a change each that lands':32}{busy:10.2f} s{busy / LANES * 1000:7.1f} ms")
        assert all(lane.git.read_ref("refs/heads/main") != lane.git.resolve("agent/one~1") for lane in lanes)
        print(f"{'git alone: merge, commit, push':32}{alone * LANES:10.2f} s{alone * 1000:7.1f} ms")
        print(f"landing, of git alone: {busy / LANES / alone:.1f}x")
        files, children = sum(1 for _ in Path("/proc/self/fd").iterdir()), _children()
        print(f"the process then holds {_resident():.0f} MB, {files} open files, {children} git processes")


def _wake(lanes: list[LocalQueue]) -> float:
    begin = time.perf_counter()
    for queue in lanes:
        queue.loop.wake("main")
    return time.perf_counter() - begin


def _repository(folder: Path) -> Path:
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main", "--template=")
    (folder / ".pointsman.yml").write_text(CONTRACT)
    for number in range(200):
        path = folder / f"src/part{number % 10}/file{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n")
    _commit(folder, "start")
    for name in ("one", "held"):
        _git(folder, "checkout", "-q", "-b", f"agent/{name}", "main")
        (folder / f"{name}.txt").write_text("x\n")
        _commit(folder, name)
    _git(folder, "checkout", "-q", "--detach", "main")
    return folder


def _copy(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder, symlinks=True)
    return folder


def _git_alone(template: Path, folder: Path) -> float:
    """Merge, commit and move the branch, a process each, as a shell script would."""
    _copy(template, folder)
    begin = time.perf_counter()
    tip, head = _git(folder, "rev-parse", "main"), _git(folder, "rev-parse", "agent/one")
    tree = _git(folder, "merge-tree", "--write-tree", tip, head)
    commit = _git(folder, *_IDENTITY, "commit-tree", "-p", tip, "-p", head, "-m", "land", tree)
    _git(folder, "update-ref", "refs/heads/main", commit, tip)
    return time.perf_counter() - begin


_IDENTITY = ("-c", "user.name=ada", "-c", "user.email=ada@example.org")


def _commit(folder: Path, message: str) -> None:
    _git(folder, "add", "-A")
    _git(folder, *_IDENTITY, "commit", "-qm", message)


def _git(folder: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _children() -> int:
    tasks = Path("/proc/self/task").glob("*/children")
    return sum(len(each.read_text().split()) for each in tasks)


if __name__ == "__main__":
    main()
