"""Heals a change's migration fork on the merged tree: reads facts, plans, writes objects; never a ref, runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pointsman.core.conflicts.declared import NOTHING, Declared
from pointsman.core.conflicts.model import Remake, Resolved
from pointsman.core.errors import MissingObject
from pointsman.core.migrations.backends import BACKENDS, backend_of, between
from pointsman.core.migrations.drawing.forks import fork_of
from pointsman.core.migrations.drawing.words import why_joined
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.heal import edits, locks, squash
from pointsman.core.migrations.heal.compare import Known, judge_fronts
from pointsman.core.migrations.heal.decide import decide
from pointsman.core.migrations.heal.model import Facts, Plan, Refusal, Why
from pointsman.core.migrations.heal.obstacles import too_many
from pointsman.core.migrations.model import Code, Layout, Problem, Revision
from pointsman.core.model import (
    GitPath,
    PathChange,
    Sha,
    TreeEntry,
)
from pointsman.ports import Git
from pointsman.service.heal_commit import claimed_head
from pointsman.service.heal_merge import Settled, merge_change, unmerged
from pointsman.service.heal_rules import HealRules
from pointsman.service.mentions import mentions
from pointsman.service.migrations import Reader
from pointsman.service.released import released_ids


@dataclass(frozen=True, kw_only=True, slots=True)
class HealedEnvironment:
    """One environment that was repaired: the plan, the merge revisions added (id, path), what reading both sides
    told. `remarks` are sentences for whoever made the change. `base_heads` are the base's, `change_heads` where a
    database stands that ran the change as it was; both by the ids that the healed tree has."""

    plan: Plan
    base_heads: tuple[str, ...]
    change_heads: tuple[str, ...]
    added: tuple[tuple[str, GitPath], ...]
    known: Known
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Healing:
    """What healing the merge of `head` into `onto` comes to, before any commit.

    `merged` is git's merge (None: it conflicts), `tree` what would land (None: refused). `facts` go with
    `environments`, for a proof. `by_command` are files that a healer command wrote. `reads` counts revision blobs that
    were read: 0 for a change that touches no migration. `forks` are those that were refused, to be drawn.
    `resolved` are conflicts that were settled, `remakes` commands that have to run before `tree` is what would land.
    """

    onto: Sha
    head: Sha
    merged: Sha | None
    tree: Sha | None
    environments: tuple[HealedEnvironment, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    files: Mapping[GitPath, bytes | None] = field(default_factory=dict)
    reads: int = 0
    by_command: tuple[GitPath, ...] = ()
    resolved: tuple[Resolved, ...] = ()
    remakes: tuple[Remake, ...] = ()
    forks: tuple[Plan, ...] = ()

    @property
    def status(self) -> Literal["clean", "healed", "refused"]:
        if self.refusals:
            return "refused"
        return "healed" if self.environments or self.resolved or self.remakes else "clean"


@dataclass(frozen=True, slots=True)
class _Repaired:
    environment: HealedEnvironment
    files: dict[GitPath, bytes | None]


@dataclass(frozen=True, slots=True)
class _Left:
    """An environment with nothing to repair, or one that is left to people, with its fork."""

    refusals: tuple[Refusal, ...] = ()
    forks: tuple[Plan, ...] = ()


@dataclass(kw_only=True)
class Healer:
    """Plans and writes repairs in one repository; keeps what it has read, so it may serve many changes. `waived` are
    codes of what reading both sides refuses and the caller has proved instead."""

    git: Git
    reader: Reader
    rules: HealRules = field(default_factory=HealRules)
    waived: frozenset[str] = frozenset()
    conflicts: Declared = NOTHING

    def heal(self, onto: Sha, head: Sha) -> Healing:
        """The merge of `head` into `onto`, healed. `onto` may hold earlier changes of a queue: each step takes
        the commit made of the one before. With `onto` == `head` a fork that is there already is mended."""
        began = self.reader.reads.revisions
        healing = self._heal(onto, self.original(head))
        return replace(healing, head=head, reads=self.reader.reads.revisions - began)

    def _heal(self, onto: Sha, head: Sha) -> Healing:
        merge = merge_change(self.git, onto, head, self.conflicts)
        if isinstance(merge, Refusal):
            return _refused(onto, head, merge)
        healing = self._merged(onto, head, merge)
        return replace(healing, resolved=merge.resolved, remakes=merge.remakes)

    def _merged(self, onto: Sha, head: Sha, merge: Settled) -> Healing:
        merged, base_tree = merge.tree, self.git.tree_of(onto)
        changes = self.git.changed(base_tree, merged)
        if onto != head and not any(b.may_matter(c.path) for c in changes for b in BACKENDS):
            return Healing(onto=onto, head=head, merged=merged, tree=merged)
        healing = self._repair(onto, head, base_tree, merged, changes, frozenset(merge.locks))
        if merge.conflict is not None and not healing.refusals and not _settles(healing, merge.locks):
            return _refused(onto, head, unmerged(self.git, merge.conflict))
        return healing

    def _repair(
        self,
        onto: Sha,
        head: Sha,
        base_tree: Sha,
        merged_tree: Sha,
        changes: Sequence[PathChange],
        mended: frozenset[GitPath],
    ) -> Healing:
        layouts = self.reader.layouts_after(base_tree, changes, merged_tree)
        old, refusals = self._partners(self.reader.layouts(base_tree), layouts, base_tree, changes)
        healed: list[HealedEnvironment] = []
        forks: list[Plan] = []
        files: dict[GitPath, bytes | None] = {}
        for layout in layouts:
            same = old.get(layout.key)
            if onto != head and same == layout and not _touched(layout, changes, mended):
                continue
            before = self.reader.entries(base_tree)
            after = _with_changes(before, changes)
            one = self._environment(onto, head, same, layout, before, after)
            if isinstance(one, _Repaired):
                healed.append(one.environment)
                files |= one.files | _in_shared_locks(files, one)
            else:
                refusals += one.refusals
                forks += one.forks
        if not refusals:
            refusals += self._across(layouts, base_tree, merged_tree, changes, healed, files)
        outcome = Healing(onto=onto, head=head, merged=merged_tree, tree=None, refusals=tuple(refusals))
        if refusals:
            return replace(outcome, forks=tuple(forks))
        tree = self.git.edit(merged_tree, files) if files else merged_tree
        return replace(outcome, tree=tree, environments=tuple(healed), files=files)

    def _across(
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
        if not any(_touched(layout, changes, frozenset()) for layout in crossing):
            return []
        entries = _with_changes(self.reader.entries(base_tree), changes)
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
        known = {(p.code, p.message) for p in self._between(self.reader.layouts(base_tree), base_tree)}
        found = self._between(layouts, tree)
        return [Refusal(p.code, p.message, p.paths) for p in found if (p.code, p.message) not in known]

    def _between(self, layouts: Sequence[Layout], tree: Sha) -> list[Problem]:
        crossing = [layout for layout in layouts if backend_of(layout).crosses]
        if not crossing:
            return []
        entries = {entry.path: entry for entry in self.git.entries(tree)}
        environments = [self.reader.environment(layout, entries) for layout in crossing]
        return [problem for found in between(environments).values() for problem in found]

    def _partners(
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
        now = _with_changes(entries, changes)
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

    def _environment(
        self,
        onto: Sha,
        head: Sha,
        old: Layout | None,
        layout: Layout,
        before: dict[GitPath, TreeEntry],
        after: dict[GitPath, TreeEntry],
    ) -> _Repaired | _Left:
        policy = self.rules.of(layout).policy
        base = self.reader.environment(old, before) if old else None
        merged = self.reader.environment(layout, after, base)
        facts = self._facts(base, merged, itself=onto == head)
        backend = backend_of(layout)
        naming = backend.naming(self.git.commit_facts(head).committer.when)
        facts = replace(facts, naming=naming, joins=backend.joins)
        plan = decide(facts, policy)
        if isinstance(plan, tuple) and any(r.code == Code.MISSING_PARENT for r in plan):
            plan = decide(self._behind_squash(facts, head, layout), policy)
        elif isinstance(plan, tuple) and policy.two_heads == "commit_order" and plan[0].code == Why.TWO_HEADS:
            plan = decide(replace(facts, order=self._added_in_order(onto, head)), policy)
        elif isinstance(plan, Plan) and plan.moves and policy.on_fork == "reparent":
            rivals = [revision.path for front in plan.fronts for revision in front.left]
            released = released_ids(self.git, onto, head, plan.moves, rivals)
            if released:
                facts = replace(facts, released=released)
                plan = decide(facts, policy)
        if isinstance(plan, tuple):
            return _Left(plan, fork_of(facts))
        if policy.one_head == "required" and (many := too_many(plan)):
            return _Left(many, (plan,))
        if plan.is_clean:
            return _Left()
        sides = [r for f in plan.fronts for r in (*f.left, *f.right)]
        footprints = self.reader.footprints(sides, merged)
        known = judge_fronts(plan, policy, lambda r: footprints[r.oid, r.path])
        known = replace(known, refusals=tuple(r for r in known.refusals if r.code not in self.waived))
        written = known.refusals or self._written(head, plan, facts, known, before, after)
        return written if isinstance(written, _Repaired) else _Left(written, (plan,))

    def _written(
        self,
        head: Sha,
        plan: Plan,
        facts: Facts,
        known: Known,
        before: dict[GitPath, TreeEntry],
        after: dict[GitPath, TreeEntry],
    ) -> _Repaired | tuple[Refusal, ...]:
        backend = backend_of(plan.layout)
        when = self.git.commit_facts(head).committer.when
        written = edits.write(plan, facts, backend, self._blobs(edits.needed(plan, facts)), when)
        if isinstance(written, Refusal):
            return (written,)
        beside = edits.companions(plan, backend, after)
        if isinstance(beside, Refusal):
            return (beside,)
        contents = dict(self.git.read([after[path].oid for path in beside])) if beside else {}
        files = edits.with_companions(
            written.files, {path: (new, contents[after[path].oid]) for path, new in beside.items()}
        )
        successors = dict(plan.follows)
        for path in locks.candidates(plan.layout, after):
            ((_, content),) = self.git.read([after[path].oid])
            new = locks.updated(content, successors, plan.heads_after, plan.layout.name)
            if new is not None:
                files[path] = new
        added = tuple((new.revision, new.path) for new in written.added)
        names = {move.revision: move.new_revision for move in plan.moves}
        gone = {revision.id for revision in plan.drops}
        base_heads = facts.base.heads if facts.base else ()
        change_heads = tuple(names.get(h, h) for h in plan.heads_before if h not in {*base_heads, *gone})
        renamed = {move.path: move.new_path for move in plan.moves}
        renamed |= {path: new for path, new in beside.items() if new is not None}
        environment = HealedEnvironment(
            plan=plan,
            added=added,
            known=known,
            remarks=(*why_joined(plan, facts), *mentions(self.git, renamed, before, after)),
            base_heads=base_heads,
            change_heads=change_heads,
        )
        return _Repaired(environment, files)

    def _facts(self, base: Environment | None, merged: Environment, *, itself: bool) -> Facts:
        if base is None:
            return Facts(base=None, merged=merged, itself=itself)
        backend = backend_of(merged.layout)
        edited = [
            (old, new)
            for new in merged.graph.by_id.values()
            if (old := base.graph.by_id.get(new.id)) is not None
            and old.oid != new.oid
            # Where one id is in two files, the other file may well be the change's: that is told apart later.
            and (
                old.path == new.path or not any(f.path == old.path and f.oid == old.oid for f in merged.files)
            )
        ]
        merges = [r for r in merged.graph.by_id.values() if len(r.parents) > 1 and r.id not in base.graph]
        blobs = self._blobs([*(r for pair in edited for r in pair), *merges])
        return Facts(
            base=base,
            merged=merged,
            edited=tuple(
                new
                for old, new in edited
                if old.parents != new.parents or not backend.same_meaning(blobs[old.oid], blobs[new.oid])
            ),
            empty_merges=frozenset(r.id for r in merges if backend.is_empty(blobs[r.oid])),
            itself=itself,
        )

    def _blobs(self, revisions: Iterable[Revision]) -> dict[Sha, bytes]:
        oids = dict.fromkeys(revision.oid for revision in revisions)
        self.reader.reads.revisions += len(oids)
        return dict(self.git.read(list(oids))) if oids else {}

    def _behind_squash(self, facts: Facts, head: Sha, layout: Layout) -> Facts:
        """The facts with what the change's own tree knows, behind a squash that provably holds what is gone."""
        tree = self.reader.read(self.git.tree_of(head))
        theirs = next((e for e in tree.environments if e.layout.key == layout.key), None)
        if theirs is None:
            return facts
        facts = replace(facts, head_ids=frozenset(r.id for r in theirs.revisions))

        def same(removed: Sequence[Revision], now: Revision) -> bool:
            blobs = self._blobs([*removed, now])
            return backend_of(layout).builds_same([blobs[r.oid] for r in removed], blobs[now.oid])

        return squash.followed(facts, theirs, same)

    def _added_in_order(self, onto: Sha, head: Sha) -> tuple[GitPath, ...]:
        """The paths that the change's own commits add, oldest commit first."""
        paths: dict[GitPath, None] = {}
        for commit in reversed(self.git.commits(head, exclude=(onto,), limit=1000)):
            facts = self.git.commit_facts(commit)
            if len(facts.parents) == 1:
                changes = self.git.changed(self.git.tree_of(facts.parents[0]), facts.tree)
                paths |= {change.path: None for change in changes if change.status == "A"}
        return tuple(paths)

    def original(self, head: Sha) -> Sha:
        """The change without the bot's own fix commit on top: it is remade, not piled upon. A commit that only
        claims to be one is told by doing it again: the same repair must give the same tree."""
        facts = self.git.commit_facts(head)
        original = claimed_head(facts)
        if original is None:
            return head
        try:
            again = self._heal(facts.parents[0], original)
        except MissingObject:
            return head
        if again.remakes:  # what a command makes is not made again to tell
            return head
        return self.original(original) if again.tree == facts.tree else head


def _ended(layout: Layout, count: int) -> Refusal:
    text = (
        f"The change ends the environment of {layout.config} with {count} revisions that are on the base: "
        "databases that stand at them could not be upgraded any more."
    )
    return Refusal(Why.DELETES_PUBLISHED, text, layout.versions)


def _with_changes(
    entries: dict[GitPath, TreeEntry], changes: Sequence[PathChange]
) -> dict[GitPath, TreeEntry]:
    after = dict(entries)
    for change in changes:
        after.pop(change.path, None)
        if change.new_oid is not None:
            after[change.path] = TreeEntry(path=change.path, mode=change.new_mode, oid=change.new_oid)
    return after


def _touched(layout: Layout, changes: Sequence[PathChange], mended: frozenset[GitPath]) -> bool:
    backend = backend_of(layout)
    return any(backend.is_revision_file(layout, change.path) or change.path in mended for change in changes)


def _refused(onto: Sha, head: Sha, refusal: Refusal) -> Healing:
    return Healing(onto=onto, head=head, merged=None, tree=None, refusals=(refusal,))


def _in_shared_locks(files: Mapping[GitPath, bytes | None], one: _Repaired) -> dict[GitPath, bytes | None]:
    """What a lock of all environments holds, once this one's head is in it beside those of `files`."""
    plan = one.environment.plan
    found: dict[GitPath, bytes | None] = {}
    for path in one.files:
        before = files.get(path) if locks.is_shared(path) else None
        if before is not None:
            new = locks.updated(before, dict(plan.follows), plan.heads_after, plan.layout.name)
            found[path] = before if new is None else new
    return found


def _settles(healing: Healing, taken: Mapping[GitPath, bytes]) -> bool:
    """Whether every lock that was taken from the base is rewritten, and the change's own held nothing but heads
    that the repair knows: anything else in it would be lost."""
    heads = {head for each in healing.environments for head, _ in each.plan.follows}
    return all(
        (now := healing.files.get(path)) is not None and locks.keeps(text, now, heads)
        for path, text in taken.items()
    )
