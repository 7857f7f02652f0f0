"""Brings one change onto a commit: contract, merge, heal and proof; out comes a commit to test, or a reason.

It writes objects, never a ref, and runs nothing but the proof (in the runner).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from pointsman.core import messages
from pointsman.core.contract import (
    Contract,
    ContractVerdict,
    Outcome,
    PathStatus,
    RoleFound,
    TargetVerdict,
)
from pointsman.core.contract.evidence import read_evidence
from pointsman.core.contract.reasons import shown
from pointsman.core.landing import merge_message, squash_message
from pointsman.core.model import Sha, Signature
from pointsman.core.pulls.model import RequiredCheck
from pointsman.core.queue.checks import PROOF, beside, check_named, digest, gate_of
from pointsman.core.queue.model import Change, Healed, Member, Reason, Wait
from pointsman.core.queue.waits import behind_key
from pointsman.ports import Clock, Git, People, Store
from pointsman.service.contracts import CONTRACT_PATH
from pointsman.service.judging import Subject, is_builtin_required, judge_trees, role_of
from pointsman.service.recorded import LocalPeople, subject_of
from pointsman.service.stacking import Stacked, Stacker, Unstackable

BOT = ("Pointsman", "pointsman@localhost")
MERGE_CONFLICT = "merge_conflict"
NAME_COLLISION = "name_collision"


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """The change stands on its commit, ready to be tested: `checks` are (name, digest)."""

    member: Member
    checks: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The change can't land as it is, whatever happens to others."""

    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The change can't be built now; it stays in the queue."""

    wait: Wait


@dataclass(kw_only=True)
class Builder:
    """Makes candidates' commits. The contract is the one on the tip, whatever the commit built on says.

    `required` tells what the lane's branch rules ask for beside the contract; with `prove_as_check` a heal is proved
    by a check on the candidate, because the stacker proves nothing.
    """

    git: Git
    store: Store
    clock: Clock
    stacker: Stacker
    people: People = field(default_factory=LocalPeople)
    required: Callable[[str], tuple[RequiredCheck, ...]] = lambda _: ()
    prove_as_check: bool = False

    def build(
        self,
        change: Change,
        *,
        tip: Sha,
        onto: Sha,
        contract: Contract,
        facts: str,
        beneath: Collection[int] = (),
    ) -> Built | Refused | Held:
        """Bring `change` onto `onto`, which brings the changes `beneath` to the tip. What only fails because of a
        change that is beneath is held, not refused. `facts` as `core.queue.waits.build_facts` names them."""
        key = behind_key(change.wait, facts, beneath)
        if self.git.is_ancestor(change.head, tip):
            return Refused(reason=messages.gone_from_base(change, tip))
        subject = subject_of(self.store, self.people, change, contract)
        role = role_of(contract, subject)
        if not isinstance(role, RoleFound):
            return Refused(reason=_role_refusal(change, role))
        missing = _evidence(contract, role.role, change)
        if missing is not None:
            return Refused(reason=missing)
        stacked = self.stacker.stack(onto, change.head, contract)
        if isinstance(stacked, Unstackable):
            if onto != tip:
                return Held(wait=_behind(stacked.text, key))
            return Refused(reason=_unstackable(change, tip, stacked))
        onto_tree = self.git.tree_of(onto)
        if stacked.tree == onto_tree:
            nothing = messages.nothing_new(change)
            return Refused(reason=nothing) if onto == tip else Held(wait=_behind(nothing.text, key))
        if onto != tip and self._rules_differ(tip, onto_tree, stacked.merged):
            return Held(wait=_behind(messages.contract_lands_alone(), key))
        verdict = judge_trees(
            self.git,
            contract,
            role.role,
            subject,
            tip=tip,
            onto_tree=onto_tree,
            merged=stacked.merged,
            now=self.clock.now(),
        )
        if onto != tip and any(problem.code == NAME_COLLISION for problem in verdict.problems):
            return Held(wait=_behind(str(verdict), key))
        if not verdict.allowed:
            return _not_allowed(change, verdict, behind_key(None, facts, ()))
        return self._commit(change, subject, role.role, onto, contract, verdict, stacked)

    def _rules_differ(self, tip: Sha, onto: Sha, merged: Sha) -> bool:
        """Whether the change, or one beneath it, changes the contract: nobody lands beside that, under rules that are
        about to go (I4)."""
        rules = (self.git.entry(tree, CONTRACT_PATH) for tree in (self.git.tree_of(tip), onto, merged))
        return len({None if entry is None else entry.oid for entry in rules}) > 1

    def combine(self, change: Change, *, onto: Sha, contract: Contract) -> Sha | None:
        """The change merged (and healed) onto an older base, for a probe; None when that can't be built."""
        stacked = self.stacker.stack(onto, change.head, contract, prove=False)
        if isinstance(stacked, Unstackable):
            return None
        return self.git.commit(
            tree=stacked.tree,
            parents=(onto, change.head),
            message=f"Probe: {messages.name(change)} on {onto}\n",
            author=self._bot(),
            committer=self._bot(),
        )

    def _commit(
        self,
        change: Change,
        subject: Subject,
        role: str,
        onto: Sha,
        contract: Contract,
        verdict: ContractVerdict,
        stacked: Stacked,
    ) -> Built:
        squash = contract.queue.merge_method == "squash"
        facts = self.git.commit_facts(change.head)
        brought = [
            self.git.commit_facts(one) for one in self.git.commits(change.head, exclude=(onto,), limit=50)
        ]
        text = squash_message if squash else merge_message
        commit = self.git.commit(
            tree=stacked.tree,
            parents=(onto,) if squash else (onto, change.head),
            message=text(change, role, stacked.healed, [one.message for one in reversed(brought)]),
            author=facts.author if squash else self._bot(),
            committer=self._bot(),
        )
        member = Member(
            change=change.id,
            head=subject.head,
            role=role,
            commit=commit,
            tree=stacked.tree,
            healed=stacked.healed,
        )
        gate = gate_of(contract, role, verdict)
        gate = (*gate, *beside(gate, self.required(change.lane)))
        if stacked.healed is not None and stacked.to_prove and self.prove_as_check:
            gate = (*gate, check_named(contract, PROOF))
        return Built(member=member, checks=tuple((check.name, digest(check)) for check in gate))

    def _bot(self) -> Signature:
        return Signature(name=BOT[0], email=BOT[1], when=int(self.clock.now()))


def _behind(why: str, key: str) -> Wait:
    return Wait(code="behind", text=messages.behind("the change before it", why), key=key)


def _role_refusal(change: Change, outcome: object) -> Reason:
    if isinstance(outcome, TargetVerdict):
        return messages.wrong_target(outcome.reason)
    return Reason(code="no_role", text=messages.no_role(change.author, change.branch, outcome))


def _evidence(contract: Contract, role: str, change: Change) -> Reason | None:
    if not is_builtin_required(contract, role, "evidence"):
        return None
    verdict = read_evidence(f"{change.title}\n\n{change.body}", contract, role)
    return (
        None if verdict.ok else messages.evidence_missing(" ".join(verdict.missing), verdict.template, change)
    )


def _unstackable(change: Change, tip: Sha, stacked: Unstackable) -> Reason:
    if stacked.code == MERGE_CONFLICT:
        return messages.merge_conflict(change, tip, stacked.text, stacked.details)
    return messages.not_healed(change, tip, code=stacked.code, text=stacked.text, details=stacked.details)


def _not_allowed(change: Change, verdict: ContractVerdict, key: str) -> Refused | Held:
    if verdict.outcome is Outcome.WAITING:
        paths = [shown(one.path) for one in verdict.paths if one.status is PathStatus.NEEDS_APPROVAL]
        needed = messages.approvals_needed(change, verdict, paths)
        return Held(wait=Wait(code="approval", text=needed, key=key))
    return Refused(reason=messages.not_owned(verdict, change))


__all__ = ["BOT", "Builder", "Built", "Healed", "Held", "Refused"]
