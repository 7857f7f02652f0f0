"""Environments that one config stands for, told apart by version folders alone; it reads no file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from pointsman.core.migrations.model import Code, Layout, Problem
from pointsman.core.model import GitPath

if TYPE_CHECKING:
    from pointsman.core.migrations.environment import Environment

AT_RUN_TIME = (
    "{} names its version folders at run time; name them in the contract (migrations: config, versions)."
)


class Placed(NamedTuple):
    """An entry of the contract that names version folders: one environment of `config` (or of its script folder; None:
    of the one whose script folder they lie in)."""

    backend: str
    config: GitPath | None
    folders: tuple[GitPath, ...]

    def means(self, layout: Layout) -> bool:
        if layout.backend != self.backend:
            return False
        if self.config is None:
            return all(_is_in(folder, layout.home) for folder in self.folders)
        return self.config in (layout.config, layout.home)


def placed(
    layouts: Iterable[Layout], entries: Sequence[Placed], paths: Collection[GitPath]
) -> tuple[Layout, ...]:
    """The layouts with the version folders that the contract names, in order of key. Entries for one config are
    environments of their own. An entry with a folder that holds no file leaves what was found, with a problem."""
    found = list(layouts)
    made: dict[tuple[str, str | None], list[Layout]] = {}
    for entry in dict.fromkeys(entries):
        meant = [layout for layout in found if entry.means(layout)]
        if len({_section(layout) for layout in meant}) > 1:
            meant = [layout for layout in meant if all(_is_in(f, layout.home) for f in entry.folders)]
        if not meant:
            continue
        first = meant[0]
        absent = [f for f in entry.folders if not any(path.startswith(f"{f}/") for path in paths)]
        if absent:
            text = f"The contract names the version folder {absent[0]} of {first.config}, which is not in the tree."
            problem = Problem(Code.VERSION_FOLDERS, (first.config,), text)
            found = [
                replace(each, problems=(*each.problems, problem)) if each in meant else each for each in found
            ]
            continue
        made.setdefault(_section(first), []).append(_at(first, entry.folders))
    kept = [layout for layout in found if _section(layout) not in made]
    named = [one for group in made.values() for one in _told_apart(group)]
    return tuple(sorted((*kept, *named), key=lambda layout: layout.key))


def crossed(environment: Environment, beside: Iterable[Environment]) -> Problem | None:
    """What is wrong where revisions of it and of another folder name one another: they are one history then, or
    several, and only `env.py` knows."""
    names, wanted = _names(environment), _wanted(environment)
    for other in beside:
        if _reach(wanted, _names(other)) or _reach(_wanted(other), names):
            config = environment.layout.config
            return Problem(Code.VERSION_FOLDERS, (config,), AT_RUN_TIME.format(config))
    return None


def _section(layout: Layout) -> tuple[str, str]:
    return layout.config, layout.name if layout.section is None else layout.section


def _at(layout: Layout, folders: tuple[GitPath, ...]) -> Layout:
    section = _section(layout)[1]
    problems = tuple(problem for problem in layout.problems if problem.code != Code.VERSION_FOLDERS)
    return replace(layout, name=section, section=None, versions=folders, beside=(), problems=problems)


def _told_apart(group: Sequence[Layout]) -> Iterable[Layout]:
    """Several environments of one section, by the folders' last names where these differ."""
    if len(group) == 1:
        return group
    short = ["+".join(folder.rpartition("/")[2] for folder in each.versions) for each in group]
    whole = ["+".join(each.versions) for each in group]
    names = short if len(set(short)) == len(short) else whole
    return [replace(each, name=name, section=each.name) for each, name in zip(group, names, strict=True)]


def _is_in(folder: GitPath, home: GitPath) -> bool:
    return not home or folder == home or folder.startswith(f"{home}/")


def _names(environment: Environment) -> set[str]:
    return {name for revision in environment.revisions for name in (revision.id, *revision.labels)}


def _wanted(environment: Environment) -> set[str]:
    """What its revisions name and it does not hold."""
    named = {name for r in environment.revisions for name in (*r.parents, *r.depends_on)}
    return named - _names(environment)


def _reach(wanted: Iterable[str], names: Iterable[str]) -> bool:
    """Whether any is among the names, abbreviated or not."""
    return any(name.startswith(one) for one in wanted if one for name in names)
