"""Facts for tables: changes by letter (`a` is bit 1, `b` bit 2, ...), each fact with only what differs written out."""

from __future__ import annotations

from typing import Any

from pointsman.core.queue.model import Purpose
from pointsman.core.queue.strategies.model import Facts, Live, Plan, Waiting

CHAIN, SCREEN, INSURE = Purpose.CHAIN, Purpose.SCREEN, Purpose.INSURE


def of(letters: str) -> int:
    """`"ac"` is the set of the first and the third change."""
    return sum(1 << "abcdefghijklmnop".index(letter) for letter in letters)


def named(content: int) -> str:
    return "".join(letter for place, letter in enumerate("abcdefghijklmnop") if content >> place & 1)


def change(letter: str, **facts: Any) -> Waiting:
    plain: dict[str, Any] = {"bit": of(letter), "alone": 0.08, "joint": 0.02, "since": 0.0}
    return Waiting(**{**plain, **facts})


def live(number: int, content: str, purpose: Purpose = CHAIN, **facts: Any) -> Live:
    plain: dict[str, Any] = {
        "id": number, "content": of(content), "added": of(content), "purpose": purpose, "start": 0.0,
    }  # fmt: skip
    return Live(**{**plain, **facts})


def facts(letters: str = "", **given: Any) -> Facts:
    plain: dict[str, Any] = {
        "now": 10.0,
        "waiting": [change(letter) for letter in letters],
        "live": [],
        "reds": [],
        "free": 3,
        "runners": 3,
        "gate": 600.0,
    }
    return Facts(**{**plain, **given})


def starts(plan: Plan) -> list[tuple[str, str]]:
    """What is started, and why."""
    return [(named(one.content), one.purpose.value) for one in plan.start]
