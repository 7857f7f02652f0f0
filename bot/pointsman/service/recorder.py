"""Writes records and the journal line that explains them, in one transaction, then tells whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.core.contract import Contract
from pointsman.core.queue.model import Entry
from pointsman.core.queue.observation import Observation
from pointsman.ports import Clock, Record, Store

Listener = Callable[[Entry], None]


@dataclass(kw_only=True)
class Recorder:
    """`tell` hears each journal entry after it is on disk, with the ids that the store gave."""

    store: Store
    clock: Clock
    tell: Listener

    def save(self, *records: Record, lane: str, kind: str, **body: Any) -> tuple[Record, ...]:
        """Save the records with one entry; the records as stored."""
        entry = Entry(lane=lane, kind=kind, body=body)
        stored = self.store.save(*records, entries=(entry,), at=self.clock.now())
        self.tell(Entry(lane=lane, kind=kind, body=_with_ids(body, stored)))
        return stored


def _with_ids(body: dict[str, Any], stored: Sequence[Record]) -> dict[str, Any]:
    """The entry as it was journalled: `$0` stands for the id of the first record, and so on."""
    ids = {f"${place}": getattr(record, "id", None) for place, record in enumerate(stored)}
    return {key: ids.get(value, value) if isinstance(value, str) else value for key, value in body.items()}


def contract_of(seen: Observation) -> Contract:
    """The contract that an action was decided under; decide() builds and starts nothing without one."""
    if seen.contract is None:
        raise ValueError("an action that needs the contract was decided without one")
    return seen.contract
