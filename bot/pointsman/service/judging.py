"""Holds one change to the contract, on real trees: role, target, both sides' paths, evidence; it runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pointsman.core import contract as contracts
from pointsman.core.contract import (
    Approval,
    Author,
    Contract,
    ContractVerdict,
    NoRole,
    RoleFound,
    ScopeGrant,
    SeveralRoles,
    TargetVerdict,
)
from pointsman.core.model import PathChange, Sha
from pointsman.ports import Git


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Whose change it is, from which branch to which, and what people said of it."""

    author: str
    branch: str
    head: Sha
    target: str
    worktree: str | None = None
    approvals: tuple[Approval, ...] = ()
    grants: tuple[ScopeGrant, ...] = ()


def local_author(text: str) -> Author:
    """Somebody on the local rung: whoever can submit there can write to the repository, so an e-mail address
    carries the permission `write`. A login belongs to a forge, which would have to be asked."""
    author = Author.parse(text)
    return replace(author, permission="write") if author.email is not None else author


def role_of(contract: Contract, subject: Subject) -> RoleFound | NoRole | SeveralRoles | TargetVerdict:
    """The role, or why there is none; a TargetVerdict says that the role may not land there."""
    author = local_author(subject.author)
    outcome = contracts.resolve_role(contract, author, subject.branch, worktree=subject.worktree)
    if not isinstance(outcome, RoleFound):
        return outcome
    target = contracts.judge_target(contract, outcome.role, subject.target)
    return outcome if target.allowed else target


def judge_trees(
    git: Git,
    contract: Contract,
    role: str,
    subject: Subject,
    *,
    tip: Sha,
    onto_tree: Sha,
    merged: Sha,
    now: float,
) -> ContractVerdict:
    """The verdict on everything the change touches: what it brings since it left the base, and what landing
    it on `onto_tree` would change (the merged tree, before any heal). Source: DESIGN 5.4."""
    both = (*own_changes(git, tip, subject.head), *git.changed(onto_tree, merged))
    changes = {(one.path, one.status, one.new_mode): one for one in both}
    return contracts.judge(
        contract,
        role,
        tuple(sorted(changes.values(), key=lambda one: one.path)),
        head=subject.head,
        approvals=subject.approvals,
        grants=subject.grants,
        now=now,
        existing=frozenset(entry.path for entry in git.entries(merged)),
        author=local_author(subject.author),
    )


def own_changes(git: Git, tip: Sha, head: Sha) -> tuple[PathChange, ...]:
    """What the change brings since it left the base. With several merge bases a path counts only when it
    differs from every one of them: the rest came from the base itself (criss-cross merges). Without any,
    everything that differs from the tip is the change's own."""
    bases = git.merge_bases(tip, head) or (tip,)
    tree = git.tree_of(head)
    per_base = [{one.path: one for one in git.changed(git.tree_of(base), tree)} for base in bases]
    common = set(per_base[0]).intersection(*per_base[1:])
    return tuple(per_base[0][path] for path in sorted(common))


def is_builtin_required(contract: Contract, role: str, builtin: str) -> bool:
    return any(check.builtin == builtin for check in contract.required_checks(role))


def required_names(contract: Contract, role: str) -> Sequence[str]:
    """The names of the role's required checks, in the contract's order."""
    return [check.name for check in contract.required_checks(role)]
