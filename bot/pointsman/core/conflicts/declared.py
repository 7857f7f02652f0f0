"""What a contract declares of conflicts, compiled for matching, and what it means for one merge; it reads nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pointsman.core.model import GitPath

if TYPE_CHECKING:  # most contracts declare nothing, and then no pattern is matched
    from pointsman.core.conflicts.model import Remake
    from pointsman.core.contract.matching import PatternSet
    from pointsman.core.contract.model import Conflicts, Regenerated, Sandbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Generated:
    """Files that a command makes: patterns of what it writes, and of what from."""

    writes: tuple[str, ...]
    sources: tuple[str, ...]
    run: str
    timeout: float
    network: Literal["none", "host"]
    _written: PatternSet
    _from: PatternSet

    def makes(self, path: GitPath) -> bool:
        return bool(self._written.matches(path))

    def reads(self, path: GitPath) -> bool:
        """Whether it is a source; what the command writes itself is none."""
        return bool(self._from.matches(path)) and not self.makes(path)


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """`additive` holds each file's markers, in the contract's order; `sandbox` is what every command is held to."""

    generated: tuple[Generated, ...] = ()
    additive: Mapping[GitPath, tuple[str, ...]] = field(default_factory=dict)
    sandbox: Sandbox | None = None


NOTHING = Declared()


def declared(conflicts: Conflicts | None, sandbox: Sandbox | None = None) -> Declared:
    """The contract's `conflicts`; a lock file is short for a regenerated one."""
    if conflicts is None:
        return NOTHING
    markers: dict[GitPath, tuple[str, ...]] = {}
    for one in conflicts.additive:
        markers[one.path] = (*markers.get(one.path, ()), one.marker)
    locks = (
        _generated((f"/{lock.path}",), (f"/{lock.manifest}",), lock.regenerate)
        for lock in conflicts.lockfiles
    )
    return Declared(
        generated=(*(_entry(one) for one in conflicts.regenerated), *locks),
        additive=markers,
        sandbox=sandbox,
    )


def _entry(one: Regenerated) -> Generated:
    writes, sources = ([pattern.text for pattern in patterns] for patterns in (one.writes, one.sources))
    return _generated(writes, sources, one.run, timeout=one.timeout, network=one.network)


def _generated(
    writes: Sequence[str],
    sources: Sequence[str],
    run: str,
    *,
    timeout: float = 300.0,
    network: Literal["none", "host"] = "none",
) -> Generated:
    from pointsman.core.contract.matching import PatternSet

    return Generated(
        writes=tuple(writes),
        sources=tuple(sources),
        run=run,
        timeout=timeout,
        network=network,
        _written=PatternSet(writes),
        _from=PatternSet(sources),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Where one entry's files or sources were changed on both sides: the command to run, and the change's own files
    that give way to the base's. `loses`: the change changed these files by themselves, and not what they are made
    from, so that no command would do that again."""

    remake: Remake
    give_way: tuple[GitPath, ...]
    loses: bool


def meetings(
    rules: Declared,
    conflicted: Collection[GitPath],
    base_changed: Collection[GitPath],
    change_changed: Collection[GitPath],
    same: Collection[GitPath],
) -> tuple[Meeting, ...]:
    """The entries that have to run, in the contract's order: one may work on what another made. `base_changed` and
    `change_changed` are what either side changed since they parted; `same` are those that both have alike now.

    Both sides meet where git reports a conflict in a written file, where both changed written files, and where both
    changed sources and at least one side what is written: without that, nothing of it shows in the files."""
    from pointsman.core.conflicts.model import Remake

    found: list[Meeting] = []
    for rule in rules.generated:
        ours, theirs = _written(rule, base_changed), _written(rule, change_changed)
        sources = [path for path in change_changed if rule.reads(path)]
        clash = [path for path in conflicted if rule.makes(path)]
        both = sources and any(rule.reads(path) for path in base_changed) and (ours or theirs)
        if not (clash or (ours and theirs) or both):
            continue
        differ = tuple(path for path in theirs if path not in same)
        if not differ and not both:
            continue
        met = tuple(sorted({*clash, *(set(ours) & set(theirs))})) or tuple(sorted({*ours, *theirs}))
        remake = Remake(
            writes=rule.writes,
            run=rule.run,
            met=met,
            theirs=differ,
            timeout=rule.timeout,
            network=rule.network,
        )
        found.append(Meeting(remake=remake, give_way=differ, loses=bool(differ) and not sources))
    return tuple(found)


def _written(rule: Generated, changed: Iterable[GitPath]) -> list[GitPath]:
    return sorted(path for path in changed if rule.makes(path))
