"""The scalar half of a typed decoder: what one value may be, how it reads, and its JSON Schema.

A shape reads a node or logs what is wrong with it; it never raises and never guesses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from enum import Enum
from typing import Any, Final, Protocol, TypeVar

from pointsman.core.contract.reading.nodes import Node, Scalar, describe
from pointsman.core.contract.reading.problems import ErrorLog

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Json = dict[str, Any]


class Invalid(Enum):
    """The value of a node that could not be read; the log says why."""

    INVALID = "invalid"


INVALID: Final = Invalid.INVALID


@dataclass(frozen=True, kw_only=True, slots=True)
class At:
    """Where a node stands: its dotted key, the last name in it and that name's line ('' and 0 at the root)."""

    key: str = ""
    name: str = ""
    line: int = 0

    def child(self, name: str, line: int = 0) -> At:
        return At(key=f"{self.key}.{name}" if self.key else name, name=name, line=line)

    def item(self, index: int) -> At:
        return At(key=f"{self.key}[{index}]", name=self.name)


class Shape(Protocol[T_co]):
    """What a node has to be."""

    def read(self, node: Node, at: At, log: ErrorLog) -> T_co | Invalid: ...

    def schema(self) -> Json:
        """The JSON Schema that accepts what `read` accepts, as far as JSON Schema can say it."""
        ...


def wrong(node: Node, at: At, log: ErrorLog, message: str) -> Invalid:
    log.add(node.line, node.column, at.key, message)
    return INVALID


def suggestion(log: ErrorLog, name: str, known: list[str]) -> str:
    """`; did you mean 'x'?`, or '' where nothing is close or the log has had enough of them."""
    if log.suggestions_left <= 0:
        return ""
    log.suggestions_left -= 1
    close = get_close_matches(name, known, n=1, cutoff=0.6) or get_close_matches(
        name.lower(), known, n=1, cutoff=0.6
    )
    return f"; did you mean {close[0]!r}?" if close else ""


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.plain and node.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Text:
    """Any text, exactly as written: `on`, `1.10` and `012` stay what they are. `what` names it in messages;
    `pattern`, a regular expression, must match the whole."""

    what: str = "text"
    pattern: str | None = None
    hint: str = ""

    def read(self, node: Node, at: At, log: ErrorLog) -> str | Invalid:
        if not isinstance(node, Scalar) or _is_null(node) or not node.text.strip():
            return wrong(node, at, log, f"expected {self.what}, got {describe(node)}")
        if self.pattern and not re.fullmatch(self.pattern, node.text):
            return wrong(node, at, log, f"expected {self.what}, got {describe(node)}{self.hint}")
        return node.text

    def schema(self) -> Json:
        if self.pattern:
            return {"type": "string", "pattern": f"^(?:{self.pattern})$"}
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """Text that may be empty: the value of an environment variable."""

    def read(self, node: Node, at: At, log: ErrorLog) -> str | Invalid:
        if not isinstance(node, Scalar) or _is_null(node):
            return wrong(node, at, log, f'expected text (write "" for none), got {describe(node)}')
        return node.text

    def schema(self) -> Json:
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        if isinstance(node, Scalar) and node.text in self.words:
            return node.text
        expected = " or ".join(self.words) if len(self.words) < 3 else "one of " + ", ".join(self.words)
        close = suggestion(log, node.text, list(self.words)) if isinstance(node, Scalar) else ""
        return wrong(node, at, log, f"expected {expected}, got {describe(node)}{close}")

    def schema(self) -> Json:
        return {"enum": list(self.words)}


_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)")
_OCTAL = re.compile(r"[-+]?0[0-9]+")
_SEXAGESIMAL = re.compile(r"[0-9]+(?::[0-9]+)+")
MAX_DIGITS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A whole number in plain decimal digits."""

    minimum: int = 0
    maximum: int | None = None

    def read(self, node: Node, at: At, log: ErrorLog) -> int | Invalid:
        if isinstance(node, Scalar) and node.plain and _WHOLE.fullmatch(node.text):
            if len(node.text) <= MAX_DIGITS and self._holds(int(node.text)):
                return int(node.text)
            return wrong(node, at, log, f"expected {self._what()}, got {node.text}")
        return wrong(node, at, log, f"expected {self._what()}, got {describe(node)}{_number_hint(node)}")

    def _holds(self, number: int) -> bool:
        return self.minimum <= number and (self.maximum is None or number <= self.maximum)

    def _what(self) -> str:
        if self.maximum is None:
            return f"a whole number >= {self.minimum}"
        if self.minimum == self.maximum:
            return f"{self.minimum}"
        return f"a whole number from {self.minimum} to {self.maximum}"

    def schema(self) -> Json:
        bound = {} if self.maximum is None else {"maximum": self.maximum}
        return {"type": "integer", "minimum": self.minimum, **bound}


def _number_hint(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    if not node.plain and _WHOLE.fullmatch(node.text):
        return "; remove the quotes"
    if _OCTAL.fullmatch(node.text):
        return f"; YAML readers disagree on a leading zero, write {int(node.text)} or {_octal(node.text)}"
    if _SEXAGESIMAL.fullmatch(node.text):
        return "; some YAML readers take colons as base 60, write plain digits"
    return ""


def _octal(text: str) -> str:
    return str(int(text, 8)) if not set(text) & set("89") else "its decimal value"


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """`true` or `false`. `only` leaves a single answer: a rule that is stated, not chosen."""

    only: bool | None = None

    def read(self, node: Node, at: At, log: ErrorLog) -> bool | Invalid:
        allowed = ("true", "false") if self.only is None else (str(self.only).lower(),)
        if isinstance(node, Scalar) and node.plain and node.text in allowed:
            return node.text == "true"
        return wrong(node, at, log, f"expected {self._what()}, got {describe(node)}{_flag_hint(node)}")

    def _what(self) -> str:
        return "true or false" if self.only is None else str(self.only).lower()

    def schema(self) -> Json:
        return {"type": "boolean"} if self.only is None else {"const": self.only}


def _flag_hint(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    if not node.plain and node.text in ("true", "false"):
        return "; remove the quotes"
    word = node.text.lower()
    if word in ("yes", "on", "y"):
        return "; YAML readers disagree on it, write true"
    if word in ("no", "off", "n"):
        return "; YAML readers disagree on it, write false"
    return f"; write {word}" if word in ("true", "false") else ""


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = r"(?:[0-9]{1,9}[smhd])+"
MAX_SECONDS = 10 * 365 * 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """`90s`, `10m`, `24h`, `7d` or several of them (`1h30m`), read as seconds; more than nothing."""

    def read(self, node: Node, at: At, log: ErrorLog) -> float | Invalid:
        if not isinstance(node, Scalar) or not re.fullmatch(_DURATION, node.text):
            expected = "expected a duration such as 90s, 10m, 24h or 7d"
            return wrong(node, at, log, f"{expected}, got {describe(node)}{_duration_hint(node)}")
        parts = re.findall(r"([0-9]+)([smhd])", node.text)
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
        if not 0 < seconds <= MAX_SECONDS:
            return wrong(node, at, log, f"expected more than nothing and up to 10 years, got {node.text}")
        return seconds

    def schema(self) -> Json:
        return {"type": "string", "pattern": f"^{_DURATION}$"}


def _duration_hint(node: Node) -> str:
    if not isinstance(node, Scalar):
        return ""
    if re.fullmatch(r"[0-9]+", node.text):
        return f"; say the unit, for example {node.text}s"
    parts = node.text.split(":")
    if _SEXAGESIMAL.fullmatch(node.text) and len(parts) <= 3:
        units = "hms" if len(parts) == 3 else "ms"
        return "; write " + "".join(f"{int(part)}{unit}" for part, unit in zip(parts, units, strict=True))
    return ""


_SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = r"[1-9][0-9]{0,8}[kmgt]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """`512m`, `4g`: binary multiples, read as bytes."""

    def read(self, node: Node, at: At, log: ErrorLog) -> int | Invalid:
        if not isinstance(node, Scalar) or not re.fullmatch(_SIZE, node.text):
            return wrong(node, at, log, f"expected a size such as 512m or 4g, got {describe(node)}")
        return int(node.text[:-1]) * _SIZES[node.text[-1]]

    def schema(self) -> Json:
        return {"type": "string", "pattern": f"^{_SIZE}$"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """A date as `2026-01-31`, kept as text and as seconds since 1970 at its first instant in UTC."""

    def read(self, node: Node, at: At, log: ErrorLog) -> tuple[str, float] | Invalid:
        text = node.text if isinstance(node, Scalar) else ""
        try:
            day = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
        except ValueError:
            day = None
        if day is None:
            return wrong(node, at, log, f"expected a date such as 2026-01-31, got {describe(node)}")
        return text, datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()

    def schema(self) -> Json:
        return {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A text shape with one more rule: `problem` answers '' or what is wrong, `build` makes the value."""

    build: Callable[[str, Node, At], Any]
    problem: Callable[[str], str]
    text: Text = Text()

    def read(self, node: Node, at: At, log: ErrorLog) -> Any:
        text = self.text.read(node, at, log)
        if text is INVALID:
            return INVALID
        trouble = self.problem(text)
        return wrong(node, at, log, trouble) if trouble else self.build(text, node, at)

    def schema(self) -> Json:
        return self.text.schema()


def frozen(mapping: Mapping[str, T]) -> Mapping[str, T]:
    """A copy that nobody can write to."""
    from types import MappingProxyType

    return MappingProxyType(dict(mapping))
