"""A contract's path rules for one role, compiled once; it answers what matches and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pointsman.core.contract.approvals import ScopeGrant
from pointsman.core.contract.control import CONTROL, control_class
from pointsman.core.contract.matching import PatternSet, pattern_set
from pointsman.core.contract.model import Contract, PathClass, Pattern, Role
from pointsman.core.errors import UserError
from pointsman.core.model import GitPath


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One pattern of a list: its place and line in the contract, and the class or role that it belongs to."""

    key: str
    pattern: str
    line: int
    owner: str


def built_in(key: str, pattern: str = "") -> Rule:
    """A rule that stands in no contract."""
    return Rule(key=key, pattern=pattern, line=0, owner="")


def _rules(owner: str, patterns: Sequence[Pattern]) -> tuple[Rule, ...]:
    return tuple(Rule(key=p.key, pattern=p.text, line=p.line, owner=owner) for p in patterns)


def _compile(rules: Sequence[Rule], *, protective: bool = False) -> PatternSet:
    return pattern_set(tuple(rule.pattern for rule in rules), protective=protective)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rulebook:
    """`classes` holds the control class, built in or widened, beside those of the contract."""

    role: Role
    classes: Mapping[str, PathClass]
    of_classes: tuple[Rule, ...]
    cannot_touch: tuple[Rule, ...]
    owns: tuple[Rule, ...]
    protective_set: PatternSet
    owning_set: PatternSet

    def protecting(self, path: GitPath, *, folder: bool = False) -> tuple[Sequence[Rule], Rule | None]:
        """Every class rule that matches, in the contract's order and the control class last; and the role's
        first `cannot_touch` that does."""
        found = self.protective_set.matches(path, folder=folder)
        if not found:
            return (), None
        count = len(self.of_classes)
        ordered = sorted(found)
        classes = [self.of_classes[index] for index in ordered if index < count]
        first = next((index for index in ordered if index >= count), None)
        return classes, None if first is None else self.cannot_touch[first - count]

    def owner(self, path: GitPath, *, folder: bool = False) -> Rule | None:
        """The first `owns` that matches."""
        index = self.owning_set.first(path, folder=folder)
        return None if index is None else self.owns[index]

    def granting(
        self, grants: Sequence[ScopeGrant], path: GitPath, *, folder: bool = False
    ) -> ScopeGrant | None:
        """The first of the grants that covers the path."""
        matching = (g for g in grants if pattern_set((g.pattern,)).matches(path, folder=folder))
        return next(matching, None)

    def looks_protected(self, path: GitPath, lookalike: GitPath) -> bool:
        """Does a protecting rule match the name that this one looks like, and not this one?"""
        return bool(self.protective_set.matches(lookalike) - self.protective_set.matches(path))


@lru_cache(maxsize=64)
def rulebook(contract: Contract, role: str) -> Rulebook:
    """The rules for `role`. UserError if the contract has no such role."""
    found = contract.roles.get(role)
    if found is None:
        raise UserError(f"the contract has no role {role!r}; it has {', '.join(contract.roles)}")
    classes = {name: kind for name, kind in contract.classes.items() if name != CONTROL}
    classes[CONTROL] = control_class(contract)
    of_classes = tuple(rule for name, kind in classes.items() for rule in _rules(name, kind.match))
    cannot_touch = _rules(role, found.cannot_touch)
    owns = _rules(role, found.owns)
    return Rulebook(
        role=found,
        classes=classes,
        of_classes=of_classes,
        cannot_touch=cannot_touch,
        owns=owns,
        protective_set=_compile(of_classes + cannot_touch, protective=True),
        owning_set=_compile(owns),
    )
