"""The journal's hash chain: how a line is sealed to the one before it, and how an edit is found; no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pointsman.core.queue.model import Change, ChangeState, Entry, JournalLine

GENESIS = "0" * 64
"""What the first line names as the hash of the line before it."""


ARCHIVED = "archived"
"""The kind of the line that is written when the journal's first lines are moved to a file: its body says `through`
which line and what that line's hash is (`head`), so that the rest verifies without the file, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Intact:
    """Every line from `first` on follows from the one before; `head` is the last line's hash (GENESIS when there is
    none), `count` its number. `first` is more than 1 where the lines before it are archived and were not at hand."""

    count: int
    head: str
    first: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """The first line that does not follow; `seq` is the number at which it stands or should have stood."""

    seq: int
    why: str


def canonical(value: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces, ASCII only. ValueError for NaN and infinities."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def as_stored(body: dict[str, Any]) -> dict[str, Any]:
    """The body as it reads back from storage: keys are strings, tuples are lists."""
    stored: dict[str, Any] = json.loads(json.dumps(body, ensure_ascii=True, allow_nan=False))
    return stored


def fingerprint(*, seq: int, at: float, lane: str, kind: str, body: dict[str, Any], previous: str) -> str:
    """SHA-256 (hex) over every field of a line but its hash."""
    fields = {"seq": seq, "at": at, "lane": lane, "kind": kind, "body": body, "previous": previous}
    return sha256(canonical(fields).encode("ascii")).hexdigest()


def seal(entry: Entry, *, seq: int, at: float, previous: str) -> JournalLine:
    """The entry as line number `seq`, chained to the line whose hash is `previous`."""
    body, when = as_stored(entry.body), float(at)
    digest = fingerprint(seq=seq, at=when, lane=entry.lane, kind=entry.kind, body=body, previous=previous)
    return JournalLine(
        seq=seq, at=when, lane=entry.lane, kind=entry.kind, body=body, previous=previous, hash=digest
    )


def verify(lines: Iterable[JournalLine], *, part: bool = False) -> Intact | Broken:
    """Follow a whole journal (every lane, by seq) to its end or to the first line that is wrong.

    It may begin after line 1 only if a later line says that what is before was archived, and by which hash that ends;
    or if it is only a `part`.
    A tail that was cut off leaves no trace in the lines themselves: see `missing_end`.
    """
    first, count, head, why = 1, 0, GENESIS, ""
    owed, known = False, (0, GENESIS)
    for line in lines:
        if not why and count == 0 and line.seq > 1:
            first, count, head = line.seq, line.seq - 1, line.previous
            known, owed = (count, head), not part
        owed = owed and not (line.kind == ARCHIVED and _archived(line) == known)
        why = why or _fault(line, seq=count + 1, previous=head) or ""
        if why and not owed:
            return Broken(seq=count + 1, why=why)
        if not why:
            count, head = line.seq, line.hash
    if owed:
        return Broken(seq=1, why=f"the line is missing; the next one there is {first}")
    return Intact(count=count, head=head, first=first)


def _archived(line: JournalLine) -> tuple[object, object]:
    return line.body.get("through"), line.body.get("head")


def _fault(line: JournalLine, *, seq: int, previous: str) -> str | None:
    if line.seq != seq:
        return f"the line is missing; the next one there is {line.seq}"
    if line.previous != previous:
        return "it does not name the hash of the line before it"
    try:
        digest = fingerprint(
            seq=line.seq, at=line.at, lane=line.lane, kind=line.kind, body=line.body, previous=line.previous
        )
    except (TypeError, ValueError):
        return "it holds a value that no journal line can hold"
    return None if digest == line.hash else "its content does not match its hash"


ENDS = frozenset({ChangeState.LANDED, ChangeState.RETURNED, ChangeState.WITHDRAWN})
"""The states whose journal line has the same word as its kind."""


def changes_named(body: dict[str, Any]) -> frozenset[int]:
    """The ids of the changes that a line is about: its `change` and its `changes`."""
    several = body.get("changes")
    named = [body.get("change"), *(several if isinstance(several, list) else ())]
    return frozenset(value for value in named if isinstance(value, int))


def missing_end(changes: Sequence[Change], lines: Iterable[JournalLine]) -> Change | None:
    """The first change whose end (landed, returned, withdrawn) no line records: lines were cut off."""
    told = {(line.kind, change) for line in lines for change in changes_named(line.body)}
    ended = (change for change in changes if change.state in ENDS)
    return next((change for change in ended if (change.state.value, change.id) not in told), None)


def about(lines: Iterable[JournalLine], change: int) -> Iterator[JournalLine]:
    """The lines that name the change, or a candidate that an earlier such line put it in; in order."""
    candidates: set[int] = set()
    for line in lines:
        candidate = line.body.get("candidate")
        if change in changes_named(line.body):
            if isinstance(candidate, int):
                candidates.add(candidate)
            yield line
        elif isinstance(candidate, int) and candidate in candidates:
            yield line
