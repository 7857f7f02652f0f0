"""The contract: who may change what, what must pass, and how the queue behaves. No I/O, no clock.

Names are loaded when first used: a command that judges nothing pays for nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointsman.core.contract.approvals import Approval as Approval
    from pointsman.core.contract.approvals import ApprovalNeeded as ApprovalNeeded
    from pointsman.core.contract.approvals import ScopeGrant as ScopeGrant
    from pointsman.core.contract.approvals import grant_problem as grant_problem
    from pointsman.core.contract.codeowners import CODEOWNERS_LOCATIONS as CODEOWNERS_LOCATIONS
    from pointsman.core.contract.control import control_class as control_class
    from pointsman.core.contract.evidence import Claim as Claim
    from pointsman.core.contract.evidence import EvidenceVerdict as EvidenceVerdict
    from pointsman.core.contract.evidence import contradicted_claims as contradicted_claims
    from pointsman.core.contract.evidence import evidence_template as evidence_template
    from pointsman.core.contract.evidence import read_evidence as read_evidence
    from pointsman.core.contract.explanation import Considered as Considered
    from pointsman.core.contract.explanation import Explanation as Explanation
    from pointsman.core.contract.explanation import RoleExplanation as RoleExplanation
    from pointsman.core.contract.explanation import explain as explain
    from pointsman.core.contract.findings import Finding as Finding
    from pointsman.core.contract.findings import lint as lint
    from pointsman.core.contract.identity import Author as Author
    from pointsman.core.contract.identity import Identity as Identity
    from pointsman.core.contract.identity import is_one_of as is_one_of
    from pointsman.core.contract.model import CONTRACT_PATH as CONTRACT_PATH
    from pointsman.core.contract.model import NO_ROLE as NO_ROLE
    from pointsman.core.contract.model import Additive as Additive
    from pointsman.core.contract.model import ApprovalRule as ApprovalRule
    from pointsman.core.contract.model import AreaLimit as AreaLimit
    from pointsman.core.contract.model import Check as Check
    from pointsman.core.contract.model import Conflicts as Conflicts
    from pointsman.core.contract.model import Contract as Contract
    from pointsman.core.contract.model import Deploy as Deploy
    from pointsman.core.contract.model import EvidencePolicy as EvidencePolicy
    from pointsman.core.contract.model import Healer as Healer
    from pointsman.core.contract.model import Limits as Limits
    from pointsman.core.contract.model import Lockfile as Lockfile
    from pointsman.core.contract.model import MatrixRow as MatrixRow
    from pointsman.core.contract.model import Metrics as Metrics
    from pointsman.core.contract.model import MigrationPolicy as MigrationPolicy
    from pointsman.core.contract.model import Overlap as Overlap
    from pointsman.core.contract.model import PathClass as PathClass
    from pointsman.core.contract.model import Pattern as Pattern
    from pointsman.core.contract.model import QueuePolicy as QueuePolicy
    from pointsman.core.contract.model import Regenerated as Regenerated
    from pointsman.core.contract.model import Retry as Retry
    from pointsman.core.contract.model import Role as Role
    from pointsman.core.contract.model import Sandbox as Sandbox
    from pointsman.core.contract.model import ScopePolicy as ScopePolicy
    from pointsman.core.contract.model import Shadow as Shadow
    from pointsman.core.contract.model import Writer as Writer
    from pointsman.core.contract.reading.loading import load as load
    from pointsman.core.contract.reading.problems import ContractError as ContractError
    from pointsman.core.contract.reading.problems import ContractErrors as ContractErrors
    from pointsman.core.contract.reading.schema import json_schema as json_schema
    from pointsman.core.contract.roles import Candidacy as Candidacy
    from pointsman.core.contract.roles import NoRole as NoRole
    from pointsman.core.contract.roles import RoleFound as RoleFound
    from pointsman.core.contract.roles import RoleOutcome as RoleOutcome
    from pointsman.core.contract.roles import SeveralRoles as SeveralRoles
    from pointsman.core.contract.roles import TargetVerdict as TargetVerdict
    from pointsman.core.contract.roles import as_known as as_known
    from pointsman.core.contract.roles import judge_target as judge_target
    from pointsman.core.contract.roles import resolve_role as resolve_role
    from pointsman.core.contract.starting import init_from as init_from
    from pointsman.core.contract.verdict import ChangeProblem as ChangeProblem
    from pointsman.core.contract.verdict import ContractVerdict as ContractVerdict
    from pointsman.core.contract.verdict import Outcome as Outcome
    from pointsman.core.contract.verdict import PathStatus as PathStatus
    from pointsman.core.contract.verdict import PathVerdict as PathVerdict
    from pointsman.core.contract.verdict import Regeneration as Regeneration
    from pointsman.core.contract.verdict import judge as judge

_HOMES = {
    "CODEOWNERS_LOCATIONS": "codeowners",
    "Approval": "approvals",
    "ApprovalNeeded": "approvals",
    "ScopeGrant": "approvals",
    "grant_problem": "approvals",
    "control_class": "control",
    "Claim": "evidence",
    "EvidenceVerdict": "evidence",
    "contradicted_claims": "evidence",
    "evidence_template": "evidence",
    "read_evidence": "evidence",
    "Considered": "explanation",
    "Explanation": "explanation",
    "RoleExplanation": "explanation",
    "explain": "explanation",
    "Finding": "findings",
    "lint": "findings",
    "Author": "identity",
    "Identity": "identity",
    "is_one_of": "identity",
    "load": "reading.loading",
    "Additive": "model",
    "ApprovalRule": "model",
    "AreaLimit": "model",
    "CONTRACT_PATH": "model",
    "Check": "model",
    "Conflicts": "model",
    "Contract": "model",
    "Deploy": "model",
    "EvidencePolicy": "model",
    "Healer": "model",
    "Limits": "model",
    "Lockfile": "model",
    "MatrixRow": "model",
    "Metrics": "model",
    "MigrationPolicy": "model",
    "NO_ROLE": "model",
    "Overlap": "model",
    "PathClass": "model",
    "Pattern": "model",
    "QueuePolicy": "model",
    "Regenerated": "model",
    "Retry": "model",
    "Role": "model",
    "Sandbox": "model",
    "ScopePolicy": "model",
    "Shadow": "model",
    "Writer": "model",
    "ContractError": "reading.problems",
    "ContractErrors": "reading.problems",
    "Candidacy": "roles",
    "NoRole": "roles",
    "RoleFound": "roles",
    "RoleOutcome": "roles",
    "SeveralRoles": "roles",
    "TargetVerdict": "roles",
    "as_known": "roles",
    "judge_target": "roles",
    "resolve_role": "roles",
    "json_schema": "reading.schema",
    "init_from": "starting",
    "ChangeProblem": "verdict",
    "ContractVerdict": "verdict",
    "Outcome": "verdict",
    "PathStatus": "verdict",
    "PathVerdict": "verdict",
    "Regeneration": "verdict",
    "judge": "verdict",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
