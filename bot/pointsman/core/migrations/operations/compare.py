"""Sets two sides of a fork against each other and sums up; it reads footprints, the rules decide pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pointsman.core.migrations.operations.model import (
    DATA_WRITES,
    ComparePolicy,
    Comparison,
    Footprint,
    Kind,
    Located,
    Operation,
    Pair,
    Relation,
    Stop,
    StopIf,
    Unknown,
)
from pointsman.core.migrations.operations.rules import BY_ROWS, judge
from pointsman.core.migrations.operations.rules_names import SCHEMAS

Side = Sequence[tuple[str, Footprint]]

MAX_JUDGED = 40_000

_NO_POLICY = ComparePolicy()


def compare(
    left: Sequence[tuple[str, bytes]],
    right: Sequence[tuple[str, bytes]],
    policy: ComparePolicy = _NO_POLICY,
) -> Comparison:
    """How the unmerged revisions of two sides, each as (path, source), stand to each other.

    Symmetric but for which side is called left. A side that does nothing is disjoint with everything.
    """
    from pointsman.core.migrations.operations.read import footprint

    return compare_footprints(
        [(path, footprint(source, path)) for path, source in left],
        [(path, footprint(source, path)) for path, source in right],
        policy,
    )


def compare_footprints(left: Side, right: Side, policy: ComparePolicy = _NO_POLICY) -> Comparison:
    """`compare` on footprints that the caller has kept by blob id."""
    found = _pairs(left, right)
    pairs = sorted((_by_rows(pair, policy) for pair in found or ()), key=_order)
    unknown = (
        *_unknown(left, right),
        *_unknown(right, left),
        *([] if found is not None else _too_many(left)),
    )
    stops = _stops(left, right, pairs, policy)
    return Comparison(
        relation=_relation(pairs, unknown, stops), pairs=tuple(pairs), unknown=unknown, stops=stops
    )


def _by_rows(pair: Pair, policy: ComparePolicy) -> Pair:
    return replace(pair, relation=Relation.SAME_DATA) if policy.prove_data and pair.rule in BY_ROWS else pair


def _too_many(side: Side) -> list[Located]:
    place = Unknown(line=1, text="", why="the two sides do more than can be compared")
    return [Located(path=path, operation=place) for path, _ in side[:1]]


def _relation(pairs: Sequence[Pair], unknown: Sequence[Located], stops: Sequence[Stop]) -> Relation:
    if stops or any(pair.relation is Relation.CONFLICT for pair in pairs):
        return Relation.CONFLICT
    if unknown:
        return Relation.UNKNOWN
    if any(pair.relation is Relation.SAME_DATA for pair in pairs):
        return Relation.SAME_DATA
    return Relation.SAME_TABLE if pairs else Relation.DISJOINT


def _order(pair: Pair) -> tuple[bool, str, str, int, str, int]:
    ends = sorted([(pair.left.path, pair.left.operation.line), (pair.right.path, pair.right.operation.line)])
    return (pair.relation is Relation.SAME_TABLE, pair.rule, *ends[0], *ends[1])


def _located(side: Side) -> Iterator[Located]:
    for path, found in side:
        for operation in found.operations:
            yield Located(path=path, operation=operation)


def _pairs(left: Side, right: Side) -> list[Pair] | None:
    """Every pair that meets a rule; None where there are more candidates than can be looked at."""
    shelves: dict[str, list[int]] = {}
    others = [(path, operation) for path, found in right for operation in found.operations]
    for index, (_, operation) in enumerate(others):
        for key in _keys(operation):
            shelves.setdefault(key, []).append(index)
    pairs: list[Pair] = []
    judged = 0
    for path, found in left:
        for mine in found.operations:
            near = dict.fromkeys(index for key in _keys(mine, asking=True) for index in shelves.get(key, ()))
            judged += len(near)
            if judged > MAX_JUDGED:
                return None
            pairs.extend(pair for index in near for pair in _pair(path, mine, *others[index]))
    return pairs


def _pair(path: str, mine: Operation, other_path: str, other: Operation) -> Iterator[Pair]:
    verdict = judge(mine, other)
    if verdict is not None:
        yield Pair(
            left=Located(path=path, operation=mine),
            right=Located(path=other_path, operation=other),
            rule=verdict.rule,
            why=verdict.why,
            relation=verdict.relation,
        )


def _keys(operation: Operation, *, asking: bool = False) -> set[str]:
    """What two operations must share one of before any rule can hold: a table, a name, a type, a label.

    A schema is shared only between one that makes or drops it and one that works in it: the asking side
    looks on the shelf that the other kind stands on."""
    found = (operation.table, operation.new_name, operation.name, *operation.references, *operation.types)
    names = {name for name in found if name}
    inside, of = ("of:", "in:") if asking else ("in:", "of:")
    keys = names | {inside + name.rpartition(".")[0] for name in names if "." in name}
    if operation.kind in SCHEMAS:
        keys |= {of + name for name in names}
    return keys | {f"'{value}'" for value in operation.values}


def _unknown(side: Side, other: Side) -> list[Located]:
    if not any(found.operations or found.unknown for _, found in other):
        return []
    return [Located(path=path, operation=place) for path, found in side for place in found.unknown]


def _stops(left: Side, right: Side, pairs: Sequence[Pair], policy: ComparePolicy) -> tuple[Stop, ...]:
    stops: list[Stop] = []
    for place in (*_located(left), *_located(right)):
        kind = place.operation.kind if isinstance(place.operation, Operation) else None
        if StopIf.DATA_MIGRATION in policy.stop_if and kind in DATA_WRITES:
            stops.append(
                Stop(at=place, rule="stop_data_migration", why="the contract stops at data migrations")
            )
        if StopIf.DROP_COLUMN in policy.stop_if and kind in {Kind.DROP_COLUMN, Kind.DROP_TABLE}:
            stops.append(
                Stop(at=place, rule="stop_drop_column", why="the contract stops where columns are dropped")
            )
    if StopIf.SAME_TABLE in policy.stop_if:
        ends = dict.fromkeys(end for pair in pairs for end in (pair.left, pair.right))
        why = "the contract stops where both sides touch one table"
        stops.extend(Stop(at=end, rule="stop_same_table", why=why) for end in ends)
    return tuple(stops)
