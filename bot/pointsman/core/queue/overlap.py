"""Which waiting changes get in each other's way, told from the paths that they touch; reads no file and no contract
but the rules that it is handed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointsman.core.contract.matching import pattern_set
from pointsman.core.contract.model import Contract, Pattern
from pointsman.core.contract.model import Overlap as OverlapPolicy
from pointsman.core.model import GitPath
from pointsman.core.queue.observation import Touch

MIGRATION_FOLDERS = frozenset({"migrations", "migration", "migrate", "versions"})
MIGRATION_SUFFIXES = (".py", ".sql")


class Overlap(StrEnum):
    """How two changes meet. Of several that hold it is the last one.

    ADDITIVE: both add files to one folder, or meet only in files that the contract makes anew. MIGRATIONS: both bring
    a migration, wherever it is, so that one of them may have to be healed onto the other. DESTRUCTIVE: both change or
    delete one file, or both add the same path.
    """

    DISJOINT = "disjoint"
    ADDITIVE = "additive"
    MIGRATIONS = "migrations"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlaps:
    """What one change meets, as sums of bits of the others; no bit is in two of them, none is its own."""

    destructive: int = 0
    migrations: int = 0
    additive: int = 0

    def of(self, kind: Overlap, others: int) -> int:
        """Those of `others` that it meets in that way."""
        match kind:
            case Overlap.DESTRUCTIVE:
                return self.destructive & others
            case Overlap.MIGRATIONS:
                return self.migrations & others
            case Overlap.ADDITIVE:
                return self.additive & others
            case Overlap.DISJOINT:
                return others & ~(self.destructive | self.migrations | self.additive)


NOTHING = Overlaps()


def never(_: GitPath) -> bool:
    """No file is made anew."""
    return False


def overlap(a: Touch, b: Touch, *, mended: Callable[[GitPath], bool] = never) -> Overlap:
    """How two changes meet; `mended` tells the files whose conflicts the contract settles (see `mended_by`)."""
    shared = (a.modified | a.added) & (b.modified | b.added)
    if any(not mended(path) for path in shared):
        return Overlap.DESTRUCTIVE
    if a.migrations and b.migrations:
        return Overlap.MIGRATIONS
    if shared or _folders(a.added) & _folders(b.added):
        return Overlap.ADDITIVE
    return Overlap.DISJOINT


def meeting_places(a: Touch, b: Touch, how: Overlap) -> tuple[str, ...]:
    """The paths, or (ADDITIVE) else the folders, in which they meet, sorted."""
    shared = (a.modified | a.added) & (b.modified | b.added)
    if how is Overlap.ADDITIVE and not shared:
        return tuple(sorted(_folders(a.added) & _folders(b.added)))
    return tuple(sorted(shared))


def overlaps(
    touches: Mapping[int, Touch], bits: Mapping[int, int], *, mended: Callable[[GitPath], bool] = never
) -> dict[int, Overlaps]:
    """`overlap` of all pairs at once, by change; every change has a bit of its own, a power of two.

    Found by path, not by pair: linear in the number of paths (times the length of a sum of bits), so that 1,000
    changes of 20 paths each take some ten milliseconds."""
    meeting = {one: _Place(touch, bits[one]) for one, touch in touches.items()}
    paths = _shared((place.paths, place.bit) for place in meeting.values())
    folders = _shared((place.folders, place.bit) for place in meeting.values())
    harmless = {path for path in paths if mended(path)}
    schema = sum(bits[one] for one, touch in touches.items() if touch.migrations)
    found: dict[int, Overlaps] = {}
    for one, place in meeting.items():
        hard = soft = 0
        for path in place.paths & paths.keys():
            if path in harmless:
                soft |= paths[path]
            else:
                hard |= paths[path]
        for folder in place.folders & folders.keys():
            soft |= folders[folder]
        hard &= ~place.bit
        both = schema & ~hard & ~place.bit if touches[one].migrations else 0
        soft &= ~(hard | both | place.bit)
        found[one] = Overlaps(destructive=hard, migrations=both, additive=soft)
    return found


class _Place:
    """Where one change is at work."""

    __slots__ = ("bit", "folders", "paths")

    def __init__(self, touch: Touch, bit: int) -> None:
        self.bit = bit
        self.paths = touch.modified | touch.added
        self.folders = _folders(touch.added)


def _shared(places: Iterable[tuple[Collection[str], int]]) -> dict[str, int]:
    """The names that more than one is at, with the bits of all who are."""
    index: dict[str, int] = {}
    for names, bit in places:
        for name in names:
            index[name] = index.get(name, 0) | bit
    return {name: mask for name, mask in index.items() if mask & (mask - 1)}


def _folders(paths: Iterable[GitPath]) -> set[str]:
    return {path.rpartition("/")[0] for path in paths}


def apart(found: Mapping[int, Overlaps], policy: OverlapPolicy) -> dict[int, int]:
    """For each change the bits of those that may not be added by one link with it, under the contract's
    `queue.overlap`; changes that may go with any are left out. R64, R65.

    Two migrations count as additive: the second is healed onto the first within one link."""
    masks = {
        one: (met.destructive if policy.destructive == "serialize" else 0)
        | (met.additive | met.migrations if policy.additive == "serialize" else 0)
        for one, met in found.items()
    }
    return {one: mask for one, mask in masks.items() if mask}


def mended_by(contract: Contract) -> Callable[[GitPath], bool]:
    """Tells the files that two changes may both touch because the contract says how they are put together: lock
    files, what a command makes anew, regions where both sides' lines stay."""
    conflicts = contract.conflicts
    names = {one.path for one in conflicts.lockfiles} | {one.path for one in conflicts.additive}
    made = pattern_set(tuple(pattern.text for one in conflicts.regenerated for pattern in one.writes))
    return lambda path: path in names or bool(made.matches(path))


def area_of(touch: Touch, independent: Mapping[str, Collection[Pattern]]) -> str | None:
    """The area of the contract's `queue.independent` that holds all that the change touches.

    None where a path is in no area or in two, where nothing is known to be touched, and for a migration: its order
    matters to migrations everywhere."""
    paths = touch.modified | touch.added
    if not paths or touch.migrations or not independent:
        return None
    sets = {name: pattern_set(tuple(one.text for one in patterns)) for name, patterns in independent.items()}
    around = {tuple(name for name, patterns in sets.items() if patterns.matches(path)) for path in paths}
    if len(around) != 1:
        return None
    (areas,) = around
    return areas[0] if len(areas) == 1 else None


def looks_like_migration(path: GitPath, folders: Collection[str] = ()) -> bool:
    """Whether the path is such as migration tools use, by its name alone: Python or SQL in a folder that is called
    so, or below one of `folders`. A hint for the queue, which reads no migration for it (I8)."""
    if not path.endswith(MIGRATION_SUFFIXES):
        return False
    parents = path.split("/")[:-1]
    return not MIGRATION_FOLDERS.isdisjoint(parents) or any(path.startswith(f"{one}/") for one in folders)
