"""Hands each decided action to the part that carries it out; nothing here decides or acts itself.

What is to happen is saved first, then done, then what came of it is saved; every action may run twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from pointsman.core.queue.actions import (
    Action,
    Build,
    CancelRun,
    Clear,
    Discard,
    Fail,
    FinishLanding,
    Hold,
    Land,
    Pass,
    Pause,
    Restack,
    Return,
    StartProbe,
    StartRun,
)
from pointsman.core.queue.model import CandidateState
from pointsman.core.queue.observation import Observation
from pointsman.ports import Clock, Forge, Gates, Git, Store
from pointsman.service.build import Builder
from pointsman.service.candidates import Candidates
from pointsman.service.departures import Departures
from pointsman.service.landings import Landings
from pointsman.service.pins import Pins
from pointsman.service.recorder import Listener, Recorder
from pointsman.service.runs import Runs


@dataclass(kw_only=True)
class Performer:
    """Carries out the actions of a repository's lanes."""

    store: Store
    recorder: Recorder
    pins: Pins
    runs: Runs
    departures: Departures
    candidates: Candidates
    landings: Landings

    @classmethod
    def of(
        cls,
        *,
        git: Git,
        store: Store,
        forge: Forge,
        gates: Gates,
        clock: Clock,
        builder: Builder,
        tell: Listener,
    ) -> Performer:
        """A performer whose parts share these ports."""
        recorder = Recorder(store=store, clock=clock, tell=tell)
        pins = Pins(git=git, store=store)
        runs = Runs(git=git, store=store, gates=gates, clock=clock, builder=builder, recorder=recorder)
        departures = Departures(store=store, clock=clock, recorder=recorder)
        candidates = Candidates(
            clock=clock, builder=builder, departures=departures, pins=pins, recorder=recorder
        )
        landings = Landings(
            git=git,
            store=store,
            forge=forge,
            clock=clock,
            candidates=candidates,
            pins=pins,
            recorder=recorder,
        )
        return cls(
            store=store,
            recorder=recorder,
            pins=pins,
            runs=runs,
            departures=departures,
            candidates=candidates,
            landings=landings,
        )

    def perform(self, action: Action, seen: Observation) -> None:
        """Carry out one action that was decided on `seen`."""
        match action:
            case Build():
                self.candidates.build(action, seen)
            case StartRun():
                self.runs.start(action, seen)
            case StartProbe():
                self.runs.probe(action, seen)
            case CancelRun(run=run):
                self.runs.cancel(run)
            case Pass(candidate=candidate):
                self.candidates.passed(candidate)
            case Fail(candidate=candidate, why=why):
                self.candidates.end(candidate, CandidateState.FAILED, why)
            case Clear(candidate=candidate, why=why):
                self.candidates.end(candidate, CandidateState.CLEARED, why)
            case Restack():
                self.candidates.restack(action, seen)
            case Discard(candidate=candidate, why=why):
                self.candidates.end(candidate, CandidateState.DISCARDED, why)
            case Land(candidate=candidate):
                self.landings.land(candidate, seen)
            case FinishLanding(candidate=candidate):
                self.landings.settle(candidate)
            case Return():
                self.departures.give_back(action)
            case Hold(change=change, wait=wait):
                self.departures.hold(change, wait)
            case Pause(why=why):
                lane = self.store.lane(seen.lane.name)
                self.recorder.save(replace(lane, paused=why), lane=lane.name, kind="paused", why=why)
            case _:
                assert_never(action)
