"""Whose yes counts: approvals of classes and grants of scope, pinned to the change's current head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pointsman.core.contract.identity import PERMISSIONS, Author, is_one_of, same_person
from pointsman.core.contract.model import ApprovalRule, Contract, PathClass
from pointsman.core.contract.patterns import pattern_problem
from pointsman.core.contract.roles import all_identities, as_known
from pointsman.core.model import Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """`by`, as shown to people, said yes to exactly `head`; `identity` is what is known of them."""

    by: str
    identity: Author
    head: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeGrant:
    """`by` opened `pattern` to a change at exactly `head`, until `expires` (seconds since 1970).

    `identity` is what is known of `by`; None: `by` is taken as `Author.parse` takes it.
    """

    pattern: str
    by: str
    head: Sha
    expires: float
    identity: Author | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ApprovalNeeded:
    """A class that wants `count` approvals out of `by` (() is anyone the contract knows) and has `have`.

    `stale` approved an older head; `not_counted` approved this one and may not, each with the reason.
    """

    name: str
    by: tuple[str, ...]
    count: int
    human: bool
    have: tuple[str, ...]
    stale: tuple[str, ...] = ()
    not_counted: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        return len(self.have) >= self.count


def count_approvals(
    contract: Contract, kind: PathClass, approvals: Sequence[Approval], *, head: Sha, author: Author | None
) -> ApprovalNeeded:
    """How far a class of paths is from its approvals at `head`."""
    rule = kind.approve or ApprovalRule()
    have: list[Approval] = []
    refused: list[str] = []
    for approval in (approval for approval in approvals if approval.head == head):
        why = _not_counted(contract, rule, approval, author)
        if why is not None:
            refused.append(f"{approval.by}: {why}")
        elif not any(same_person(approval.identity, other.identity) for other in have):
            have.append(approval)
    return ApprovalNeeded(
        name=kind.name,
        by=tuple(str(identity) for identity in rule.by),
        count=rule.count,
        human=rule.human,
        have=tuple(approval.by for approval in have),
        stale=tuple(dict.fromkeys(approval.by for approval in approvals if approval.head != head)),
        not_counted=tuple(refused),
    )


def _not_counted(
    contract: Contract, rule: ApprovalRule, approval: Approval, author: Author | None
) -> str | None:
    approver = as_known(contract, approval.identity)
    if is_one_of(tuple(i for i in contract.identities.values() if i.itself), approver):
        return "the queue itself does not approve"
    if rule.human and not approver.human:
        return "a person has to approve"
    if author is not None and not rule.by_author and same_person(approver, author):
        return "the change's own author does not count"
    if rule.by:
        return None if is_one_of(rule.by, approver) else "not among those who may approve"
    return None if _known(contract, approver) else "not known to the contract"


def _known(contract: Contract, approver: Author) -> bool:
    may_write = approver.permission in PERMISSIONS[PERMISSIONS.index("write") :]
    return may_write or is_one_of(all_identities(contract), approver)


def live_grants(
    contract: Contract, grants: Iterable[ScopeGrant], *, head: Sha, now: float, author: Author | None
) -> tuple[ScopeGrant, ...]:
    """The grants that hold: for this head, not expired, by somebody who may, and not by the author (R32)."""
    return tuple(
        grant
        for grant in grants
        if grant.head == head and now < grant.expires and grant_problem(contract, grant, author) is None
    )


def grant_problem(contract: Contract, grant: ScopeGrant, author: Author | None) -> str | None:
    """Why this person can't open this pattern; None if they can. Head and expiry are not looked at."""
    giver = as_known(contract, grant.identity or Author.parse(grant.by))
    if not contract.scope.by:
        return "the contract lets nobody widen a scope (scope.expand.by)"
    if not is_one_of(contract.scope.by, giver):
        return f"{grant.by} is not among {', '.join(str(one) for one in contract.scope.by)}"
    if author is not None and same_person(giver, author):
        return "nobody widens the scope of their own change"
    return pattern_problem(grant.pattern) or None
