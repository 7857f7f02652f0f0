"""How a contract's patterns meet real names and each other; it says what is so, not whether it is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pointsman.core.contract.control import CONTROL
from pointsman.core.contract.matching import PatternSet
from pointsman.core.contract.model import Contract, Pattern
from pointsman.core.model import GitPath

Kind = Literal["owns", "cannot_touch", "never", "absent", "regenerated", "approve", "control"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A pattern in its list: `owner` is the role or class, `position` its place in the whole contract."""

    owner: str
    kind: Kind
    pattern: Pattern
    position: int

    @property
    def may_be_dead(self) -> bool:
        """Is it there for files that exist? Rules that keep files out are not."""
        return self.kind in ("owns", "cannot_touch", "regenerated", "approve")


@dataclass(kw_only=True, slots=True)
class Seen:
    """How many names a pattern matches, and how many of those no rule denies to its role."""

    files: int = 0
    open: int = 0


@lru_cache(maxsize=8)
def listed_patterns(contract: Contract) -> tuple[Listed, ...]:
    """Every path pattern that the contract writes down, roles first."""
    found = enumerate(_pairs(contract))
    return tuple(
        Listed(owner=owner, kind=kind, pattern=pattern, position=position)
        for position, (owner, kind, pattern) in found
    )


def _pairs(contract: Contract) -> Iterator[tuple[str, Kind, Pattern]]:
    for role in contract.roles.values():
        yield from ((role.name, "owns", pattern) for pattern in role.owns)
        yield from ((role.name, "cannot_touch", pattern) for pattern in role.cannot_touch)
    for name, kind in contract.classes.items():
        label: Kind = CONTROL if name == "control" else (kind.rule or "approve")
        yield from ((name, label, pattern) for pattern in kind.match)


def coverage(contract: Contract, tracked: Sequence[GitPath]) -> dict[Listed, Seen]:
    """Each pattern with the names it meets; linear in both."""
    patterns = listed_patterns(contract)
    owns = [listed for listed in patterns if listed.kind == "owns"]
    protecting = [listed for listed in patterns if listed.kind != "owns"]
    owning_set = PatternSet([listed.pattern.text for listed in owns])
    protecting_set = PatternSet([listed.pattern.text for listed in protecting], protective=True)
    seen = {listed: Seen() for listed in patterns}
    for path in tracked:
        rules = [protecting[index] for index in protecting_set.matches(path)]
        never = any(rule.kind == "never" for rule in rules)
        closed_to = {rule.owner for rule in rules if rule.kind == "cannot_touch"}
        for rule in rules:
            seen[rule].files += 1
        for index in owning_set.matches(path):
            mine = seen[owns[index]]
            mine.files += 1
            mine.open += not never and owns[index].owner not in closed_to
    return seen


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Covering:
    """A list of patterns, to ask which of them surely match all that another one can match."""

    rules: tuple[Listed, ...]
    compiled: PatternSet
    everything: frozenset[int]

    def over(self, narrow: str) -> tuple[Listed, ...]:
        """The rules that cover `narrow`, in order; () where that can't be told from the patterns alone."""
        prefix, whole = _literal(narrow)
        found = self.compiled.inside(prefix) if prefix else frozenset()
        if prefix and whole and not narrow.endswith("/"):
            found &= self.compiled.matches(prefix)
        return tuple(self.rules[index] for index in sorted(found | self.everything))


def covering(rules: Sequence[Listed], *, protective: bool) -> Covering:
    compiled = PatternSet([rule.pattern.text for rule in rules], protective=protective)
    everything = frozenset(index for index, rule in enumerate(rules) if rule.pattern.text in ("*", "**"))
    return Covering(rules=tuple(rules), compiled=compiled, everything=everything)


def _literal(pattern: str) -> tuple[str, bool]:
    """The folders that an anchored pattern begins with, and whether that is all of it."""
    if "/" not in pattern[:-1]:
        return "", False
    literal: list[str] = []
    parts = pattern.strip("/").split("/")
    for part in parts:
        if "*" in part or "?" in part:
            break
        literal.append(part)
    return "/".join(literal), len(literal) == len(parts)
