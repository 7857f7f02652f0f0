"""Reads what agents state of their own work in trailers; it believes nothing and adds no zero where nothing stands."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from pointsman.core.report.model import Stated

MAX_TEXT = 200_000
MAX_WORD = 100

_LINE = re.compile(
    r"^[ \t]*(?P<key>Agent-Model|Agent-Cost|Agent-Tokens|Task-Type)[ \t]*:[ \t]*(?P<value>\S.{0,199}?)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_AMOUNT = re.compile(
    r"(?P<before>[$€£¥]|[A-Z]{3})?\s*(?P<number>\d[\d,_]*(?:\.\d+)?|\.\d+)\s*(?P<after>[$€£¥]|[A-Z]{3})?"
)
_COUNT = re.compile(r"(?P<number>\d[\d,_]*(?:\.\d+)?)\s*(?P<unit>[kKmM]?)(?:\s*tokens?)?")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
_TASK = re.compile(r"(?P<type>[a-z]{2,20})(?:\([^()]{1,60}\))?!?: \S")


def stated(text: str, messages: Sequence[str], title: str = "") -> Stated:
    """What a change's text, and else its commits' messages, state. The text speaks for the whole change; commits each
    for themselves, so their costs and tokens are added up. A text that one of the messages holds is that message.
    Without `Task-Type:` the task is what a title such as `fix(api): ...` names."""
    own = text.strip()
    above = {} if any(own and own in message for message in messages) else _read(own)
    below = _merged(_read(message) for message in messages)
    said = {**below, **above}
    return Stated(
        model=", ".join(dict.fromkeys(value[:MAX_WORD] for value in said.get("agent-model", ()))) or None,
        task=_task(said.get("task-type", ()), title),
        tokens=_tokens(said.get("agent-tokens", ())),
        cost=_cost(said.get("agent-cost", ())),
    )


def _read(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in _LINE.finditer(text[:MAX_TEXT].replace("\r\n", "\n")):
        found.setdefault(line["key"].lower(), []).append(line["value"])
    return found


def _merged(each: Iterable[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    merged: dict[str, list[str]] = {}
    for one in each:
        for key, values in one.items():
            merged.setdefault(key, []).extend(values)
    return merged


def _task(values: Sequence[str], title: str) -> str | None:
    if values:
        return values[-1][:MAX_WORD].lower()
    found = _TASK.match(title.strip())
    return found["type"] if found else None


def _tokens(values: Sequence[str]) -> int | None:
    """The sum; None where none can be read as a number."""
    found = [match for value in values if (match := _COUNT.fullmatch(value)) is not None]
    return sum(_whole(match) for match in found) if found else None


def _whole(match: re.Match[str]) -> int:
    return round(_number(match["number"]) * _UNITS[match["unit"].lower()])


def _cost(values: Sequence[str]) -> dict[str, float] | None:
    """The sum by currency; amounts of different currencies are never added."""
    total: dict[str, float] = {}
    for value in values:
        match = _AMOUNT.fullmatch(value)
        amount = _number(match["number"]) if match else math.inf
        if match is None or not math.isfinite(amount):
            continue
        sign = match["before"] or match["after"] or ""
        currency = _SIGNS.get(sign, sign)
        total[currency] = total.get(currency, 0.0) + amount
    return total or None


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("_", ""))
