"""What a refused merge is, for a healer command: which environments, both sides' text, and where a patch may write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.healer.judge import Room
from pointsman.core.healer.request import AskedEnvironment, Side, SideRevision
from pointsman.core.migrations.backends import backend_of
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.heal.decide import front
from pointsman.core.migrations.heal.model import Front
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE, GitPath, Sha, TreeEntry
from pointsman.service.heal.model import Healing
from pointsman.service.migrations import Reader

if TYPE_CHECKING:
    from pointsman.core.migrations.operations import Footprint
    from pointsman.core.proof import Proof
    from pointsman.ports import Git

MAX_EDITABLE = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """One environment that the change touches, as the merge has it: the two sides that meet, and the ids of the
    change's own revisions (`new`)."""

    layout: Layout
    base: Environment | None
    merged: Environment
    front: Front
    new: tuple[str, ...]

    @property
    def base_heads(self) -> tuple[str, ...]:
        return self.base.heads if self.base else ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One refused merge: what the command may be told and where it may write. `original` is the change without the
    bot's own fix commit."""

    refused: Healing
    merged: Sha
    original: Sha
    sites: tuple[Site, ...]
    room: Room
    proof: Proof | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cases:
    """Reads what there is to know of refused merges of one repository."""

    git: Git
    reader: Reader

    def of(self, refused: Healing, merged: Sha, proof: Proof | None, *, original: Sha) -> Case:
        """The case of a refusal; `merged` is its merge, `proof` the one that failed, `original` as in `Case`."""
        reader, base_tree = self.reader, self.git.tree_of(refused.onto)
        before = dict(reader.entries(base_tree))
        changes = self.git.changed(base_tree, merged)
        old = {layout.key: layout for layout in reader.layouts(base_tree)}
        layouts = reader.layouts_after(base_tree, changes, merged)
        after = {entry.path: entry for entry in self.git.entries(merged)}
        sites = []
        for layout in layouts:
            backend = backend_of(layout)
            mends = refused.onto == refused.head
            if not mends and not any(backend.is_revision_file(layout, change.path) for change in changes):
                continue
            base = reader.environment(old[layout.key], before) if layout.key in old else None
            environment = reader.environment(layout, after, base)
            if not mends or environment.forked or environment.problems:
                sites.append(_site(layout, base, environment, mends=mends))
        return Case(
            refused=refused,
            merged=merged,
            original=original,
            sites=tuple(sites),
            room=self._room([site.layout for site in sites], before, after),
            proof=proof,
        )

    def _room(
        self,
        layouts: Sequence[Layout],
        before: Mapping[GitPath, TreeEntry],
        after: Mapping[GitPath, TreeEntry],
    ) -> Room:
        def is_revision(path: GitPath) -> bool:
            return any(backend_of(layout).is_revision_file(layout, path) for layout in layouts)

        def is_migration(path: GitPath, fresh: Collection[GitPath]) -> bool:
            others = [other for other in {*found, *fresh} if is_revision(other)]
            return is_revision(path) or any(
                path in backend_of(layout).companions(other, other, [path])
                for layout in layouts
                for other in others
            )

        paths = [
            path
            for path, entry in after.items()
            if path not in before and entry.mode in (MODE_FILE, MODE_EXECUTABLE) and is_revision(path)
        ]
        found = set(paths)
        for layout in layouts:
            for path in paths:
                beside = backend_of(layout).companions(path, path, after.keys())
                found |= {each for each in beside if each not in before and after[each].mode == MODE_FILE}
        chosen = sorted(found)[:MAX_EDITABLE]
        blobs = dict(self.git.read([after[path].oid for path in chosen])) if chosen else {}
        contents = {path: blobs[after[path].oid] for path in chosen}
        return Room(contents=contents, is_migration=is_migration, taken=after.keys())

    def told(self, site: Site) -> AskedEnvironment:
        """Both sides for a request, with the change's files that could not be read as revisions."""
        readable = {revision.path for revision in site.merged.revisions}
        published = {file.path for file in site.base.files} if site.base else set()
        broken = [
            Revision(id="", path=file.path, oid=file.oid, parents=())
            for file in site.merged.files
            if file.path not in readable and file.path not in published
        ]
        twice = [
            revision
            for revision in site.merged.revisions
            if revision.path not in published and revision not in site.front.right
        ]
        right = (*site.front.right, *twice, *broken)
        return AskedEnvironment(
            backend=site.layout.backend,
            config=site.layout.config,
            name=site.layout.name,
            heads=site.merged.heads,
            base_heads=site.base_heads,
            fork=site.front.fork,
            sides=(
                Side(side="base", revisions=self._side(site.front.left, site.merged)),
                Side(side="change", revisions=self._side(right, site.merged)),
            ),
        )

    def _side(self, revisions: Sequence[Revision], environment: Environment) -> tuple[SideRevision, ...]:
        backend = backend_of(environment.layout)
        blobs = self._blobs(revisions)
        return tuple(
            SideRevision(
                id=revision.id,
                path=revision.path,
                parents=revision.parents,
                content=blobs[revision.oid],
                footprint=backend.footprint(blobs[revision.oid], revision.path, environment),
            )
            for revision in revisions
        )

    def read(self, revisions: Sequence[Revision], environment: Environment) -> list[tuple[str, Footprint]]:
        """What each of the revisions touches, by path."""
        return [(each.path, each.footprint) for each in self._side(revisions, environment)]

    def _blobs(self, revisions: Sequence[Revision]) -> dict[Sha, bytes]:
        oids = list(dict.fromkeys(revision.oid for revision in revisions))
        return dict(self.git.read(oids)) if oids else {}


def _site(layout: Layout, base: Environment | None, merged: Environment, *, mends: bool) -> Site:
    graph = merged.graph
    published = base.graph if base else None
    new = tuple(id for id in graph.by_id if published is None or id not in published)
    if mends:
        heads = merged.heads
        met = front(graph, graph.ancestors(*heads[:1]), graph.ancestors(*heads[1:]))
    else:
        ours = graph.ancestors(*(id for id in (base.heads if base else ()) if id in graph))
        met = front(graph, ours, graph.ancestors(*(id for id in merged.heads if id in new)))
    return Site(layout=layout, base=base, merged=merged, front=met, new=new)
