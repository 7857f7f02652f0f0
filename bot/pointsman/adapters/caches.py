"""Keeps files of ours outside the state folder within their bounds: parse results, and the repository's loose objects
as far as git itself would; it reads none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.git.process import Runner, ordinary_environment
from pointsman.core.bounds import CACHE_BYTES, CACHE_FILES, CACHE_SECONDS

DRAFT_SECONDS = 3600.0
"""A draft that is older was left by a process that was killed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ParseResults:
    """Implements service.upkeep.Shelf on the folder of all repositories' parse results (see adapters.parsing). What is
    removed is read again: a cache is never needed."""

    folder: Path
    files: int = CACHE_FILES
    bytes: int = CACHE_BYTES
    seconds: float = CACHE_SECONDS

    def tidy(self, keep: Collection[int], *, now: float) -> int:
        found = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            found = [(entry, entry.stat(follow_symlinks=False)) for entry in entries if entry.is_file()]
        newest_first = sorted(found, key=lambda each: each[1].st_mtime, reverse=True)
        together = removed = kept = 0
        for entry, facts in newest_first:
            together, kept = together + facts.st_size, kept + 1
            age = now - facts.st_mtime
            is_draft = entry.name.rpartition(".")[2].isdecimal()
            left = is_draft and age > DRAFT_SECONDS
            if left or kept > self.files or together > self.bytes or age > self.seconds:
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
                    removed += 1
        return removed


@dataclass(frozen=True, kw_only=True, slots=True)
class LooseObjects:
    """Asks git to do what it does after a commit: pack what has grown, as the repository's own settings say (`gc.auto`
    0 means never), in the background. Without this nobody does where only the queue writes."""

    git_dir: Path

    def tidy(self, keep: Collection[int], *, now: float) -> int:
        env = ordinary_environment() | {"GIT_DIR": str(self.git_dir)}
        git = Runner(options=("-c", "core.hooksPath=/dev/null"), env=env, cwd=self.git_dir)
        git.run("gc", "--auto", "--quiet")
        return 0
