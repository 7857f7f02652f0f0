"""The contract: who may change what, what must pass, and how the queue behaves. No I/O, no clock."""

from __future__ import annotations

from pointsman.core.contract.approvals import Approval, ApprovalNeeded, ScopeGrant, grant_problem
from pointsman.core.contract.identity import Author, Identity
from pointsman.core.contract.loading import load
from pointsman.core.contract.model import (
    CONTRACT_PATH,
    NO_ROLE,
    AreaLimit,
    Check,
    Contract,
    EvidencePolicy,
    Limits,
    MatrixRow,
    MigrationPolicy,
    PathClass,
    Pattern,
    QueuePolicy,
    Retry,
    Role,
)
from pointsman.core.contract.problems import ContractError, ContractErrors
from pointsman.core.contract.roles import (
    Candidacy,
    NoRole,
    RoleFound,
    RoleOutcome,
    SeveralRoles,
    TargetVerdict,
    judge_target,
    resolve_role,
)
from pointsman.core.contract.verdict import (
    ChangeProblem,
    ContractVerdict,
    Outcome,
    PathStatus,
    PathVerdict,
    Regeneration,
    judge,
)

__all__ = [
    "CONTRACT_PATH",
    "NO_ROLE",
    "Approval",
    "ApprovalNeeded",
    "AreaLimit",
    "Author",
    "Candidacy",
    "ChangeProblem",
    "Check",
    "Contract",
    "ContractError",
    "ContractErrors",
    "ContractVerdict",
    "EvidencePolicy",
    "Identity",
    "Limits",
    "MatrixRow",
    "MigrationPolicy",
    "NoRole",
    "Outcome",
    "PathClass",
    "PathStatus",
    "PathVerdict",
    "Pattern",
    "QueuePolicy",
    "Regeneration",
    "Retry",
    "Role",
    "RoleFound",
    "RoleOutcome",
    "ScopeGrant",
    "SeveralRoles",
    "TargetVerdict",
    "grant_problem",
    "judge",
    "judge_target",
    "load",
    "resolve_role",
]
