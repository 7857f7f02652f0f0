"""Every sentence of a contract verdict, one function each: the rule, the value seen, the next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pointsman.core.contract.approvals import ApprovalNeeded, ScopeGrant
from pointsman.core.contract.model import CONTRACT_PATH, Role
from pointsman.core.contract.names import shown as shown
from pointsman.core.contract.rulebook import Rule

if TYPE_CHECKING:
    from pointsman.core.contract.verdict import ContractVerdict

SHOWN = 10


def owned(rule: Rule) -> str:
    return f"role {rule.owner} owns {rule.pattern}"


def granted(grant: ScopeGrant) -> str:
    return f"{grant.by} opened {grant.pattern} to this head"


def outside(role: Role) -> str:
    owns = ", ".join(pattern.text for pattern in role.owns[:SHOWN]) or "nothing"
    more = ", ..." if len(role.owns) > SHOWN else ""
    return f"outside the scope of role {role.name}, which owns {owns}{more}"


def class_denies(rule: Rule, kind: str) -> str:
    if kind == "never":
        return f"class {rule.owner} ({rule.pattern}) may never be changed"
    return f"class {rule.owner} ({rule.pattern}) holds generated files, which are not committed; delete it"


def cannot_touch(rule: Rule) -> str:
    return f"role {rule.owner} cannot touch {rule.pattern}; no approval changes that"


def bad_name(problem: str) -> str:
    return f"{problem}; rename the file"


def symlink() -> str:
    return "a new or changed symbolic link; put the file itself there, or set limits.symlinks: allow"


def needs_approval(owned: str, needed: Sequence[ApprovalNeeded]) -> str:
    return f"{owned}; waits for {'; '.join(approval(need) for need in needed)}"


def approval(need: ApprovalNeeded) -> str:
    """What is still missing, who may give it, and why what was given does not count."""
    who = " or ".join(need.by) or "anyone the contract knows"
    people = "a person among " if need.human else ""
    said = f"{need.count - len(need.have)} approval(s) of class {need.name} by {people}{who}"
    if need.stale:
        said += f" ({', '.join(need.stale)} approved an older head)"
    if need.not_counted:
        said += f" (not counted: {'; '.join(need.not_counted)})"
    return said


def contract_alone(others: Sequence[str]) -> str:
    listed = ", ".join(shown(path) for path in others[:SHOWN]) + (", ..." if len(others) > SHOWN else "")
    return f"a change to {CONTRACT_PATH} lands alone; move these into a change of their own: {listed}"


def collision(one: str, other: str) -> str:
    return f"{shown(one)} and {shown(other)} are one file where case or accents are normalised; rename one"


def summary(verdict: ContractVerdict) -> str:
    """The verdict in a few lines, the refusals first."""
    lines = [f"{verdict.outcome.value} for role {verdict.role}"]
    if verdict.shadow_until is not None:
        lines = [f"shadow mode until {verdict.shadow_until}: lets pass what would be {lines[0]}"]
    lines += [problem.message for problem in verdict.problems[:SHOWN]]
    if len(verdict.problems) > SHOWN:
        lines.append(f"... and {len(verdict.problems) - SHOWN} more like these")
    lines += [
        f"{shown(path.path)}: {path.reason}{_where(path.line)}" for path in verdict.refused_paths[:SHOWN]
    ]
    if len(verdict.refused_paths) > SHOWN:
        lines.append(f"... and {len(verdict.refused_paths) - SHOWN} more paths")
    lines += [f"waits for {approval(need)}" for need in verdict.waiting_for]
    return "\n".join(lines)


def _where(line: int) -> str:
    return f" ({CONTRACT_PATH}:{line})" if line else ""
