"""Hands a refused heal to the contract's healer command and judges what comes back; it runs nothing itself.

A patch counts only where it keeps to unpublished migrations, where the very same rules then find nothing to refuse,
and where a proof passed, whatever `proof:` says. Everything else leaves the refusal as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pointsman.core.healer.judge import Rejected, judge, why_not
from pointsman.core.healer.model import Answer, Asked, Attempt, HealerCommand, Outcome, Question, one_line
from pointsman.core.healer.request import Request
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.model import GitPath, Sha
from pointsman.core.proof import Proof, ProofRequest, Prover, with_one_order
from pointsman.service.heal.asking_after import look
from pointsman.service.heal.asking_case import Case, Cases
from pointsman.service.heal.asking_memory import Memory, Recalled
from pointsman.service.heal.healer import Healer
from pointsman.service.heal.model import HealedEnvironment, Healing

if TYPE_CHECKING:
    from pointsman.core.contract import Contract
    from pointsman.core.contract.model import Healer as HealerRule
    from pointsman.ports import Git

NOT_HERE = (
    "The contract names a healer command for this. It was not asked: that is for a queue that proves heals on its own "
    "machine, and for `pointsman heal` with a proof."
)
ROUNDS = 4
"""For so many bases a command is asked about one and the same head; then it is left to people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mended:
    """A heal that a healer command's patch made possible; the proof has passed."""

    healing: Healing
    proof: Proof
    asked: Asked


@dataclass(frozen=True, kw_only=True, slots=True)
class _Failed:
    """Why a patch was not taken, with the proof that says so where one does."""

    outcome: Outcome
    detail: str
    proof: Proof | None = None


@dataclass(kw_only=True)
class Asking:
    """Asks for patches in one repository. `healer` is the mechanics under the contract's rules; `heal_again` the same
    with OF_TWO_SIDES waived, and with whatever else belongs to a merge done."""

    git: Git
    contract: Contract
    rule: HealerRule
    command: HealerCommand
    prover: Prover
    healer: Healer
    heal_again: Callable[[Sha, Sha], Healing]
    memory: Memory | None = None

    @property
    def _cases(self) -> Cases:
        return Cases(git=self.git, reader=self.healer.reader)

    def mend(self, refused: Healing, proof: Proof | None) -> Mended | Asked:
        """What the command makes of a refusal: a proved heal, or what it tried. `proof` is the failing one."""
        beyond = why_not(refused.refusals)
        if beyond is not None or refused.merged is None:
            return Asked(why_not=beyond or "")
        original = self.healer.original(refused.head)
        case = self._cases.of(refused, refused.merged, proof, original=original)
        if not case.sites or (not case.room.contents and refused.onto != refused.head):
            return Asked(
                why_not="No unpublished migration is there to be patched: the healer command was not asked."
            )
        onto_tree = self.git.tree_of(refused.onto)
        known = dict(self.memory.recall(case.original)) if self.memory else {}
        again = self._once_more(case, known.pop(onto_tree, None), known)
        if again is not None:
            return again
        return self._ask(case, onto_tree)

    def _once_more(
        self, case: Case, here: Recalled | None, elsewhere: Mapping[Sha, Recalled]
    ) -> Mended | Asked | None:
        """What earlier askings come to now; None where the command is to be asked."""
        for before in (here, *elsewhere.values()):
            if before is None or before.patch is None:
                continue
            tried = self._try(case, before.patch)
            if not isinstance(tried, _Failed):
                return self._mended(case, tried, before.attempts, remembered=True)
        if here is not None:
            return Asked(attempts=here.attempts, remembered=True)
        count = sum(len(before.attempts) for before in elsewhere.values())
        if count >= ROUNDS * self.rule.attempts:
            why = f"It was asked {count} times about this change already, on other bases, and is not asked again."
            return Asked(why_not=why, remembered=True)
        return None

    def _ask(self, case: Case, onto_tree: Sha) -> Mended | Asked:
        attempts: list[Attempt] = []
        proof = case.proof
        for number in range(1, self.rule.attempts + 1):
            answer = self._answer(case, number, tuple(attempts), proof)
            tried = self._judged(case, answer)
            if not isinstance(tried, _Failed):
                attempts.append(_attempt(number, answer, Outcome.ACCEPTED, ""))
                self._keep(case, onto_tree, attempts, answer.patch)
                return self._mended(case, tried, tuple(attempts))
            attempts.append(_attempt(number, answer, tried.outcome, tried.detail))
            proof = tried.proof or proof
        self._keep(case, onto_tree, attempts, None)
        return Asked(attempts=tuple(attempts))

    def _keep(self, case: Case, onto_tree: Sha, attempts: Sequence[Attempt], patch: bytes | None) -> None:
        if self.memory is not None:
            self.memory.keep(case.original, onto_tree, Recalled(attempts=tuple(attempts), patch=patch))

    def _answer(self, case: Case, number: int, previous: tuple[Attempt, ...], proof: Proof | None) -> Answer:
        request = Request(
            attempt=number,
            attempts=self.rule.attempts,
            base=case.refused.onto,
            head=case.refused.head,
            merged=case.merged,
            environments=tuple(self._cases.told(site) for site in case.sites),
            refusals=case.refused.refusals,
            proof=proof,
            may_edit=tuple(sorted(case.room.contents)),
            new_files_in=tuple(sorted({folder for site in case.sites for folder in site.layout.versions})),
            max_patch=self.rule.max_patch,
            previous=previous,
        )
        return self.command.ask(
            Question(
                base=case.refused.onto,
                merged=case.merged,
                request=request.to_bytes(),
                healer=self.rule,
                policy=self.contract.sandbox,
            )
        )

    def _judged(self, case: Case, answer: Answer) -> tuple[Healing, Proof] | _Failed:
        if answer.outcome is not None:
            return _Failed(outcome=answer.outcome, detail=answer.detail)
        return self._try(case, answer.patch)

    def _try(self, case: Case, patch: bytes) -> tuple[Healing, Proof] | _Failed:
        """The tree that the patch makes, healed by the same rules and proved."""
        edits = judge(patch, case.room)
        if isinstance(edits, Rejected):
            return _Failed(outcome=edits.outcome, detail=edits.detail)
        refused = case.refused
        facts = self.git.commit_facts(case.original)
        patched = self.git.commit(
            tree=self.git.edit(self.git.tree_of(case.original), edits),
            parents=(case.original,),
            message="Take the healer command's patch\n",
            author=facts.author,
            committer=facts.committer,
        )
        again = self.heal_again(refused.onto, patched)
        if again.tree is None or again.merged is None:
            return _refused_again(again.refusals)
        if self.git.edit(again.merged, edits) != again.merged:
            return _Failed(outcome=Outcome.REFUSED, detail="the merge takes only a part of the patch")
        environments, requests = [], []
        for site in case.sites:
            rule = self.healer.rules.of(site.layout)
            after = look(self._cases, site, again, rule, patched=edits)
            if beyond := after.why_not(rule):
                return _Failed(outcome=Outcome.REFUSED, detail=one_line(beyond))
            environments.append(after.healed())
            requests.append(after.request(refused.onto, again.tree, rule))
        proof = self._proved(requests)
        if isinstance(proof, _Failed):
            return proof
        merged = self.git.edit(again.merged, {path: case.room.contents.get(path) for path in edits})
        healing = replace(
            again,
            head=refused.head,
            merged=merged,
            environments=tuple(environments),
            files=self._files(merged, again.tree),
            by_command=_as_landed(edits, environments),
        )
        return healing, proof

    def _proved(self, requests: Sequence[ProofRequest]) -> Proof | _Failed:
        proofs = []
        for request in requests:
            proof = self.prover.prove(request)
            if not proof.passed and not request.same_data:
                proof = with_one_order(proof) or proof
            if not proof.passed:
                outcome = Outcome.PROOF_FAILED if proof.ran else Outcome.NOT_PROVED
                return _Failed(outcome=outcome, detail=one_line(proof.reason or ""), proof=proof)
            proofs.append(proof)
        whole = together(proofs)
        assert whole is not None  # noqa: S101 - nobody is asked about no environment
        return whole

    def _mended(
        self,
        case: Case,
        made: tuple[Healing, Proof],
        attempts: tuple[Attempt, ...],
        *,
        remembered: bool = False,
    ) -> Mended:
        healing, proof = made
        asked = Asked(attempts=attempts, used=True, wrote=healing.by_command, remembered=remembered)
        return Mended(healing=healing, proof=proof, asked=asked)

    def _files(self, merged: Sha, tree: Sha) -> dict[GitPath, bytes | None]:
        changes = self.git.changed(merged, tree)
        oids = [change.new_oid for change in changes if change.new_oid is not None]
        blobs = dict(self.git.read(oids)) if oids else {}
        return {change.path: blobs[change.new_oid] if change.new_oid else None for change in changes}


def _as_landed(
    edits: Mapping[GitPath, bytes | None], healed: Sequence[HealedEnvironment]
) -> tuple[GitPath, ...]:
    """The files of a patch by the paths at which the repair left them."""
    moved = {move.path: move.new_path for each in healed for move in each.plan.moves}
    return tuple(sorted({moved.get(path, path) for path in edits}))


def _attempt(number: int, answer: Answer, outcome: Outcome, detail: str) -> Attempt:
    return Attempt(
        number=number,
        seconds=answer.seconds,
        exit_code=answer.exit_code,
        patch_bytes=len(answer.patch),
        outcome=outcome,
        detail=one_line(detail),
    )


def _refused_again(refusals: Sequence[Refusal]) -> _Failed:
    first = refusals[0]
    return _Failed(outcome=Outcome.REFUSED, detail=one_line(f"{first.code}: {first.message}"))


def together(proofs: Sequence[Proof]) -> Proof | None:
    """One proof out of those of several environments; it passed only if each did."""
    if len(proofs) < 2:
        return proofs[0] if proofs else None
    worst = next(
        (p for p in proofs if p.ran and not p.passed), next((p for p in proofs if not p.ran), proofs[0])
    )
    return Proof(
        ran=all(p.ran for p in proofs),
        passed=all(p.passed for p in proofs),
        routes=tuple(route for p in proofs for route in p.routes),
        reason=worst.reason,
        seconds=round(sum(p.seconds for p in proofs), 3),
        environment="bare" if any(p.environment == "bare" for p in proofs) else "env.py",
        database=worst.database,
        isolated=tuple(name for name in worst.isolated if all(name in p.isolated for p in proofs)),
    )
