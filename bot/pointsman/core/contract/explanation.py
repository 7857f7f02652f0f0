"""What the contract says of a path, rule by rule; the same rules as the verdict, nothing decided twice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pointsman.core.contract.control import CONTROL, control_class
from pointsman.core.contract.coverage import Kind, listed_patterns
from pointsman.core.contract.matching import pattern_set
from pointsman.core.contract.model import Contract, Pattern
from pointsman.core.contract.verdict import PathVerdict, judge
from pointsman.core.model import MODE_FILE, MODE_SUBMODULE, GitPath, PathChange, Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """One rule that was looked at. `effect` is the list it stands in; `line` 0 is built in."""

    rule: str
    pattern: str
    line: int
    effect: Kind
    matched: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleExplanation:
    """The verdict for one role if it changed the file, and every rule, in the order of the verdict."""

    role: str
    verdict: PathVerdict
    considered: tuple[Considered, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    path: GitPath
    roles: tuple[RoleExplanation, ...]


_ORDER: tuple[Kind, ...] = ("never", "absent", "cannot_touch", "owns", "approve", "control", "regenerated")
_NO_HEAD = Sha("0" * 40)


def explain(
    contract: Contract,
    path: GitPath,
    role: str | None = None,
    *,
    mode: int = MODE_FILE,
    beside: Collection[GitPath] = (),
) -> Explanation:
    """What holds for changing `path`, for one role or for all. UserError if the contract has no such role.

    `mode` is what stands there (a link, a submodule); `beside`, the names of the tree, tells environments of
    migrations from other folders.
    """
    names = tuple(contract.roles) if role is None else (role,)
    tree = frozenset((path, *beside))
    change = PathChange(
        path=path, status="M", old_mode=mode, new_mode=mode, old_oid=_NO_HEAD, new_oid=_NO_HEAD
    )
    return Explanation(path=path, roles=tuple(_for_role(contract, name, change, tree) for name in names))


def _for_role(contract: Contract, role: str, change: PathChange, tree: frozenset[GitPath]) -> RoleExplanation:
    judged = judge(contract, role, (change,), head=_NO_HEAD, now=float("inf"), existing=tree)
    considered = _considered(contract, role, change.path, folder=change.new_mode == MODE_SUBMODULE)
    return RoleExplanation(role=role, verdict=judged.paths[0], considered=considered)


def _considered(contract: Contract, role: str, path: GitPath, *, folder: bool) -> tuple[Considered, ...]:
    rules = [
        _look(listed.pattern, listed.kind, path, folder=folder)
        for listed in listed_patterns(contract)
        if listed.kind not in ("owns", "cannot_touch") or listed.owner == role
    ]
    built_in = (pattern for pattern in control_class(contract).match if not pattern.line)
    found = (_look(pattern, CONTROL, path, folder=folder) for pattern in built_in)
    rules += [rule for rule in found if rule.matched]
    return tuple(sorted(rules, key=lambda rule: _ORDER.index(rule.effect)))


def _look(pattern: Pattern, effect: Kind, path: GitPath, *, folder: bool) -> Considered:
    matched = bool(pattern_set((pattern.text,), protective=effect != "owns").matches(path, folder=folder))
    return Considered(
        rule=pattern.key, pattern=pattern.text, line=pattern.line, effect=effect, matched=matched
    )
