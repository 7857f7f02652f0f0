"""One replica of the service: the real loop over the simulated ports, in a thread of its own that only ever runs while
the world waits for it, so that who goes on when is the world's choice and no accident."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from pointsman.core.contract import Contract
from pointsman.core.errors import EnvironmentProblem, LaneLost
from pointsman.core.migrations.cache import MemoryCache
from pointsman.core.model import Sha
from pointsman.core.queue.model import Entry
from pointsman.ports import Forge, Gates, Git, Store
from pointsman.service import loop
from pointsman.service.build import Builder
from pointsman.service.facts import Facts
from pointsman.service.fencing import FencedForge
from pointsman.service.heal.stack import HealingStacker
from pointsman.service.loop import Loop
from pointsman.service.migrations import Reader
from pointsman.service.observe import ContractReading, Observer
from pointsman.service.perform import Performer
from pointsman.service.stacking import Stacked, Unstackable
from tests.faults.simulation.ports import Port

WATCHED = {
    "git": ("move_ref", "commit", "merge", "refs", "edit"),
    "store": ("save", "change", "changes", "candidates", "runs", "passed_run", "lane", "lanes", "version"),
    "forge": ("tip", "branch_heads", "obstacle", "land"),
    "gates": ("start", "poll", "cancel", "sweep"),
}
"""The calls at which a replica may lose its turn, fail or die."""

PARSED = MemoryCache()
"""Revision files by their content: the same for all histories."""


CONTRACTS: dict[Sha | None, ContractReading] = {}
"""Contracts by their blob, likewise."""


ROUNDS = 400
"""A lane this small that decides so often in a row gets nowhere; the service itself gives up much later."""


class Crash(BaseException):
    """The replica is killed here: nothing of the engine may catch it."""


class Ports(Protocol):
    """What a replica works with."""

    git: Any
    store: Any
    forge: Any

    def gates_of(self, name: str) -> Any: ...
    def now(self) -> float: ...
    def called(self, replica: Replica, name: str) -> None: ...
    def returned(self, replica: Replica, name: str) -> None: ...
    def sleeps(self, replica: Replica, seconds: float) -> None: ...
    def takes_turn(self, replica: Replica) -> bool: ...
    def has_turn(self, replica: Replica) -> bool: ...
    def gives_turn(self, replica: Replica) -> None: ...
    def said(self, who: str, text: str) -> None: ...


@dataclass
class Replica:
    """`ready` is when it goes on, in the world's time; `skew` how far its clock is off, in seconds."""

    name: str
    world: Ports
    ready: float = 0.0
    skew: float = 0.0
    alive: bool = False
    rounds: int = 0
    defects: list[str] = field(default_factory=list)
    _doomed: bool = False
    _go: threading.Lock = field(default_factory=threading.Lock)
    _back: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Both batons are held until somebody hands them over."""
        self._go.acquire()
        self._back.acquire()

    def turn(self) -> None:
        """Let it run until it gives its turn back; a dead one is started anew, remembering nothing."""
        if not self.alive:
            self.alive, self._doomed = True, False
            threading.Thread(target=self._live, daemon=True).start()
        else:
            self._go.release()
        self._back.acquire()

    def kill(self) -> None:
        """It dies where it stands."""
        if self.alive:
            self._doomed = True
            self.turn()

    def yield_turn(self) -> None:
        """Give the turn back and wait for the next one; for the replica's own thread."""
        self._back.release()
        self._go.acquire()
        self._check()

    def crash(self) -> None:
        self._doomed = True
        self._check()

    def call(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        self._check()
        self.rounds += name == "store.version"
        self.world.called(self, name)
        result = function(*args, **options)
        self.world.returned(self, name)
        return result

    def now(self) -> float:
        return self.world.now() + self.skew

    def sleep(self, seconds: float) -> None:
        self._check()
        self.world.sleeps(self, seconds)

    def _check(self) -> None:
        if self._doomed:
            raise Crash

    def _live(self) -> None:
        loop.MAX_ROUNDS = ROUNDS
        try:
            while True:
                self._work()
        except Crash:
            self.world.said(self.name, "is dead")
        except EnvironmentProblem as problem:
            self.world.said(
                self.name, f"ends: {problem}"
            )  # as at its start: whoever started it does so again
        except Exception:  # noqa: BLE001 - a defect of the engine: it is told, and the replica is dead
            self.defects.append(traceback.format_exc())
            self.world.said(self.name, f"fell over: {self.defects[-1].strip().splitlines()[-1]}")
        finally:
            self.alive = False
            self.world.gives_turn(self)
            self._back.release()

    def _work(self) -> None:
        """As `pointsman run` does: wait for the lock, work, and wait again when it was lost."""
        while not self.world.takes_turn(self):
            self.rounds += 1
            self.sleep(0.2)
        try:
            self._loop().run(once=False)
        except LaneLost:
            self.world.said(self.name, "has lost the lane")
            self.world.gives_turn(self)

    def _check_turn(self) -> None:
        self._check()
        if not self.world.has_turn(self):
            raise LaneLost("this process is not the writer of these lanes any more")

    def _loop(self) -> Loop:
        """The service as wiring puts it together, over ports that fail."""
        git = cast(Git, self._port(self.world.git, "git"))
        store = cast(Store, self._port(self.world.store, "store"))
        forge = cast(Forge, self._port(self.world.forge, "forge"))
        gates = cast(Gates, self._port(self.world.gates_of(self.name), "gates"))
        stacker = Stacker(git=git, prover=None, reader=Reader(git=git, cache=PARSED))
        builder = Builder(git=git, store=store, clock=self, stacker=stacker)
        performer = Performer.of(
            git=git,
            store=store,
            forge=FencedForge(forge=forge, check=self._check_turn),
            gates=gates,
            clock=self,
            builder=builder,
            tell=self._tell,
        )
        facts = Facts(git=git, store=store, clock=self)
        observer = Observer(git=git, store=store, forge=forge, clock=self, facts=facts)
        observer._contracts = CONTRACTS
        return Loop(
            observer=observer,
            performer=performer,
            store=store,
            gates=gates,
            clock=self,
            guard=self._check_turn,
        )

    def _port(self, target: object, name: str) -> Port:
        return Port(target, name, self, WATCHED[name])

    def _tell(self, entry: Entry) -> None:
        about = " ".join(
            f"{key}={_short(value)}" for key, value in entry.body.items() if value not in ("", [], None)
        )
        self.world.said(self.name, f"{entry.kind}: {about}")


@dataclass(kw_only=True)
class Stacker(HealingStacker):
    """The real one, but it takes no time: a replay has to write the same journal."""

    def stack(self, onto: Sha, head: Sha, contract: Contract, *, prove: bool = True) -> Stacked | Unstackable:
        stacked = super().stack(onto, head, contract, prove=prove)
        if isinstance(stacked, Stacked) and stacked.healed is not None:
            return replace(stacked, healed=replace(stacked.healed, seconds=0.0))
        return stacked


def _short(value: object) -> str:
    text = str(value)
    return text[:10] if len(text) == 40 and " " not in text else text[:160]
