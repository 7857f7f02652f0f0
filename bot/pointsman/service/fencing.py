"""A forge on which only the holder of the lanes lands; it decides nothing else and moves nothing by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.core.model import Sha
    from pointsman.core.pulls.model import RequiredCheck
    from pointsman.core.queue.actions import LandOutcome
    from pointsman.ports import Forge


@dataclass(frozen=True, kw_only=True, slots=True)
class FencedForge:
    """`ports.Forge`. `check` raises LaneLost where this process is not the one writer of the lanes any more: that is
    asked right before each push. One that loses them after it is held up by the SHA that the push expects."""

    forge: Forge
    check: Callable[[], None]

    def land(self, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
        self.check()
        return self.forge.land(lane, expected=expected, new=new)

    def tip(self, lane: str) -> Sha | None:
        return self.forge.tip(lane)

    def branch_heads(self, wanted: Collection[str] | None = None) -> Mapping[str, Sha]:
        return self.forge.branch_heads(wanted)

    def forget(self) -> None:
        self.forge.forget()

    def required_checks(self, lane: str) -> tuple[RequiredCheck, ...]:
        return self.forge.required_checks(lane)

    def obstacle(self, lane: str, *, expected: Sha, new: Sha) -> str:
        return self.forge.obstacle(lane, expected=expected, new=new)
