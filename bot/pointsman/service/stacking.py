"""Puts a change on top of a commit as a tree: merged, healed, and (where asked) proved; it makes no commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.model import Healed


@dataclass(frozen=True, kw_only=True, slots=True)
class Stacked:
    """`merged` is git's merge with its conflicts settled; `tree` is what would land: the same, or healed. `to_prove`:
    migrations were, so that there is something to prove."""

    merged: Sha
    tree: Sha
    healed: Healed | None = None
    to_prove: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Unstackable:
    """Git, the migrations or the proof say no; `details` quotes both sides."""

    code: str
    text: str
    details: str = ""


class Stacker(Protocol):
    """Anything that can put a change on top of a commit."""

    def stack(
        self, onto: Sha, head: Sha, contract: Contract, *, prove: bool = True
    ) -> Stacked | Unstackable: ...
