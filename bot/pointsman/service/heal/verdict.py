"""A heal from end to end: plan, proof, the healer command where both refuse, verdict; it moves no ref."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pointsman.core.conflicts.declared import NOTHING, declared
from pointsman.core.migrations.heal.model import Refusal, Why
from pointsman.core.model import Sha
from pointsman.service.heal.commit import summary
from pointsman.service.heal.healer import Healer
from pointsman.service.heal.model import HealedEnvironment, Healing
from pointsman.service.heal.rules import HealRule, HealRules, rules_of
from pointsman.service.migrations import Reader

if TYPE_CHECKING:
    from pointsman.core.conflicts.model import Regenerator
    from pointsman.core.contract import Contract
    from pointsman.core.healer.model import Asked
    from pointsman.core.proof import Proof, ProofRequest, Prover
    from pointsman.ports import Git
    from pointsman.service.heal.asking_memory import Helper


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A healing and what its proof came to; None: none was asked for, or nothing needed one. `healer` is what became of
    a refusal where the contract names a healer command, None where it was not needed."""

    healing: Healing
    proof: Proof | None = None
    healer: Asked | None = None

    def to_json(self) -> dict[str, Any]:
        """`pointsman heal --json` but for `commit`, which only making it tells."""
        healing = self.healing
        return {
            "status": healing.status,
            "base": healing.onto,
            "head": healing.head,
            "tree": healing.tree,
            "environments": [_environment(each) for each in healing.environments],
            "resolved": [one.to_json() for one in healing.resolved],
            "refusals": [
                {"code": r.code, "message": r.message, "paths": list(r.paths)} for r in healing.refusals
            ],
            "proof": self.proof.to_json() if self.proof else None,
            "healer": self.healer.to_json() if self.healer else None,
            "blobs_read": healing.reads,
        }


def heal(
    git: Git,
    base: Sha,
    head: Sha,
    contract: Contract | None,
    *,
    prover: Prover | None,
    reader: Reader | None = None,
    regenerator: Regenerator | None = None,
    helper: Helper | None = None,
) -> Verdict:
    """The merge of `head` into `base`, healed and, with a prover, proved; refused where the proof fails or the
    contract wants one that can't run. A `reader` that is kept saves reading again. Without a `regenerator` a change
    that needs one is refused. With a `helper` and a prover the contract's healer command is asked what to make of a
    refusal."""
    rules = rules_of(contract)
    reader = reader or Reader(git)
    reader.only, reader.named, reader.placed = rules.only, tuple(rules.named), rules.placed
    conflicts = declared(contract.conflicts, contract.sandbox) if contract is not None else NOTHING
    healer = Healer(git=git, reader=reader, rules=rules, conflicts=conflicts)

    def by_rules(mechanics: Healer, onto: Sha, one: Sha) -> Healing:
        healing = mechanics.heal(onto, one)
        if not healing.remakes:
            return healing
        from pointsman.service.heal.regenerate import remake

        return remake(git, healing, conflicts, reader, regenerator)

    verdict = _proved(by_rules(healer, base, head), rules, prover)
    if not verdict.healing.refusals or contract is None or contract.healer is None:
        return verdict
    from pointsman.core.healer.judge import OF_TWO_SIDES, why_not
    from pointsman.core.healer.model import Asked
    from pointsman.service.heal.asking import NOT_HERE, Asking, Mended

    if helper is None or prover is None:
        beyond = why_not(verdict.healing.refusals)
        return verdict if beyond else replace(verdict, healer=Asked(why_not=NOT_HERE))
    waiving = replace(healer, waived=OF_TWO_SIDES)
    asking = Asking(
        git=git,
        contract=contract,
        rule=contract.healer,
        command=helper.command,
        prover=prover,
        healer=healer,
        heal_again=lambda onto, patched: by_rules(waiving, onto, patched),
        memory=helper.memory,
    )
    mended = asking.mend(verdict.healing, verdict.proof)
    if isinstance(mended, Mended):
        return Verdict(healing=mended.healing, proof=mended.proof, healer=mended.asked)
    return replace(verdict, healer=mended)


def _proved(healing: Healing, rules: HealRules, prover: Prover | None) -> Verdict:
    """What the proof of a repair says of it; everything else is left as it is."""
    refusals: list[Refusal] = []
    if healing.status == "healed" and prover is None:
        refusals += [refusal for each in healing.environments for refusal in each.known.unless_proved]
        healing = replace(healing, refusals=tuple(refusals), tree=None) if refusals else healing
    if healing.status != "healed" or prover is None:
        return Verdict(healing=healing)
    from pointsman.core.proof import proof_allows
    from pointsman.service.heal.asking import together

    proofs: list[Proof] = []
    for each in healing.environments:
        rule = rules.of(each.plan.layout)
        if rule.proof == "off":
            refusals += each.known.unless_proved
            continue
        proof = prover.prove(_request(healing, each, rule))
        proofs.append(proof)
        if not proof_allows(proof, rule.proof):
            refusals.append(_unproved(proof, each))
        elif not proof.passed:
            refusals += each.known.unless_proved
    if refusals:
        healing = replace(healing, refusals=tuple(refusals), tree=None)
    return Verdict(healing=healing, proof=together(proofs))


def words(verdict: Verdict) -> tuple[str, str, str]:
    """(strategy, summary, proof) for a merge record of a healed change."""
    from pointsman.core.healer.model import STRATEGY
    from pointsman.core.proof import in_words

    healing = verdict.healing
    strategies = dict.fromkeys(
        [*(each.plan.strategy for each in healing.environments), *(one.kind for one in healing.resolved)]
    ) | dict.fromkeys([STRATEGY] if healing.by_command else [])
    proof = "not proved: no proof was asked for" if healing.environments else "no migration to prove"
    return "+".join(strategies), summary(healing), in_words(verdict.proof) if verdict.proof else proof


def _request(healing: Healing, each: HealedEnvironment, rule: HealRule) -> ProofRequest:
    assert healing.tree is not None  # noqa: S101 - only a healed tree is proved
    from pointsman.core.proof import ProofRequest

    plan = each.plan
    return ProofRequest(
        layout=plan.layout,
        base=healing.onto,
        tree=healing.tree,
        expected_heads=plan.heads_after,
        base_heads=each.base_heads,
        change_heads=each.change_heads,
        fork_points=tuple(dict.fromkeys(id for front in plan.fronts for id in front.fork)),
        moves=plan.moves,
        both_orders=each.known.relation != "disjoint" and plan.strategy == "reparent",
        same_data=bool(each.known.unless_proved),
        seed=rule.seed,
        models=rule.models,
        python=rule.python,
        url_env=rule.url_env,
        database=rule.database,
        sandbox=rule.sandbox,
    )


def _unproved(proof: Proof, each: HealedEnvironment) -> Refusal:
    from pointsman.core.proof import in_words

    paths = tuple(move.new_path for move in each.plan.moves) + tuple(path for _, path in each.added)
    if proof.ran:
        said = proof.reason or ""
        failed = [one for one in proof.routes if not one.ok and one.detail and one.detail not in said]
        detail = "\n".join(f"{one.name}: {one.detail}" for one in failed)
        return Refusal(Why.PROOF_FAILED, f"{in_words(proof)}\n{detail}".rstrip(), paths)
    text = f"{in_words(proof)}. The contract asks for a proof (`migrations.proof: required`)."
    return Refusal(Why.NOT_PROVED, text, paths)


def _environment(each: HealedEnvironment) -> dict[str, Any]:
    plan = each.plan
    return {
        "backend": plan.layout.backend,
        "config": plan.layout.config,
        **({"name": plan.layout.name} if plan.layout.name else {}),
        "strategy": plan.strategy,
        "heads_before": list(plan.heads_before),
        "heads_after": list(plan.heads_after),
        "moves": [
            {
                "revision": move.revision,
                "path": move.path,
                "old_parents": list(move.old_parents),
                "new_parents": list(move.new_parents),
                **({"new_revision": move.new_revision} if move.new_revision != move.revision else {}),
                **({"new_path": move.new_path} if move.new_path != move.path else {}),
            }
            for move in plan.moves
        ],
        "added": [
            {"revision": id, "path": path, "parents": list(parents)}
            for (id, path), parents in zip(each.added, plan.joins, strict=True)
        ],
        "dropped": [{"revision": gone.id, "path": gone.path} for gone in plan.drops],
        "sides": each.known.relation,
        "not_known": list(each.known.unknown),
        "remarks": list(each.remarks),
    }
