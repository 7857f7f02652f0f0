"""Git's merge of a change, with conflicts in nothing but head lock files put off until the graph tells the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pointsman.core.migrations.heal import locks
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.model import Conflicted, ConflictedPath, GitPath, Merged, MergeOutcome, Sha
from pointsman.ports import Git
from pointsman.service.quoting import quote


class MergedWithLocks(NamedTuple):
    """`locks` are the conflicted lock files, for now as the base has them, with what the change wrote into each;
    `conflict` is git's own answer where there are any. Whoever takes `outcome` has to settle them."""

    outcome: MergeOutcome
    conflict: Conflicted | None = None
    locks: Mapping[GitPath, bytes] = {}


def merge_with_locks(git: Git, onto: Sha, head: Sha) -> MergedWithLocks:
    """git's merge; where only head lock files conflict, with the base's lock taken for the change's."""
    if onto == head:
        return MergedWithLocks(Merged(tree=git.tree_of(onto)))
    merge = git.merge(onto, head)
    if not isinstance(merge, Conflicted) or not all(_is_lock(path) for path in merge.paths):
        return MergedWithLocks(merge)
    ours = {path.path: path.ours for path in merge.paths if path.ours}
    theirs = {path.path: path.theirs for path in merge.paths if path.theirs}
    contents = dict(git.read([*ours.values(), *theirs.values()]))
    tree = git.edit(git.tree_of(head), {path: contents[oid] for path, oid in ours.items()})
    facts = git.commit_facts(head)
    aligned = git.commit(
        tree=tree,
        parents=(head,),
        message="Take the base's head lock\n",
        author=facts.author,
        committer=facts.committer,
    )
    written = {path: contents[oid] for path, oid in theirs.items()}
    return MergedWithLocks(git.merge(onto, aligned), merge, written)


def unmerged(git: Git, merge: Conflicted) -> Refusal:
    """The refusal of a change that git can't merge, both sides quoted."""
    paths = tuple(path.path for path in merge.paths if path.path)
    if not paths:
        return Refusal(Why.MERGE_CONFLICT, f"git can't merge the change: {' '.join(merge.messages)}.")
    what = f"{len(paths)} paths conflict" if len(paths) > 1 else f"{paths[0]} conflicts"
    return Refusal(Why.MERGE_CONFLICT, f"git can't merge the change: {what}.\n{quote(git, merge)}", paths)


def _is_lock(path: ConflictedPath) -> bool:
    return path.path.rpartition("/")[2] in locks.NAMES and path.ours is not None and path.theirs is not None
