"""A tree written out for a job: as files, with what git lends it, in whose hands; it runs nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.core.model import Signature

if TYPE_CHECKING:
    from pointsman.adapters.accounts import Account
    from pointsman.core.model import Sha
    from pointsman.ports import Git

_NOBODY = Signature(name="Pointsman", email="pointsman@localhost", when=0)


def write_out(git: Git, tree: Sha, folder: Path) -> None:
    """The tree's files in `folder`. They are checked out of a commit, which is the same for the same tree and which no
    ref names."""
    commit = git.commit(tree=tree, parents=(), message="Scratch\n", author=_NOBODY, committer=_NOBODY)
    git.materialise(commit, folder)


def lenders(folder: Path) -> list[Path]:
    """Where the objects of a written-out tree are."""
    listing = folder / ".git/objects/info/alternates"
    return [Path(line) for line in listing.read_text(errors="surrogateescape").splitlines() if line]


def settings_beside(stores: Iterable[Path]) -> list[Path]:
    """Git's settings beside those objects: a clone's may hold a token in the address that it came from."""
    found = (each.parent / name for each in stores for name in ("config", "config.worktree"))
    return [path for path in found if path.is_file()]


def give(folder: Path, user: Account) -> None:
    """Make all that lies there the account's own; what a link leads to stays whose it was."""
    for place, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(place, name), user.uid, user.gid, follow_symlinks=False)


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Whether it is one of the folders or lies in one."""
    return any(folder in (path, *path.parents) for folder in folders)
