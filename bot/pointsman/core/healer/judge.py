"""Which refusals a patch could help, and which patches count: only migrations that are not published yet."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.healer.model import Outcome
from pointsman.core.healer.unified import FilePatch, Malformed, apply, parse
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.migrations.model import Code
from pointsman.core.model import GitPath

MAX_FILE = 1 << 20
"""Bytes that a file may have once it is patched: what is longer is never read as a migration."""

OF_TWO_SIDES = frozenset({Why.CONFLICT, Why.SAME_TABLE, Why.UNREADABLE})
"""What reading both sides refuses: a proof of the patched tree answers the same question better."""

HELPABLE = OF_TWO_SIDES | {
    Why.PROOF_FAILED,
    Why.TWO_HEADS,
    Why.SECOND_BASE,
    Why.AMBIGUOUS_PARENT,
    Why.STILL_FORKED,
    Why.TOO_MANY_HEADS,
    Why.CANNOT_EDIT,
    Code.DUPLICATE_REVISION,
    Code.MISSING_PARENT,
    Code.MISSING_DEPENDENCY,
    Code.ABBREVIATED_ID,
    Code.CYCLE,
    Code.DEPENDENCY_CYCLE,
    Code.COMPUTED_DEPENDENCY,
    Code.DUPLICATE_LABEL,
    Code.EMPTY_ID,
    Code.RESERVED_ID,
    Code.ILLEGAL_ID,
    Code.NO_DOWN_REVISION,
    Code.NO_REVISION,
    Code.COMPUTED,
    Code.INVALID_VALUE,
    Code.UNPARSABLE,
}
"""What other text in the change's own migrations could mend.

Not here: what is outside them (git's own conflicts, settings, links), what touches the published ones (edited,
deleted, renumbered, a parent that the base took back: whether the change is still wanted is no command's to say), what
the contract itself stops at, and a proof that could not run, which no text makes run.
"""


def why_not(refusals: Sequence[Refusal]) -> str | None:
    """Why a patch of the change's migrations could not end these refusals; None where it might."""
    beyond = list(dict.fromkeys(refusal.code for refusal in refusals if refusal.code not in HELPABLE))
    if not beyond:
        return None
    return f"A patch of the change's own migrations can't mend {', '.join(beyond)}, so the healer command is not asked."


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejected:
    """Why a patch does not count; `detail` is a clause that names the path."""

    outcome: Outcome
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """Where a patch may write. `contents` are the merged tree's files that may change, which are plain and not on the
    base. `is_migration` says whether a new path would be a revision of one of the environments, or go with one, given
    all new paths; `taken` are all paths of the merged tree."""

    contents: Mapping[GitPath, bytes]
    is_migration: Callable[[GitPath, Collection[GitPath]], bool]
    taken: Collection[GitPath]


def judge(patch: bytes, room: Room) -> dict[GitPath, bytes | None] | Rejected:
    """The files to write (None: to delete), if all that the patch touches is in the room and it fits exactly."""
    files = parse(patch)
    if isinstance(files, Malformed):
        return _malformed(files)
    if not files:
        return Rejected(outcome=Outcome.EMPTY, detail="")
    fresh = [file.new for file in files if file.new is not None and file.new not in room.contents]
    outside = [why for file in files if (why := _outside(file, room, fresh))] or _crowded(fresh, room)
    if outside:
        return Rejected(outcome=Outcome.NOT_ALLOWED, detail="; ".join(outside[:5]))
    edits: dict[GitPath, bytes | None] = {}
    for file in files:
        new = apply(file, room.contents[file.old] if file.old is not None else None)
        if isinstance(new, Malformed):
            return _malformed(new)
        if new is not None and len(new) > MAX_FILE:
            return Rejected(outcome=Outcome.TOO_LARGE, detail=f"{file.new} would have {len(new)} bytes")
        if file.old is not None and file.old != file.new:
            edits[file.old] = None
        if file.new is not None:
            edits[file.new] = new
    changed = {path: new for path, new in edits.items() if room.contents.get(path) != new}
    return changed or Rejected(outcome=Outcome.EMPTY, detail="it changes nothing")


def _malformed(wrong: Malformed) -> Rejected:
    what = f"{wrong.path} {wrong.why}" if wrong.path else f"the patch {wrong.why}"
    return Rejected(outcome=Outcome.MALFORMED, detail=what)


def _outside(file: FilePatch, room: Room, fresh: Collection[GitPath]) -> str | None:
    """Why the file is not the command's to touch; None where it is."""
    if file.old is not None and file.old not in room.contents:
        return f"{file.old} is no unpublished migration of this change"
    if file.new is None or file.new in room.contents:
        return None
    if file.new in room.taken:
        return f"{file.new} is there already and no unpublished migration of this change"
    if not _is_plain(file.new) or not room.is_migration(file.new, fresh):
        return f"{file.new} would be no migration"
    return None


def _is_plain(path: GitPath) -> bool:
    """Whether the path is one that every checkout can have: no way up, no git folder, nothing unprintable."""
    parts = path.split("/")
    return path.isprintable() and not any(
        part in ("", ".", "..") or part.casefold().rstrip(". ") == ".git" or "\\" in part or ":" in part
        for part in parts
    )


def _crowded(new: Sequence[GitPath], room: Room) -> list[str]:
    """The new files that a checkout could not hold beside the rest: one in other letters, one where a folder is."""
    if not new:
        return []
    seen: dict[str, GitPath] = {}
    for path in room.taken:
        folded = path.casefold()
        seen[folded] = path
        while (folded := folded.rpartition("/")[0]) and folded + "/" not in seen:
            seen[folded + "/"] = path
    found = []
    for path in new:
        folded = path.casefold()
        folders = [folded[:at] for at, letter in enumerate(folded) if letter == "/"]
        near = next((seen[name] for name in (folded, folded + "/", *folders) if name in seen), None)
        if near is not None:
            found.append(f"{path} can't stand beside {near}")
        seen[folded] = path
    return found
