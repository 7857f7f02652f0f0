"""Times a merge preview in a repository of 20,000 files against bare `git merge-tree --write-tree`.

Budget: within 2x (docs/design.md). Run: `python -m bench.merge_preview`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pointsman.adapters.git.repository import GitRepository
from pointsman.core.model import Merged, Sha, Signature

FILES = 20_000
FILES_PER_FOLDER = 50
ROUNDS = 60
WHO = Signature(name="Bench", email="bench@example.org", when=1_700_000_000)
EMPTY_TREE = Sha("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


def main() -> None:
    """Prints one table: milliseconds at the median and the ratio, and the command that made it."""
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        path = Path(folder)
        subprocess.run(["git", "init", "-q", "--bare", "--template=", path], check=True)
        with GitRepository.open(path) as git:
            ours, theirs = _build(git)
            bare, preview = _in_turn(lambda: _bare(path, ours, theirs), lambda: _preview(git, ours, theirs))
    print(f"merge preview, {FILES} files, {ROUNDS} rounds in turn, median (fastest) in ms")
    print(f"  git merge-tree --write-tree   {_shown(bare)}")
    print(f"  GitRepository.merge           {_shown(preview)}")
    print(
        f"  ratio                         {statistics.median(preview) / statistics.median(bare):.2f}  (budget 2.00)"
    )
    print("made by: python -m bench.merge_preview")


def _build(git: GitRepository) -> tuple[Sha, Sha]:
    names = [f"src/pkg{n // FILES_PER_FOLDER:04}/module{n:05}.py" for n in range(FILES)]
    tree = git.edit(EMPTY_TREE, {name: f"# {name}\n".encode() + b"x = 1\n" * 20 for name in names})
    base = _commit(git, tree, [])
    ours = git.edit(tree, dict.fromkeys(names[::500], b"y = 1\n" * 20))
    theirs = git.edit(tree, dict.fromkeys(names[1::500], b"z = 1\n" * 20) | {"src/new/file.py": b"new\n"})
    for ref, side in {"ours": ours, "theirs": theirs}.items():
        git.move_ref(f"refs/heads/{ref}", new=_commit(git, side, [base]), expected=None)
    subprocess.run(["git", "-C", git.git_common_dir, "gc", "-q"], check=True)
    return git.resolve("ours"), git.resolve("theirs")


def _commit(git: GitRepository, tree: Sha, parents: list[Sha]) -> Sha:
    return git.commit(tree=tree, parents=parents, message="bench", author=WHO, committer=WHO)


def _bare(path: Path, ours: Sha, theirs: Sha) -> None:
    command = ["git", "-C", str(path), "merge-tree", "--write-tree", ours, theirs]
    subprocess.run(command, check=True, stdout=subprocess.PIPE, env=dict(os.environ))


def _preview(git: GitRepository, ours: Sha, theirs: Sha) -> None:
    assert isinstance(git.merge(ours, theirs), Merged)


def _in_turn(*ways: Callable[[], None]) -> list[list[float]]:
    """Milliseconds per round of each way; taking turns spreads the machine's noise over both."""
    spent: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for _ in range(ROUNDS):
        for way, times in zip(ways, spent, strict=True):
            began = time.perf_counter()
            way()
            times.append((time.perf_counter() - began) * 1000)
    return spent


def _shown(times: list[float]) -> str:
    return f"{statistics.median(times):7.1f} ({min(times):.1f})"


if __name__ == "__main__":
    main()
