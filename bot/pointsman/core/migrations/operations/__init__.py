"""What a migration touches, and which pairs of migrations do not commute; reads text, runs nothing."""

from pointsman.core.migrations.operations.compare import compare, compare_footprints
from pointsman.core.migrations.operations.model import (
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
from pointsman.core.migrations.operations.plain import VERSION, from_plain, to_plain
from pointsman.core.migrations.operations.render import render


def footprint(blob: bytes, path: str) -> Footprint:
    """What going up through this migration touches; see `read.footprint`. What was kept needs no reader loaded."""
    from pointsman.core.migrations.operations import read

    return read.footprint(blob, path)


__all__ = [
    "VERSION",
    "ComparePolicy",
    "Comparison",
    "Footprint",
    "Kind",
    "Located",
    "Operation",
    "Pair",
    "Relation",
    "Stop",
    "StopIf",
    "Unknown",
    "compare",
    "compare_footprints",
    "footprint",
    "from_plain",
    "render",
    "to_plain",
]
