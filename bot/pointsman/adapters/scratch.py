"""Folders that are gone when their owner is: removed in order, or by whoever comes next after a kill."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "pointsman-held-"
"""What every such folder's name begins with; one that nobody holds any more is left over."""
_SWEPT: set[Path] = set()


class Scratch:
    """A new folder for `kind` of thing below `parent` (None: the system's temporary folder). `lock` is held until
    `close`, or until this process ends; whoever else holds a copy of the descriptor keeps the folder, too."""

    def __init__(self, kind: str, parent: Path | None = None) -> None:
        place = Path(tempfile.gettempdir()) if parent is None else parent
        place.mkdir(parents=True, exist_ok=True)
        place = place.resolve()
        if place not in _SWEPT:
            _SWEPT.add(place)
            sweep(place)
        self.path, self.lock = _made(f"{PREFIX}{kind}-", place)

    def close(self) -> None:
        """Remove it with all that is in it, also what a job made unreadable."""
        remove(self.path)
        with contextlib.suppress(OSError):
            os.close(self.lock)


@contextlib.contextmanager
def scratch(kind: str, parent: Path | None = None) -> Iterator[Scratch]:
    made = Scratch(kind, parent)
    try:
        yield made
    finally:
        made.close()


def sweep(place: Path) -> int:
    """Remove our folders there that nobody holds any more; how many."""
    return sum(_remove_if_left(path) for path in place.glob(f"{PREFIX}*"))


def remove(folder: Path) -> None:
    """What can't be removed stays for the next sweep."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for path, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                Path(path).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _made(prefix: str, place: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        # Between the two somebody's sweep may have taken it for one that was left.
        with contextlib.suppress(OSError):
            lock = _open(path)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return path, lock
            os.close(lock)


def _remove_if_left(path: Path) -> bool:
    try:
        lock = _open(path)
    except OSError:
        return False
    try:
        if os.fstat(lock).st_uid != os.geteuid() and os.geteuid() != 0:
            return False
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        remove(path)
        return True
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
