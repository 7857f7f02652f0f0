"""What was found on a machine, as plain data; it looks at nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """OK: in force. MISSING: not here, and nothing asks for it. BROKEN: something that is needed does not hold."""

    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at. `text` says what was seen; `mend` the next step where the text does not, with the
    page at `url`, both '' where there is none. `subject` says whose it is where there are several. `size` is in bytes,
    and `count` of what the name says, where there is something to count; `most_bytes` and `most` are their bounds,
    where there are any."""

    area: str
    name: str
    state: State
    text: str
    size: int | None = None
    count: int | None = None
    most_bytes: int | None = None
    most: int | None = None
    subject: str = ""
    mend: str = ""
    url: str = ""

    @property
    def is_above(self) -> bool:
        """Whether it is larger, or more, than it should be."""
        too_large = self.most_bytes is not None and (self.size or 0) > self.most_bytes
        return too_large or (self.most is not None and (self.count or 0) > self.most)

    def to_json(self) -> dict[str, Any]:
        numbers = {
            "size": self.size,
            "count": self.count,
            "most_bytes": self.most_bytes,
            "most": self.most,
        }
        words = {"subject": self.subject, "mend": self.mend, "url": self.url}
        return {
            "area": self.area,
            "name": self.name,
            "state": self.state.value,
            "text": self.text,
            **{key: value for key, value in numbers.items() if value is not None},
            **{key: value for key, value in words.items() if value},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """Findings of one area, about one subject."""

    area: str
    subject: str = ""

    def ok(self, name: str, text: str) -> Finding:
        return Finding(area=self.area, subject=self.subject, name=name, state=State.OK, text=text)

    def missing(self, name: str, text: str, *, mend: str = "", url: str = "") -> Finding:
        return replace(self.ok(name, text), state=State.MISSING, mend=mend, url=url)

    def broken(self, name: str, text: str, *, mend: str = "", url: str = "") -> Finding:
        return replace(self.ok(name, text), state=State.BROKEN, mend=mend, url=url)


def is_sound(findings: Sequence[Finding]) -> bool:
    """Whether nothing is broken."""
    return all(finding.state is not State.BROKEN for finding in findings)
