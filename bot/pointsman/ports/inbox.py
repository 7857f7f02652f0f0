"""Where deliveries are kept, on disk, between being accepted and being worked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pointsman.core.hints import Delivery


class Inbox(Protocol):
    """Durable and deduplicated by delivery id. Safe to use from several threads and processes."""

    def add(self, delivery: Delivery) -> bool:
        """Keep the delivery: it is on disk when this returns. False when that id was there already."""
        ...

    def pending(self, *, now: float, limit: int = 100) -> tuple[Delivery, ...]:
        """Deliveries that are due and not worked yet, in the order in which they came."""
        ...

    def done(self, delivery_id: str, *, at: float) -> None:
        """Worked. The id is remembered for some days, the payload is not."""
        ...

    def later(self, delivery_id: str, *, at: float, why: str) -> bool:
        """Could not be worked: due again at `at`. False when it was tried too often and is put aside, with `why`."""
        ...

    def size(self) -> tuple[int, float]:
        """How many deliveries wait, and when the oldest of them was received (0.0: none waits)."""
        ...

    def close(self) -> None: ...
