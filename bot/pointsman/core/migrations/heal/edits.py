"""Turns a plan into file contents: byte edits of moved revisions, merge revisions to add, files to drop."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.backend import Backend, NewFile, Uneditable
from pointsman.core.migrations.heal import numbers
from pointsman.core.migrations.heal.model import Facts, Plan, Refusal, Why
from pointsman.core.migrations.model import Layout, Revision
from pointsman.core.model import GitPath, Sha


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be written (None: deleted), and the merge revisions among it."""

    files: dict[GitPath, bytes | None]
    added: tuple[NewFile, ...]


def needed(plan: Plan, facts: Facts) -> tuple[Revision, ...]:
    """The revisions whose contents `write` wants: those that move, and the newest for the habits of a merge."""
    graph = facts.merged.graph
    paths = {move.path for move in plan.moves}
    moved = [revision for revision in facts.merged.revisions if revision.path in paths]
    heads = [graph.by_id[id] for join in plan.joins for id in join if id in graph]
    below = [graph.by_id[p] for revision in heads for p in revision.parents if p in graph]
    return tuple(dict.fromkeys([*moved, *heads, *below] if plan.joins else moved))


def write(
    plan: Plan, facts: Facts, backend: Backend, blobs: Mapping[Sha, bytes], when: int
) -> Written | Refusal:
    """The files of the plan. `when` dates merge revisions (seconds since 1970, UTC)."""
    files: dict[GitPath, bytes | None] = {revision.path: None for revision in plan.drops}
    oids = {revision.path: revision.oid for revision in facts.merged.revisions}
    names = {move.revision: move.new_revision for move in plan.moves if move.revision != move.new_revision}
    for move in plan.moves:
        content: bytes | Uneditable = blobs[oids[move.path]]
        if names and isinstance(content, bytes):
            content = backend.rename(content, names)
        if isinstance(content, bytes) and move.new_parents != tuple(
            names.get(p, p) for p in move.old_parents
        ):
            content = backend.set_parents(content, move.new_parents)
        if isinstance(content, Uneditable):
            text = f"{move.path} can't be hung behind {', '.join(move.new_parents)}: {content.reason}."
            return Refusal(Why.CANNOT_EDIT, text, (move.path,))
        if move.new_path != move.path:
            files.setdefault(move.path, None)
        files[move.new_path] = content
    added = _joins(plan, facts, backend, blobs, when)
    taken = {file.path for file in facts.merged.files}
    for new in added:
        if new.path in taken:
            return Refusal(
                Why.CANNOT_EDIT, f"{new.path}, the merge revision's file, is there already.", (new.path,)
            )
        files[new.path] = new.content
    return Written(files, added)


def companions(
    plan: Plan, backend: Backend, paths: Collection[GitPath]
) -> dict[GitPath, GitPath | None] | Refusal:
    """The files of the tree that go with the plan's: where each comes to stand, None where it goes."""
    found: dict[GitPath, GitPath | None] = {}
    for move in plan.moves:
        if move.new_path != move.path:
            found |= backend.companions(move.path, move.new_path, paths)
    for gone in plan.drops:
        found |= dict.fromkeys(backend.companions(gone.path, gone.path, paths))
    for path, new in found.items():
        if new is not None and new != path and new in paths and new not in found:
            return Refusal(
                Why.CANNOT_EDIT, f"{path} has to become {new}, which is there already.", (path, new)
            )
    return found


def with_companions(
    files: Mapping[GitPath, bytes | None], beside: Mapping[GitPath, tuple[GitPath | None, bytes]]
) -> dict[GitPath, bytes | None]:
    """The files to write with the moved companions, `beside` being path -> (new path, content)."""
    moved = {new: content for new, content in beside.values() if new is not None}
    return {**dict.fromkeys(beside), **files, **moved}


def _joins(
    plan: Plan, facts: Facts, backend: Backend, blobs: Mapping[Sha, bytes], when: int
) -> tuple[NewFile, ...]:
    graph = facts.merged.graph
    habit: Sequence[bytes] = list(blobs.values())
    return tuple(
        backend.merge_revision(
            plan.layout, [graph.by_id[id] for id in join], habit, id=numbers.merge_id(facts, join), when=when
        )
        for join in plan.joins
    )


def follow_renames(
    plans: Sequence[Plan], files: Mapping[GitPath, bytes], backend_of: Callable[[Layout], Backend]
) -> dict[GitPath, bytes] | Refusal:
    """Those of the change's `files` that name a revision which a plan renames, in whatever environment they are,
    with its new name."""
    edited: dict[GitPath, bytes] = {}
    for plan in plans:
        names = {
            move.revision: move.new_revision for move in plan.moves if move.revision != move.new_revision
        }
        for path, content in files.items():
            content = edited.get(path, content)
            if not any(name.encode() in content for name in names):
                continue
            after = backend_of(plan.layout).rename(content, names)
            if isinstance(after, Uneditable):
                text = f"{path} can't be made to follow new names ({', '.join(names)}): {after.reason}."
                return Refusal(Why.CANNOT_EDIT, text, (path,))
            if after != content:
                edited[path] = after
    return edited
