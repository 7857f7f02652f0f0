"""Puts a comparison into text that quotes both operations with file and line; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.core.migrations.operations.model import Comparison, Located, Pair, Relation

MAX_SHOWN = 6


def render(comparison: Comparison) -> str:
    """Both operations of each pair, one under the other, under the reason; '' where nothing is shared.

    Lines have no trailing newline and no markup. Conflicts hide pairs that commute; at most MAX_SHOWN of
    each sort are quoted and the rest is counted."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    conflicts = [pair for pair in comparison.pairs if pair.relation is not Relation.SAME_TABLE]
    pairs = conflicts or ([] if comparison.unknown or comparison.stops else list(comparison.pairs))
    blocks = list(dict.fromkeys(_pair(pair) for pair in pairs))
    for block in blocks[:MAX_SHOWN]:
        yield from block
    yield from _rest(len(blocks), "pair")
    for stop in comparison.stops[:MAX_SHOWN]:
        yield f"{stop.why} [{stop.rule}]"
        yield from _quote(stop.at)
    yield from _rest(len(comparison.stops), "operation")
    for place in comparison.unknown[:MAX_SHOWN]:
        why = getattr(place.operation, "why", "")
        yield f"cannot be read without running it: {why} [unknown]"
        yield from _quote(place)
    yield from _rest(len(comparison.unknown), "place")


def _pair(pair: Pair) -> tuple[str, ...]:
    return (f"{pair.why} [{pair.rule}]", *_quote(pair.left), *_quote(pair.right))


def _quote(place: Located) -> Iterator[str]:
    yield f"  {place.path}:{place.operation.line}"
    yield f"    {place.operation.text}"


def _rest(count: int, what: str) -> Iterator[str]:
    if count > MAX_SHOWN:
        yield f"and {count - MAX_SHOWN} more {what}{'s' if count - MAX_SHOWN > 1 else ''}"
