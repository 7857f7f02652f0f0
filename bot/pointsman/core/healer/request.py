"""The JSON that a healer command reads: what was refused, both sides with their operations, and what may be edited.

Bounded whatever the change holds: what is cut says so. It has no path of this machine and no secret.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pointsman.core.healer.model import Attempt

if TYPE_CHECKING:
    from pointsman.core.migrations.heal.model import Refusal
    from pointsman.core.migrations.operations import Footprint
    from pointsman.core.model import GitPath, Sha
    from pointsman.core.proof import Proof

VERSION = 1
MAX_CONTENT = 64 * 1024
MAX_CONTENTS = 1024 * 1024
MAX_REVISIONS = 200
MAX_OPERATIONS = 500
MAX_MESSAGE = 8 * 1024
MAX_PATHS = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class SideRevision:
    """One revision of a side and what it does; `content` is the whole file, as the merged tree has it."""

    id: str
    path: GitPath
    parents: tuple[str, ...]
    content: bytes
    footprint: Footprint


@dataclass(frozen=True, kw_only=True, slots=True)
class Side:
    """What one side of the fork adds, in the order in which it runs."""

    side: Literal["base", "change"]
    revisions: tuple[SideRevision, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedEnvironment:
    """One environment that the change touches; ids are those of the merged tree, `fork` where the sides part."""

    backend: str
    config: str
    name: str
    heads: tuple[str, ...]
    base_heads: tuple[str, ...]
    fork: tuple[str, ...]
    sides: tuple[Side, Side]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What one attempt is told. `base` and `head` are commits, `merged` is git's merge of them, a tree, and what the
    patch is for. `new_files_in` are folders in which it may add migrations. `previous` are the attempts before."""

    attempt: int
    attempts: int
    base: Sha
    head: Sha
    merged: Sha
    environments: tuple[AskedEnvironment, ...]
    refusals: tuple[Refusal, ...]
    proof: Proof | None
    may_edit: tuple[GitPath, ...]
    new_files_in: tuple[GitPath, ...]
    max_patch: int
    previous: tuple[Attempt, ...]

    def to_json(self) -> dict[str, Any]:
        """See docs/contract.md; `version` changes when a reader of this one would be misled."""
        budget = _Budget(MAX_CONTENTS)
        # The change's own text is what the patch is for: it is told first, and named last.
        told = [
            {side.side: _side(each, side, budget) for side in reversed(each.sides)}
            for each in self.environments
        ]
        return {
            "version": VERSION,
            "attempt": self.attempt,
            "attempts": self.attempts,
            "base": self.base,
            "head": self.head,
            "merged": self.merged,
            "environments": [_environment(each) for each in self.environments],
            "refusals": [
                {"code": r.code, "message": _cut(r.message), "paths": list(r.paths[:MAX_PATHS])}
                for r in self.refusals
            ],
            "sides": [sides[name] for sides in told for name in ("base", "change")],
            "proof": self.proof.to_json() if self.proof else None,
            "may_edit": list(self.may_edit[:MAX_PATHS]),
            "new_files_in": list(self.new_files_in[:MAX_PATHS]),
            "max_patch": self.max_patch,
            "previous": [attempt.to_json() for attempt in self.previous],
        }

    def to_bytes(self) -> bytes:
        """One line of ASCII JSON; a path's bytes that are no UTF-8 come as lone surrogates."""
        return json.dumps(self.to_json()).encode("ascii") + b"\n"


@dataclass(slots=True)
class _Budget:
    """How many bytes of file contents are left to tell."""

    left: int

    def take(self, content: bytes) -> tuple[str, bool]:
        """As much of the content as there is room for, and whether that is not all."""
        told = content[: min(MAX_CONTENT, self.left)]
        self.left -= len(told)
        return told.decode("utf-8", "replace"), len(told) < len(content)


def _environment(each: AskedEnvironment) -> dict[str, Any]:
    return {
        "backend": each.backend,
        "config": each.config,
        "name": each.name,
        "heads": list(each.heads),
        "base_heads": list(each.base_heads),
        "fork": list(each.fork),
    }


def _side(each: AskedEnvironment, side: Side, budget: _Budget) -> dict[str, Any]:
    told = side.revisions[:MAX_REVISIONS]
    operations = [one for revision in told for one in _operations(revision)]
    return {
        "side": side.side,
        "config": each.config,
        "name": each.name,
        "revisions": [_revision(revision, budget) for revision in told],
        "operations": operations[:MAX_OPERATIONS],
        "truncated": len(told) < len(side.revisions) or len(operations) > MAX_OPERATIONS,
    }


def _revision(revision: SideRevision, budget: _Budget) -> dict[str, Any]:
    content, truncated = budget.take(revision.content)
    return {
        "id": revision.id,
        "path": revision.path,
        "parents": list(revision.parents),
        "content": content,
        "truncated": truncated,
    }


def _operations(revision: SideRevision) -> Sequence[dict[str, Any]]:
    """What can be read of it in words; a place that can't be is of kind `unknown`, with the reason."""
    read = [
        {
            "revision": revision.id,
            "path": revision.path,
            "line": one.line,
            "kind": one.kind.value,
            "table": one.table,
            "name": one.name,
            "columns": list(one.columns),
            "text": one.text,
        }
        for one in revision.footprint.operations
    ]
    dark = [
        {
            "revision": revision.id,
            "path": revision.path,
            "line": place.line,
            "kind": "unknown",
            "why": place.why,
            "text": place.text,
        }
        for place in revision.footprint.unknown
    ]
    return [*read, *dark]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}\n(cut after {MAX_MESSAGE} characters)"
