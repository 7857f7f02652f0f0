"""Keeps the logs and results of gate runs within their bounds; it reads none."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pointsman.core.bounds import BOUNDS, Bounds

FOLDERS = ("logs", "results")
"""Below a repository's state folder; a file is named after its run: `7.log`, and `7.2.log` for its second start."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    path: Path
    run: int
    changed: float
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFiles:
    """Implements service.upkeep.Shelf on the state folder `root`."""

    root: Path
    bounds: Bounds = BOUNDS

    def tidy(self, keep: Collection[int], *, now: float) -> int:
        files = sorted(self._files(), key=lambda file: file.changed, reverse=True)
        runs: set[int] = set()
        together = removed = 0
        for file in files:
            runs.add(file.run)
            together += file.size
            if (len(runs) > self.bounds.logs or together > self.bounds.log_bytes) and file.run not in keep:
                removed += _removed(file.path)
        return removed

    def _files(self) -> list[_File]:
        found = []
        for folder in FOLDERS:
            try:
                entries = list(os.scandir(self.root / folder))
            except OSError:
                continue
            for entry in entries:
                run = entry.name.partition(".")[0]
                try:
                    facts = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if run.isdecimal():
                    path = Path(entry.path)
                    found.append(_File(path=path, run=int(run), changed=facts.st_mtime, size=facts.st_size))
        return found


def _removed(path: Path) -> int:
    try:
        path.unlink()
    except OSError:  # gone already, or not ours to remove: the next upkeep tries again
        return 0
    return 1
