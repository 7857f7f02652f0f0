"""Which pieces of work would get in each other's way, told from the paths that they name; no file is read.

The rules are those of the queue for finished changes (core.queue.overlap), here for work that is only planned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pointsman.core.contract.model import Overlap
from pointsman.core.queue.overlap import never
from pointsman.core.schedule.model import Paths

Mended = Callable[[str], bool]


def destructive(a: Paths, b: Paths, *, mended: Mended = never) -> str:
    """The first path on which both change what exists, or add the same file; '' where there is none. Of a folder and
    what lies in it, the latter. R64."""
    ours, theirs = _sorted(a, mended), _sorted(b, mended)
    met = (max(path, other, key=len) for path in ours for other in theirs if _same(path, other))
    return next(met, "")


def additive(a: Paths, b: Paths) -> str:
    """The first folder in which both make new files; '' where there is none. R65."""
    theirs = set(_homes(b))
    return next((folder or "/" for folder in _homes(a) if folder in theirs), "")


class Ground:
    """Where several pieces of work are, so that whom one more would meet is told without looking at each of them.

    Answers are sums of bits: the first piece is 1, the second 2, the third 4. Under the contract's `queue.overlap`."""

    def __init__(self, spots: Sequence[Paths], policy: Overlap, *, mended: Mended = never) -> None:
        self._serial = policy
        self._mended = mended
        self._at: dict[str, int] = {}
        self._below: dict[str, int] = {}
        self._homes: dict[str, int] = {}
        for place, spot in enumerate(spots):
            self._add(spot, 1 << place)

    def meeting(self, paths: Paths) -> int:
        """Those that may not be worked on beside `paths`; a piece meets itself."""
        found = 0
        if self._serial.destructive == "serialize":
            for path in _sorted(paths, self._mended):
                found |= self._below.get(path, 0) | self._at.get(path, 0)
                for folder in _above(path):
                    found |= self._at.get(folder, 0)
        if self._serial.additive == "serialize":
            for folder in _homes(paths):
                found |= self._homes.get(folder, 0)
        return found

    def _add(self, spot: Paths, bit: int) -> None:
        for path in _sorted(spot, self._mended):
            self._at[path] = self._at.get(path, 0) | bit
            for folder in _above(path):
                self._below[folder] = self._below.get(folder, 0) | bit
        for folder in _homes(spot):
            self._homes[folder] = self._homes.get(folder, 0) | bit


def _sorted(paths: Paths, mended: Mended) -> list[str]:
    """What is changed, and the files that are added, without a `/` at the end; a folder of new files is neither."""
    made = (path for path in paths.creates if not path.endswith("/"))
    touched = (path.rstrip("/") for path in (*paths.modifies, *made))
    return [path for path in touched if not mended(path)]


def _same(a: str, b: str) -> bool:
    """One path, or one of them lies in the other."""
    return a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/")


def _above(path: str) -> Iterator[str]:
    """The folders around a path, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _homes(paths: Paths) -> list[str]:
    return [path.rstrip("/") if path.endswith("/") else path.rpartition("/")[0] for path in paths.creates]
