"""What was found on a machine, as plain data; it looks at nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """OK: in force. MISSING: not here, and nothing asks for it. BROKEN: something that is needed does not hold."""

    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at. `text` says what was seen, with the next step where it is broken; `size` is in
    bytes, and `count` of what the name says, where there is something to count."""

    area: str
    name: str
    state: State
    text: str
    size: int | None = None
    count: int | None = None

    def to_json(self) -> dict[str, Any]:
        numbers = {"size": self.size, "count": self.count}
        return {
            "area": self.area,
            "name": self.name,
            "state": self.state.value,
            "text": self.text,
            **{key: value for key, value in numbers.items() if value is not None},
        }


def is_sound(findings: Sequence[Finding]) -> bool:
    """Whether nothing is broken."""
    return all(finding.state is not State.BROKEN for finding in findings)
