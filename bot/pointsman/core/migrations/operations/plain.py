"""Footprints as plain data (lists, strings, numbers) and back, for whoever keeps them by blob id; it writes nothing."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from pointsman.core.migrations.operations.model import Footprint, Kind, Operation, Unknown

VERSION: Final = 3
"""Part of a kept footprint's key: raised whenever the same source would be read otherwise."""

_NAMES = tuple(each.name for each in fields(Operation) if each.name != "kind")
_EMPTY = {name: getattr(Operation(kind=Kind.RAW), name) for name in _NAMES}


def to_plain(footprint: Footprint) -> dict[str, Any]:
    """The footprint as JSON can hold it; what is empty is left out."""
    return {
        "operations": [_operation(each) for each in footprint.operations],
        "unknown": [[each.line, each.text, each.why] for each in footprint.unknown],
    }


def from_plain(kept: object) -> Footprint | None:
    """The footprint again, equal to the one that was kept; None for anything that is none."""
    try:
        return _read(kept)
    except (KeyError, TypeError, ValueError):
        return None


def _operation(operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": operation.kind.value}
    for name in _NAMES:
        value = getattr(operation, name)
        if value != _EMPTY[name]:
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _read(kept: object) -> Footprint:
    if not isinstance(kept, dict):
        raise TypeError
    operations = []
    for each in kept["operations"]:
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in each.items()}
        for name, value in values.items():
            if name != "kind" and not _fits(value, _EMPTY[name]):
                raise TypeError
        made: dict[str, Any] = {**values, "kind": Kind(values["kind"])}
        operations.append(Operation(**made))
    unknown = [Unknown(line=int(line), text=str(text), why=str(why)) for line, text, why in kept["unknown"]]
    return Footprint(operations=tuple(operations), unknown=tuple(unknown))


def _fits(value: object, empty: object) -> bool:
    """Whether a kept value is of the kind that its field holds; fields that may be None hold text."""
    if isinstance(empty, tuple):
        return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
    return isinstance(value, str if empty is None else type(empty))
