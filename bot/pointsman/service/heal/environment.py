"""Heals one environment of a merged tree: gathers its facts, decides, writes its files; it knows no other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pointsman.core.migrations.backends import backend_of
from pointsman.core.migrations.drawing.forks import fork_of
from pointsman.core.migrations.drawing.words import why_joined
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.heal import edits, locks, squash
from pointsman.core.migrations.heal.compare import Known, judge_fronts
from pointsman.core.migrations.heal.decide import decide
from pointsman.core.migrations.heal.model import Facts, Plan, Refusal, Why
from pointsman.core.migrations.heal.obstacles import too_many
from pointsman.core.migrations.model import Code, Layout, Revision
from pointsman.core.model import GitPath, Sha, TreeEntry
from pointsman.ports import Git
from pointsman.service.heal.mentions import mentions
from pointsman.service.heal.model import HealedEnvironment
from pointsman.service.heal.released import released_ids
from pointsman.service.heal.rules import HealRules
from pointsman.service.migrations import Reader


@dataclass(frozen=True, slots=True)
class Repaired:
    environment: HealedEnvironment
    files: dict[GitPath, bytes | None]


@dataclass(frozen=True, slots=True)
class Left:
    """An environment with nothing to repair, or one that is left to people, with its fork."""

    refusals: tuple[Refusal, ...] = ()
    forks: tuple[Plan, ...] = ()


@dataclass(kw_only=True)
class EnvironmentHealer:
    """Repairs environments of one repository. `waived` are codes of what reading both sides refuses and the caller has
    proved instead."""

    git: Git
    reader: Reader
    rules: HealRules = field(default_factory=HealRules)
    waived: frozenset[str] = frozenset()

    def heal(
        self,
        onto: Sha,
        head: Sha,
        old: Layout | None,
        layout: Layout,
        before: dict[GitPath, TreeEntry],
        after: dict[GitPath, TreeEntry],
    ) -> Repaired | Left:
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
            return Left(plan, fork_of(facts))
        if policy.one_head == "required" and (many := too_many(plan)):
            return Left(many, (plan,))
        if plan.is_clean:
            return Left()
        sides = [r for f in plan.fronts for r in (*f.left, *f.right)]
        footprints = self.reader.footprints(sides, merged)
        known = judge_fronts(plan, policy, lambda r: footprints[r.oid, r.path])
        known = replace(known, refusals=tuple(r for r in known.refusals if r.code not in self.waived))
        written = known.refusals or self._written(head, plan, facts, known, before, after)
        return written if isinstance(written, Repaired) else Left(written, (plan,))

    def _written(
        self,
        head: Sha,
        plan: Plan,
        facts: Facts,
        known: Known,
        before: dict[GitPath, TreeEntry],
        after: dict[GitPath, TreeEntry],
    ) -> Repaired | tuple[Refusal, ...]:
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
        return Repaired(environment, files)

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


def in_shared_locks(files: Mapping[GitPath, bytes | None], one: Repaired) -> dict[GitPath, bytes | None]:
    """What a lock of all environments holds, once this one's head is in it beside those of `files`."""
    plan = one.environment.plan
    found: dict[GitPath, bytes | None] = {}
    for path in one.files:
        before = files.get(path) if locks.is_shared(path) else None
        if before is not None:
            new = locks.updated(before, dict(plan.follows), plan.heads_after, plan.layout.name)
            found[path] = before if new is None else new
    return found
