"""What another account of this machine can come to, by the modes of files and folders; it changes nothing."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

UNPRIVILEGED = "nobody"
"""The account that every Unix has, for what root should not run as root."""


@dataclass(frozen=True, slots=True)
class Account:
    """A name and its numbers."""

    name: str
    uid: int
    gid: int

    def can_reach(self, path: Path) -> bool:
        """Whether it may go to `path` and read what is there."""
        return self.barrier(path) is None and self.can_read(path)

    def can_read(self, path: Path) -> bool:
        """Whether it could read `path` itself if it stood before it."""
        try:
            resolved = path.resolve(strict=True)
            return self._allows(resolved, 5 if resolved.is_dir() else 4)
        except OSError:
            return False

    def barrier(self, path: Path) -> Path | None:
        """The first folder on the way to `path` that it may not enter; None when the way is free."""
        on_the_way = reversed(path.resolve().parents)
        return next((folder for folder in on_the_way if not self._allows(folder, 1)), None)

    def _allows(self, path: Path, bits: int) -> bool:
        try:
            facts = path.stat()
        except OSError:
            return False
        shift = 6 if facts.st_uid == self.uid else 3 if facts.st_gid == self.gid else 0
        return (facts.st_mode >> shift) & bits == bits


def account(name: str) -> Account | None:
    """None where there is no such account."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, found.pw_uid, found.pw_gid)


def instead_of_root() -> Account | None:
    """The account for what root should not run as root; None where we are not root or have no such account."""
    return account(UNPRIVILEGED) if os.geteuid() == 0 else None
