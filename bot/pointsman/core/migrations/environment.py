"""One environment of one tree, put together from parsed files, with everything its tool would stumble over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pointsman.core.migrations.backend import Backend, Words
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.model import Code, Issue, Layout, Parsed, Problem, Revision
from pointsman.core.model import GitPath, Sha

_HELPER = (Code.NO_DOWN_REVISION, Code.NO_REVISION)


class File(NamedTuple):
    """One file that the tool would load, and what it says."""

    path: GitPath
    oid: Sha
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Environment:
    """What is known of one environment; `revisions` are in path order and hold repeated ids, `graph` does not."""

    layout: Layout
    files: tuple[File, ...]
    revisions: tuple[Revision, ...]
    graph: Graph
    problems: tuple[Problem, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        return self.graph.heads

    @property
    def forked(self) -> bool:
        """Whether two heads stand in one lineage that no branch label tells apart."""
        return bool(self.graph.forks)

    def revision_at(self, path: GitPath) -> Revision | None:
        return next((revision for revision in self.revisions if revision.path == path), None)


def assemble(
    backend: Backend, layout: Layout, files: Sequence[File], base: Environment | None = None
) -> Environment:
    """The environment that those files make, `base` being what it was before a change; problems in the order of
    their paths."""
    ordered = tuple(sorted(files, key=lambda file: file.path))
    said = backend.in_context({file.path: file.parsed for file in ordered}, base)
    revisions: list[Revision] = []
    problems: list[Problem] = list(layout.problems)
    for file in ordered:
        revision, issues = _read(backend, File(file.path, file.oid, said[file.path]))
        problems += [Problem(issue.code, (file.path,), f"{file.path} {issue.message}.") for issue in issues]
        if revision is not None:
            revisions.append(revision)
    # Where a tool orders revisions at run time, they hang on one another out of sight: they make no head here.
    linked = (revision for revision in revisions if not revision.ordered_elsewhere)
    graph = Graph(linked, one_lineage=backend.one_lineage)
    problems += _of_graph(revisions, graph, backend.words)
    return Environment(layout, ordered, tuple(revisions), graph, tuple(problems))


def _read(backend: Backend, file: File) -> tuple[Revision | None, tuple[Issue, ...]]:
    parsed = file.parsed
    issues = parsed.issues
    id = parsed.revision
    if id is None and all(issue.code in _HELPER for issue in issues):
        id = backend.revision_from_name(file.path)
    if id is None:
        faults = tuple(issue for issue in issues if issue.code not in _HELPER)
        return None, faults or (Issue(Code.NO_REVISION, backend.words.nameless),)
    revision = Revision(
        id,
        file.path,
        file.oid,
        parsed.parents or (),
        parsed.labels,
        parsed.depends_on,
        parsed.parents is not None,
        parsed.ordered_elsewhere,
        parsed.replaces,
    )
    return revision, issues


def _of_graph(revisions: Sequence[Revision], graph: Graph, words: Words) -> list[Problem]:
    """What is wrong between files, in the order in which people would mend it."""
    every = {revision.id for revision in revisions}
    found = [*_duplicates(revisions), *_labels(revisions)]
    for revision in revisions:
        found += _missing(revision, every, graph, words)
    if loop := graph.cycles():
        found.append(_cycle(Code.CYCLE, words.parents, loop, graph))
    elif loop := graph.cycles(with_dependencies=True):
        found.append(_cycle(Code.DEPENDENCY_CYCLE, f"{words.parents} and {words.needs}", loop, graph))
    return found


def _duplicates(revisions: Sequence[Revision]) -> Iterator[Problem]:
    paths: dict[str, list[GitPath]] = {}
    for revision in revisions:
        paths.setdefault(revision.id, []).append(revision.path)
    for id, places in paths.items():
        if len(places) > 1:
            text = f"Revision {id} is in {len(places)} files: {', '.join(places)}."
            yield Problem(Code.DUPLICATE_REVISION, tuple(places), text)


def _labels(revisions: Sequence[Revision]) -> Iterator[Problem]:
    places: dict[str, list[Revision]] = {}
    for revision in revisions:
        for label in revision.labels:
            places.setdefault(label, []).append(revision)
    ids = {revision.id: revision for revision in revisions}
    for label, holders in places.items():
        users = [*holders, *([ids[label]] if label in ids else [])]
        if len(users) > 1:
            named = ", ".join(f"{user.id} ({user.path})" for user in users)
            text = f"Branch label {label!r} is used more than once: {named}."
            yield Problem(Code.DUPLICATE_LABEL, tuple(dict.fromkeys(user.path for user in users)), text)


def _missing(revision: Revision, every: set[str], graph: Graph, words: Words) -> Iterator[Problem]:
    for parent in dict.fromkeys(revision.parents):
        if parent not in every:
            yield _absent(Code.MISSING_PARENT, words.parents, revision, parent, every)
    for need in dict.fromkeys(revision.depends_on):
        if need not in every and need not in graph.label_of:
            yield _absent(Code.MISSING_DEPENDENCY, words.needs, revision, need, every)


def _absent(code: str, name: str, revision: Revision, wanted: str, every: Iterable[str]) -> Problem:
    whole = sorted(id for id in every if wanted and id.startswith(wanted))
    if whole:
        text = (
            f"{revision.path} abbreviates {name} to {wanted!r}; write the whole id: {', '.join(whole[:3])}."
        )
        return Problem(Code.ABBREVIATED_ID, (revision.path,), text)
    text = f"{revision.path} names {wanted!r} in {name}, and no file has that revision."
    return Problem(code, (revision.path,), text)


def _cycle(code: str, names: str, loop: Sequence[str], graph: Graph) -> Problem:
    paths = tuple(graph.by_id[id].path for id in loop)
    shown = ", ".join(loop[:8]) + (f" and {len(loop) - 8} more" if len(loop) > 8 else "")
    return Problem(code, paths, f"The {names} of {shown} lead round in a circle.")


def repeated(revisions: Iterable[Revision]) -> frozenset[str]:
    """Ids that more than one file has."""
    return frozenset(id for id, count in Counter(revision.id for revision in revisions).items() if count > 1)
