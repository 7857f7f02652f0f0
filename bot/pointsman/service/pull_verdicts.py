"""The verdict on a pull request's head before anything runs, kept while it holds; it posts and proves nothing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from pointsman.core.conflicts.model import NEEDS_REGENERATING
from pointsman.core.contract import (
    Approval,
    ChangeProblem,
    Contract,
    ContractVerdict,
    NoRole,
    SeveralRoles,
    TargetVerdict,
)
from pointsman.core.model import Merged, Sha
from pointsman.core.pulls.model import Pull
from pointsman.core.pulls.telling import HealedGraph, Judged, MigrationsTold
from pointsman.core.queue.model import Change
from pointsman.ports import Clock, Git, People, Store
from pointsman.service.check import NOT_MERGED, WRONG_TARGET, CheckReport, Question, judge_change
from pointsman.service.heal.explain import graphs_of
from pointsman.service.heal.model import Healing
from pointsman.service.heal.verdict import Verdict, heal
from pointsman.service.judging import Subject, refused, required_names, role_of
from pointsman.service.migrations import Reader
from pointsman.service.recorded import subject_of

KEPT = 500
"""How many verdicts and repairs are remembered."""


@dataclass(kw_only=True)
class Verdicts:
    """Judges heads of one repository, each once per base tip and what people said of it. `regenerates`: the queue makes
    files anew where it builds, so that a head that only waits for that is not refused."""

    git: Git
    store: Store
    people: People
    clock: Clock
    reader: Reader
    regenerates: bool = False
    _reports: OrderedDict[Hashable, CheckReport] = field(default_factory=OrderedDict)
    _heals: OrderedDict[tuple[Sha, Sha, str], Verdict] = field(default_factory=OrderedDict)

    def of_pull(
        self, pull: Pull, tip: Sha, contract: Contract, *, approvals: tuple[Approval, ...] = ()
    ) -> CheckReport:
        """Landing the pull request's head on `tip` under `contract`. `approvals` are added to none: nothing is
        recorded for a head that is not queued."""
        key = ("pull", tip, pull.head, pull.branch, pull.author, pull.base, approvals)

        def subject() -> Subject:
            return Subject(
                author=pull.author.login,
                who=self.people.author(pull.author.login, pull.author.id, contract),
                branch=pull.branch,
                head=pull.head,
                target=pull.base,
                approvals=approvals,
            )

        return self._kept(key, lambda: self.judge(subject(), tip, contract))

    def of_change(self, change: Change, tip: Sha, contract: Contract) -> CheckReport:
        """Landing a queued head, with what people said of it. While it is queued a moved tip asks for no new verdict:
        the queue itself judges again what it builds."""
        said = (self.store.approvals([change.id]), self.store.grants([change.id]))
        key = ("change", change.id, change.head, contract.digest, said)

        def judged() -> CheckReport:
            return self.judge(subject_of(self.store, self.people, change, contract), tip, contract)

        return self._kept(key, judged)

    def graphs(self, onto: Sha, head: Sha, contract: Contract | None) -> tuple[HealedGraph, ...]:
        """The repair of `head` on `onto`, to be drawn."""
        return graphs_of(self._heal(onto, head, contract).healing)

    def judge(self, subject: Subject, tip: Sha, contract: Contract) -> CheckReport:
        """Landing the subject's head on `tip`; only the repair is remembered."""
        question = Question(
            base=tip,
            head=subject.head,
            branch=subject.branch,
            author=subject.author,
            now=self.clock.now(),
            target=subject.target,
        )
        role = role_of(contract, subject)
        verdict = self._heal(tip, subject.head, contract)
        report = CheckReport(
            question=question,
            author=subject.author,
            role=None,
            why_no_role="",
            checks=(),
            contract=None,
            migrations=verdict,
        )
        if isinstance(role, NoRole | SeveralRoles):
            return replace(report, why_no_role=str(role), looked=role)
        judged = judge_change(self.git, contract, role.role, subject, question, verdict.healing.merged)
        if isinstance(role, TargetVerdict):
            judged = refused(judged, ChangeProblem(code=WRONG_TARGET, message=role.reason, paths=()))
        names = tuple(required_names(contract, role.role))
        return replace(report, role=role.role, checks=names, contract=_if_merged(judged, verdict.healing))

    def _heal(self, onto: Sha, head: Sha, contract: Contract | None) -> Verdict:
        key = (onto, head, contract.digest if contract is not None else "")
        if key not in self._heals:
            verdict = heal(self.git, onto, head, contract, prover=None, reader=self.reader)
            verdict = made_later(verdict) if self.regenerates else verdict
            self._heals[key] = as_it_stands(self.git, verdict)
            _trim(self._heals)
        return self._heals[key]

    def _kept(self, key: Hashable, judge: Callable[[], CheckReport]) -> CheckReport:
        if key not in self._reports:
            self._reports[key] = judge()
            _trim(self._reports)
        return self._reports[key]


def made_later(verdict: Verdict) -> Verdict:
    """The verdict where nothing but a command that has yet to run stands in the way."""
    refusals = verdict.healing.refusals
    if not refusals or any(refusal.code != NEEDS_REGENERATING for refusal in refusals):
        return verdict
    return replace(verdict, healing=replace(verdict.healing, refusals=()))


def as_it_stands(git: Git, verdict: Verdict) -> Verdict:
    """A head that carries its fix commit already forks nothing: the queue would make that commit anew, so the verdict
    speaks of a heal, and plain git comes to the very same tree."""
    healing = verdict.healing
    if healing.status != "healed":
        return verdict
    plain = git.merge(healing.onto, healing.head)
    if not isinstance(plain, Merged) or plain.tree != healing.tree:
        return verdict
    return replace(verdict, healing=replace(healing, environments=(), resolved=()))


def _trim(kept: OrderedDict[Hashable, CheckReport] | OrderedDict[tuple[Sha, Sha, str], Verdict]) -> None:
    while len(kept) > KEPT:
        kept.popitem(last=False)


def _if_merged(verdict: ContractVerdict, healing: Healing) -> ContractVerdict:
    """Where git can't merge it, what would change is not known, so the contract can't allow it."""
    if healing.merged is not None:
        return verdict
    return refused(
        verdict,
        ChangeProblem(
            code=NOT_MERGED,
            message="git can't merge it, so the paths that would change are not all known",
            paths=tuple(path for refusal in healing.refusals for path in refusal.paths if path),
        ),
    )


def judged_of(report: CheckReport) -> Judged:
    """The report in the words of telling; the Action makes its summary and SARIF of this too."""
    question, healing = report.question, report.migrations.healing
    return Judged(
        base=question.base,
        head=question.head,
        branch=question.branch or "",
        author=report.author,
        role=report.role,
        why_no_role=report.why_no_role,
        checks=report.checks,
        contract=report.contract,
        migrations=MigrationsTold(
            status=healing.status if healing.environments or healing.refusals else "clean",
            graphs=graphs_of(healing),
            refusals=healing.refusals,
        ),
    )
