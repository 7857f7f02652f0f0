"""The only place that picks concrete classes; it decides nothing else."""

from __future__ import annotations

from pathlib import Path

from pointsman.ports import Git


def open_git(directory: Path) -> Git:
    """The repository that `directory` lies in."""
    from pointsman.adapters.git.repository import GitRepository

    return GitRepository.open(directory)
