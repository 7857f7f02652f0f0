"""What landing one revision on another comes to, contract and migrations, without landing or running anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pointsman.core.contract import (
    ChangeProblem,
    Contract,
    ContractVerdict,
    NoRole,
    Outcome,
    RoleFound,
    SeveralRoles,
    TargetVerdict,
)
from pointsman.core.contract.reasons import shown
from pointsman.core.model import Sha
from pointsman.service.contracts import contract_at
from pointsman.service.healing import Verdict, heal
from pointsman.service.judging import Subject, judge_trees, required_names, role_of

if TYPE_CHECKING:
    from pointsman.ports import Git

NOT_MERGED = "not_merged"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Landing `head` on `base`; `branch` and `author` default to what `head` itself says."""

    base: Sha
    head: Sha
    branch: str | None
    author: str | None
    now: float


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """The answer. `role` None: nobody's change, `why_no_role` says why. `contract` None: it was not judged, for
    want of a role or of a merged tree."""

    question: Question
    author: str
    role: str | None
    why_no_role: str
    checks: tuple[str, ...]
    contract: ContractVerdict | None
    migrations: Verdict

    @property
    def allowed(self) -> bool:
        """The contract lets it land now, and its merged tree has no fork and no broken migration."""
        judged = self.contract is not None and self.contract.allowed
        return judged and self.migrations.healing.status == "clean"

    @property
    def lines(self) -> tuple[str, ...]:
        """The answer in words, the reasons for a no first."""
        said = [self.why_no_role] if self.why_no_role else []
        if self.contract is not None:
            said.append(f"contract: {self.contract}")
        healing = self.migrations.healing
        said += [f"{refusal.code}: {refusal.message}" for refusal in healing.refusals]
        for each in healing.environments:
            heads = ", ".join(each.plan.heads_before)
            said.append(
                f"migrations: {each.plan.layout.config} would have {len(each.plan.heads_before)} heads: {heads}"
            )
        if healing.status == "healed":
            said.append("the queue heals this when it lands; `pointsman heal` shows how")
        elif healing.status == "clean":
            said.append("migrations: no fork")
        if self.checks:
            said.append(f"the gate would run: {', '.join(self.checks)}")
        return tuple(said)

    def to_json(self) -> dict[str, Any]:
        healing = self.migrations.healing
        return {
            "allowed": self.allowed,
            "base": self.question.base,
            "head": self.question.head,
            "branch": self.question.branch,
            "author": self.author,
            "role": self.role,
            "tree": healing.merged,
            "checks": list(self.checks),
            "contract": contract_json(self.contract, self.why_no_role),
            "migrations": {**self.migrations.to_json(), "forked": healing.status == "healed"},
        }


def check_change(git: Git, question: Question) -> CheckReport:
    """Judge on the merged tree, by the contract on `base`. `NoContract` and UserError as `contract_at`."""
    contract = contract_at(git, question.base)
    facts = git.commit_facts(question.head)
    author = question.author or facts.author.email
    subject = Subject(author=author, branch=question.branch or "", head=question.head, target=contract.base)
    role = role_of(contract, subject)
    verdict = heal(git, question.base, question.head, contract, prover=None)
    report = CheckReport(
        question=question,
        author=author,
        role=None,
        why_no_role="",
        checks=(),
        contract=None,
        migrations=verdict,
    )
    if not isinstance(role, RoleFound):
        return replace(report, why_no_role=_why_no_role(role, question))
    judged = judge_change(git, contract, role.role, subject, question, verdict.healing.merged)
    if verdict.healing.merged is None:
        judged = _unmerged(judged, verdict)
    names = tuple(required_names(contract, role.role))
    return replace(report, role=role.role, checks=names, contract=judged)


def judge_change(
    git: Git, contract: Contract, role: str, subject: Subject, question: Question, merged: Sha | None
) -> ContractVerdict:
    """The contract's verdict on the `merged` tree, before any heal. Where git can't merge (None) there is no such
    tree: what the change itself brings is judged all the same."""
    base_tree = git.tree_of(question.base)
    return judge_trees(
        git,
        contract,
        role,
        subject,
        tip=question.base,
        onto_tree=base_tree,
        merged=merged if merged is not None else base_tree,
        now=question.now,
    )


def _unmerged(judged: ContractVerdict, verdict: Verdict) -> ContractVerdict:
    """What would land is not known, so whatever the change itself brings, the contract can't allow it."""
    problem = ChangeProblem(
        code=NOT_MERGED,
        message="git can't merge it, so the paths that would change are not all known",
        paths=tuple(path for refusal in verdict.healing.refusals for path in refusal.paths if path),
    )
    return replace(judged, outcome=Outcome.REFUSED, problems=(*judged.problems, problem), shadow_until=None)


def _why_no_role(outcome: NoRole | SeveralRoles | TargetVerdict, question: Question) -> str:
    if isinstance(outcome, TargetVerdict):
        return outcome.reason
    hint = "" if question.branch else "\n(no branch is known: name it with --branch)"
    return f"{outcome}{hint}"


def contract_json(verdict: ContractVerdict | None, why_no_role: str) -> dict[str, Any]:
    """The verdict as the JSON of `check` has it; None is nobody's change."""
    if verdict is None:
        return {"outcome": "refused", "code": "no_role", "message": why_no_role, "paths": [], "problems": []}
    return {
        "outcome": verdict.outcome.value,
        "message": str(verdict),
        "paths": [
            {
                "path": shown(one.path),
                "status": one.status.value,
                "rule": one.rule,
                "line": one.line,
                "reason": one.reason,
                "approvals_missing": list(one.approvals_missing),
            }
            for one in verdict.paths
        ],
        "waiting_for": [
            {
                "class": need.name,
                "by": list(need.by),
                "count": need.count,
                "human": need.human,
                "have": list(need.have),
            }
            for need in verdict.waiting_for
        ],
        "problems": [
            {"code": one.code, "message": one.message, "paths": [shown(path) for path in one.paths]}
            for one in verdict.problems
        ],
        "shadow_until": verdict.shadow_until,
    }
