"""What was posted on pull requests, remembered as notes, so that nothing is posted twice; it posts nothing itself."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
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
    """One thing that was posted. `id` None with `posting`: it was about to be posted when this was written, and
    whether it was is not known. `digest` is of its text, `news` of what is worth an edit in it; `at` in seconds since
    1970."""

    id: int | None = None
    digest: str = ""
    news: str = ""
    at: float = 0.0
    posting: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Owed:
    """A pull request to be told again, not before `at`; `last`: and then to be forgotten."""

    at: float
    last: bool = False


@dataclass(kw_only=True)
class Said:
    """The notes `said:NUMBER:comment` and `said:NUMBER:head`, `said@HEAD:CHECK`, `head:HEAD` (which pull requests have
    it) and `owed:NUMBER`."""

    store: Store
    clock: Clock

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
        if heads and heads[-1] == head:
            return ()
        freed = self._leave(number, heads[-1]) if heads else []
        kept = [*(one for one in heads if one != head), head][-HEADS:]
        self._put(f"said:{number}:head", list(kept))
        self._put(_head(head), sorted({*self._numbers(head), number}))
        self._drop_checks([one for one in heads if one not in kept])
        return tuple(freed)

    def others_at(self, number: int, head: Sha) -> tuple[int, ...]:
        """The other pull requests that were last seen with that head."""
        return tuple(other for other in self._numbers(head) if other != number)

    def forget(self, number: int) -> tuple[int, ...]:
        """Drop the pull request's notes; those that shared its head with it."""
        heads = self._heads(number)
        sharers = self._leave(number, heads[-1]) if heads else []
        self._drop_checks(heads)
        gone = [Note(key=key, value="") for key in self.store.notes(f"said:{number}:")]
        self.store.save(*gone, Note(key=f"owed:{number}", value=""), at=self.clock.now())
        return tuple(sharers)

    def owe(self, number: int, *, at: float, last: bool = False) -> None:
        known = self.owed(number)
        if known is None or known.at < at or (last and not known.last):
            self._put(f"owed:{number}", asdict(Owed(at=at, last=last or (known is not None and known.last))))

    def owed(self, number: int) -> Owed | None:
        value = self._get(f"owed:{number}")
        return _owed(value) if isinstance(value, dict) else None

    def all_owed(self) -> dict[int, Owed]:
        notes = self.store.notes("owed:")
        read = {key.removeprefix("owed:"): _loads(value) for key, value in notes.items()}
        return {
            int(number): _owed(value)
            for number, value in read.items()
            if number.isdigit() and isinstance(value, dict)
        }

    def settle(self, number: int) -> None:
        if self.store.note(f"owed:{number}") is not None:
            self._save(f"owed:{number}", "")

    def _leave(self, number: int, head: Sha) -> list[int]:
        """The pull request has that head no more; who else has it."""
        others = [other for other in self._numbers(head) if other != number]
        self._save(_head(head), json.dumps(others) if others else "")
        return others

    def _drop_checks(self, heads: list[Sha]) -> None:
        """Forget the check runs of commits that no pull request has."""
        left = [head for head in heads if not self._numbers(head)]
        gone = [
            Note(key=key, value="") for head in left for key in self.store.notes(f"said@{head[:DIGITS]}:")
        ]
        if gone:
            self.store.save(*gone, at=self.clock.now())

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
            digest=str(value.get("digest", "")),
            news=str(value.get("news", "")),
            at=float(value.get("at") or 0.0),
            posting=bool(value.get("posting")),
        )

    def _get(self, key: str) -> object:
        value = self.store.note(key)
        return None if value is None else _loads(value)

    def _put(self, key: str, value: dict[str, Any] | list[Any]) -> None:
        self._save(key, json.dumps(value, sort_keys=True))

    def _keep(self, key: str, posted: Posted | None) -> None:
        self._save(key, json.dumps(asdict(posted), sort_keys=True) if posted is not None else "")

    def _save(self, key: str, value: str) -> None:
        self.store.save(Note(key=key, value=value), at=self.clock.now())


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


def _owed(value: dict[str, Any]) -> Owed:
    return Owed(at=float(value.get("at") or 0.0), last=bool(value.get("last")))
