"""What somebody changed in a written-out tree, told from the files alone; nothing of theirs is run or believed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pointsman.core.contract.matching import PatternSet
from pointsman.core.model import MODE_EXECUTABLE, MODE_SYMLINK, GitPath, TreeEntry

MAX_FILES = 400_000
MAX_FILE = 32 << 20
MAX_TOGETHER = 128 << 20
"""Bytes of one file, and of all, that are taken back."""


class Unreadable(Exception):
    """A tree that can't be looked through; the text completes "the command left ..."."""


class State(NamedTuple):
    """What the file system says of one file. The change time can't be set back by who doesn't own the clock."""

    mode: int
    size: int
    inode: int
    modified: int
    changed: int


@dataclass(slots=True)
class Changes:
    """`files` are those that may be taken (None: gone), `odd` of the same kind but no plain files or too long;
    `others` are tracked files that are otherwise; `new` are further files, which may be ignored ones."""

    files: dict[GitPath, bytes | None] = field(default_factory=dict)
    odd: list[GitPath] = field(default_factory=list)
    others: list[GitPath] = field(default_factory=list)
    new: list[GitPath] = field(default_factory=list)


def states(tree: Path) -> dict[GitPath, State]:
    """Every file and link below `tree` but for its own `.git`. No link is followed, not even `tree` itself. Raises
    Unreadable for that, for folders that are closed, and above a bound."""
    try:
        if not stat.S_ISDIR(tree.lstat().st_mode):
            raise Unreadable("something else in the place of the tree")
        return _states(tree)
    except OSError as problem:
        raise Unreadable(f"a tree that can't be read: {problem.strerror}") from problem


def _states(tree: Path) -> dict[GitPath, State]:
    found: dict[GitPath, State] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(tree / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if path == ".git":
                    continue
                facts = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(facts.st_mode):
                    folders.append(path)
                    continue
                found[path] = State(
                    facts.st_mode, facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns
                )
        if len(found) + len(folders) > MAX_FILES:
            raise Unreadable(f"more than {MAX_FILES} files")
    return found


def difference(
    tree: Path,
    before: Mapping[GitPath, State],
    after: Mapping[GitPath, State],
    entries: Mapping[GitPath, TreeEntry],
    declared: PatternSet,
) -> Changes:
    """What differs from `entries`, the tree that was written out. A file that was only touched does not."""
    changes = Changes()
    together = 0
    for path in sorted({path for path in {*before, *after} if before.get(path) != after.get(path)}):
        mine, entry = bool(declared.matches(path)), entries.get(path)
        if path not in after:
            if mine:
                changes.files[path] = None
            else:
                changes.others.append(path)
            continue
        content = _read(tree / path, after[path])
        if entry is not None and content is not None and _is(entry, content, after[path]):
            continue
        if not mine:
            (changes.new if entry is None else changes.others).append(path)
            continue
        together += len(content or b"")
        if content is None or not stat.S_ISREG(after[path].mode) or together > MAX_TOGETHER:
            changes.odd.append(path)
        else:
            changes.files[path] = content
    return changes


def _read(path: Path, state: State) -> bytes | None:
    """The content of a file or link; None where it is neither, too long, or not what `state` says any more."""
    try:
        if stat.S_ISLNK(state.mode):
            return os.fsencode(path.readlink())
        if not stat.S_ISREG(state.mode) or state.size > MAX_FILE:
            return None
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            facts = os.fstat(file.fileno())
            return file.read(MAX_FILE) if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 else None
    except OSError:
        return None


def _is(entry: TreeEntry, content: bytes, state: State) -> bool:
    if stat.S_ISLNK(state.mode) != (entry.mode == MODE_SYMLINK):
        return False
    if stat.S_ISREG(state.mode) and bool(state.mode & 0o100) != (entry.mode == MODE_EXECUTABLE):
        return False
    name = "sha1" if len(entry.oid) == 40 else "sha256"
    digest = hashlib.new(name, b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest() == entry.oid
