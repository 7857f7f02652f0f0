"""What was posted on pull requests, remembered as notes, so that nothing is posted twice; it posts nothing itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from pointsman.core.model import Sha
from pointsman.core.queue.model import Note
from pointsman.ports import Clock, Store

DIGITS = 12
"""How many digits of a head stand in a note's key."""
HEADS = 4
"""How many heads of one pull request are remembered: a check of an earlier one may still have to be ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """One thing that was posted. `id` None: it was about to be posted when this was written, and whether it was is not
    known. `news` is a digest of what in it is worth an edit; `at` in seconds since 1970; `ended` a check run that has a
    conclusion."""

    id: int | None = None
    news: str = ""
    at: float = 0.0
    ended: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """A pull request to be told again, not before `at`; `last`: and then to be forgotten."""

    at: float
    last: bool = False


@dataclass(kw_only=True)
class Said:
    """The notes `said:NUMBER:comment` and `said:NUMBER:head`, `said@HEAD:CHECK`, `head:HEAD` (which pull requests have
    it) and `owed:NUMBER`. Reads see what is kept; a process that is killed knows only what was flushed."""

    store: Store
    clock: Clock
    _pending: dict[str, str] = field(default_factory=dict)

    def flush(self) -> None:
        """Write down what was kept since the last time, in one transaction."""
        if self._pending:
            notes = [Note(key=key, value=value) for key, value in self._pending.items()]
            self.store.save(*notes, at=self.clock.now())
            self._pending.clear()

    def comment(self, number: int) -> Posted | None:
        return self._posted(_comment(number))

    def keep_comment(self, number: int, posted: Posted | None) -> None:
        self._keep(_comment(number), posted)

    def check(self, head: Sha, name: str) -> Posted | None:
        """A check run belongs to a commit: two pull requests with one head share it."""
        return self._posted(_check(head, name))

    def keep_check(self, head: Sha, name: str, posted: Posted | None) -> None:
        self._keep(_check(head, name), posted)

    def at_head(self, number: int, head: Sha) -> tuple[int, ...]:
        """Remember that the pull request has that head now; those that shared the one it had before."""
        heads = self._heads(number)
        if heads and heads[-1] == head and number in self._numbers(head):
            return ()
        freed = self._leave(number, heads[-1]) if heads and heads[-1] != head else []
        kept = [*(one for one in heads if one != head), head][-HEADS:]
        self._put(f"said:{number}:head", list(kept))
        self._put(_head(head), sorted({*self._numbers(head), number}))
        self._drop_checks([one for one in heads if one not in kept])
        return tuple(freed)

    def closed(self, number: int) -> tuple[int, ...]:
        """Its head counts no more; those that shared it."""
        heads = self._heads(number)
        return tuple(self._leave(number, heads[-1])) if heads else ()

    def head(self, number: int) -> Sha | None:
        """The head that it was last seen with."""
        heads = self._heads(number)
        return heads[-1] if heads else None

    def others_at(self, number: int, head: Sha) -> tuple[int, ...]:
        """The other pull requests that were last seen with that head."""
        return tuple(other for other in self._numbers(head) if other != number)

    def forget(self, number: int) -> tuple[int, ...]:
        """Drop the pull request's notes; those that shared its head with it."""
        sharers = self.closed(number)
        self._drop_checks(self._heads(number))
        self._drop(f"said:{number}:")
        self._save(f"owed:{number}", "")
        self.flush()
        return sharers

    def owe(self, number: int, *, at: float, last: bool = False) -> None:
        """On disk when this returns. Of two times the later counts: somebody said so."""
        known = self.owed(number)
        owed = Owed(at=max(at, known.at if known else at), last=last or (known is not None and known.last))
        if owed != known:
            self._put(f"owed:{number}", asdict(owed))
        self.flush()

    def owed(self, number: int) -> Owed | None:
        return _owed(self._get(f"owed:{number}"))

    def all_owed(self) -> dict[int, Owed]:
        self.flush()
        found = {
            key.removeprefix("owed:"): _owed(_loads(value))
            for key, value in self.store.notes("owed:").items()
        }
        return {int(number): owed for number, owed in found.items() if owed is not None and number.isdigit()}

    def settle(self, number: int) -> None:
        if self.owed(number) is not None:
            self._save(f"owed:{number}", "")
            self.flush()

    def _leave(self, number: int, head: Sha) -> list[int]:
        """The pull request has that head no more; who else has it."""
        numbers = self._numbers(head)
        others = [other for other in numbers if other != number]
        if others != numbers:
            self._save(_head(head), json.dumps(others) if others else "")
        return others

    def _drop_checks(self, heads: list[Sha]) -> None:
        """Forget the check runs of commits that no pull request has."""
        for head in heads:
            if not self._numbers(head):
                self._drop(f"said@{head[:DIGITS]}:")

    def _drop(self, prefix: str) -> None:
        known = {*self.store.notes(prefix), *(key for key in self._pending if key.startswith(prefix))}
        self._pending.update(dict.fromkeys(known, ""))

    def _heads(self, number: int) -> list[Sha]:
        """The newest last."""
        value = self._get(f"said:{number}:head")
        return [Sha(one) for one in value if isinstance(one, str)] if isinstance(value, list) else []

    def _numbers(self, head: Sha) -> list[int]:
        value = self._get(_head(head))
        return [one for one in value if isinstance(one, int)] if isinstance(value, list) else []

    def _posted(self, key: str) -> Posted | None:
        value = self._get(key)
        if not isinstance(value, dict):
            return None
        id = value.get("id")
        return Posted(
            id=id if isinstance(id, int) else None,
            news=str(value.get("news", "")),
            at=float(value.get("at") or 0.0),
            ended=bool(value.get("ended")),
        )

    def _get(self, key: str) -> object:
        value = self._pending[key] if key in self._pending else self.store.note(key)
        return _loads(value) if value else None

    def _put(self, key: str, value: dict[str, Any] | list[Any]) -> None:
        self._save(key, json.dumps(value, sort_keys=True))

    def _keep(self, key: str, posted: Posted | None) -> None:
        self._save(key, json.dumps(asdict(posted), sort_keys=True) if posted is not None else "")

    def _save(self, key: str, value: str) -> None:
        self._pending[key] = value


def _comment(number: int) -> str:
    return f"said:{number}:comment"


def _check(head: Sha, name: str) -> str:
    return f"said@{head[:DIGITS]}:{name.rpartition(' ')[2]}"


def _head(head: Sha) -> str:
    return f"head:{head[:DIGITS]}"


def _loads(value: str) -> object:
    """A note of another version, or none that we wrote, says nothing."""
    try:
        loaded: object = json.loads(value)
    except ValueError:
        return None
    return loaded


def _owed(value: object) -> Owed | None:
    if not isinstance(value, dict):
        return None
    return Owed(at=float(value.get("at") or 0.0), last=bool(value.get("last")))
