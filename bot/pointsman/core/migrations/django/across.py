"""What is wrong between the apps of one project: names that are not there, circles; it reads graphs, no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pointsman.core.migrations.django.context import resolve, squashes
from pointsman.core.migrations.django.names import FIRST, SPECIAL, stem
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.model import Code, Problem

Key = tuple[str, str]
_SHOWN = 8


def between(environments: Sequence[Environment]) -> Mapping[Key, tuple[Problem, ...]]:
    """Missing migrations of other apps, and one circle that leads through several. Apps that are not in the tree
    (Django's own, installed ones) count as complete; a label that two projects of the tree share is not judged."""
    labels = Counter(each.layout.name for each in environments)
    apps = {each.layout.name: _App(each) for each in environments if labels[each.layout.name] == 1}
    found = {each.layout.key: tuple(_absent(each, apps)) for each in environments}
    loop = _circle(apps)
    if loop:
        first = apps[loop[0][0]].environment
        places = tuple(path for app, name in loop if (path := apps[app].paths.get(name)) is not None)
        shown = ", ".join(f"{app}.{name}" for app, name in loop[:_SHOWN])
        more = f" and {len(loop) - _SHOWN} more" if len(loop) > _SHOWN else ""
        text = f"The dependencies and run_before of {shown}{more} lead round in a circle."
        found[first.layout.key] += (Problem(Code.DEPENDENCY_CYCLE, places, text),)
    return found


class _App:
    """One app: its files by name, and what stands for what."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.paths = {stem(file.path): file.path for file in environment.files}
        self.stands_for = squashes(
            environment.layout.name, {file.path: file.parsed for file in environment.files}
        )

    def has(self, name: str) -> bool:
        return name in self.paths or name in self.stands_for or name in SPECIAL

    def node(self, name: str) -> str | None:
        """The migration of the graph that a name leads to."""
        graph = self.environment.graph
        if name in SPECIAL:
            ends = graph.bases if name == FIRST else graph.heads
            return ends[0] if ends else None
        name = resolve(name, self.stands_for)
        return name if name in graph else None


def _absent(environment: Environment, apps: Mapping[str, _App]) -> Iterator[Problem]:
    for file in environment.files:
        named = (("dependencies", file.parsed.parents or ()), ("run_before", file.parsed.depends_on))
        for attr, names in named:
            for each in dict.fromkeys(names):
                app, _, name = each.partition(".")
                inside = app == environment.layout.name and attr == "dependencies"
                if not inside and app in apps and not apps[app].has(name):
                    text = f"{file.path} names {each!r} in {attr}, and no file has that migration."
                    yield Problem(Code.MISSING_DEPENDENCY, (file.path,), text)


def _edges(apps: Mapping[str, _App]) -> Iterator[tuple[Key, Key]]:
    """(migration, one that has to run before it), over all apps."""
    for label, app in apps.items():
        graph = app.environment.graph
        for id, revision in graph.by_id.items():
            for parent in revision.parents:
                yield (label, id), (label, parent)
        for file in app.environment.files:
            name = app.node(stem(file.path))
            if name is not None:
                yield from _outward(apps, (label, name), file.parsed.parents or (), file.parsed.depends_on)


def _outward(
    apps: Mapping[str, _App], mine: Key, needs: Sequence[str], before: Sequence[str]
) -> Iterator[tuple[Key, Key]]:
    for needed, names in ((True, needs), (False, before)):
        for each in names:
            other, _, name = each.partition(".")
            if other == mine[0] or other not in apps:
                continue
            node = apps[other].node(name)
            if node is not None:
                yield (mine, (other, node)) if needed else ((other, node), mine)


def _circle(apps: Mapping[str, _App]) -> list[Key]:
    """The migrations of a circle that leads through more than one app, sorted; each app reports its own."""
    needs: dict[Key, set[Key]] = {}
    for mine, other in _edges(apps):
        needs.setdefault(mine, set()).add(other)
        needs.setdefault(other, set())
    for _ in range(2):  # what stands above a circle goes first, then (turned round) what stands below it
        needs = _turned(_without_free(needs))
    return sorted(needs) if len({app for app, _ in needs}) > 1 else []


def _without_free(needs: Mapping[Key, set[Key]]) -> dict[Key, set[Key]]:
    """Without the nodes that need nothing that is left."""
    above = _turned(needs)
    waiting = {node: len(others) for node, others in needs.items()}
    free = [node for node, count in waiting.items() if count == 0]
    while free:
        node = free.pop()
        del waiting[node]
        for other in above[node]:
            waiting[other] -= 1
            if waiting[other] == 0:
                free.append(other)
    return {node: needs[node] & waiting.keys() for node in waiting}


def _turned(needs: Mapping[Key, set[Key]]) -> dict[Key, set[Key]]:
    turned: dict[Key, set[Key]] = {node: set() for node in needs}
    for node, others in needs.items():
        for other in others:
            turned[other].add(node)
    return turned
