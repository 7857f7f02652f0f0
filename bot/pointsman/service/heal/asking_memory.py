"""What healer commands were asked before, so that nobody is asked twice; it asks nobody itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pointsman.core.healer.model import Attempt, HealerCommand
from pointsman.core.model import Sha
from pointsman.core.queue.model import Note
from pointsman.ports import Clock, Store

PREFIX = "healer:"
"""Notes under this prefix: `healer:HEAD:TREE`, the change's head and the tree that it was put on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """The attempts of one asking, and the patch that was taken (None: none was)."""

    attempts: tuple[Attempt, ...]
    patch: bytes | None = None

    def to_text(self) -> str:
        patch = self.patch.decode("latin-1") if self.patch is not None else None
        return json.dumps({"attempts": [one.to_json() for one in self.attempts], "patch": patch})

    @classmethod
    def of(cls, text: str) -> Recalled | None:
        """What `to_text` wrote; None where the text is something else."""
        try:
            found = json.loads(text)
            attempts = tuple(Attempt.of(one) for one in found["attempts"])
            patch = found["patch"].encode("latin-1") if found["patch"] is not None else None
        except (KeyError, ValueError, TypeError, AttributeError):
            return None
        return cls(attempts=attempts, patch=patch)


class Memory(Protocol):
    """Askings by the change's head and the tree that it was put on, which holds the contract that was in force."""

    def recall(self, head: Sha) -> Mapping[Sha, Recalled]: ...

    def keep(self, head: Sha, onto: Sha, what: Recalled) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Helper:
    """Who runs a contract's healer command, and what is remembered of it. Without a memory it is asked each time."""

    command: HealerCommand
    memory: Memory | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Notes:
    """A memory that outlives the process: among the notes of a repository's store."""

    store: Store
    clock: Clock

    def recall(self, head: Sha) -> Mapping[Sha, Recalled]:
        prefix = f"{PREFIX}{head}:"
        read = {key.removeprefix(prefix): Recalled.of(text) for key, text in self.store.notes(prefix).items()}
        return {Sha(onto): what for onto, what in read.items() if what is not None}

    def keep(self, head: Sha, onto: Sha, what: Recalled) -> None:
        note = Note(key=f"{PREFIX}{head}:{onto}", value=what.to_text())
        self.store.save(note, at=self.clock.now())
