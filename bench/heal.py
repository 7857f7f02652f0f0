"""Times `pointsman heal --no-prove` of a fork on a long chain, beside `alembic heads` and what git alone needs for it.

Target: under 0.3 s at 1,000 revisions, and near linear beyond. Run: `python -m bench.heal [REVISIONS...]`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.heads import BIN, build, process, revision_text

from pointsman.service.heal.healer import Healer
from pointsman.service.migrations import Reader
from pointsman.wiring import open_git

SIZES = (1_000,)
ROUNDS = 7


def main(argv: Sequence[str] = ()) -> None:
    """Prints milliseconds at the best and the median, and the memory of the whole process."""
    for size in [int(each) for each in argv] or SIZES:
        rounds = ROUNDS if size <= 1_000 else 3 if size <= 5_000 else 1
        with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
            report(Path(folder), size, rounds)


def report(folder: Path, size: int, rounds: int) -> None:
    project, cache = folder / "project", folder / "cache"
    top = build(project, size)
    base = branch(project, "base", f"{size:012x}", size, top)
    head = branch(project, "change", f"{size + 1:012x}", size + 1, top)
    git(project, "checkout", "-q", "--detach", base)
    env = os.environ | {"XDG_CACHE_HOME": str(cache)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    heal = [str(BIN / "pointsman"), "heal", "--base", base, "--head", head, "--no-prove"]
    pycache = project / "migrations/versions/__pycache__"
    rows = {
        "alembic heads, cold": process(
            [str(BIN / "alembic"), "heads"], project, env, lambda: shutil.rmtree(pycache, True), rounds
        ),
        "git: merge-tree, ls-tree, cat-file": [limit(project, base, head) for _ in range(rounds)],
        "pointsman heads, cold": process(
            [str(BIN / "pointsman"), "heads"], project, env, lambda: shutil.rmtree(cache, True), rounds
        ),
        "pointsman heal, cold": process(heal, project, env, lambda: shutil.rmtree(cache, True), rounds),
        "pointsman heal, cache on disk": process(heal, project, env, lambda: None, rounds),
        "in-process, cold": [in_process(project, base, head, warm=False) for _ in range(rounds)],
        "in-process, warm": [in_process(project, base, head, warm=True) for _ in range(rounds)],
    }
    print(f"{size:,} revisions, {rounds} rounds, milliseconds; load {os.getloadavg()[0]:.1f}")
    first = statistics.median(rows["alembic heads, cold"])
    for name, times in rows.items():
        middle = statistics.median(times)
        print(f"{name:36} best {min(times):9.1f}  median {middle:9.1f}  {first / middle:7.1f}x")
    print(
        f"memory: heads {memory([heal[0], 'heads'], project)} MB, heal {memory(heal, project)} MB",
        flush=True,
    )


def branch(project: Path, name: str, id: str, n: int, parent: str) -> str:
    """A commit on the first one that adds a revision behind `parent`."""
    git(project, "checkout", "-q", "--detach", git(project, "rev-list", "--max-parents=0", "--all"))
    (project / f"migrations/versions/{id}_add_t{n}.py").write_text(revision_text(n, id, parent))
    git(project, "add", "-A", "migrations/versions")
    git(project, "-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", name)
    commit = git(project, "rev-parse", "HEAD")
    git(project, "branch", "-f", name, commit)
    return commit


def limit(project: Path, base: str, head: str) -> float:
    """The merge, the listing and every revision's bytes: what no healer that reads objects can go below when cold."""
    begin = time.perf_counter()
    tree = git(project, "merge-tree", "--write-tree", base, head)
    listed = git(project, "ls-tree", "-r", tree, "migrations/versions").splitlines()
    oids = "".join(line.split()[2] + "\n" for line in listed)
    subprocess.run(
        ["git", "-C", str(project), "cat-file", "--batch"],
        input=oids.encode(),
        check=True,
        capture_output=True,
    )
    return (time.perf_counter() - begin) * 1000


def in_process(project: Path, base: str, head: str, *, warm: bool) -> float:
    """One heal by a healer that has read nothing, or everything, before."""
    with open_git(project) as repository:
        healer = Healer(git=repository, reader=Reader(repository))
        onto, change = repository.resolve(base), repository.resolve(head)
        if warm:
            healer.heal(onto, change)
        begin = time.perf_counter()
        assert healer.heal(onto, change).status == "healed"
        return (time.perf_counter() - begin) * 1000


def memory(command: list[str], cwd: Path) -> int:
    """The most that the command held at once, in megabytes."""
    code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=cwd, check=True, capture_output=True)
    return int(done.stdout)


def git(project: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(project), *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main(sys.argv[1:])
