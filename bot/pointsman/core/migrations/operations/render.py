"""Puts a comparison into text that quotes both operations with file and line; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.core.migrations.operations.model import Comparison, Located, Relation

MAX_SHOWN = 6


def render(comparison: Comparison) -> str:
    """Both operations of a pair, one under the other, under the reason; '' where nothing is shared.

    Lines have no trailing newline and no markup. Conflicts hide pairs that commute. Of several pairs for one reason
    the first is quoted; at most MAX_SHOWN of each sort are, and the rest is counted."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    conflicts = [pair for pair in comparison.pairs if pair.relation is not Relation.SAME_TABLE]
    pairs = conflicts or ([] if comparison.unknown or comparison.stops else list(comparison.pairs))
    reasons: dict[str, dict[tuple[str, ...], None]] = {}
    for pair in pairs:
        quotes = (*_quote(pair.left), *_quote(pair.right))
        reasons.setdefault(f"{pair.why} [{pair.rule}]", {})[quotes] = None
    for reason, found in list(reasons.items())[:MAX_SHOWN]:
        yield reason if len(found) == 1 else f"{reason}, {len(found)} pairs"
        yield from next(iter(found))
    yield from _rest(len(reasons), "reason")
    for stop in comparison.stops[:MAX_SHOWN]:
        yield f"{stop.why} [{stop.rule}]"
        yield from _quote(stop.at)
    yield from _rest(len(comparison.stops), "operation")
    for place in comparison.unknown[:MAX_SHOWN]:
        why = getattr(place.operation, "why", "")
        yield f"cannot be read without running it: {why} [unknown]"
        yield from _quote(place)
    yield from _rest(len(comparison.unknown), "place")


def _quote(place: Located) -> Iterator[str]:
    yield f"  {place.path}:{place.operation.line}"
    yield f"    {place.operation.text}"


def _rest(count: int, what: str) -> Iterator[str]:
    if count > MAX_SHOWN:
        yield f"and {count - MAX_SHOWN} more {what}{'s' if count - MAX_SHOWN > 1 else ''}"
