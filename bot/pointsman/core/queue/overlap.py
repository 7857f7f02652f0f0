"""Which waiting changes get in each other's way, told from the paths that they touch; reads no file and no contract
but the rules that it is handed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

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
    hard, soft = dict.fromkeys(touches, 0), dict.fromkeys(touches, 0)
    for path, those in _shared((one, chain(touch.modified, touch.added)) for one, touch in touches.items()):
        _meet(soft if mended(path) else hard, those, bits)
    for _, those in _shared((one, _folders(touch.added)) for one, touch in touches.items()):
        _meet(soft, those, bits)
    schema = sum(bits[one] for one, touch in touches.items() if touch.migrations)
    found: dict[int, Overlaps] = {}
    for one, touch in touches.items():
        same = hard[one] & ~bits[one]
        both = schema & ~same & ~bits[one] if touch.migrations else 0
        found[one] = Overlaps(
            destructive=same, migrations=both, additive=soft[one] & ~(same | both | bits[one])
        )
    return found


def _shared(names: Iterable[tuple[int, Iterable[str]]]) -> Iterable[tuple[str, list[int]]]:
    """The names that more than one change has, each with those changes."""
    first: dict[str, int] = {}
    several: dict[str, list[int]] = {}
    for one, each in names:
        for name in each:
            if name not in first:
                first[name] = one
            elif name in several:
                several[name].append(one)
            else:
                several[name] = [first[name], one]
    return several.items()


def _meet(met: dict[int, int], those: Sequence[int], bits: Mapping[int, int]) -> None:
    """All of those meet all of those."""
    mask = 0
    for one in those:
        mask |= bits[one]
    for one in those:
        met[one] |= mask


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
