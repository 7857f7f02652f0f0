"""Times healing's part of a change that touches no migration, in a repository of 20,000 files and 500 revisions.

Budget: no migration blob read, and under 50 ms above the merge preview (docs/design.md, R02).
Run: `python -m bench.common_case`.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.heads import build

from pointsman.core.model import Sha
from pointsman.service.heal.healer import Healer
from pointsman.service.migrations import Reader
from pointsman.wiring import open_git

FILES = 20_000
ROUNDS = 15


def main() -> None:
    """Prints the median of merge preview and heal for three changes, and the blobs that healing read."""
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        project = Path(folder) / "project"
        build(project)
        for n in range(FILES):
            path = project / f"app/part{n // 100}/file{n}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"x = {n}\n")
        base = commit(project, "files")
        changes = {
            "text only": change(project, base, "readme.md"),
            "Python, no migration": change(project, base, "app/part7/file701.py"),
        }
        tip = change(project, base, "app/part3/file333.py")
        print(f"{FILES:,} files, {ROUNDS} rounds, milliseconds at the median")
        for name, head in changes.items():
            report(project, name, tip, head)


def report(project: Path, name: str, base: Sha, head: Sha) -> None:
    merges, heals, kept = [], [], []
    with open_git(project) as git:
        queue = Healer(git=git, reader=Reader(git))
        queue.heal(base, head)
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            git.merge(base, head)
            merges.append((time.perf_counter() - begin) * 1000)
            reader = Reader(git)
            begin = time.perf_counter()
            healing = Healer(git=git, reader=reader).heal(base, head)
            heals.append((time.perf_counter() - begin) * 1000)
            assert healing.status == "clean"
            begin = time.perf_counter()
            queue.heal(base, head)
            kept.append((time.perf_counter() - begin) * 1000)
    merge, heal, again = statistics.median(merges), statistics.median(heals), statistics.median(kept)
    read = f"{reader.reads.revisions} revisions and {reader.reads.configs} settings read"
    print(f"{name:24} merge preview {merge:6.1f}  with heal {heal:6.1f}, in a queue {again:6.1f}  {read}")


def change(project: Path, base: Sha, path: str) -> Sha:
    git(project, "checkout", "-q", "--detach", base)
    (project / path).write_text("changed\n" if path.endswith(".md") else "x = -1\n")
    return commit(project, path)


def commit(project: Path, message: str) -> Sha:
    git(project, "add", "-A")
    git(project, "-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", message)
    return Sha(git(project, "rev-parse", "HEAD"))


def git(project: Path, *args: str) -> str:
    done = subprocess.run(["git", "-C", str(project), *args], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
