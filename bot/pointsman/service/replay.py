"""Holds past landed changes to one contract and the healer, oldest first; it lands nothing and moves no ref."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pointsman.core.contract import (
    Contract,
    ContractVerdict,
    Outcome,
)
from pointsman.core.errors import EnvironmentProblem, GitFailed, MissingObject, UserError
from pointsman.core.migrations.backends import BACKENDS, backend_of
from pointsman.core.migrations.environment import Environment
from pointsman.core.migrations.landed import Fix, Forks, LandedFork
from pointsman.core.model import CommitFacts, PathChange, Sha
from pointsman.core.proof import Prover
from pointsman.core.replay import Origin, OutcomeWord, Said, origin_of
from pointsman.ports import Git
from pointsman.service.check import Question, contract_json, judge_change
from pointsman.service.contracts import find_contract
from pointsman.service.heal.rules import rules_of
from pointsman.service.heal.verdict import Verdict, heal
from pointsman.service.judging import Subject
from pointsman.service.migrations import Reader
from pointsman.service.past_roles import PastRoles

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

    `contract` None: there is no contract. `trouble` says what could not be told, and why; where that is
    everything, `migrations` is None.
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
            assumed=bool(verdict and self.contract and self.contract.note),
            rules=self._rules,
            paths=tuple(one.path for one in verdict.refused_paths) if verdict else (),
            healer=healing.status if healing else None,
            strategies=tuple(each.plan.strategy for each in healing.environments) if healing else (),
            codes=tuple(refusal.code for refusal in healing.refusals) if healing else (),
            forks=self.forks,
            fixes=self.fixes,
            blobs_read=healing.reads if healing else 0,
        )

    @property
    def _rules(self) -> tuple[str, ...]:
        """What kept it from landing: places in the contract, classes that wait, codes of problems, or its author."""
        if self.contract is None:
            return ()
        verdict = self.contract.verdict
        if verdict is None:
            return (f"no role for {self.author}",)
        if verdict.outcome is Outcome.ALLOWED:
            return ()
        found = [
            *(one.code for one in verdict.problems),
            *(one.rule for one in verdict.refused_paths),
            *(f"approval of class {need.name}" for need in verdict.waiting_for),
        ]
        return tuple(dict.fromkeys(found))

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
    """One run over one line: what was read for one change is kept for the next. `now` is for shadow mode."""

    git: Git
    line: Line
    now: float
    prover: Prover | None = None

    def run(self) -> Iterator[Replayed]:
        """Each landed change, oldest first. What a damaged or partial clone lacks ends no more than one of them."""
        contract = self.line.contract
        rules = rules_of(contract)
        reader = Reader(self.git, only=rules.only, named=tuple(rules.named), placed=rules.placed)
        roles = PastRoles(contract) if contract is not None else None
        landed = _Landed(self.git, reader)
        for sha in self.line.commits:
            one = self._change(sha)
            try:
                one = self._judged(one, reader, roles)
            except EnvironmentProblem as problem:
                one = _troubled(one, problem)
            try:
                forks, fixes = landed.step(one.facts)
                one = replace(one, forks=forks, fixes=fixes)
            except EnvironmentProblem as problem:
                one = _troubled(one, problem)
            yield one

    def _change(self, sha: Sha) -> Replayed:
        facts = self.git.commit_facts(sha)
        # An octopus merge is taken as one change: the healer merges two sides.
        head = facts.parents[1] if len(facts.parents) == 2 else sha
        try:
            author = self.git.commit_facts(head).author.email
        except MissingObject:
            author = facts.author.email
        return Replayed(facts=facts, head=head, origin=origin_of(facts.message), author=author)

    def _judged(self, one: Replayed, reader: Reader, roles: PastRoles | None) -> Replayed:
        base, contract = one.facts.parents[0], self.line.contract
        try:
            verdict = heal(self.git, base, one.head, contract, prover=self.prover, reader=reader)
        except MissingObject as lacking:
            if self.prover is None:
                raise
            # A proof needs every file of the tree; the plan needs those of the migrations only.
            verdict = heal(self.git, base, one.head, contract, prover=None, reader=reader)
            one = replace(one, trouble=f"not proved: {lacking}")
        answer = self._answer(one, roles, verdict.healing.merged) if roles is not None else None
        return replace(one, migrations=verdict, contract=answer)

    def _answer(self, one: Replayed, roles: PastRoles, merged: Sha | None) -> ContractAnswer:
        branch, contract = one.origin.branch, roles.contract
        subject = Subject(author=one.author, branch=branch or "", head=one.head, target=contract.base)
        past = roles.of(subject)
        if past.role is None:
            return ContractAnswer(role=None, verdict=None, note=past.note)
        question = Question(
            base=one.facts.parents[0], head=one.head, branch=branch, author=one.author, now=self.now
        )
        judged = judge_change(self.git, contract, past.role, subject, question, merged)
        return ContractAnswer(role=past.role, verdict=judged, note=past.note)


class _Landed:
    """The environments of each tree that really landed; a tree is read only where it can differ from the last.

    Where a tree can't be read, forks are lost sight of until one that touches migrations can."""

    def __init__(self, git: Git, reader: Reader) -> None:
        self._git = git
        self._reader = reader
        self._tree: Sha | None = None
        self._environments: tuple[Environment, ...] = ()
        self._forks: Forks | None = None

    def step(self, facts: CommitFacts) -> tuple[tuple[LandedFork, ...], tuple[Fix, ...]]:
        """Forks that the next commit landed and mended. EnvironmentProblem where it can't be told."""
        before = self._git.tree_of(facts.parents[0])
        changes = self._git.changed(before, facts.tree)
        matters = any(self._matters(change) for change in changes)
        starts, self._tree = self._tree != before, facts.tree
        if self._forks is None and not (starts or matters):
            return (), ()
        forks, self._forks = self._forks, None
        if starts or forks is None:
            self._environments = self._reader.read(before).environments
            forks = Forks(self._environments)
        if matters:
            self._environments = self._reader.read(facts.tree).environments
        self._forks = forks
        return forks.step(facts.sha, facts.committer.when, self._environments)

    def _matters(self, change: PathChange) -> bool:
        """Only a file that comes or goes can make an environment or end one, settings apart."""
        if any(each.may_configure(change.path) for each in BACKENDS):
            return True
        if change.status in "AD" and any(each.may_matter(change.path) for each in BACKENDS):
            return True
        layouts = (each.layout for each in self._environments)
        return any(backend_of(layout).is_revision_file(layout, change.path) for layout in layouts)


def _troubled(one: Replayed, problem: EnvironmentProblem) -> Replayed:
    if isinstance(problem, GitFailed):
        raise problem
    return replace(one, trouble=one.trouble or str(problem))


def _tip(git: Git, rev: str | None, contract: Contract | None) -> tuple[str, Sha]:
    if rev is not None:
        return rev, git.resolve(rev)
    for name in [*([contract.base] if contract else []), *LINES]:
        try:
            return name, git.resolve(name)
        except UserError:
            continue
    raise UserError("there is no commit to replay; name a branch with --rev REV")


def _answer_json(answer: ContractAnswer | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    said = contract_json(answer.verdict, answer.note)
    paths = [path for path in said["paths"] if path["status"] != "allowed"]
    return {"role": answer.role, "note": answer.note, **said, "outcome": answer.outcome, "paths": paths}
