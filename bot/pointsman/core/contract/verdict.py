"""The verdict on a change: each path by the contract's rules in their fixed order, then the whole.

Order: class `never` or `absent`, the role's `cannot_touch`, its `owns` (or a live scope grant), approvals of
classes. A denial never yields to an approval. Nothing here reads a repository.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pointsman.core.contract import reasons
from pointsman.core.contract.approvals import (
    Approval,
    ApprovalNeeded,
    ScopeGrant,
    count_approvals,
    live_grants,
)
from pointsman.core.contract.collisions import collisions
from pointsman.core.contract.control import CONTROL, ENVIRONMENT_FILE, is_environment_file
from pointsman.core.contract.identity import Author
from pointsman.core.contract.model import CONTRACT_PATH, Contract, Role
from pointsman.core.contract.names import name_problem, skeleton
from pointsman.core.contract.rulebook import Rule, Rulebook, built_in, rulebook
from pointsman.core.model import MODE_SUBMODULE, MODE_SYMLINK, GitPath, PathChange, Sha


class PathStatus(StrEnum):
    ALLOWED = "allowed"
    NEEDS_APPROVAL = "needs_approval"
    OUTSIDE = "outside"
    DENIED = "denied"


class Outcome(StrEnum):
    """WAITING: nothing but approvals is missing. REFUSED: no approval would help."""

    ALLOWED = "allowed"
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class PathVerdict:
    """`rule` is the place of the rule that decided (`roles.docs.owns[0]`), `pattern` what it says, `line` its
    line (0: built in). `approvals_missing` and `classes` name classes of paths. `firm`: not even shadow mode
    lets it pass."""

    path: GitPath
    status: PathStatus
    rule: str
    pattern: str = ""
    line: int = 0
    reason: str
    approvals_missing: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    firm: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeProblem:
    """What is wrong with the change as a whole; it refuses it."""

    code: str
    message: str
    paths: tuple[GitPath, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Regeneration:
    """`paths` of a class `regenerated`: the gate has to run `command` and find them unchanged (R36)."""

    name: str
    command: str
    paths: tuple[GitPath, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractVerdict:
    """`outcome` is what the rules say; `allowed` is whether they let the change land now.

    The two differ only in shadow mode; then `shadow_until` is the day on which it ends, as written.
    """

    role: str
    outcome: Outcome
    paths: tuple[PathVerdict, ...]
    waiting_for: tuple[ApprovalNeeded, ...]
    problems: tuple[ChangeProblem, ...]
    regenerate: tuple[Regeneration, ...] = ()
    shadow_until: str | None = None

    @property
    def allowed(self) -> bool:
        return self.outcome is Outcome.ALLOWED or self.shadow_until is not None

    @property
    def refused_paths(self) -> tuple[PathVerdict, ...]:
        refused = (PathStatus.DENIED, PathStatus.OUTSIDE)
        return tuple(verdict for verdict in self.paths if verdict.status in refused)

    def __str__(self) -> str:
        return reasons.summary(self)


def judge(
    contract: Contract,
    role: str,
    changes: Sequence[PathChange],
    *,
    head: Sha,
    approvals: Iterable[Approval] = (),
    grants: Iterable[ScopeGrant] = (),
    now: float,
    existing: Collection[GitPath] | None = None,
    author: Author | None = None,
) -> ContractVerdict:
    """What the contract says of `changes` made under `role`.

    `head` is the change's current head: approvals and grants of another head count for nothing. `now` is in
    seconds since 1970. `existing` holds every name of the candidate tree; without it names can only collide
    within the change. `author` is whose change it is, whose own approvals and grants do not count.
    """
    book = rulebook(contract, role)
    approvals = tuple(approvals)
    scope = live_grants(contract, grants, head=head, now=now, author=author)
    names = frozenset(existing) if existing is not None else frozenset(c.path for c in changes if c.new_mode)
    first = [_judge_path(contract, book, change, scope, names) for change in changes]
    needed = {
        name: count_approvals(contract, book.classes[name], approvals, head=head, author=author)
        for name in dict.fromkeys(name for verdict in first for name in verdict.approvals_missing)
    }
    paths = tuple(_settle(verdict, needed) if verdict.approvals_missing else verdict for verdict in first)
    problems = (*_alone(changes), *_colliding(changes, existing))
    outcome = _outcome(paths, problems)
    waiting = tuple(need for need in needed.values() if not need.met)
    return ContractVerdict(
        role=role,
        outcome=outcome,
        paths=paths,
        waiting_for=waiting,
        problems=problems,
        regenerate=_regenerations(contract, paths),
        shadow_until=_shadow(contract, outcome, paths, problems, now),
    )


def _judge_path(
    contract: Contract,
    book: Rulebook,
    change: PathChange,
    scope: Sequence[ScopeGrant],
    names: frozenset[GitPath],
) -> PathVerdict:
    path = change.path
    folder = MODE_SUBMODULE in (change.old_mode, change.new_mode)
    classes, forbidden = book.protecting(path, folder=folder)
    denial = _denial(contract, book, change, classes, forbidden)
    if denial is not None:
        return denial
    owner = book.owner(path, folder=folder)
    if owner is None:
        granted = book.granting(scope, path, folder=folder)
        if granted is None:
            return _outside(path, book.role)
        owner = built_in("scope grant", granted.pattern)
        return _owned(book, change, names, classes, owner, reasons.granted(granted))
    return _owned(book, change, names, classes, owner, reasons.owned(owner))


def _denial(
    contract: Contract,
    book: Rulebook,
    change: PathChange,
    classes: Sequence[Rule],
    forbidden: Rule | None,
) -> PathVerdict | None:
    path = change.path
    for rule in classes:
        kind = book.classes[rule.owner].rule
        if kind == "never" or (kind == "absent" and change.status != "D"):
            return _denied(path, rule, reasons.class_denies(rule, kind))
    if change.new_mode:
        trouble = name_problem(path)
        if trouble is not None:
            return _denied(path, built_in(trouble[0]), reasons.bad_name(trouble[1]))
        if change.new_mode == MODE_SYMLINK and contract.limits.symlinks == "refuse":
            return _denied(path, built_in("limits.symlinks"), reasons.symlink())
    if forbidden is not None:
        return _denied(path, forbidden, reasons.cannot_touch(forbidden), firm=False)
    return None


def _denied(path: GitPath, rule: Rule, reason: str, *, firm: bool = True) -> PathVerdict:
    return PathVerdict(
        path=path,
        status=PathStatus.DENIED,
        rule=rule.key,
        pattern=rule.pattern,
        line=rule.line,
        reason=reason,
        firm=firm,
    )


def _outside(path: GitPath, role: Role) -> PathVerdict:
    return PathVerdict(
        path=path,
        status=PathStatus.OUTSIDE,
        rule=f"roles.{role.name}.owns",
        line=role.line,
        reason=reasons.outside(role),
        firm=False,
    )


def _owned(
    book: Rulebook,
    change: PathChange,
    names: frozenset[GitPath],
    classes: Sequence[Rule],
    owner: Rule,
    reason: str,
) -> PathVerdict:
    path = change.path
    asking = [rule.owner for rule in classes if book.classes[rule.owner].approve is not None]
    if path.endswith(ENVIRONMENT_FILE) and is_environment_file(path, names):
        asking.append(CONTROL)
    if not path.isascii() and book.looks_protected(path, skeleton(path)):
        asking.append(CONTROL)
    return PathVerdict(
        path=path,
        status=PathStatus.ALLOWED,
        rule=owner.key,
        pattern=owner.pattern,
        line=owner.line,
        reason=reason,
        approvals_missing=tuple(dict.fromkeys(asking)) if asking else (),
        classes=tuple(dict.fromkeys([rule.owner for rule in classes])) if classes else (),
    )


def _settle(verdict: PathVerdict, needed: dict[str, ApprovalNeeded]) -> PathVerdict:
    """Leave only those classes whose approvals are really missing."""
    missing = tuple(name for name in verdict.approvals_missing if not needed[name].met)
    if not missing:
        return replace(verdict, approvals_missing=())
    return replace(
        verdict,
        status=PathStatus.NEEDS_APPROVAL,
        approvals_missing=missing,
        reason=reasons.needs_approval(verdict.reason, [needed[name] for name in missing]),
        firm=CONTROL in missing,
    )


def _alone(changes: Sequence[PathChange]) -> Iterable[ChangeProblem]:
    touched = {change.path for change in changes}
    if CONTRACT_PATH in touched and len(touched) > 1:
        others = tuple(sorted(touched - {CONTRACT_PATH}))
        yield ChangeProblem(code="contract_not_alone", message=reasons.contract_alone(others), paths=others)


def _colliding(
    changes: Sequence[PathChange], existing: Collection[GitPath] | None
) -> Iterable[ChangeProblem]:
    added = [change.path for change in changes if change.status == "A"]
    present = [change.path for change in changes if change.new_mode] if existing is None else existing
    for one, other in collisions(added, present):
        yield ChangeProblem(code="name_collision", message=reasons.collision(one, other), paths=(one, other))


def _outcome(paths: Sequence[PathVerdict], problems: Sequence[ChangeProblem]) -> Outcome:
    states = {verdict.status for verdict in paths}
    if problems or states & {PathStatus.DENIED, PathStatus.OUTSIDE}:
        return Outcome.REFUSED
    return Outcome.WAITING if PathStatus.NEEDS_APPROVAL in states else Outcome.ALLOWED


def _regenerations(contract: Contract, paths: Sequence[PathVerdict]) -> tuple[Regeneration, ...]:
    found = []
    for name, kind in contract.classes.items():
        touched = tuple(verdict.path for verdict in paths if name in verdict.classes)
        if kind.rule == "regenerated" and kind.command is not None and touched:
            found.append(Regeneration(name=name, command=kind.command, paths=touched))
    return tuple(found)


def _shadow(
    contract: Contract,
    outcome: Outcome,
    paths: Sequence[PathVerdict],
    problems: Sequence[ChangeProblem],
    now: float,
) -> str | None:
    """The end of shadow mode, if that is all that lets the change pass."""
    if contract.shadow is None or now >= contract.shadow.until or outcome is Outcome.ALLOWED or problems:
        return None
    unmet = (verdict for verdict in paths if verdict.status is not PathStatus.ALLOWED)
    return None if any(verdict.firm for verdict in unmet) else contract.shadow.date
