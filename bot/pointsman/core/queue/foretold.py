"""Why a change is expected to be red or green, in words and as JSON values, for people; no rule stands here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.core.narrate import printable
from pointsman.core.queue.forecast import Forecast
from pointsman.core.queue.model import Change
from pointsman.core.queue.observation import Pace
from pointsman.core.queue.overlap import Overlap

NOTABLE = 0.05
"""A part that moves the log-odds by less is not worth a line."""

MOST_SHOWN = 5
SIZES = ("nothing", "1 file", "2 or 3 files", "4 to 7 files", "8 to 15 files", "16 files or more")


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A change further ahead that this one meets, how, and (where it is by path) in which files or folders."""

    change: Change
    how: Overlap
    where: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Foretold:
    """What is expected of a queued change, and what that rests on. `place` counts from 1; `joint` is how likely it is
    red only together with another; `ended` says how many changes were learnt from. `is_read`: what it touches is
    known."""

    change: Change
    place: int
    role: str | None
    alone: Forecast
    joint: float
    neighbours: tuple[Neighbour, ...]
    pace: Pace
    ended: int
    is_read: bool


def sentences(told: Foretold) -> Iterator[str]:
    """Line by line, printable; the first names the change."""
    change = told.change
    yield f"{_name(change)}, place {told.place}: {printable(change.title)}"
    yield f"  red by itself: {percent(told.alone.p)} (all changes: {percent(_base(told.alone))}, {_learnt(told.ended)})"
    for word, part in _notable(told.alone):
        direction = "likelier" if part > 0 else "less likely"
        yield f"    {printable(phrase(word))}: {direction}, the odds times {math.exp(part):.2f}"
    yield from _together(told)
    if told.pace.ended:
        landed, ended = sum(told.pace.ended), len(told.pace.ended)
        gate = duration(told.pace.gate)
        yield f"  the lane: a gate takes about {gate}; {landed} of the last {ended} changes landed"


def as_json(told: Foretold) -> dict[str, Any]:
    """The same as JSON values; probabilities from 0 to 1, `factor` multiplies the odds."""
    return {
        "change": told.change.id,
        "branch": told.change.branch,
        "place": told.place,
        "role": told.role,
        "alone": {
            "probability": round(told.alone.p, 4),
            "base": round(_base(told.alone), 4),
            "learnt_from": told.ended,
            "parts": [
                {"word": word, "factor": round(math.exp(part), 3)} for word, part in told.alone.parts[1:]
            ],
        },
        "together": {
            "probability": round(told.joint, 4) if told.is_read else None,
            "meets": [
                {
                    "change": one.change.id,
                    "branch": one.change.branch,
                    "how": one.how.value,
                    "where": list(one.where),
                }
                for one in told.neighbours
            ],
        },
        "gate_seconds": round(told.pace.gate, 3) if told.pace.ended else None,
    }


def phrase(word: str) -> str:
    """What a word says of a change."""
    kind, _, value = word.partition(":")
    match kind:
        case "role":
            return f"role {value}"
        case "size" if value.isdecimal():
            return f"touches {SIZES[min(int(value), len(SIZES) - 1)]}"
        case "area":
            return "touches files at the root" if value == "." else f"touches {value}/"
        case "migration":
            return "brings a migration" if value == "yes" else "brings no migration"
        case "heals":
            return "its migrations had to be healed"
        case "retry":
            return "this branch came back before" if value == "yes" else "this branch never came back before"
        case _:
            return word


def percent(p: float) -> str:
    return f"{100 * p:.1f} %" if p < 0.1 else f"{100 * p:.0f} %"


def duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _base(forecast: Forecast) -> float:
    return 1 / (1 + math.exp(-forecast.parts[0][1]))


def _learnt(ended: int) -> str:
    return f"learnt from {ended} that ended" if ended else "a guess: none has ended yet"


def _notable(forecast: Forecast) -> list[tuple[str, float]]:
    parts = [(word, part) for word, part in forecast.parts[1:] if abs(part) >= NOTABLE]
    return sorted(parts, key=lambda one: (-abs(one[1]), one[0]))


def _together(told: Foretold) -> Iterator[str]:
    if not told.is_read:
        yield "  red only together with another: not known, its commits could not be read"
    elif told.place == 1:
        yield "  red only together with another: it is the first in line"
    else:
        yield f"  red only together with another: {percent(told.joint)}"
        yield from _meetings(told.neighbours)


def _meetings(neighbours: Sequence[Neighbour]) -> Iterator[str]:
    by_kind = {how: [one for one in neighbours if one.how is how] for how in Overlap}
    for one in by_kind[Overlap.DESTRUCTIVE][:MOST_SHOWN]:
        yield f"    changes the same files as {_name(one.change)}: {shortened(one.where)}"
    left = len(by_kind[Overlap.DESTRUCTIVE]) - MOST_SHOWN
    if left > 0:
        yield f"    changes the same files as {left} more"
    if met := by_kind[Overlap.MIGRATIONS]:
        yield f"    brings a migration, like {shortened([_name(one.change) for one in met])}"
    if met := by_kind[Overlap.ADDITIVE]:
        yield f"    adds files beside those of {shortened([_name(one.change) for one in met])}"
    if not neighbours:
        yield "    it meets none of those ahead of it"


def _name(change: Change) -> str:
    return f"{change.label} {printable(change.branch)}"


def shortened(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:MOST_SHOWN])
    return shown if len(names) <= MOST_SHOWN else f"{shown} and {len(names) - MOST_SHOWN} more"
