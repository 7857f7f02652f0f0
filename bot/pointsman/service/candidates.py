"""Makes candidates and ends them; whether one passed or may land is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.actions import Build, Restack, Return
from pointsman.core.queue.model import Candidate, CandidateState, Change, Member
from pointsman.core.queue.observation import Observation
from pointsman.core.queue.waits import build_facts
from pointsman.ports import Clock
from pointsman.service.build import Builder, Built, Held, Refused
from pointsman.service.departures import Departures
from pointsman.service.pins import Pins
from pointsman.service.recorder import Recorder, contract_of

_ENDINGS = {
    CandidateState.FAILED: "split",
    CandidateState.CLEARED: "cleared",
    CandidateState.DISCARDED: "discarded",
}


@dataclass(kw_only=True)
class Candidates:
    """A candidate's commits are objects before it is saved, and pinned right after."""

    clock: Clock
    builder: Builder
    departures: Departures
    pins: Pins
    recorder: Recorder

    def build(self, action: Build, seen: Observation) -> None:
        """Bring the changes on one after the other; one that can't come is returned or held, and those behind
        it are brought onto what stands so far."""
        contract = contract_of(seen)
        lane = seen.lane.name
        self.recorder.save(
            lane=lane,
            kind="building",
            onto=action.onto,
            tip=action.tip,
            changes=[change.id for change in action.changes],
        )
        built: list[Built] = []
        left_out: set[str] = set()
        beneath = [member.change for member in action.below.members] if action.below is not None else []
        onto = action.onto
        for change in action.changes:
            if not left_out.isdisjoint(change.depends_on):  # the next decision says what it waits for
                continue
            outcome = self._bring(change, action.tip, onto, contract, seen, beneath)
            match outcome:
                case Built():
                    built.append(outcome)
                    beneath.append(change.id)
                    onto = outcome.member.commit
                    continue
                case Refused(reason=reason):
                    self.departures.give_back(Return(change=change, reason=reason))
                case Held(wait=wait):
                    self.departures.hold(change, wait)
                case _:
                    assert_never(outcome)
            left_out.update((change.source, change.label))
        if built:
            self._save(action, built, contract, lane)

    def restack(self, action: Restack, seen: Observation) -> None:
        """Bring what is left of a candidate onto the tip. Its gate goes on where the tree is the one under test, or
        where the contract lets its lane land beside the others; else the candidate is over. A heal is the bot's own
        work and lands on no contract's word, nor does a change whose gate asks for more by now."""
        contract = contract_of(seen)
        old = action.candidate
        ended = CandidateState.CLEARED if old.state is CandidateState.PASSED else CandidateState.DISCARDED
        members: list[Member] = []
        gate: set[tuple[str, str]] = set()
        onto = action.tip
        for change in action.changes:
            beneath = [member.change for member in members]
            outcome = self._bring(change, action.tip, onto, contract, seen, beneath)
            if not isinstance(outcome, Built):
                self.end(old, ended, action.why)
                return
            members.append(outcome.member)
            gate.update(outcome.checks)
            onto = outcome.member.commit
        same = members[-1].tree == old.gate_tree
        beside = action.beside and not any(member.healed for member in members)
        if not (same or beside) or not gate <= set(old.checks):
            self.end(old, ended, action.why)
            return
        tested = None if same else old.gate_tree
        moved = replace(old, base=action.tip, members=tuple(members), tested=tested)
        self.recorder.save(
            moved,
            lane=old.lane,
            kind="restacked",
            candidate=old.id,
            base=action.tip,
            commit=moved.commit,
            tree=moved.tree,
            tested=moved.gate_tree,
            changes=[member.change for member in members],
        )
        self.pins.move_candidate(old, moved)

    def _bring(
        self,
        change: Change,
        tip: Sha,
        onto: Sha,
        contract: Contract,
        seen: Observation,
        beneath: Sequence[int],
    ) -> Built | Refused | Held:
        facts = build_facts(tip, contract.digest, seen.consents.get(change.id, 0))
        return self.builder.build(change, tip=tip, onto=onto, contract=contract, facts=facts, beneath=beneath)

    def passed(self, candidate: Candidate) -> None:
        """Write down that every check passed on the candidate's exact tree."""
        self.recorder.save(
            replace(candidate, state=CandidateState.PASSED),
            lane=candidate.lane,
            kind="passed",
            candidate=candidate.id,
            tree=candidate.tree,
            changes=[member.change for member in candidate.members],
        )

    def end(self, candidate: Candidate, state: CandidateState, why: str) -> None:
        """FAILED and CLEARED are evidence from now on; the commit of a failed one stays, so that it can be looked
        at."""
        self.recorder.save(
            replace(candidate, state=state, reason=why),
            lane=candidate.lane,
            kind=_ENDINGS[state],
            candidate=candidate.id,
            changes=[member.change for member in candidate.members],
            why=why,
        )
        if state is not CandidateState.FAILED:
            self.pins.drop_candidate(candidate)

    def _save(self, action: Build, built: Sequence[Built], contract: Contract, lane: str) -> None:
        below = action.below
        checks: dict[str, str] = dict(below.checks) if below is not None else {}
        for one in built:
            checks.update(dict(one.checks))
        candidate = Candidate(
            id=0,
            lane=lane,
            base=action.tip,
            members=(*(below.members if below is not None else ()), *(one.member for one in built)),
            contract=contract.digest,
            checks=tuple(checks.items()),
            state=CandidateState.TESTING,
            created_at=self.clock.now(),
            purpose=action.purpose,
        )
        changes = {change.id: self.builder.store.change(change.id) or change for change in action.changes}
        cleared = [
            replace(changes[one.member.change], wait=None)
            for one in built
            if changes[one.member.change].wait is not None
        ]
        stored = self.recorder.save(
            candidate,
            *cleared,
            lane=lane,
            kind="built",
            candidate="$0",
            base=action.tip,
            onto=action.onto,
            speculative=action.onto != action.tip,
            purpose=action.purpose.value,
            commit=candidate.commit,
            tree=candidate.tree,
            changes=[member.change for member in candidate.members],
            roles=[member.role for member in candidate.members],
            checks=list(checks),
            healed=[
                {
                    "change": member.change,
                    "strategy": member.healed.strategy,
                    "summary": member.healed.summary,
                    "seconds": round(member.healed.seconds, 3),
                    "proof": member.healed.proof,
                }
                for member in (one.member for one in built)
                if member.healed is not None
            ],
        )
        saved = stored[0]
        assert isinstance(saved, Candidate)  # noqa: S101 - the store gives back what it was given
        self.pins.add_candidate(saved)
