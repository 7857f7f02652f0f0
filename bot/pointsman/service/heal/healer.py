"""Heals a change's migration fork on the merged tree: reads facts, plans, writes objects; never a ref, runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pointsman.core.conflicts.declared import NOTHING, Declared
from pointsman.core.errors import MissingObject
from pointsman.core.migrations.backends import BACKENDS
from pointsman.core.migrations.heal import locks
from pointsman.core.migrations.heal.model import Plan, Refusal
from pointsman.core.model import (
    GitPath,
    PathChange,
    Sha,
    TreeEntry,
)
from pointsman.ports import Git
from pointsman.service.heal.across import Neighbours, touched
from pointsman.service.heal.commit import claimed_head
from pointsman.service.heal.environment import EnvironmentHealer, Repaired, in_shared_locks
from pointsman.service.heal.merge import Settled, merge_change, unmerged
from pointsman.service.heal.model import HealedEnvironment, Healing
from pointsman.service.heal.rules import HealRules
from pointsman.service.migrations import Reader, with_changes


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
        each_one = EnvironmentHealer(git=self.git, reader=self.reader, rules=self.rules, waived=self.waived)
        neighbours = Neighbours(git=self.git, reader=self.reader)
        layouts = self.reader.layouts_after(base_tree, changes, merged_tree)
        old, refusals = neighbours.partners(self.reader.layouts(base_tree), layouts, base_tree, changes)
        healed: list[HealedEnvironment] = []
        forks: list[Plan] = []
        after: dict[GitPath, TreeEntry] = {}
        files: dict[GitPath, bytes | None] = {}
        for layout in layouts:
            same = old.get(layout.key)
            if onto != head and same == layout and not touched(layout, changes, mended):
                continue
            before = self.reader.entries(base_tree)
            after = after or with_changes(before, changes)
            one = each_one.heal(onto, head, same, layout, before, after)
            if isinstance(one, Repaired):
                healed.append(one.environment)
                files |= one.files | in_shared_locks(files, one)
            else:
                refusals += one.refusals
                forks += one.forks
        if not refusals:
            refusals += neighbours.follow(layouts, base_tree, merged_tree, changes, healed, files)
        outcome = Healing(onto=onto, head=head, merged=merged_tree, tree=None, refusals=tuple(refusals))
        if refusals:
            return replace(outcome, forks=tuple(forks))
        tree = self.git.edit(merged_tree, files) if files else merged_tree
        return replace(outcome, tree=tree, environments=tuple(healed), files=files)

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


def _refused(onto: Sha, head: Sha, refusal: Refusal) -> Healing:
    return Healing(onto=onto, head=head, merged=None, tree=None, refusals=(refusal,))


def _settles(healing: Healing, taken: Mapping[GitPath, bytes]) -> bool:
    """Whether every lock that was taken from the base is rewritten, and the change's own held nothing but heads
    that the repair knows: anything else in it would be lost."""
    heads = {head for each in healing.environments for head, _ in each.plan.follows}
    return all(
        (now := healing.files.get(path)) is not None and locks.keeps(text, now, heads)
        for path, text in taken.items()
    )
