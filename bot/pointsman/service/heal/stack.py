"""Puts a queued change on a commit, healed and proved as the contract says; the queue's `Stacker`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

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

REMEMBERED = 256
"""Stacks that are kept."""

KEPT_SECONDS = 3600.0
"""How long one is kept: nothing but a candidate keeps its objects from git's garbage collection, which spares what is
younger than days."""

_Question = tuple[Sha, tuple[Sha, ...], Sha, str, bool]


@dataclass(kw_only=True)
class HealingStacker:
    """Keeps its reader, so that a queue reads every revision once, and what it stacked: a strategy that brings the
    same change onto the same tree again waits for no second proof. `prover` None: nothing is proved; `regenerator`
    None: what has to be made anew is refused; `helper` None: no healer command is asked."""

    git: Git
    prover: Prover | None
    reader: Reader
    regenerator: Regenerator | None = None
    helper: Helper | None = None
    _stacked: dict[_Question, tuple[float, Stacked]] = field(default_factory=dict)

    def stack(self, onto: Sha, head: Sha, contract: Contract, *, prove: bool = True) -> Stacked | Unstackable:
        """See `Stacker`. `onto` may hold changes that are queued ahead: each heals behind the one before."""
        bases = self.git.merge_bases(onto, head)
        question = (self.git.tree_of(onto), bases, head, contract.digest, prove)
        now = time.monotonic()
        at, known = self._stacked.get(question, (now, None))
        if known is not None and now - at < KEPT_SECONDS:
            return known
        found = self._stack(onto, head, contract, prove=prove)
        if isinstance(found, Stacked):
            self._stacked.pop(question, None)
            if len(self._stacked) >= REMEMBERED:
                self._stacked.pop(next(iter(self._stacked)))
            self._stacked[question] = now, found
        return found

    def _stack(self, onto: Sha, head: Sha, contract: Contract, *, prove: bool) -> Stacked | Unstackable:
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
