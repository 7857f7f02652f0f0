"""The one place that moves the base branch: it checks once more, says what it is about to do, does it, reads back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from pointsman.core import messages
from pointsman.core.errors import ForgeUnavailable
from pointsman.core.model import Sha
from pointsman.core.queue.actions import Blocked, Landed, Moved
from pointsman.core.queue.model import HOTFIX, Candidate, CandidateState, Change, ChangeState, Note
from pointsman.core.queue.observation import Observation
from pointsman.ports import Clock, Forge, Git, Store
from pointsman.service.candidates import Candidates
from pointsman.service.observe import JUMPED
from pointsman.service.pins import Pins
from pointsman.service.recorder import Recorder

LAG_SECONDS = 5.0
"""How long a forge is left alone whose answers lag behind what it did."""


@dataclass(kw_only=True)
class Landings:
    """Lands candidates of one repository; runs nothing of theirs and takes SHAs only (I7)."""

    git: Git
    store: Store
    forge: Forge
    clock: Clock
    candidates: Candidates
    pins: Pins
    recorder: Recorder
    _overtaken: dict[str, Sha] = field(default_factory=dict)

    def land(self, candidate: Candidate, seen: Observation) -> None:
        """Move the base branch to the candidate, if the store and git still say that it may (I1, I2)."""
        problem = self._unfit(candidate, seen)
        if problem:
            self.candidates.end(candidate, CandidateState.DISCARDED, problem)
            return
        landing = replace(candidate, state=CandidateState.LANDING)
        if candidate.state is not CandidateState.LANDING:
            self.recorder.save(
                landing,
                lane=candidate.lane,
                kind="landing",
                candidate=candidate.id,
                base=candidate.base,
                commit=candidate.commit,
                tree=candidate.tree,
                changes=[member.change for member in candidate.members],
            )
        outcome = self.forge.land(candidate.lane, expected=candidate.base, new=candidate.commit)
        match outcome:
            case Landed(note=note):
                self._finish(landing, note=note)
            case Moved(actual=actual):
                where = messages.short(actual) if actual else "gone"
                self.candidates.end(
                    landing, CandidateState.DISCARDED, f"the base moved to {where} before it could land"
                )
                self._look_again(candidate, where)
            case Blocked(why=why):
                self.recorder.save(
                    replace(candidate, state=CandidateState.PASSED),
                    lane=candidate.lane,
                    kind="blocked",
                    candidate=candidate.id,
                    why=why,
                )
            case _:
                assert_never(outcome)

    def _look_again(self, candidate: Candidate, where: str) -> None:
        """Once somebody was quicker; if the forge goes on showing the base where it was, its answers lag behind."""
        self.forge.forget()
        lane, expected = candidate.lane, candidate.base
        if self._overtaken.get(lane) == expected:
            raise ForgeUnavailable(
                f"{lane} has moved to {where}, and the forge still shows it at {messages.short(expected)}. "
                "It is asked again in a moment.",
                again_at=self.clock.now() + LAG_SECONDS,
            )
        self._overtaken[lane] = expected

    def settle(self, candidate: Candidate) -> None:
        """A landing that was cut off after the ref moved: asking for it again brings checkouts along."""
        outcome = self.forge.land(candidate.lane, expected=candidate.base, new=candidate.commit)
        self._finish(candidate, note=outcome.note if isinstance(outcome, Landed) else "")

    def _unfit(self, candidate: Candidate, seen: Observation) -> str:
        """Why this candidate must not land, judged from the store and git alone (I1, I2); '' when it may."""
        facts = self.git.commit_facts(candidate.commit)
        if facts.tree != candidate.tree:
            return "its commit does not have the tree that was tested"
        if not self.git.is_ancestor(candidate.base, candidate.commit):
            return "it does not stand on its base"
        if seen.contract is None or seen.contract.digest != candidate.contract:
            return messages.contract_changed()
        trees = {candidate.tree, candidate.gate_tree} if seen.contract.queue.independent else {candidate.tree}
        for check, digest in candidate.checks:
            if not any(self.store.passed_run(tree, digest) for tree in trees):
                return f"check {check!r} has not passed on its tree"
        waiting = self.store.changes(candidate.lane, states=(ChangeState.QUEUED,))
        queued = {change.id for change in waiting if not change.hold}
        if any(member.change not in queued for member in candidate.members):
            return messages.member_left()
        return ""

    def _finish(self, candidate: Candidate, *, note: str) -> None:
        """Write down what the base branch holds now, also of a change that left the queue at the last moment."""
        now = self.clock.now()
        landed: list[Change] = []
        for member in candidate.members:
            change = self.store.change(member.change)
            if change is not None and change.state is not ChangeState.LANDED:
                landed.append(
                    replace(change, state=ChangeState.LANDED, landed=member.commit, ended_at=now, wait=None)
                )
        jumped = any(change.priority >= HOTFIX for change in landed)
        self.recorder.save(
            replace(candidate, state=CandidateState.LANDED),
            *landed,
            *([Note(key=JUMPED + candidate.lane, value=candidate.commit)] if jumped else []),
            replace(self.store.lane(candidate.lane), failures=0),
            lane=candidate.lane,
            kind="landed",
            candidate=candidate.id,
            base=candidate.base,
            commit=candidate.commit,
            tree=candidate.tree,
            contract=candidate.contract,
            changes=[change.id for change in landed],
            branches=[change.branch for change in landed],
            healed=[member.change for member in candidate.members if member.healed is not None],
            note=note,
        )
        self.pins.drop_candidate(candidate)
        for change in landed:
            self.pins.drop_change(change)
