"""Starts gate runs, stops them and writes down how they ended; what a result means is judged elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pointsman.core.model import Sha
from pointsman.core.queue.actions import StartProbe, StartRun
from pointsman.core.queue.checks import check_named
from pointsman.core.queue.model import Run, RunState
from pointsman.core.queue.observation import Observation
from pointsman.ports import Clock, Gates, Git, Store
from pointsman.service.build import Builder
from pointsman.service.recorder import Recorder, contract_of


@dataclass(kw_only=True)
class Runs:
    """A run is saved as running before it is started: one that a crash cut off is found, and is lost."""

    git: Git
    store: Store
    gates: Gates
    clock: Clock
    builder: Builder
    recorder: Recorder

    def collect(self) -> int:
        """Write down every run that has ended since last time; how many there were."""
        ended = 0
        for run in self.store.runs(running=True):
            result = self.gates.poll(run.id)
            if result is None:
                continue
            ended += 1
            self.recorder.save(
                replace(
                    run,
                    state=result.state,
                    seconds=result.seconds,
                    code=result.reason.value,
                    why=result.why,
                    tests=result.tests,
                    failing_test=result.failing_test,
                    signature=result.signature,
                    log=result.log,
                ),
                lane=run.lane,
                kind="run_ended",
                run=run.id,
                **_about(run),
                state=result.state.value,
                why=result.why,
                tests=result.tests,
                seconds=round(result.seconds, 3),
            )
        return ended

    def start(self, action: StartRun, seen: Observation) -> None:
        candidate = action.candidate
        self._save_and_start(
            Run(
                id=0,
                lane=candidate.lane,
                candidate=candidate.id,
                change=candidate.members[0].change if len(candidate.members) == 1 else None,
                check=action.check,
                digest=action.digest,
                commit=candidate.commit,
                tree=candidate.tree,
                attempt=action.attempt,
                state=RunState.RUNNING,
                started_at=self.clock.now(),
            ),
            seen,
        )

    def probe(self, action: StartProbe, seen: Observation) -> None:
        """A probe on an older base is built first; where that can't be built, that is its result."""
        lane = seen.lane.name
        commit: Sha | None = action.commit
        if action.probe.startswith("onto:"):
            commit = self.builder.combine(action.change, onto=action.commit, contract=contract_of(seen))
        run = Run(
            id=0,
            lane=lane,
            candidate=None,
            change=action.change.id,
            probe=action.probe,
            check=action.check,
            digest=action.digest,
            commit=commit or action.commit,
            tree=self.git.tree_of(commit or action.commit),
            attempt=1,
            state=RunState.RUNNING if commit is not None else RunState.FAILED,
            started_at=self.clock.now(),
            code="" if commit is not None else "unbuildable",
            why="" if commit is not None else "it does not merge onto that base",
        )
        if commit is None:
            self.recorder.save(
                run,
                lane=lane,
                kind="run_ended",
                run="$0",
                **_about(run),
                state=run.state.value,
                why=run.why,
            )
            return
        self._save_and_start(run, seen)

    def cancel(self, run: Run) -> None:
        self.gates.cancel(run.id)
        self.recorder.save(
            replace(run, state=RunState.CANCELLED, why="not needed any more"),
            lane=run.lane,
            kind="run_ended",
            run=run.id,
            **_about(run),
            state=RunState.CANCELLED.value,
            why="not needed any more",
        )

    def _save_and_start(self, run: Run, seen: Observation) -> None:
        contract = contract_of(seen)
        check = check_named(contract, run.check)
        (stored,) = self.recorder.save(
            run,
            lane=run.lane,
            kind="run_started",
            run="$0",
            **_about(run),
            tree=run.tree,
            attempt=run.attempt,
        )
        assert isinstance(stored, Run)  # noqa: S101 - the store gives back what it was given
        self.gates.start(stored.id, run.commit, check, contract.sandbox)


def _about(run: Run) -> dict[str, Any]:
    """What a journal entry says of every run: whose it is and what it asks."""
    return {"candidate": run.candidate, "change": run.change, "check": run.check, "probe": run.probe}
