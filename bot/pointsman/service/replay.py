"""Holds past landed changes to one contract and the healer, oldest first; it lands nothing and moves no ref."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from pointsman.core import contract as contracts
from pointsman.core.contract import Contract, ContractVerdict, NoRole, Outcome, RoleFound, RoleOutcome
from pointsman.core.errors import EnvironmentProblem, GitFailed, UserError
from pointsman.core.migrations.backends import BACKENDS, backend_of
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.landed import Fix, Forks, LandedFork
from pointsman.core.model import CommitFacts, PathChange, Sha
from pointsman.core.proof import Prover
from pointsman.core.replay import Origin, OutcomeWord, Said, login_of, origin_of
from pointsman.ports import Git
from pointsman.service.check import Question, contract_json, judge_change
from pointsman.service.contracts import find_contract
from pointsman.service.heal_rules import rules_of
from pointsman.service.healing import Verdict, heal
from pointsman.service.judging import Subject, local_author, role_of
from pointsman.service.migrations import Reader

LINES = ("main", "master", "HEAD")
"""Where history is looked for when neither the caller nor a contract names a branch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """What is replayed: the newest landed changes of a first-parent line, oldest first, and the contract."""

    name: str
    tip: Sha
    commits: tuple[Sha, ...]
    contract: Contract | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractAnswer:
    """`verdict` None: nobody's change, and `note` says why. Else `note` says what was assumed, if anything."""

    role: str | None
    verdict: ContractVerdict | None
    note: str = ""

    @property
    def outcome(self) -> OutcomeWord:
        return self.verdict.outcome.value if self.verdict else "no_role"


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """One landed change. `head` is what was merged: the second parent of a merge, else the commit itself.

    `contract` None: there is no contract. `trouble` says why it could not be judged; then `migrations` is None.
    """

    facts: CommitFacts
    head: Sha
    origin: Origin
    author: str
    contract: ContractAnswer | None = None
    migrations: Verdict | None = None
    forks: tuple[LandedFork, ...] = ()
    fixes: tuple[Fix, ...] = ()
    trouble: str = ""

    @property
    def said(self) -> Said:
        healing = self.migrations.healing if self.migrations else None
        verdict = self.contract.verdict if self.contract else None
        return Said(
            outcome=self.contract.outcome if self.contract else None,
            rules=_rules(verdict),
            paths=tuple(one.path for one in verdict.refused_paths) if verdict else (),
            healer=healing.status if healing else None,
            strategies=tuple(each.plan.strategy for each in healing.environments) if healing else (),
            codes=tuple(refusal.code for refusal in healing.refusals) if healing else (),
            forks=self.forks,
            fixes=self.fixes,
            blobs_read=healing.reads if healing else 0,
            trouble=self.trouble,
        )

    def to_json(self) -> dict[str, Any]:
        """Paths that were allowed are left out."""
        return {
            "commit": self.facts.sha,
            "base": self.facts.parents[0],
            "head": self.head,
            "at": self.facts.committer.when,
            "subject": self.facts.message.partition("\n")[0],
            "branch": self.origin.branch,
            "pull_request": self.origin.pull_request,
            "author": self.author,
            "contract": _answer_json(self.contract),
            "migrations": self.migrations.to_json() if self.migrations else None,
            "forks_landed": [{"config": fork.config, "heads": list(fork.heads)} for fork in self.forks],
            "forks_fixed": [
                {
                    "landed_in": fix.fork.commit,
                    "config": fix.fork.config,
                    "how": fix.how,
                    "seconds": fix.seconds,
                }
                for fix in self.fixes
            ],
            "trouble": self.trouble or None,
        }


def find_line(git: Git, *, rev: str | None, last: int, contract: Contract | None) -> Line:
    """The line to replay. Without `rev` it is the contract's base, else `LINES`; without `contract` the one at the
    line's tip counts. UserError for an unknown `rev`, an unreadable contract, or a repository without commits.

    The first commit of a history landed on nothing and is left out.
    """
    name, tip = _tip(git, rev, contract)
    if contract is None:
        contract = find_contract(git, tip)
        if contract is not None and rev is None:
            name, tip = _tip(git, None, contract)
            contract = find_contract(git, tip) or contract
    newest = git.commits(tip, first_parent=True, limit=last)
    landed = tuple(sha for sha in reversed(newest) if git.commit_facts(sha).parents)
    return Line(name=name, tip=tip, commits=landed, contract=contract)


@dataclass(kw_only=True)
class Replay:
    """One run over one line: what was read for a change is kept for the next."""

    git: Git
    line: Line
    now: float
    prover: Prover | None = None
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Reader(self.git, only=rules_of(self.line.contract).only)

    def run(self) -> Iterator[Replayed]:
        """Each landed change, oldest first. What a damaged or partial clone lacks ends no more than one of them."""
        landed = _Landed(self.git, self.reader)
        for sha in self.line.commits:
            facts = self.git.commit_facts(sha)
            # An octopus merge is taken as one change: the healer merges two sides.
            head = facts.parents[1] if len(facts.parents) == 2 else sha
            author = self.git.commit_facts(head).author.email if _has(self.git, head) else facts.author.email
            replayed = Replayed(facts=facts, head=head, origin=origin_of(facts.message), author=author)
            try:
                replayed = self._judged(replayed)
                forks, fixes = landed.step(facts)
                yield replace(replayed, forks=forks, fixes=fixes)
            except GitFailed:
                raise
            except EnvironmentProblem as problem:
                yield replace(replayed, trouble=str(problem))

    def _judged(self, one: Replayed) -> Replayed:
        base = one.facts.parents[0]
        verdict = heal(self.git, base, one.head, self.line.contract, prover=self.prover, reader=self.reader)
        answer = self._contract(self.line.contract, one, base, verdict) if self.line.contract else None
        return replace(one, migrations=verdict, contract=answer)

    def _contract(self, contract: Contract, one: Replayed, base: Sha, verdict: Verdict) -> ContractAnswer:
        branch = one.origin.branch
        subject = Subject(author=one.author, branch=branch or "", head=one.head, target=contract.base)
        role, note = self._role(contract, subject)
        if role is None:
            return ContractAnswer(role=None, verdict=None, note=note)
        question = Question(base=base, head=one.head, branch=branch, author=one.author, now=self.now)
        judged = judge_change(self.git, contract, role, subject, question, verdict.healing.merged)
        return ContractAnswer(role=role, verdict=judged, note=note)

    def _role(self, contract: Contract, subject: Subject) -> tuple[str | None, str]:
        """The role and what was assumed for it, or None and why there is none."""
        login = login_of(subject.author)
        known = [subject, replace(subject, author=login)] if login else [subject]
        outcomes = [role_of(contract, each) for each in known]
        for outcome in outcomes:
            if isinstance(outcome, RoleFound):
                return outcome.role, ""
        if subject.branch or not isinstance(outcomes[0], NoRole):
            return None, _first_words(outcomes[0])
        by_identity = [self._by_identity(contract, each) for each in known]
        for found in by_identity:
            if isinstance(found, RoleFound):
                target = contracts.judge_target(contract, found.role, subject.target)
                if not target.allowed:
                    return None, target.reason
                return found.role, "the branch is not known: role by identity alone"
        return None, f"the branch is not known, and {_first_words(by_identity[0])}"

    def _by_identity(self, contract: Contract, subject: Subject) -> RoleOutcome:
        return contracts.resolve_role(self._any_branch, local_author(subject.author), "")

    @cached_property
    def _any_branch(self) -> Contract:
        """The contract as if every role worked on any branch: squashed history forgot the names of branches."""
        assert self.line.contract is not None  # noqa: S101 - only asked where there is one
        roles = {name: replace(role, branches=()) for name, role in self.line.contract.roles.items()}
        return replace(self.line.contract, roles=roles)


class _Landed:
    """The environments of each tree that really landed; a tree is read only where it can differ from the last."""

    def __init__(self, git: Git, reader: Reader) -> None:
        self._git = git
        self._reader = reader
        self._tree: Sha | None = None
        self._environments: tuple[Environment, ...] = ()
        self._forks = Forks(())

    def step(self, facts: CommitFacts) -> tuple[tuple[LandedFork, ...], tuple[Fix, ...]]:
        before = self._git.tree_of(facts.parents[0])
        if self._tree != before:
            self._environments = self._reader.read(before).environments
            self._forks = Forks(self._environments)
        changes = self._git.changed(before, facts.tree)
        if any(self._matters(change) for change in changes):
            self._environments = self._reader.read(facts.tree).environments
        self._tree = facts.tree
        return self._forks.step(facts.sha, facts.committer.when, self._environments)

    def _matters(self, change: PathChange) -> bool:
        """Only a file that comes or goes can make an environment or end one, settings apart."""
        if any(each.may_configure(change.path) for each in BACKENDS):
            return True
        if change.status in "AD" and any(each.may_matter(change.path) for each in BACKENDS):
            return True
        layouts = (each.layout for each in self._environments)
        return any(backend_of(layout).is_revision_file(layout, change.path) for layout in layouts)


def _tip(git: Git, rev: str | None, contract: Contract | None) -> tuple[str, Sha]:
    if rev is not None:
        return rev, git.resolve(rev)
    for name in [*([contract.base] if contract else []), *LINES]:
        try:
            return name, git.resolve(name)
        except UserError:
            continue
    raise UserError("there is no commit to replay; name a branch with --rev REV")


def _has(git: Git, commit: Sha) -> bool:
    try:
        git.commit_facts(commit)
    except EnvironmentProblem:
        return False
    return True


def _rules(verdict: ContractVerdict | None) -> tuple[str, ...]:
    """What kept the change from landing: places in the contract, classes that wait, codes of problems."""
    if verdict is None or verdict.outcome is Outcome.ALLOWED:
        return ()
    return tuple(
        dict.fromkeys(
            [
                *(one.code for one in verdict.problems),
                *(one.rule for one in verdict.refused_paths),
                *(f"approval of class {need.name}" for need in verdict.waiting_for),
            ]
        )
    )


def _first_words(outcome: object) -> str:
    """Without the list of every role that was looked at."""
    reason = getattr(outcome, "reason", None)
    return str(reason or outcome).partition("\n")[0].rstrip(":")


def _answer_json(answer: ContractAnswer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    said = contract_json(answer.verdict, answer.note)
    paths = [path for path in said["paths"] if path["status"] != "allowed"]
    return {"role": answer.role, "note": answer.note, **said, "outcome": answer.outcome, "paths": paths}
