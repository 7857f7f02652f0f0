"""Reads the sides of files with additive regions and has both kept, or refuses with both quoted; it merges nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.conflicts.additive import NotAdditive, keep_both, lost
from pointsman.core.conflicts.declared import Declared
from pointsman.core.conflicts.model import Resolved
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.model import Conflicted, ConflictedPath, GitPath, Sha
from pointsman.ports import Git
from pointsman.service.quoting import quote


def settle(
    git: Git,
    paths: Sequence[ConflictedPath],
    rules: Declared,
    ours: dict[GitPath, bytes | None],
    theirs: dict[GitPath, bytes | None],
) -> tuple[Resolved, ...] | Refusal:
    """Puts each file, its regions alike on both sides, into `ours` and `theirs`."""
    resolved: list[Resolved] = []
    for path in paths:
        kept = keep_both(*_versions(git, path), rules.additive[path.path])
        if isinstance(kept, NotAdditive):
            return _refusal(git, path, kept.why)
        ours[path.path], theirs[path.path] = kept.ours, kept.theirs
        note = f"both sides add {', '.join(map(repr, kept.once[:3]))}: kept once" if kept.once else ""
        resolved.append(Resolved(path=path.path, kind="additive", lines=len(kept.added), note=note))
    return tuple(resolved)


def lost_line(git: Git, paths: Sequence[ConflictedPath], tree: Sha) -> Refusal | None:
    """Whether the merge of the whole files dropped a line of either side all the same."""
    for path in paths:
        entry = git.entry(tree, path.path)
        after = next(iter(git.read([entry.oid])))[1] if entry is not None else b""
        line = lost(*_versions(git, path), after)
        if line is not None:
            return _refusal(git, path, f"the line {line.strip()!r} would be lost")
    return None


def _versions(git: Git, path: ConflictedPath) -> tuple[bytes, bytes, bytes]:
    """Base, ours and theirs; empty where a side has no such file."""
    oids = (path.base, path.ours, path.theirs)
    contents = dict(git.read(dict.fromkeys(oid for oid in oids if oid is not None)))
    base, ours, theirs = (contents[oid] if oid is not None else b"" for oid in oids)
    return base, ours, theirs


def _refusal(git: Git, path: ConflictedPath, why: str) -> Refusal:
    text = f"git can't merge the change: {path.path} conflicts, and its additive region can't keep both sides: {why}."
    quoted = quote(git, Conflicted(paths=(path,), messages=()))
    return Refusal(Why.MERGE_CONFLICT, f"{text}\n{quoted}", (path.path,))
