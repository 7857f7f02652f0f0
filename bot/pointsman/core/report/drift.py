"""Finds overrides that people give again and again and words the change to the contract that would spare them; it
changes no contract (R60)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from pointsman.core.contract.control import CONTROL
from pointsman.core.contract.model import Contract
from pointsman.core.report.model import Override, Piece, Suggestion

OFTEN = 3
"""So many pieces of work with the same override are a pattern, not an exception."""


def suggestions(
    overrides: Iterable[Override], pieces: Sequence[Piece], contract: Contract
) -> tuple[Suggestion, ...]:
    """The most frequent first. An override of several heads of one piece of work counts once; what the contract
    allows by now, and the control class, are nobody's drift."""
    home = {change: piece for piece in pieces for change in piece.changes}
    seen: dict[tuple[str, str, str, str], dict[int, int]] = {}
    for one in overrides:
        piece = home.get(one.change)
        if piece is not None and piece.role is not None and piece.role in contract.roles:
            key = (one.kind, one.what, one.area, piece.role)
            seen.setdefault(key, {}).setdefault(piece.changes[0], one.change)
    often = {key: tuple(sorted(changes.values())) for key, changes in seen.items() if len(changes) >= OFTEN}
    ordered = sorted(often.items(), key=lambda item: (-len(item[1]), item[0]))
    found = (_suggest(contract, key, changes) for key, changes in ordered)
    return tuple(one for one in found if one is not None)


def _suggest(
    contract: Contract, key: tuple[str, str, str, str], changes: tuple[int, ...]
) -> Suggestion | None:
    kind, what, area, role = key
    if kind == "scope":
        return _wider_scope(contract, role, what, changes)
    return _narrower_class(contract, role, what, area, changes)


def _wider_scope(contract: Contract, role: str, pattern: str, changes: tuple[int, ...]) -> Suggestion | None:
    owns = [one.text for one in contract.roles[role].owns]
    if pattern in owns:
        return None
    return Suggestion(
        text=f"scope {pattern} was granted to role {role} for {len(changes)} pieces of work. "
        "If it belongs to that role, let the role own it:",
        count=len(changes),
        changes=changes,
        yaml=_yaml({"roles": {role: {"owns": [*owns, pattern]}}}),
    )


def _narrower_class(
    contract: Contract, role: str, name: str, area: str, changes: tuple[int, ...]
) -> Suggestion | None:
    kind = contract.classes.get(name)
    if kind is None or name == CONTROL or area not in [one.text for one in kind.match]:
        return None
    rest = [one.text for one in kind.match if one.text != area]
    said = (
        f"{area} (class {name}) was approved for role {role} in {len(changes)} pieces of work. "
        "If that yes was never in doubt, stop asking for it; this holds for every role that owns it:"
    )
    yaml = _yaml({"paths": {name: {"match": rest}}}) if rest else f"# remove the class from `paths`: {name}\n"
    return Suggestion(text=said, count=len(changes), changes=changes, yaml=yaml)


def _yaml(value: Mapping[str, Mapping[str, Mapping[str, Sequence[str]]]]) -> str:
    """The keys as they have to stand afterwards, for the contract's own place of each. A JSON string is a YAML one."""
    lines: list[str] = []
    for section, names in value.items():
        lines.append(f"{section}:")
        for name, keys in names.items():
            lines.append(f"  {_key(name)}:")
            for key, items in keys.items():
                lines.append(f"    {key}: [{', '.join(json.dumps(item) for item in items)}]")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    plain = name.replace("-", "").replace("_", "")
    return name if plain.isalnum() and plain.isascii() and not plain.isdigit() else json.dumps(name)
