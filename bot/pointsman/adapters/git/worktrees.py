"""Looks at the user's work trees and brings one up to a branch that moved; it never loses a local change."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pointsman.adapters.git.process import Runner, ordinary_environment
from pointsman.adapters.git.refs import LOCK_WAIT, lock_problem
from pointsman.core.errors import GitFailed
from pointsman.core.model import Sha

_NO_HOOKS = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "advice.graftFileDeprecated=false",
)
_IN_THE_WAY = re.compile(
    r"Cannot merge|would be (?:overwritten|removed)|would lose|resolve your current index"
)
_POLL = 0.05


@dataclass(frozen=True, kw_only=True, slots=True)
class Worktree:
    """`head` is None before the first commit; `branch` is without refs/heads/, None where detached."""

    path: Path
    head: Sha | None
    branch: str | None


class Synced(Enum):
    """How `sync_checkout` ended."""

    DONE = "done"
    LOCAL_CHANGES = "local changes"
    """Nothing was touched: files there differ from `old` in what `new` changes."""


def worktrees(common_dir: Path) -> tuple[Worktree, ...]:
    """The work trees that are there, the main one first; a bare repository is none."""
    env = ordinary_environment() | {"GIT_DIR": str(common_dir)}
    raw = (
        Runner(options=_NO_HOOKS, env=env, cwd=common_dir).run("worktree", "list", "--porcelain", "-z").stdout
    )
    blocks = (block.split(b"\0") for block in raw.split(b"\0\0") if block)
    found = (_worktree(dict(_attribute(line) for line in block)) for block in blocks)
    return tuple(worktree for worktree in found if worktree is not None)


def _attribute(line: bytes) -> tuple[str, str]:
    key, _, value = line.decode(errors="surrogateescape").partition(" ")
    return key, value


def _worktree(said: dict[str, str]) -> Worktree | None:
    path = Path(said["worktree"])
    if "bare" in said or "prunable" in said or not path.is_dir():
        return None
    head, branch = said.get("HEAD", ""), said.get("branch")
    return Worktree(
        path=path,
        head=Sha(head) if head.strip("0") else None,
        branch=branch.removeprefix("refs/heads/") if branch else None,
    )


def is_dirty(worktree: Path, *, untracked: bool) -> bool:
    """Whether anything there differs from its HEAD; ignored files never count, untracked ones where asked."""
    which = (
        ("--untracked-files=normal",)
        if untracked
        else ("--untracked-files=no", "--ignore-submodules=untracked")
    )
    return bool(_in(worktree).run("status", "--porcelain=v1", "-z", *which).stdout)


def dirt(worktree: Path) -> tuple[str, ...]:
    """The lines of `git status --short`, with names quoted as git quotes them."""
    raw = _in(worktree).run("status", "--short", "--untracked-files=normal").stdout
    return tuple(raw.decode(errors="surrogateescape").splitlines())


def sync_checkout(worktree: Path, old: Sha, new: Sha, *, lock_wait: float = LOCK_WAIT) -> Synced:
    """Brings index and files from commit `old` to `new`; HEAD is not moved. Running it again changes nothing.

    Changes to files that are equal in both commits are kept, staged or not. The user's own filters run, as in
    any checkout of theirs; hooks do not. EnvironmentProblem names an index.lock that outlasts the wait.
    """
    return _two_trees(worktree, old, new, lock_wait)


def would_sync(worktree: Path, old: Sha, new: Sha, *, lock_wait: float = LOCK_WAIT) -> Synced:
    """How `sync_checkout` would end if it were called now; only the index's file times are refreshed."""
    return _two_trees(worktree, old, new, lock_wait, "-n")


def _two_trees(worktree: Path, old: Sha, new: Sha, lock_wait: float, *options: str) -> Synced:
    git = _in(worktree)
    _waiting_for_lock(git, lock_wait, "update-index", "--refresh")
    try:
        _waiting_for_lock(git, lock_wait, "read-tree", *options, "-m", "-u", old, new)
    except GitFailed as failed:
        if _IN_THE_WAY.search(failed.stderr):
            return Synced.LOCAL_CHANGES
        raise
    return Synced.DONE


def _waiting_for_lock(git: Runner, lock_wait: float, *args: str) -> None:
    # `update-index --refresh` has exit code 1 where files differ, which is no failure.
    until = time.monotonic() + lock_wait
    while True:
        try:
            git.run(*args, ok=(0, 1) if args[0] == "update-index" else (0,))
            return
        except GitFailed as failed:
            problem = lock_problem(failed, lock_wait)
            if problem is None:
                raise
            if time.monotonic() >= until:
                raise problem from failed
            time.sleep(_POLL)


def _in(worktree: Path) -> Runner:
    return Runner(options=("-C", str(worktree), *_NO_HOOKS), env=ordinary_environment())
