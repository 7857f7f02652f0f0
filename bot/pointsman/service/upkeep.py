"""Keeps one repository's state within its bounds: rows, journal, refs, logs, notes; it takes only what has ended.

Safe at any instant: each step is whole by itself, and a run that was cut off is done again by the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pointsman.core.bounds import BOUNDS, Bounds
from pointsman.core.queue.model import LIVE, ChangeState, Note
from pointsman.ports import Attic, Clock, Store
from pointsman.service.heal.asking_memory import PREFIX as ASKED
from pointsman.service.obey import DONE
from pointsman.service.pins import Pins
from pointsman.service.pull_desk import FORGOTTEN, REVIEWS

STAMP = "upkeep:at"
"""The note of when the last upkeep began, in seconds since 1970: the rhythm outlives the process."""

MOST_STEPS = 1_000
"""Pieces that one upkeep takes; the next one goes on."""


class Shelf(Protocol):
    """Files that grow: logs of runs, caches."""

    def tidy(self, keep: Collection[int], *, now: float) -> int:
        """Remove the oldest beyond the bound, never what belongs to the runs `keep`; how many files."""
        ...


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """Of one repository. Whoever calls it works the repository's lanes, and nobody else does meanwhile."""

    store: Store
    attic: Attic
    pins: Pins
    clock: Clock
    shelves: Sequence[Shelf] = ()
    bounds: Bounds = BOUNDS

    def is_due(self, every: float) -> bool:
        """Whether the last one began more than `every` seconds ago. A repository that never had one starts to count
        now; a clock that was set back counts as due."""
        last = _number(self.store.note(STAMP))
        if last is None:
            self._stamp()
            return False
        return not 0 <= self.clock.now() - last < every

    def run(self) -> Mapping[str, int]:
        """Everything once; how many were taken, by kind. Errors as the ports have them: what was done until then is
        done, and the rest is due next time."""
        self._stamp()  # first: what fails must not be tried again and again
        taken: Counter[str] = Counter()
        self.pins.renew(kept=self.bounds.pins)
        for _ in range(MOST_STEPS):
            gone = self.attic.forget(self.bounds)
            if not gone:
                break
            taken.update(gone)
        while moved := self.attic.archive(self.bounds, at=self.clock.now()):
            taken["journal"] += moved
        taken["notes"] += self._forget_notes()
        keep = self._runs_in_use()
        taken["files"] += sum(shelf.tidy(keep, now=self.clock.now()) for shelf in self.shelves)
        return {name: count for name, count in taken.items() if count}

    def _runs_in_use(self) -> frozenset[int]:
        """Of live candidates, of queued changes, and whatever runs: somebody may still look at their logs."""
        queued = [change.id for change in self.store.changes(states=(ChangeState.QUEUED,))]
        lanes = self.store.lanes()
        live = [one.id for lane in lanes for one in self.store.candidates(lane, states=tuple(LIVE))]
        runs = self.store.runs(candidates=live, changes=queued, running=True)
        return frozenset(run.id for run in runs)

    def _forget_notes(self) -> int:
        """Notes that nothing else ever drops."""
        obeyed = self._oldest(DONE, self.bounds.notes)
        reviews = self._oldest(REVIEWS, self.bounds.reviews)
        heads = self._heads_that_may_return()
        asked = [
            key for key in self.store.notes(ASKED) if key.removeprefix(ASKED).partition(":")[0] not in heads
        ]
        gone = [Note(key=key, value="") for key in (*obeyed, *reviews, *asked)]
        told = [Note(key=FORGOTTEN, value=reviews[-1].removeprefix(REVIEWS))] if reviews else []
        if gone:
            self.store.save(*told, *gone, at=self.clock.now())
        return len(gone)

    def _oldest(self, prefix: str, most: int) -> list[str]:
        """Of notes that are named after the forge's ids, which count up: those beyond the bound, oldest first."""
        keys = [key for key in self.store.notes(prefix) if key.removeprefix(prefix).isdecimal()]
        keys.sort(key=lambda key: int(key.removeprefix(prefix)))
        return keys[: max(0, len(keys) - most)]

    def _heads_that_may_return(self) -> frozenset[str]:
        changes = self.store.changes()
        ended = [change for change in changes if change.state is not ChangeState.QUEUED]
        newest = sorted(ended, key=lambda change: change.ended_at or 0.0)[-self.bounds.asked_heads :]
        queued = [change for change in changes if change.state is ChangeState.QUEUED]
        return frozenset(change.head for change in (*newest, *queued))

    def _stamp(self) -> None:
        now = self.clock.now()
        self.store.save(Note(key=STAMP, value=str(now)), at=now)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
