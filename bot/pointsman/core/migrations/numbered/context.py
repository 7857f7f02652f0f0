"""Which numbered files follow which: by their numbers and, in the tree of a change, by what the base had; no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from pointsman.core.migrations.model import Parsed, Revision
from pointsman.core.migrations.numbered.names import Name, Style, Version, read
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment


class _Placed(NamedTuple):
    id: str
    parents: tuple[str, ...]


class _Step(NamedTuple):
    version: Version
    title: str
    path: GitPath


def in_context(
    style: Style, files: Mapping[GitPath, Parsed], base: Environment | None
) -> Mapping[GitPath, Parsed]:
    """See `Backend.in_context`. What the base has keeps its id and its place; each new step hangs behind the one of the
    change before it, the first behind the last of the base that is below it by number: all it could see."""
    steps = [_Step(name.version, name.title, path) for path in files if (name := _name(path)) is not None]
    published = _published(style, steps, base) if base is not None else {}
    kept = [step for step in steps if step.path in published]
    new = [step for step in steps if step.path not in published]
    placed = {step.path: published[step.path] for step in kept}
    below = sorted((step.version, placed[step.path].id) for step in kept)
    taken = {one.id for one in placed.values()} | (
        {revision.id for revision in base.revisions} if base is not None and style is Style.FLYWAY else set()
    )
    ids = _ids(new, taken)
    previous: tuple[str, ...] = ()
    for version, group in groupby(sorted(new), key=lambda step: step.version):
        parents = previous or _last_below(style, below, version)
        paths = [step.path for step in group]
        placed |= {path: _Placed(ids[path], parents) for path in paths}
        # A change's own clash is its author's to settle, whatever the tool would make of it.
        previous = _followed(style if base is None else Style.FLYWAY, [ids[path] for path in paths])
    known = {one.id for one in placed.values()}
    return {
        path: Parsed(
            placed[path].id, tuple(p for p in placed[path].parents if p in known), issues=said.issues
        )
        if path in placed
        else said
        for path, said in files.items()
    }


def _name(path: GitPath) -> Name | None:
    found = read(path)
    return found[1] if found else None


def _published(style: Style, steps: Iterable[_Step], base: Environment) -> dict[GitPath, _Placed]:
    """The files that are the base's: by path or, for a tool that remembers nothing but the number, by that."""
    before = {revision.path: revision for revision in base.revisions}
    found = {step.path: _placed(before[step.path]) for step in steps if step.path in before}
    gone = {
        (name.version, name.title if style is Style.FLYWAY else ""): revision
        for path, revision in before.items()
        if path not in found and (name := _name(path)) is not None
    }
    for step in sorted(steps):
        heir = gone.pop((step.version, step.title if style is Style.FLYWAY else ""), None)
        if step.path not in found and heir is not None:
            found[step.path] = _placed(heir)
    return found


def _placed(revision: Revision) -> _Placed:
    return _Placed(revision.id, revision.parents)


def _ids(steps: Sequence[_Step], taken: Iterable[str]) -> dict[GitPath, str]:
    """The number; with the title where the number is not the step's alone."""
    numbers = Counter(str(step.version) for step in steps)
    shared = {number for number, count in numbers.items() if count > 1} | set(taken)
    return {
        step.path: f"{step.version}_{step.title}"
        if str(step.version) in shared and step.title
        else str(step.version)
        for step in steps
    }


def _last_below(style: Style, below: Sequence[tuple[Version, str]], version: Version) -> tuple[str, ...]:
    lower = [one for one in below if one[0] < version]
    return _followed(style, [id for at, id in lower if at == lower[-1][0]]) if lower else ()


def _followed(style: Style, ids: Sequence[str]) -> tuple[str, ...]:
    """What the next step follows of those with one number. Where a tool applies files by name, it follows them all;
    Flyway and golang-migrate stop at a number that is there twice, so the second one stays a head."""
    return tuple(ids) if style is Style.PLAIN else tuple(ids[:1])
