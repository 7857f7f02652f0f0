"""Puts a queued change on a commit, healed and proved as the contract says; the queue's `Stacker`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pointsman.core.conflicts.model import Regenerator
from pointsman.core.contract import Contract
from pointsman.core.healer.model import in_words
from pointsman.core.model import Sha
from pointsman.core.proof import Prover
from pointsman.core.queue.model import Healed
from pointsman.ports import Git
from pointsman.service.heal.asking_memory import Helper
from pointsman.service.heal.verdict import heal, words
from pointsman.service.migrations import Reader
from pointsman.service.stacking import Stacked, Unstackable


@dataclass(kw_only=True)
class HealingStacker:
    """Keeps its reader, so that a queue reads every revision once. `prover` None: nothing is proved;
    `regenerator` None: what has to be made anew is refused; `helper` None: no healer command is asked."""

    git: Git
    prover: Prover | None
    reader: Reader
    regenerator: Regenerator | None = None
    helper: Helper | None = None

    def stack(self, onto: Sha, head: Sha, contract: Contract, *, prove: bool = True) -> Stacked | Unstackable:
        """See `Stacker`. `onto` may hold changes that are queued ahead: each heals behind the one before."""
        begin = time.monotonic()
        verdict = heal(
            self.git,
            onto,
            head,
            contract,
            prover=self.prover if prove else None,
            reader=self.reader,
            regenerator=self.regenerator,
            helper=self.helper if prove else None,
        )
        healing = verdict.healing
        if healing.refusals or healing.tree is None or healing.merged is None:
            first = healing.refusals[0]
            text, _, details = first.message.partition("\n")
            more = "\n".join(refusal.message for refusal in healing.refusals[1:])
            tried = in_words(verdict.healer) if verdict.healer else ""
            told = "\n".join(filter(None, (details, more, tried)))
            return Unstackable(code=first.code, text=text, details=told)
        if healing.status == "clean":
            return Stacked(merged=healing.merged, tree=healing.tree)
        strategy, summary, proof = words(verdict)
        healed = Healed(strategy=strategy, summary=summary, seconds=time.monotonic() - begin, proof=proof)
        to_prove = bool(healing.environments)
        return Stacked(merged=healing.merged, tree=healing.tree, healed=healed, to_prove=to_prove)
