"""How a report says times, shares and stages in its reader's words; it counts nothing."""

from __future__ import annotations

from collections.abc import Mapping

from pointsman.core.report.model import HELD, Spent, Stage

_STAGES = {
    Stage.TURN: "waiting its turn",
    Stage.BUILDING: "being merged and healed",
    Stage.RUNNER: "waiting for a runner",
    Stage.TESTING: "being tested",
    Stage.LANDING: "waiting to land",
    Stage.PAUSED: "queue paused",
    Stage.AUTHOR: "back with its author",
}
_HOLDS = {
    "approval": "waiting for an approval",
    "dependency": "waiting for what it depends on",
    "held": "held by a person",
    "behind": "waiting for what is ahead of it",
    "blocked": "landing blocked",
    "deploy": "waiting for a deployment",
    "frozen": "waiting for the end of a freeze",
    "role_full": "waiting for others of its role",
    "area_full": "waiting for others in its area",
    "no_base": "no base branch",
    "contract": "no readable contract",
}
_SPENT = {
    Spent.LANDED: "let something land",
    Spent.LEARNED: "found what is red",
    Spent.WASTED: "wasted",
    Spent.OPEN: "still open",
}
MINUTE, HOUR, DAY = 60, 3600, 86_400
_UNITS = ((DAY, HOUR, "d", "h"), (HOUR, MINUTE, "h", "min"), (MINUTE, 1, "min", "s"))
"""A unit, the next smaller one, and their names: the largest that fits is said, with what is left in the smaller."""


def stage_words(stage: str) -> str:
    """`being tested`, `waiting for an approval`, `held (some_code)`."""
    if stage.startswith(HELD):
        code = stage.removeprefix(HELD)
        return _HOLDS.get(code, f"held ({code})")
    return _STAGES.get(Stage(stage), stage) if stage in set(Stage) else stage


def spent_words(spent: str) -> str:
    return _SPENT[Spent(spent)]


def duration(seconds: float | None) -> str:
    """`3 min 12 s`, `2 h 5 min`, `4 d 1 h`; under ten seconds with a decimal; `-` for None."""
    if seconds is None:
        return "-"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    for unit, small, name, smaller in _UNITS:
        rounded = round(whole / small) * small
        if rounded >= unit:
            first, rest = divmod(rounded, unit)
            return f"{first} {name}" + (f" {rest // small} {smaller}" if rest else "")
    return f"{whole} s"


def percent(part: float, whole: float) -> str:
    """`12 %`; `-` of nothing."""
    return f"{100 * part / whole:.0f} %" if whole else "-"


def ratio(value: float | None) -> str:
    """Two digits after the point; `-` where there was nothing to divide by."""
    return "-" if value is None else f"{value:.2f}"


def count(number: int, one: str, many: str = "") -> str:
    """`1 change`, `3 changes`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def money(amounts: Mapping[str, float]) -> str:
    """`12.30 USD`, `2.00 EUR + 12.30 USD`: never added up; what has no currency is only a number."""
    return " + ".join(f"{amount:.2f} {currency}".rstrip() for currency, amount in sorted(amounts.items()))
