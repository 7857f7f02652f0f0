"""`/heal`: brings the repair of a migration fork to a pull request's own branch, or to a branch of its own where the
base itself is forked. It pushes with the expected head only, and never to a branch of somebody else's fork."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.core.conflicts.model import Regenerator
from pointsman.core.healer.model import in_words as tried_in_words
from pointsman.core.model import Sha, Signature
from pointsman.core.proof import Prover, in_words
from pointsman.core.pulls.model import Account, Pull
from pointsman.core.queue.model import Entry
from pointsman.ports import Clock, Git, Pulls, Remote, Store
from pointsman.service.build import BOT
from pointsman.service.heal import commit as fix_commit
from pointsman.service.heal.asking_memory import Helper
from pointsman.service.heal.model import Healing
from pointsman.service.heal.patch import patch_of
from pointsman.service.heal.verdict import Verdict, heal
from pointsman.service.migrations import Reader
from pointsman.service.pull_desk import Base

HEADS = "refs/heads/"
FIXES = "pointsman-heal/"
"""Branches under this prefix are ours: repairs of a base branch, offered as pull requests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NothingToHeal:
    """No fork there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotHealed:
    """Refused; `text` quotes both sides."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadMoved:
    """Somebody pushed to the branch while it was healed; nothing was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patched:
    """The branch can't be pushed to: the repair as a patch onto the merge with `base`, and why."""

    patch: bytes
    why: str
    base: Sha
    head: Sha


@dataclass(frozen=True, kw_only=True, slots=True)
class Pushed:
    """The branch now holds the merge with the base and the fix commit on top. `number` is the pull request's that
    carries it."""

    commit: Sha
    summary: str
    proof: str
    number: int


Repair = NothingToHeal | NotHealed | HeadMoved | Patched | Pushed


@dataclass(kw_only=True)
class Repairs:
    """Makes repairs for one repository. `prover` None: the proof is left to the checks of the pull request."""

    git: Git
    remote: Remote
    pulls: Pulls
    store: Store
    clock: Clock
    prover: Prover | None
    reader: Reader
    regenerator: Regenerator | None = None
    helper: Helper | None = None

    def of_pull(self, pull: Pull, base: Base) -> Repair:
        """Heal the merge of the pull request's head into its base, onto the pull request's own branch."""
        assert base.head is not None  # noqa: S101 - the caller has seen the head
        verdict = heal(
            self.git,
            base.tip,
            base.head,
            base.contract,
            prover=self.prover,
            reader=self.reader,
            regenerator=self.regenerator,
            helper=self.helper,
        )
        healing = verdict.healing
        if healing.status == "clean":
            return NothingToHeal()
        if healing.status == "refused":
            return NotHealed(text=_refusals(verdict))
        if pull.fork or pull.head_repository is None:
            why = "the branch is in a fork, and apps can't push there"
            return self._patch(healing, why)
        commit = self._fix_on_top(healing)
        refused = self.remote.push(HEADS + pull.branch, new=commit, expected=base.head)
        if refused is None:
            return self._told(verdict, commit, pull.number, base.lane)
        if refused.code == "moved":
            return HeadMoved()
        return self._patch(healing, refused.why)

    def of_base(self, base: Base, *, by: Account) -> Repair:
        """Heal a base branch that is forked itself (a push went round the queue), in a pull request of its own."""
        verdict = heal(
            self.git,
            base.tip,
            base.tip,
            base.contract,
            prover=self.prover,
            reader=self.reader,
            helper=self.helper,
        )
        healing = verdict.healing
        if healing.status == "clean":
            return NothingToHeal()
        if healing.status == "refused":
            return NotHealed(text=_refusals(verdict))
        who = self._bot()
        commit = fix_commit.commit(self.git, healing, author=who, committer=who)
        branch = f"{FIXES}{base.lane}-{base.tip[:12]}"
        there = self.remote.listed([HEADS + branch]).get(HEADS + branch)
        refused = None if there == commit else self.remote.push(HEADS + branch, new=commit, expected=there)
        if refused is not None:
            return self._patch(healing, refused.why)
        number = self.pulls.open_pull(
            title=f"Heal the migration fork on {base.lane}",
            body=f"{fix_commit.message(healing)}\n\nAsked for by {by.login}.",
            branch=branch,
            base=base.lane,
        )
        return self._told(verdict, commit, number, base.lane)

    def _fix_on_top(self, healing: Healing) -> Sha:
        """Two commits on the head: the merge with the base, conflicts settled, and the repair; nothing is rewritten.
        One where there is no more to it than the merge."""
        assert healing.merged is not None and healing.tree is not None  # noqa: S101 - healed
        who = self._bot()
        alone = healing.tree == healing.merged
        merge = self.git.commit(
            tree=healing.merged,
            parents=(healing.head, healing.onto),
            message=fix_commit.message(healing)
            if alone
            else f"Merge the base at {healing.onto[:12]}, to heal the migration fork on top\n",
            author=who,
            committer=who,
        )
        if alone:
            return merge
        return self.git.commit(
            tree=healing.tree,
            parents=(merge,),
            message=fix_commit.message(healing),
            author=who,
            committer=who,
        )

    def _told(self, verdict: Verdict, commit: Sha, number: int, lane: str) -> Pushed:
        summary = fix_commit.summary(verdict.healing)
        body = {"change": number, "commit": commit, "why": summary}
        self.store.save(entries=(Entry(lane=lane, kind="repaired", body=body),), at=self.clock.now())
        proof = in_words(verdict.proof) if verdict.proof else "not proved yet: that is left to the checks"
        return Pushed(commit=commit, summary=summary, proof=proof, number=number)

    def _patch(self, healing: Healing, why: str) -> Patched | NotHealed:
        if healing.resolved:  # a patch on one side can't settle what both changed
            told = "; ".join(one.words for one in healing.resolved)
            return NotHealed(text=f"{why}, and this takes a merge with the base: {told}.")
        return Patched(patch=patch_of(self.git, healing), why=why, base=healing.onto, head=healing.head)

    def _bot(self) -> Signature:
        return Signature(name=BOT[0], email=BOT[1], when=int(self.clock.now()))


def _refusals(verdict: Verdict) -> str:
    tried = tried_in_words(verdict.healer) if verdict.healer else ""
    return "\n\n".join(filter(None, [*(refusal.message for refusal in verdict.healing.refusals), tried]))
