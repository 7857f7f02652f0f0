"""What the migrations of one app mean together: names, squashes, the edges within the app; it reads no text."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.core.migrations.django.names import SPECIAL, stem
from pointsman.core.migrations.django.parse import NO_CLASS
from pointsman.core.migrations.model import Parsed
from pointsman.core.model import GitPath


def in_context(label: str, files: Mapping[GitPath, Parsed]) -> Mapping[GitPath, Parsed]:
    """See `Backend.in_context`. As in Django's loader on a fresh database, a squash stands for what it replaces;
    the replaced files are still revisions, but out of the graph. `run_before` is an edge like any other."""
    stands_for = squashes(label, files)
    parents = {path: _parents(label, stem(path), parsed, stands_for) for path, parsed in files.items()}
    path_of = {resolve(stem(path), stands_for): path for path in sorted(files, reverse=True)}
    path_of |= {stem(path): path for path in files}
    for path, parsed in files.items():
        name = resolve(stem(path), stands_for)
        if stem(path) != name and name in path_of:
            _add(parents, path_of[name], name, parents[path] or ())
        for target in (resolve(other, stands_for) for other in within(label, parsed.depends_on)):
            if target in path_of:
                _add(parents, path_of[target], target, (name,))
    return {path: _placed(path, parsed, parents[path], stands_for) for path, parsed in files.items()}


def squashes(label: str, files: Mapping[GitPath, Parsed]) -> dict[str, str]:
    """Name of the app -> the squash that replaces it."""
    return {
        name: stem(path)
        for path, parsed in sorted(files.items())
        for name in within(label, parsed.replaces)
        if name != stem(path)
    }


def resolve(name: str, stands_for: Mapping[str, str]) -> str:
    """The migration that stands for it in the end; squashes of squashes are followed, circles left alone."""
    seen = {name}
    while (further := stands_for.get(name)) is not None and further not in seen:
        seen.add(further)
        name = further
    return name


def within(label: str, names: tuple[str, ...]) -> list[str]:
    """The names that are of the app; `__first__` and `__latest__` of one's own app mean nothing (Django #22325)."""
    found = [name.partition(".") for name in names]
    return [name for app, _, name in found if app == label and name not in SPECIAL]


def _parents(label: str, name: str, parsed: Parsed, stands_for: Mapping[str, str]) -> tuple[str, ...] | None:
    if parsed.parents is None:
        return None
    found = (resolve(parent, stands_for) for parent in within(label, parsed.parents))
    return tuple(dict.fromkeys(parent for parent in found if parent != resolve(name, stands_for)))


def _add(
    parents: dict[GitPath, tuple[str, ...] | None], path: GitPath, name: str, more: tuple[str, ...]
) -> None:
    parents[path] = tuple(dict.fromkeys([*(parents[path] or ()), *(each for each in more if each != name)]))


def _placed(
    path: GitPath, parsed: Parsed, parents: tuple[str, ...] | None, stands_for: Mapping[str, str]
) -> Parsed:
    if NO_CLASS in parsed.issues:
        return parsed
    return Parsed(
        revision=stem(path),
        parents=parents,
        issues=parsed.issues,
        ordered_elsewhere=stem(path) in stands_for,
        replaces=tuple(name.partition(".")[2] for name in parsed.replaces),
    )
