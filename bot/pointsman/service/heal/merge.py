"""Git's merge of a change, with the conflicts settled that need nobody's judgement: head lock files (put off until the
graph tells the head), regions that keep both sides, and files that a command makes anew. The rest is a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pointsman.core.conflicts.declared import NOTHING, Declared, Meeting, meetings
from pointsman.core.migrations.heal import locks
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.model import (
    MODE_EXECUTABLE,
    MODE_FILE,
    Conflicted,
    ConflictedPath,
    GitPath,
    Merged,
    MergeOutcome,
    Sha,
)
from pointsman.ports import Git

if TYPE_CHECKING:
    from pointsman.core.conflicts.model import Remake, Resolved


@dataclass(frozen=True, kw_only=True, slots=True)
class Settled:
    """The merged `tree`. `locks` are conflicted head lock files, for now as the base has them, with what the change
    wrote into each; `conflict` is git's own answer where there are any, and whoever takes the tree has to settle them.
    `remakes` are commands that still have to run: the tree holds the base's version of what they make."""

    tree: Sha
    conflict: Conflicted | None = None
    locks: Mapping[GitPath, bytes] = field(default_factory=dict)
    resolved: tuple[Resolved, ...] = ()
    remakes: tuple[Remake, ...] = ()


class _Sides(NamedTuple):
    """What each side gets instead of its own before they are merged again; None: the file is not there."""

    ours: dict[GitPath, bytes | None]
    theirs: dict[GitPath, bytes | None]


def merge_change(git: Git, onto: Sha, head: Sha, rules: Declared = NOTHING) -> Settled | Refusal:
    """git's merge of `head` into `onto`. A path that is settled is given to both sides alike, and git merges again: all
    that is not settled is git's work, and what it can't merge is refused with both sides quoted."""
    if onto == head:
        return Settled(tree=git.tree_of(onto))
    merge = git.merge(onto, head)
    met = _meetings(git, onto, head, merge, rules)
    if isinstance(merge, Merged) and not met:
        return Settled(tree=merge.tree)
    if (loser := next((one for one in met if one.loses), None)) is not None:
        from pointsman.core.conflicts.accept import lost
        from pointsman.core.conflicts.model import LOST_BY_REGENERATING

        return Refusal(LOST_BY_REGENERATING, lost(loser.remake), loser.remake.met)
    return _settle(git, onto, head, merge, met, rules)


def unmerged(git: Git, merge: Conflicted) -> Refusal:
    """The refusal of a change that git can't merge, both sides quoted, with what the contract could say of a file that
    a known tool makes."""
    from pointsman.core.conflicts.kinds import declaration
    from pointsman.service.quoting import quote

    paths = tuple(path.path for path in merge.paths if path.path)
    if not paths:
        return Refusal(Why.MERGE_CONFLICT, f"git can't merge the change: {' '.join(merge.messages)}.")
    what = f"{len(paths)} paths conflict" if len(paths) > 1 else f"{paths[0]} conflicts"
    hints = dict.fromkeys(entry for path in paths if (entry := declaration(path)) is not None)
    hint = "".join(
        f"\nA tool makes this file. To have it made anew, put into the contract:\n{h}" for h in hints
    )
    return Refusal(
        Why.MERGE_CONFLICT, f"git can't merge the change: {what}.\n{quote(git, merge)}{hint}", paths
    )


def _settle(
    git: Git, onto: Sha, head: Sha, merge: MergeOutcome, met: tuple[Meeting, ...], rules: Declared
) -> Settled | Refusal:
    from pointsman.service.heal import additive

    conflicts = merge.paths if isinstance(merge, Conflicted) else ()
    made = {path for one in met for path in one.give_way}
    heads = [path for path in conflicts if _is_lock(path) and path.path not in made]
    regions = [path for path in conflicts if path.path in rules.additive and path.path not in made]
    known = made.union(one.path for one in (*heads, *regions))
    sides, trees = _Sides({}, {}), (git.tree_of(onto), git.tree_of(head))
    stuck = tuple(path for path in conflicts if path.path not in known or not _stands_there(git, trees, path))
    if stuck and isinstance(merge, Conflicted):
        return unmerged(git, Conflicted(paths=stuck, messages=merge.messages))
    if (odd := _no_file(git, trees, known)) is not None:
        return Refusal(Why.MERGE_CONFLICT, f"git can't merge the change: {odd} is no plain file.", (odd,))
    written = _take_heads(git, heads, sides)
    resolved = additive.settle(git, regions, rules, sides.ours, sides.theirs)
    if isinstance(resolved, Refusal):
        return resolved
    for path in made:
        entry = git.entry(trees[0], path)
        sides.theirs[path] = next(iter(git.read([entry.oid])))[1] if entry is not None else None
    again = git.merge(*(_given(git, *one) for one in zip((onto, head), sides, strict=True)))
    if isinstance(again, Conflicted):
        left = {path.path for path in again.paths}
        first = tuple(path for path in conflicts if path.path in left) or again.paths
        return unmerged(git, Conflicted(paths=first, messages=again.messages))
    if (line := additive.lost_line(git, regions, again.tree)) is not None:
        return line
    return Settled(
        tree=again.tree,
        conflict=merge if heads and isinstance(merge, Conflicted) else None,
        locks=written,
        resolved=resolved,
        remakes=tuple(one.remake for one in met),
    )


def _meetings(git: Git, onto: Sha, head: Sha, merge: MergeOutcome, rules: Declared) -> tuple[Meeting, ...]:
    """Where both sides met in what a command makes, or in what it makes it from."""
    if not rules.generated:
        return ()
    from pointsman.service.judging import own_changes

    theirs = {change.path: change.new_oid for change in own_changes(git, onto, head)}
    if not any(one.makes(path) or one.reads(path) for path in theirs for one in rules.generated):
        return ()
    ours = {change.path: change.new_oid for change in own_changes(git, head, onto)}
    same = {path for path, oid in theirs.items() if path in ours and ours[path] == oid}
    conflicted = [path.path for path in merge.paths] if isinstance(merge, Conflicted) else []
    return meetings(rules, conflicted, ours, theirs, same)


def _take_heads(git: Git, heads: list[ConflictedPath], sides: _Sides) -> dict[GitPath, bytes]:
    """Gives the change the base's head locks; what it wrote itself into each."""
    ours = {path.path: path.ours for path in heads if path.ours}
    theirs = {path.path: path.theirs for path in heads if path.theirs}
    contents = dict(git.read(dict.fromkeys([*ours.values(), *theirs.values()])))
    sides.theirs.update({path: contents[oid] for path, oid in ours.items()})
    return {path: contents[oid] for path, oid in theirs.items()}


def _given(git: Git, commit: Sha, files: dict[GitPath, bytes | None]) -> Sha:
    """The commit with those files instead, as a commit on top of it; itself where there are none."""
    if not files:
        return commit
    facts = git.commit_facts(commit)
    return git.commit(
        tree=git.edit(facts.tree, files),
        parents=(commit,),
        message="Settle what both sides changed\n",
        author=facts.author,
        committer=facts.committer,
    )


def _no_file(git: Git, trees: tuple[Sha, Sha], paths: set[GitPath]) -> GitPath | None:
    """The first of the paths that is a link, a submodule or a folder on one of the sides."""
    for path in sorted(paths):
        entries = [git.entry(tree, path) for tree in trees]
        if any(entry is not None and entry.mode not in (MODE_FILE, MODE_EXECUTABLE) for entry in entries):
            return path
    return None


def _stands_there(git: Git, trees: tuple[Sha, Sha], path: ConflictedPath) -> bool:
    """Whether both sides have it under this very name: after a rename git names one that a side may not have."""
    there = [git.entry(tree, path.path) for tree in trees]
    return [entry.oid if entry is not None else None for entry in there] == [path.ours, path.theirs] and (
        _on_both_sides(path)
    )


def _on_both_sides(path: ConflictedPath) -> bool:
    return path.ours is not None and path.theirs is not None


def _is_lock(path: ConflictedPath) -> bool:
    return path.path.rpartition("/")[2] in locks.NAMES and _on_both_sides(path)
