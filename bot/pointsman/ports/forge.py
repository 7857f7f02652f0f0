"""Where branches live, changes land, and people are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pointsman.core.contract import Author, Contract
    from pointsman.core.model import Sha
    from pointsman.core.pulls.model import RequiredCheck
    from pointsman.core.queue.actions import LandOutcome


class Forge(Protocol):
    """Where branches live and changes land. Locally that is the repository itself."""

    def tip(self, lane: str) -> Sha | None:
        """The base branch now; None when it does not exist."""
        ...

    def branch_heads(self, wanted: Collection[str] | None = None) -> Mapping[str, Sha]:
        """Where branches (by short name) and pull requests (`#12`) are, all read at once; only those that exist.

        `wanted` names all that the caller will look at; None asks for every branch. On return the commits
        are in the repository."""
        ...

    def forget(self) -> None:
        """Something may have moved: what was read before says nothing any more."""
        ...

    def required_checks(self, lane: str) -> tuple[RequiredCheck, ...]:
        """What the branch's own rules ask for beside the contract; () where there are no such rules."""
        ...

    def obstacle(self, lane: str, *, expected: Sha, new: Sha) -> str:
        """Why the base branch can't be moved from `expected` to `new` now, with the next step; '' when it can."""
        ...

    def land(self, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
        """Fast-forward the base branch from `expected` to `new` by compare-and-swap, then read it back.

        May be called again with the same SHAs after a crash: it says `Landed` when `new` is already there."""
        ...


class People(Protocol):
    """Who somebody is, looked up live where there is a forge to ask."""

    def author(
        self, name: str, account: int | None, contract: Contract | None = None, *, live: bool = False
    ) -> Author:
        """What is known of the account: with the `contract`, also its teams and permission as far as that asks;
        `live`: with its permission in any case, all of it asked for now.

        `name` is a login or an e-mail address, `account` the forge's id, None where there is none. Errors:
        `ForgeUnavailable` when the forge can't be asked; somebody who is gone has no permission."""
        ...
