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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rules:
    rules: tuple[Rule, ...]
    compiled: PatternSet

    def first(self, path: GitPath, *, folder: bool) -> Rule | None:
        index = self.compiled.first(path, folder=folder)
        return None if index is None else self.rules[index]

    def every(self, path: GitPath, *, folder: bool) -> tuple[Rule, ...]:
        found = self.compiled.matches(path, folder=folder)
        return tuple(self.rules[index] for index in sorted(found)) if found else ()


def _rules(owner_patterns: Sequence[tuple[str, Pattern]], *, protective: bool) -> _Rules:
    rules = tuple(Rule(key=p.key, pattern=p.text, line=p.line, owner=owner) for owner, p in owner_patterns)
    compiled = pattern_set(tuple(rule.pattern for rule in rules), protective=protective)
    return _Rules(rules=rules, compiled=compiled)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Rulebook:
    """`classes` holds the control class, built in or widened, beside those of the contract."""

    role: Role
    classes: Mapping[str, PathClass]
    _classes: _Rules
    _cannot_touch: _Rules
    _owns: _Rules

    def matching_classes(self, path: GitPath, *, folder: bool = False) -> tuple[Rule, ...]:
        """Every class rule that matches, in the contract's order, the control class last."""
        return self._classes.every(path, folder=folder)

    def forbidding(self, path: GitPath, *, folder: bool = False) -> Rule | None:
        """The first `cannot_touch` that matches."""
        return self._cannot_touch.first(path, folder=folder)

    def owner(self, path: GitPath, *, folder: bool = False) -> Rule | None:
        """The first `owns` that matches."""
        return self._owns.first(path, folder=folder)

    def granting(
        self, grants: Sequence[ScopeGrant], path: GitPath, *, folder: bool = False
    ) -> ScopeGrant | None:
        """The first of the grants that covers the path."""
        matching = (g for g in grants if pattern_set((g.pattern,)).matches(path, folder=folder))
        return next(matching, None)

    def looks_protected(self, path: GitPath, lookalike: GitPath) -> bool:
        """Does a protecting rule match the name that this one looks like, and not this one?"""
        mine = {*self.matching_classes(path), self.forbidding(path)}
        return bool({*self.matching_classes(lookalike), self.forbidding(lookalike)} - mine - {None})


@lru_cache(maxsize=64)
def rulebook(contract: Contract, role: str) -> Rulebook:
    """The rules for `role`. UserError if the contract has no such role."""
    found = contract.roles.get(role)
    if found is None:
        raise UserError(f"the contract has no role {role!r}; it has {', '.join(contract.roles)}")
    classes = {name: kind for name, kind in contract.classes.items() if name != CONTROL}
    classes[CONTROL] = control_class(contract)
    of_classes = [(kind.name, pattern) for kind in classes.values() for pattern in kind.match]
    return Rulebook(
        role=found,
        classes=classes,
        _classes=_rules(of_classes, protective=True),
        _cannot_touch=_rules([(role, pattern) for pattern in found.cannot_touch], protective=True),
        _owns=_rules([(role, pattern) for pattern in found.owns], protective=False),
    )
