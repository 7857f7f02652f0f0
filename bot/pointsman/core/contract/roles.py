"""Which one role an author has on a branch: identity and branch must both agree, and only once (R29)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pointsman.core.contract.identity import Author, Identity, mismatch
from pointsman.core.contract.matching import branch_matches
from pointsman.core.contract.model import NO_ROLE, Contract, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleFound:
    """`fallback` says that it is the contract's `default_role`, taken because no other role matched."""

    role: str
    fallback: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidacy:
    """A role that was looked at, and why it is not the author's."""

    role: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.role} (line {self.line}): {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NoRole:
    """Nothing matched; `candidates` holds every role of the contract with the reason."""

    author: Author
    branch: str
    candidates: tuple[Candidacy, ...]

    def __str__(self) -> str:
        reasons = "".join(f"\n  {candidate}" for candidate in self.candidates)
        return f"{self.author} has no role on branch {self.branch!r}:{reasons}"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeveralRoles:
    """More than one role matched: the contract does not say which rules hold, so none do."""

    author: Author
    branch: str
    names: tuple[str, ...]
    lines: tuple[int, ...]

    def __str__(self) -> str:
        names = ", ".join(f"{name} (line {line})" for name, line in zip(self.names, self.lines, strict=True))
        return (
            f"{self.author} has several roles on branch {self.branch!r}: {names}; let one exclude the other"
        )


RoleOutcome = RoleFound | NoRole | SeveralRoles


def resolve_role(
    contract: Contract, author: Author, branch: str, *, worktree: str | None = None
) -> RoleOutcome:
    """The role of `author` on `branch`.

    `default_role` is looked at only when no other role matched, and then it has to match as well: its `who`,
    or, where it has none, anybody (but the queue itself); its `branches`. It is no
    way round a branch rule: an account that another role names falls back only to a default that names it
    too. `worktree`, the folder the change was made in, is compared where a role says one (R33).
    """
    default = contract.default_role
    author = as_known(contract, author)
    refused = {name: _why_not(role, author, branch, worktree) for name, role in contract.roles.items()}
    found = tuple(name for name, why in refused.items() if why is None and name != default)
    if len(found) > 1:
        lines = tuple(contract.roles[name].line for name in found)
        return SeveralRoles(author=author, branch=branch, names=found, lines=lines)
    if found:
        return RoleFound(role=found[0])
    if default != NO_ROLE and refused[default] is None:
        refused[default] = _no_fallback(contract, author)
        if refused[default] is None:
            return RoleFound(role=default, fallback=True)
    candidates = (
        Candidacy(role=name, line=contract.roles[name].line, why=why or "") for name, why in refused.items()
    )
    return NoRole(author=author, branch=branch, candidates=tuple(candidates))


def as_known(contract: Contract, author: Author) -> Author:
    """The author, no longer taken for a person if the contract says that the account is a bot's."""
    marked = (one for one in all_identities(contract) if one.kind == "app" or one.bot or one.itself)
    is_bot = author.human and any(mismatch(identity, author) is None for identity in marked)
    return replace(author, human=False) if is_bot else author


def all_identities(contract: Contract) -> tuple[Identity, ...]:
    """Every identity that the contract names or writes in place."""
    inline = (identity for role in contract.roles.values() for identity in role.who if not identity.name)
    return (*contract.identities.values(), *inline)


def _why_not(role: Role, author: Author, branch: str, worktree: str | None) -> str | None:
    reasons = [_mismatch(identity, author) for identity in role.who]
    if reasons and None not in reasons:
        return "; ".join(reason for reason in reasons if reason)
    patterns = [pattern.text for pattern in role.branches]
    if patterns and not any(branch_matches(pattern, branch) for pattern in patterns):
        return f"the branch has to match {' or '.join(patterns)}" + ("" if branch else ", and none is known")
    if worktree is not None and role.worktree is not None and not is_worktree(role.worktree, worktree):
        return f"the worktree has to be {role.worktree}, not {worktree}"
    return None


def _mismatch(identity: Identity, author: Author) -> str | None:
    if identity.itself:
        return f"{identity} is the queue itself, which has no role"
    return mismatch(identity, author)


def is_worktree(expected: str, actual: str) -> bool:
    """Whether the folder `actual` is the worktree that a role says. `expected` is relative to the main worktree, which
    is not known here: its named parts are compared."""
    wanted = [part for part in expected.split("/") if part not in ("", ".", "..")]
    have = [part for part in actual.replace("\\", "/").split("/") if part]
    return have[-len(wanted) :] == wanted if wanted else True


def _no_fallback(contract: Contract, author: Author) -> str | None:
    """Why the default role is closed to this author, though it matches; None if it is open."""
    default = contract.roles[contract.default_role]
    own = next(
        (one for one in all_identities(contract) if one.itself and mismatch(one, author) is None), None
    )
    if own is not None:
        return _mismatch(own, author)
    if _named(default, author):
        return None
    others = (role for name, role in contract.roles.items() if name != contract.default_role)
    owner = next((role for role in others if _named(role, author)), None)
    if owner is None:
        return None
    return f"{author} is named by role {owner.name} (line {owner.line}) and has to keep to its branches"


def _named(role: Role, author: Author) -> bool:
    return any(identity.specific and mismatch(identity, author) is None for identity in role.who)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetVerdict:
    """May a role's change land on that branch (R37, R38)?"""

    role: str
    allowed: bool
    reason: str


def judge_target(contract: Contract, role: str, target: str) -> TargetVerdict:
    """`targets` of the role decide; without them the branches of roles that accept from it; else the base."""
    own = contract.roles[role]
    takers = [taker for taker in contract.roles.values() if role in taker.accepts_from]
    if own.targets:
        patterns = [pattern.text for pattern in own.targets]
    elif takers:
        patterns = [pattern.text for taker in takers for pattern in taker.branches]
    else:
        patterns = [contract.base]
    expected = " or ".join(patterns)
    if any(branch_matches(pattern, target) for pattern in patterns):
        return TargetVerdict(role=role, allowed=True, reason=f"role {role} lands on {expected}")
    return TargetVerdict(
        role=role, allowed=False, reason=f"role {role} lands on {expected}, not on {target!r}"
    )
