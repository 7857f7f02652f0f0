"""Wakes lanes: collect, observe, decide, perform, again and again, until stopped or until nothing is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pointsman.core.errors import EnvironmentProblem, LaneLost
from pointsman.core.queue.decide import decide
from pointsman.core.queue.model import Entry
from pointsman.ports import Clock, Gates, Store
from pointsman.service.observe import Observer
from pointsman.service.perform import Performer
from pointsman.service.upkeep import Upkeep

BUSY_SECONDS = 0.05
"""How long to wait for a running gate before looking again."""

IDLE_SECONDS = 0.5
"""How long to wait when nothing runs; a new submission or a moved base is noticed after at most this."""

TROUBLE_SECONDS = 5.0
"""How long a daemon waits before it tries again when git, the disk or the store fails."""

UPKEEP_SECONDS = 3600.0
"""How often a lane at rest looks whether something has grown too large."""

MAX_ROUNDS = 10_000
"""A lane that has more to do than this without anything running is a defect: stop loudly, don't spin."""


class Runaway(RuntimeError):
    """A lane kept deciding without anything coming of it."""


@dataclass(kw_only=True)
class Loop:
    """The only writer of its repository's lanes while it holds the run lock (the caller's duty)."""

    observer: Observer
    performer: Performer
    store: Store
    gates: Gates
    clock: Clock
    upkeep: Upkeep | None = None
    guard: Callable[[], None] = lambda: None
    """Raises LaneLost where the lock was lost."""
    _worked: dict[str, int] = field(default_factory=dict)
    _wakes: int = 0

    def recover(self) -> None:
        """What a new run does first: nothing of a killed one is left running, unpinned or lying about."""
        self.performer.pins.renew()
        self.performer.runs.collect()
        self.gates.sweep([run.id for run in self.store.runs(running=True)])

    def lanes(self) -> tuple[str, ...]:
        """All lanes; they share the ceiling on running gates, and who is woken first takes what is free of it. So that
        none starves, those come first that have the fewest running, and of these who did something longest ago."""
        running = Counter(run.lane for run in self.store.runs(running=True))
        return tuple(
            sorted(self.store.lanes(), key=lambda lane: (running[lane], self._worked.get(lane, 0), lane))
        )

    def wake(self, lane: str, *, stop: Callable[[], bool] = lambda: False) -> int:
        """Work one lane until it has nothing to do but wait, or `stop()`; how many actions were performed."""
        performed = 0
        self._wakes += 1
        for _ in range(MAX_ROUNDS):
            self.guard()
            self.performer.runs.collect()
            seen = self.observer.observe(lane)
            decision = decide(seen)
            if not decision.actions:
                return performed
            for action in decision.actions:
                if stop():
                    return performed
                self.guard()
                self._worked[lane] = self._wakes
                self.performer.perform(action, seen)
                performed += 1
        raise Runaway(f"lane {lane} did not come to rest in {MAX_ROUNDS} rounds")

    def run(self, *, once: bool, stop: Callable[[], bool] = lambda: False) -> None:
        """Work all lanes. `once`: return when nothing runs and nothing can be done; else until `stop()`.

        LaneLost when another process has the lanes now."""
        self.recover()
        while not stop():
            try:
                performed = sum(self.wake(lane, stop=stop) for lane in self.lanes())
                running = bool(self.store.runs(running=True)) or self.observer.busy
                if not performed:
                    self._keep_up()
                if once and not performed and not running:
                    self.gates.sweep([])
                    return
                if not performed:
                    self._rest(running=running, stop=stop)
            except LaneLost:
                raise
            except EnvironmentProblem as problem:
                if once:
                    raise
                self.performer.recorder.tell(Entry(lane="", kind="trouble", body={"why": str(problem)}))
                self._wait(TROUBLE_SECONDS, stop)

    def _keep_up(self) -> None:
        """What it stumbles on is told and tried again next time: it keeps nothing from landing."""
        if self.upkeep is None or not self.upkeep.is_due(UPKEEP_SECONDS):
            return
        try:
            self.upkeep.run()
        except LaneLost:
            raise
        except EnvironmentProblem as problem:
            self.performer.recorder.tell(Entry(lane="", kind="trouble", body={"why": str(problem)}))

    def _wait(self, seconds: float, stop: Callable[[], bool]) -> None:
        waited = 0.0
        while waited < seconds and not stop():
            self.clock.sleep(BUSY_SECONDS)
            waited += BUSY_SECONDS

    def _rest(self, *, running: bool, stop: Callable[[], bool]) -> None:
        """Wait for a gate, a submission or the next look at the base branch."""
        seen = self.store.version()
        waited = 0.0
        limit = IDLE_SECONDS
        while waited < limit and not stop():
            self.clock.sleep(BUSY_SECONDS)
            waited += BUSY_SECONDS
            if self.store.version() != seen or (running and self.performer.runs.collect()):
                return
