"""Makes candidates and ends them; whether one passed or may land is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from pointsman.core.contract import Contract
from pointsman.core.queue.actions import Build, Return
from pointsman.core.queue.decide import build_key
from pointsman.core.queue.model import Candidate, CandidateState
from pointsman.core.queue.observation import Observation
from pointsman.ports import Clock
from pointsman.service.build import Builder, Built, Held, Refused
from pointsman.service.departures import Departures
from pointsman.service.pins import Pins
from pointsman.service.recorder import Recorder, contract_of


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
        onto = action.onto
        for change in action.changes:
            if not left_out.isdisjoint(change.depends_on):  # the next decision says what it waits for
                continue
            key = build_key(action.tip, onto, contract.digest, seen.consents.get(change.id, 0))
            outcome = self.builder.build(change, tip=action.tip, onto=onto, contract=contract, key=key)
            match outcome:
                case Built():
                    built.append(outcome)
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
        self.recorder.save(
            replace(candidate, state=state, reason=why),
            lane=candidate.lane,
            kind="split" if state is CandidateState.FAILED else "discarded",
            candidate=candidate.id,
            changes=[member.change for member in candidate.members],
            why=why,
        )
        self.pins.drop_candidate(candidate)

    def _save(self, action: Build, built: Sequence[Built], contract: Contract, lane: str) -> None:
        checks: dict[str, str] = {}
        for one in built:
            checks.update(dict(one.checks))
        candidate = Candidate(
            id=0,
            lane=lane,
            base=action.onto,
            members=tuple(one.member for one in built),
            contract=contract.digest,
            checks=tuple(checks.items()),
            state=CandidateState.TESTING,
            created_at=self.clock.now(),
        )
        changes = {change.id: change for change in action.changes}
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
            base=action.onto,
            speculative=action.onto != action.tip,
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
                for member in candidate.members
                if member.healed is not None
            ],
        )
        saved = stored[0]
        assert isinstance(saved, Candidate)  # noqa: S101 - the store gives back what it was given
        self.pins.add_candidate(saved)
