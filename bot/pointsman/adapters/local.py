"""The local rung's forge: branches and landings in the repository itself, and the lock of the one writer."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.git.worktrees import Synced
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.model import Sha
from pointsman.core.pulls.model import RequiredCheck
from pointsman.core.queue.actions import Blocked, Landed, LandOutcome, Moved

HEADS = "refs/heads/"


@dataclass(frozen=True, kw_only=True)
class LocalForge:
    """Lands by compare-and-swap on the branch. Where a worktree has the base branch checked out, its files
    follow (as git's `receive.denyCurrentBranch=updateInstead` does), unless that would lose local changes:
    then nothing lands and `obstacle` says so."""

    git: GitRepository

    def tip(self, lane: str) -> Sha | None:
        return self.git.read_ref(HEADS + lane)

    def branch_heads(self, wanted: Collection[str] | None = None) -> Mapping[str, Sha]:
        """See `ports.Forge`; reading all costs one process, so `wanted` narrows nothing."""
        return {ref.removeprefix(HEADS): sha for ref, sha in self.git.refs(HEADS).items()}

    def forget(self) -> None:
        """Nothing is remembered."""

    def required_checks(self, lane: str) -> tuple[RequiredCheck, ...]:
        """() always: nothing but the contract guards a branch here."""
        return ()

    def obstacle(self, lane: str, *, expected: Sha, new: Sha) -> str:
        for worktree in self._checkouts(lane):
            if self.git.is_dirty(worktree, untracked=False):
                return (
                    f"{worktree} has {lane} checked out with changes that are not committed; landing would "
                    f"mix with them. Commit them on a branch or stash them (or `git switch --detach` there)."
                )
            if self.git.would_sync(worktree, expected, new) is not Synced.DONE:
                return (
                    f"{worktree} has {lane} checked out, and files there that git does not track are in the "
                    f"way of what would land. Move them away (or `git switch --detach` there)."
                )
        return ""

    def land(self, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
        ref = HEADS + lane
        obstacle = self.obstacle(lane, expected=expected, new=new) if self.tip(lane) == expected else ""
        if obstacle:
            return Blocked(why=obstacle)
        if not self.git.is_ancestor(expected, new):
            return Blocked(why=f"{new} is no fast-forward of {expected}")
        moved = self.git.move_ref(ref, new=new, expected=expected)
        actual = self.tip(lane)
        if not moved and (actual is None or not self.git.is_ancestor(new, actual)):
            return Moved(actual=actual)
        return Landed(note=self._follow(lane, expected, new) if actual == new else "")

    def _follow(self, lane: str, old: Sha, new: Sha) -> str:
        """Bring the worktrees that have the branch checked out along; what could not follow, in words."""
        notes = []
        for worktree in self._checkouts(lane):
            if self.git.sync_checkout(worktree, old, new) is not Synced.DONE:
                notes.append(f"{worktree} could not follow: it has local changes; `git status` there")
        return "; ".join(notes)

    def _checkouts(self, lane: str) -> list[Path]:
        return [
            worktree.path
            for worktree in self.git.worktrees()
            if worktree.branch == lane and worktree.path.exists()
        ]


@dataclass(frozen=True, kw_only=True)
class LocalCheckouts:
    """Answers `submit`'s questions about worktrees."""

    git: GitRepository

    def of_branch(self, branch: str) -> Path | None:
        for worktree in self.git.worktrees():
            if worktree.branch == branch and worktree.path.exists():
                return worktree.path
        return None

    def dirt(self, worktree: Path) -> str:
        return "\n".join(self.git.dirt(worktree))


class RunLock:
    """Held by the one process that works a repository's lanes; the kernel frees it when that one dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """True when this process is now the one writer; False when another is."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            file = self._path.open("a+", encoding="ascii")
        except OSError as error:
            raise EnvironmentProblem(f"{self._path} can't be opened: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._file = file
        return True

    def check(self) -> None:
        """The kernel takes a lock back from nobody who lives."""

    def holder(self) -> str:
        """The process id that the holder wrote down, for people; `?` when it has not yet."""
        try:
            return self._path.read_text("ascii").strip() or "?"
        except OSError:
            return "?"

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
