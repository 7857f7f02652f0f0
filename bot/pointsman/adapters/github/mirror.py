"""The bare repository that mirrors one on GitHub: made, opened, kept small; nothing is fetched here."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.git.scratch import write_git_dir
from pointsman.adapters.github.git_process import GitProcess
from pointsman.adapters.github.remote import KEPT
from pointsman.core.errors import EnvironmentProblem

DAY = 24 * 3600.0
KEPT_FOR = 30 * DAY
FULL_EVERY = 7 * DAY
SECONDS = 1800.0
"""How long one step of the upkeep may take; the next one goes on where it was cut off."""
_STAMP = "pointsman-gc"


def open_mirror(folder: Path) -> GitRepository:
    """The repository at `folder`, made where there is none; its configuration is ours alone.

    EnvironmentProblem where something else lies there, or the disk refuses."""
    if not (folder / "HEAD").exists():
        _make(folder)
    return GitRepository.open(folder)


def _make(folder: Path) -> None:
    """In one step, so that another process finds a whole one or none."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        write_git_dir(new, object_format="sha1", head="ref: refs/heads/none", bare=True)
        try:
            new.rename(folder)
        except OSError:
            shutil.rmtree(new)
            if not (folder / "HEAD").exists():
                raise
    except OSError as problem:
        raise EnvironmentProblem(f"no mirror can be made at {folder}: {problem.strerror}") from problem


def upkeep(
    git: GitRepository, *, keep: Collection[str] = (), now: float | None = None, seconds: float = SECONDS
) -> None:
    """Pack what has grown and forget what is old; safe beside any other use, and to be cut off.

    Refs of the remote whose commit is older than a month are dropped (fetching them again is cheap where they are
    still wanted), but for the branches `keep`, on which everything stands; objects that nothing names stay two weeks,
    for a job may be running on them."""
    now = time.time() if now is None else now
    process = GitProcess(git_dir=git.git_common_dir, address="")
    _drop_old(git, process, now - KEPT_FOR, keep=keep)
    tasks = ("pack-refs", "loose-objects", "incremental-repack")
    process.run(
        "maintenance", "run", "--quiet", *(f"--task={task}" for task in tasks), token=None, seconds=seconds
    )
    stamp = git.git_common_dir / _STAMP
    if not stamp.exists() or stamp.stat().st_mtime < now - FULL_EVERY:
        done = process.run("gc", "--quiet", "--prune=2.weeks.ago", token=None, seconds=seconds)
        if done.code == 0:
            stamp.touch()


def _drop_old(git: GitRepository, process: GitProcess, before: float, *, keep: Collection[str]) -> None:
    listed = process.run(
        "for-each-ref", "--format=%(committerdate:unix) %(refname)", KEPT, token=None, seconds=60
    )
    kept = {
        ref: sha for ref, sha in git.refs(KEPT).items() if ref not in {f"{KEPT}heads/{each}" for each in keep}
    }
    for line in listed.stdout.decode(errors="surrogateescape").splitlines():
        when, _, ref = line.partition(" ")
        if when.isdigit() and int(when) < before and ref in kept:
            git.move_ref(ref, new=None, expected=kept[ref])
