"""Reads the migration environments of a tree through git, each blob once; it judges and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from pointsman.core.migrations.apart import Placed, crossed, placed
from pointsman.core.migrations.backend import Backend
from pointsman.core.migrations.backends import BACKENDS, backend_of, between
from pointsman.core.migrations.cache import MemoryCache, ParseCache
from pointsman.core.migrations.environment import Environment, File, assemble
from pointsman.core.migrations.model import Code, Issue, Layout, Parsed, Revision
from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE, MODE_SYMLINK, GitPath, PathChange, Sha, TreeEntry
from pointsman.ports import Git

if TYPE_CHECKING:
    from pointsman.core.migrations.operations import Footprint

ParseAll = Callable[[Callable[[bytes], Parsed], Sequence[bytes]], Sequence[Parsed]]
"""Parses each blob, in order, by the function given; how is its own affair."""


MOST_LAYOUTS = 1_000
MOST_CONFIGS = 1_000
"""Trees, and settings files, that one process remembers: every candidate is a tree of its own."""


@dataclass(slots=True)
class Reads:
    """How many blobs were read, to hold the common case to nothing: settings and revision files apart."""

    configs: int = 0
    revisions: int = 0


class TreeFacts(NamedTuple):
    """The environments of one tree, and the tree's entries by path."""

    tree: Sha
    environments: tuple[Environment, ...]
    entries: dict[GitPath, TreeEntry]


@dataclass(slots=True)
class Reader:
    """Reads trees of one repository. `only` limits to environments that the contract names (config paths
    without a leading slash); empty: all that are found. `named` are configs and folders that it names at all,
    `placed` the version folders that it names."""

    git: Git
    cache: ParseCache = field(default_factory=MemoryCache)
    parse_all: ParseAll = field(default=lambda parse, blobs: [parse(blob) for blob in blobs])
    only: Sequence[str] = ()
    named: Sequence[str] = ()
    placed: Sequence[Placed] = ()
    reads: Reads = field(default_factory=Reads)
    _configs: dict[Sha, bytes] = field(default_factory=dict)
    _layouts: dict[tuple[object, ...], tuple[Layout, ...]] = field(default_factory=dict)
    _listed: tuple[Sha, dict[GitPath, TreeEntry]] | None = None

    def read(self, tree: Sha) -> TreeFacts:
        """All environments of the tree, in order of config path."""
        entries = self.entries(tree)
        environments = [self.environment(each, entries) for each in self.layouts(tree)]
        more = between(environments)
        whole = (
            replace(each, problems=(*each.problems, *more.get(each.layout.key, ()))) for each in environments
        )
        return TreeFacts(tree, tuple(whole), entries)

    def entries(self, tree: Sha) -> dict[GitPath, TreeEntry]:
        """Every file of the tree by path; the last listing is kept."""
        if self._listed is None or self._listed[0] != tree:
            self._listed = tree, {entry.path: entry for entry in self.git.entries(tree)}
        return self._listed[1]

    def layouts(self, tree: Sha) -> tuple[Layout, ...]:
        """Where the environments are; reads settings, no revision."""
        key = self._key(tree)
        if key not in self._layouts:
            trim(self._layouts, MOST_LAYOUTS)
            self._layouts[key] = self._discovered(self.entries(tree))
        return self._layouts[key]

    def layouts_after(self, tree: Sha, changes: Sequence[PathChange], new_tree: Sha) -> tuple[Layout, ...]:
        """Where they are in `new_tree`, which differs from `tree` by `changes`: most changes move none, and then
        nothing is listed or read."""
        before = self.layouts(tree)
        key = self._key(new_tree)
        if key not in self._layouts:
            moved = any(
                backend.may_move(change.path, new=change.status != "M", layouts=before)
                for change in changes
                for backend in BACKENDS
            )
            if moved:
                after = with_changes(self.entries(tree), changes)
                before = self._discovered({path: after[path] for path in sorted(after)})
            trim(self._layouts, MOST_LAYOUTS)
            self._layouts[key] = before
        return self._layouts[key]

    def _key(self, tree: Sha) -> tuple[object, ...]:
        return tree, tuple(self.only), tuple(self.named), tuple(self.placed)

    def _discovered(self, entries: dict[GitPath, TreeEntry]) -> tuple[Layout, ...]:
        found: list[Layout] = []
        for backend in BACKENDS:
            near = ((path, entries[path]) for path in backend.configs_among(entries))
            wanted = {path: entry.oid for path, entry in near if entry.mode in _FILES}
            self._fetch_configs(list(wanted.values()))
            configs = {path: self._configs[oid] for path, oid in wanted.items()}
            mentioned = {name.strip("/") for name in self.named}
            found.extend(backend.discover(entries.keys(), configs, mentioned))
        named = {name.strip("/") for name in self.only}
        chosen = tuple(
            layout for layout in found if not named or layout.config in named or layout.home in named
        )
        return placed(chosen, self.placed, entries.keys()) if self.placed else chosen

    def environment(
        self, layout: Layout, entries: dict[GitPath, TreeEntry], base: Environment | None = None
    ) -> Environment:
        """One environment, its revision files read unless the cache knows them; `base` is what it was before the
        change that makes this tree."""
        backend = backend_of(layout)
        places = tuple(f"{folder}/" if folder else "" for folder in layout.versions)
        near = [path for path in entries if path.startswith(places)]
        chosen = [entries[path] for path in near if backend.is_revision_file(layout, path)]
        files = [_resolved(entry, entries, self.git) for entry in chosen]
        oids = [oid for _, oid in files if oid is not None]
        known = dict.fromkeys(oids, _BY_NAME) if backend.by_name else self._parsed(backend, oids)
        made = assemble(
            backend,
            layout,
            [File(e.path, oid or e.oid, known[oid] if oid else _ODD) for e, oid in files],
            base,
        )
        return self._apart(made, entries) if layout.beside else made

    def _apart(self, one: Environment, entries: dict[GitPath, TreeEntry]) -> Environment:
        """The environment, with the problem that it has where it is not one by itself after all."""
        near = (replace(one.layout, versions=(folder,), beside=()) for folder in one.layout.beside)
        problem = crossed(one, [self.environment(layout, entries) for layout in near])
        return replace(one, problems=(*one.problems, problem)) if problem else one

    def _parsed(self, backend: Backend, oids: Sequence[Sha]) -> dict[Sha, Parsed]:
        known = dict(self.cache.get_many(backend.name, oids))
        missing = list(dict.fromkeys(oid for oid in oids if oid not in known))
        if missing:
            blobs = [blob for _, blob in self.git.read(missing)]
            fresh = dict(zip(missing, self.parse_all(backend.parse, blobs), strict=True))
            self.reads.revisions += len(fresh)
            self.cache.put_many(backend.name, fresh)
            known |= fresh
        return known

    def footprints(
        self, revisions: Iterable[Revision], environment: Environment
    ) -> dict[tuple[Sha, GitPath], Footprint]:
        """What each of those revisions touches; a file that was read before is not read again."""
        from pointsman.core.migrations.operations import VERSION, from_plain, to_plain

        backend = backend_of(environment.layout)
        keys = {(r.oid, r.path): f"{r.oid}:{r.path}" for r in revisions}
        kind = f"{backend.name} footprint {VERSION}"
        # Where files name revisions of other environments, what one touches is not told by its bytes alone.
        kept = {} if backend.crosses else self.cache.get_plain(kind, keys.values())
        found = {key: from_plain(kept.get(text)) for key, text in keys.items()}
        known = {key: footprint for key, footprint in found.items() if footprint is not None}
        missing = [key for key in keys if key not in known]
        if missing:
            oids = list(dict.fromkeys(oid for oid, _ in missing))
            self.reads.revisions += len(oids)
            blobs = dict(self.git.read(oids))
            fresh = {key: backend.footprint(blobs[key[0]], key[1], environment) for key in missing}
            if not backend.crosses:
                self.cache.put_plain(kind, {keys[key]: to_plain(each) for key, each in fresh.items()})
            known |= fresh
        return known

    def _fetch_configs(self, oids: list[Sha]) -> None:
        if len(self._configs) > MOST_CONFIGS:
            self._configs.clear()
        missing = list(dict.fromkeys(oid for oid in oids if oid not in self._configs))
        if missing:
            self._configs.update(self.git.read(missing))
            self.reads.configs += len(missing)


def with_changes(
    entries: dict[GitPath, TreeEntry], changes: Sequence[PathChange]
) -> dict[GitPath, TreeEntry]:
    """The listing of a tree that differs from a listed one by `changes`; what is new comes last."""
    after = dict(entries)
    for change in changes:
        after.pop(change.path, None)
        if change.new_oid is not None:
            after[change.path] = TreeEntry(path=change.path, mode=change.new_mode, oid=change.new_oid)
    return after


_FILES = (MODE_FILE, MODE_EXECUTABLE)
_BY_NAME = Parsed(None, None)
_ODD = Parsed(None, None, issues=(Issue(Code.NOT_A_FILE, "is a link that leads to no file of the tree"),))


def _resolved(entry: TreeEntry, entries: dict[GitPath, TreeEntry], git: Git) -> tuple[TreeEntry, Sha | None]:
    """The blob that the path leads to, one relative link followed; None where there is none."""
    if entry.mode in _FILES:
        return entry, entry.oid
    if entry.mode != MODE_SYMLINK:
        return entry, None
    ((_, target),) = git.read([entry.oid])
    folder = entry.path.rpartition("/")[0]
    parts = folder.split("/") if folder else []
    if target.startswith(b"/"):
        return entry, None
    for part in target.decode("utf-8", "surrogateescape").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    other = entries.get("/".join(parts))
    return entry, other.oid if other is not None and other.mode in _FILES else None


def trim(known: dict[Any, Any], most: int) -> None:
    """Make room for one more by letting go of what was remembered first."""
    while len(known) >= most:
        del known[next(iter(known))]
