"""Who holds which task: the claims of all launchers on one repository."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pointsman.core.schedule.model import Claim, Held, Ruling


class Claims(Protocol):
    """The claims of one repository, durable, shared by any number of processes and threads."""

    def held(self, tasks: Sequence[str] = (), *, at: float) -> Held:
        """The claims that are live at that time, and the newest of each of those tasks."""
        ...

    def claim(self, number: int) -> Claim | None: ...

    def decide(
        self, rule: Callable[[Held], Ruling], *, tasks: Sequence[str], lane: str, by: str, at: float
    ) -> Ruling:
        """Ask `rule` and do what it says in one write transaction, so that no two decisions cross: nobody else's claim
        comes between what `rule` is told and what is saved. It may be asked again where the transaction is.

        Where it names a kind, its claim (id 0: a new one) and the journal line of that kind, which says `by` whom, are
        on disk together when this returns. The ruling, with its claim as stored."""
        ...
