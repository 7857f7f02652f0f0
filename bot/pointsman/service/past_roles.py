"""Whose role a change of the past would have had, by what its commits still tell; it judges no path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar, assert_never

from pointsman.core import contract as contracts
from pointsman.core.contract import Contract, NoRole, RoleFound, RoleOutcome, SeveralRoles, TargetVerdict
from pointsman.core.replay import login_of
from pointsman.service.judging import Subject, role_of

T = TypeVar("T", bound=RoleOutcome | TargetVerdict)
BY_IDENTITY = "the branch is not known: role by identity alone"


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRole:
    """`role` None: nobody's, and `note` says why. Else `note` says what was assumed, '' for nothing."""

    role: str | None
    note: str = ""


@dataclass(frozen=True)
class PastRoles:
    """Roles by e-mail, or by the login in an address that GitHub made up to hide one.

    Squashed and rebased history has forgotten the names of branches. There a role counts that fits by identity
    alone, if it is the only one.
    """

    contract: Contract

    def of(self, subject: Subject) -> PastRole:
        """`subject.branch` is '' where it is not known."""
        login = login_of(subject.author)
        names = (subject, replace(subject, author=login)) if login else (subject,)
        outcome = _best([role_of(self.contract, each) for each in names])
        if isinstance(outcome, NoRole) and not subject.branch:
            return self._by_identity(names)
        match outcome:
            case RoleFound():
                return PastRole(role=outcome.role)
            case TargetVerdict():
                return PastRole(role=None, note=outcome.reason)
            case NoRole() | SeveralRoles():  # without the list of every role that was looked at
                return PastRole(role=None, note=str(outcome).partition("\n")[0].rstrip(":"))
            case _:
                assert_never(outcome)

    def _by_identity(self, names: tuple[Subject, ...]) -> PastRole:
        found = [contracts.resolve_role(self._any_branch, each.known, each.branch) for each in names]
        match outcome := _best(found):
            case RoleFound():
                target = contracts.judge_target(self.contract, outcome.role, names[0].target)
                if not target.allowed:
                    return PastRole(role=None, note=target.reason)
                return PastRole(role=outcome.role, note=BY_IDENTITY)
            case SeveralRoles():
                several = ", ".join(outcome.names)
                note = f"{outcome.author} has several roles, and the branch is not known: {several}"
                return PastRole(role=None, note=note)
            case NoRole():
                return PastRole(role=None, note=f"{outcome.author} has no role on any branch")
            case _:
                assert_never(outcome)

    @cached_property
    def _any_branch(self) -> Contract:
        """The contract as if every role worked on any branch."""
        roles = {name: replace(role, branches=()) for name, role in self.contract.roles.items()}
        return replace(self.contract, roles=roles)


def _best(outcomes: list[T]) -> T:
    """The first name that has a role; else what is said of the first."""
    return next((one for one in outcomes if isinstance(one, RoleFound)), outcomes[0])
