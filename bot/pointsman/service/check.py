"""What landing one revision on another comes to, contract and migrations, without landing or running anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pointsman.core.contract import (
    ChangeProblem,
    Contract,
    ContractVerdict,
    NoRole,
    SeveralRoles,
    TargetVerdict,
)
from pointsman.core.contract.matching import branch_matches
from pointsman.core.contract.reasons import shown
from pointsman.core.healer.model import in_words
from pointsman.core.model import Sha
from pointsman.service.contracts import contract_at
from pointsman.service.heal.verdict import Verdict, heal
from pointsman.service.judging import Subject, judge_trees, refused, required_names, role_of

if TYPE_CHECKING:
    from pointsman.ports import Git

NOT_MERGED = "not_merged"
WRONG_TARGET = "wrong_target"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Landing `head` on `base`. `author` None: that of the head commit; `branch` None: not known; `target`, the
    branch that `base` is the tip of, None: the contract's."""

    base: Sha
    head: Sha
    branch: str | None
    author: str | None
    now: float
    target: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """The answer. `role` and `contract` None: nobody's change, `why_no_role` says why and `looked` where."""

    question: Question
    author: str
    role: str | None
    why_no_role: str
    checks: tuple[str, ...]
    contract: ContractVerdict | None
    migrations: Verdict
    looked: NoRole | SeveralRoles | None = None

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
        if self.migrations.healer is not None:
            said.append(f"healer: {in_words(self.migrations.healer)}")
        for each in healing.environments:
            heads = ", ".join(each.plan.heads_before)
            said.append(
                f"migrations: {each.plan.layout.config} would have {len(each.plan.heads_before)} heads: {heads}"
            )
        said += [f"conflicts: {one.words}" for one in healing.resolved]
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
            "contract": {**contract_json(self.contract, self.why_no_role), **self._candidates},
            "migrations": {**self.migrations.to_json(), "forked": self._forked},
        }

    @property
    def _forked(self) -> bool:
        healing = self.migrations.healing
        return healing.status == "healed" and bool(healing.environments)

    @property
    def _candidates(self) -> dict[str, Any]:
        """Where no role was found: the roles that were looked at."""
        match self.looked:
            case NoRole(candidates=candidates):
                looked = [{"role": one.role, "line": one.line, "why": one.why} for one in candidates]
                return {"code": "no_role", "candidates": looked}
            case SeveralRoles(names=names, lines=lines):
                matched = zip(names, lines, strict=True)
                looked = [{"role": name, "line": line, "why": "matches"} for name, line in matched]
                return {"code": "several_roles", "candidates": looked}
            case None:
                return {}


def check_change(git: Git, question: Question) -> CheckReport:
    """Judge on the merged tree, by the contract on `base`. `NoContract` and UserError as `contract_at`."""
    contract = contract_at(git, question.base)
    facts = git.commit_facts(question.head)
    author = question.author or facts.author.email
    subject = Subject(
        author=author,
        branch=question.branch or "",
        head=question.head,
        target=_target(contract, question.target),
    )
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
    if isinstance(role, NoRole | SeveralRoles):
        return replace(report, why_no_role=_why_no_role(role, question), looked=role)
    judged = judge_change(git, contract, role.role, subject, question, verdict.healing.merged)
    if isinstance(role, TargetVerdict):
        judged = refused(judged, ChangeProblem(code=WRONG_TARGET, message=role.reason, paths=()))
    if verdict.healing.merged is None:
        judged = refused(judged, _not_merged(verdict))
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


def _target(contract: Contract, branch: str | None) -> str:
    """The branch that is landed on: the contract's base, or the named one where the contract speaks of landing
    there. A commit or a branch of another name stands for the base: `check` is asked of past and draft bases too."""
    told = [pattern for role in contract.roles.values() for pattern in role.targets]
    told += [pattern for role in contract.roles.values() if role.accepts_from for pattern in role.branches]
    known = branch is not None and any(branch_matches(pattern.text, branch) for pattern in told)
    return branch if branch is not None and known else contract.base


def _not_merged(verdict: Verdict) -> ChangeProblem:
    """What would land is not known, so whatever the change itself brings, the contract can't allow it."""
    return ChangeProblem(
        code=NOT_MERGED,
        message="git can't merge it, so the paths that would change are not all known",
        paths=tuple(path for refusal in verdict.healing.refusals for path in refusal.paths if path),
    )


def _why_no_role(outcome: NoRole | SeveralRoles, question: Question) -> str:
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
