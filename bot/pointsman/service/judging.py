"""Holds one change to the contract, on real trees: role, target, both sides' paths, evidence; it runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pointsman.core import contract as contracts
from pointsman.core.contract import (
    Approval,
    Author,
    ChangeProblem,
    Contract,
    ContractVerdict,
    NoRole,
    Outcome,
    RoleFound,
    ScopeGrant,
    SeveralRoles,
    TargetVerdict,
)
from pointsman.core.errors import UserError
from pointsman.core.model import PathChange, Sha
from pointsman.ports import Git
from pointsman.service.contracts import CONTRACT_PATH, contract_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """Whose change it is, from which branch to which, and what people said of it. `who` is what a forge knows of the
    author; None: what the name says is all there is."""

    author: str
    branch: str
    head: Sha
    target: str
    worktree: str | None = None
    approvals: tuple[Approval, ...] = ()
    grants: tuple[ScopeGrant, ...] = ()
    who: Author | None = None

    @property
    def known(self) -> Author:
        return self.who if self.who is not None else local_author(self.author)


def local_author(text: str) -> Author:
    """Somebody on the local rung: whoever can submit there can write to the repository, so an e-mail address
    carries the permission `write`. A login belongs to a forge, which would have to be asked."""
    author = Author.parse(text)
    return replace(author, permission="write") if author.email is not None else author


def role_of(contract: Contract, subject: Subject) -> RoleFound | NoRole | SeveralRoles | TargetVerdict:
    """The role, or why there is none; a TargetVerdict says that the role may not land there."""
    outcome = contracts.resolve_role(contract, subject.known, subject.branch, worktree=subject.worktree)
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
    verdict = contracts.judge(
        contract,
        role,
        tuple(sorted(changes.values(), key=lambda one: one.path)),
        head=subject.head,
        approvals=subject.approvals,
        grants=subject.grants,
        now=now,
        existing=frozenset(entry.path for entry in git.entries(merged)),
        author=subject.known,
    )
    problem = _end_of_contract(git, onto_tree, merged)
    return verdict if problem is None else refused(verdict, problem)


def refused(verdict: ContractVerdict, problem: ChangeProblem) -> ContractVerdict:
    """The verdict on a change with one more thing wrong with it as a whole."""
    problems = (*verdict.problems, problem)
    return replace(verdict, outcome=Outcome.REFUSED, problems=problems, shadow_until=None)


def _end_of_contract(git: Git, onto_tree: Sha, merged: Sha) -> ChangeProblem | None:
    """Would landing leave the lane with a contract that can't be read, or with none? Nothing could land after it,
    not even its repair; no approval makes that good."""
    before, after = (git.entry(tree, CONTRACT_PATH) for tree in (onto_tree, merged))
    if before == after or before is None:
        return None
    try:
        data = contract_bytes(git, merged, "after the change")
    except UserError as error:
        return ChangeProblem(code="contract_unreadable", message=str(error), paths=(CONTRACT_PATH,))
    if data is None:
        message = f"the change removes {CONTRACT_PATH}, and nothing lands without one"
        return ChangeProblem(code="contract_removed", message=message, paths=(CONTRACT_PATH,))
    loaded = contracts.load(data, source=CONTRACT_PATH)
    if isinstance(loaded, Contract):
        return None
    message = f"the changed contract cannot be read, and nothing lands under such a one:\n{loaded}"
    return ChangeProblem(code="contract_unreadable", message=message, paths=(CONTRACT_PATH,))


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
