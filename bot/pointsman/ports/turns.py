"""Whose turn it is to work a repository's lanes."""

from __future__ import annotations

from typing import Protocol


class Turn(Protocol):
    """Held by the one process that works a repository's lanes (I2); taken back from one that dies."""

    def acquire(self) -> bool:
        """True when this process is now the one writer; False when another is."""
        ...

    def check(self) -> None:
        """LaneLost unless this process is the one writer at this moment."""
        ...

    def holder(self) -> str:
        """Who took it last, for people; `?` where that is not known."""
        ...

    def release(self) -> None:
        """Let others have it; nothing where it is not held."""
        ...
