"""What lies between the environments of two trees: which is which, what renames reach, what a change leaves wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.core.migrations.backends import backend_of, between
from pointsman.core.migrations.heal import edits
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.migrations.model import Layout, Problem
from pointsman.core.model import GitPath, PathChange, Sha, TreeEntry
from pointsman.ports import Git
from pointsman.service.heal.model import HealedEnvironment
from pointsman.service.migrations import Reader, with_changes


@dataclass(kw_only=True)
class Neighbours:
    """Looks from one environment of a tree at the others, in one repository."""

    git: Git
    reader: Reader

    def follow(
        self,
        layouts: Sequence[Layout],
        base_tree: Sha,
        merged_tree: Sha,
        changes: Sequence[PathChange],
        healed: Sequence[HealedEnvironment],
        files: dict[GitPath, bytes | None],
    ) -> list[Refusal]:
        """Lets the change's files in other environments follow what was renamed (adding to `files`), and says what
        is then wrong between the environments that was not wrong on the base."""
        crossing = [layout for layout in layouts if backend_of(layout).crosses]
        if not any(touched(layout, changes, frozenset()) for layout in crossing):
            return []
        entries = with_changes(self.reader.entries(base_tree), changes)
        now = {path: content for path, content in files.items() if content is not None}
        ours = [c.path for c in changes if c.path in entries and c.path not in files]
        oids = {
            path: entries[path].oid
            for path in ours
            if any(backend_of(layout).is_revision_file(layout, path) for layout in crossing)
        }
        read = dict(self.git.read(list(dict.fromkeys(oids.values())))) if oids else {}
        now |= {path: read[oid] for path, oid in oids.items()}
        edited = edits.follow_renames(
            [each.plan for each in healed if each.plan.layout in crossing], now, backend_of
        )
        if isinstance(edited, Refusal):
            return [edited]
        files |= edited
        tree = self.git.edit(merged_tree, files) if files else merged_tree
        before = self._between(self.reader.layouts(base_tree), self.reader.entries(base_tree))
        known = {(p.code, p.message) for p in before}
        found = self._between(layouts, {entry.path: entry for entry in self.git.entries(tree)})
        return [Refusal(p.code, p.message, p.paths) for p in found if (p.code, p.message) not in known]

    def _between(self, layouts: Sequence[Layout], entries: dict[GitPath, TreeEntry]) -> list[Problem]:
        crossing = [layout for layout in layouts if backend_of(layout).crosses]
        if not crossing:
            return []
        environments = [self.reader.environment(layout, entries) for layout in crossing]
        return [problem for found in between(environments).values() for problem in found]

    def partners(
        self, before: Sequence[Layout], after: Sequence[Layout], base_tree: Sha, changes: Sequence[PathChange]
    ) -> tuple[dict[tuple[str, str], Layout], list[Refusal]]:
        """Each environment's layout on the base, by its key in the merged tree; a config that was renamed is told
        by the revisions that it still has. One that went with published revisions is refused."""
        old = {layout.key: layout for layout in before}
        here = {layout.key for layout in after}
        gone = [layout for layout in before if layout.key not in here]
        if not gone:
            return old, []
        entries = self.reader.entries(base_tree)
        now = with_changes(entries, changes)
        new = {
            e.key: frozenset(self.reader.environment(e, now).graph.by_id) for e in after if e.key not in old
        }
        refusals = []
        for layout in gone:
            ids = frozenset(self.reader.environment(layout, entries).graph.by_id)
            same = [key for key in new if key[1] == layout.name]
            heir = max(same, key=lambda key: len(new[key] & ids), default=None)
            if heir is not None and new[heir] & ids:
                old[heir] = layout
            elif ids:
                refusals.append(_ended(layout, len(ids)))
        return old, refusals


def _ended(layout: Layout, count: int) -> Refusal:
    text = (
        f"The change ends the environment of {layout.config} with {count} revisions that are on the base: "
        "databases that stand at them could not be upgraded any more."
    )
    return Refusal(Why.DELETES_PUBLISHED, text, layout.versions)


def touched(layout: Layout, changes: Sequence[PathChange], mended: frozenset[GitPath]) -> bool:
    backend = backend_of(layout)
    return any(backend.is_revision_file(layout, change.path) or change.path in mended for change in changes)
