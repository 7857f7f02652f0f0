"""The only place that picks concrete classes; it decides nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pointsman.core.bounds import BOUNDS
from pointsman.core.errors import PointsmanError, UserError

if TYPE_CHECKING:
    from pointsman.adapters.gates.local import LocalGates
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.adapters.local import LocalForge
    from pointsman.adapters.store.sql import SqlStore
    from pointsman.core.conflicts.model import NotRemade, Regenerator, Remade, RemakeRequest
    from pointsman.core.contract import Contract
    from pointsman.core.contract.model import Sandbox as Policy
    from pointsman.core.diagnosis import Finding
    from pointsman.core.healer.model import HealerCommand
    from pointsman.core.proof import Prover
    from pointsman.core.queue.model import Change
    from pointsman.ports import Clock, Store, Turn
    from pointsman.service.consent import Consents
    from pointsman.service.loop import Loop
    from pointsman.service.migrations import Reader
    from pointsman.service.perform import Performer
    from pointsman.service.recorder import Listener
    from pointsman.service.submit import Desk, NotSubmitted, Submission, Submitted
    from pointsman.service.upkeep import Upkeep

STATE_FOLDER = "pointsman"


def open_git(directory: Path) -> GitRepository:
    """The repository that `directory` lies in."""
    from pointsman.adapters.git.repository import GitRepository

    return GitRepository.open(directory)


def state_folder(git: GitRepository) -> Path:
    """Where the local rung keeps its state, logs and work trees: beside the repository's objects."""
    return git.git_common_dir / STATE_FOLDER


def open_reader(git: GitRepository) -> Reader:
    """Reads migrations of that repository; what a revision file says is kept between runs, by its object id."""
    from pointsman.adapters.parsing import DiskCache, cache_path, parse_all
    from pointsman.core.migrations.cache import MemoryCache
    from pointsman.service.migrations import Reader

    path = cache_path(git.git_common_dir)
    return Reader(git, cache=DiskCache(path) if path else MemoryCache(), parse_all=parse_all)


def open_prover(git: GitRepository, directory: Path) -> Prover:
    """What proves a heal: the sandbox on this machine, with the packages of the work tree's `.venv` if it has one."""
    from pointsman.adapters.proof import SandboxProver
    from pointsman.adapters.sandbox import Sandbox

    return SandboxProver(git, Sandbox(), worktree=directory.resolve(), state=state_folder(git))


def open_regenerator(git: GitRepository) -> Regenerator:
    """What makes files anew where both sides met in them: the contract's command in the sandbox on this machine."""
    return _RegeneratorOnDemand(git)


class _RegeneratorOnDemand:
    """Loads the sandbox when the first file is made anew: most heals make none, and loading takes longer than they."""

    def __init__(self, git: GitRepository) -> None:
        self._git = git

    def remake(self, request: RemakeRequest) -> Remade | NotRemade:
        from pointsman.adapters.regenerate import SandboxRegenerator
        from pointsman.adapters.sandbox import Sandbox

        return SandboxRegenerator(self._git, Sandbox(), state=state_folder(self._git)).remake(request)


def open_healer(git: GitRepository) -> HealerCommand:
    """What runs a contract's healer command: the sandbox on this machine. The contract may name any variable of ours
    but our own: both are of whoever runs this."""
    from pointsman.adapters.healer import SandboxHealer
    from pointsman.adapters.sandbox import Sandbox

    return SandboxHealer(git, Sandbox(), state=state_folder(git))


def examine(directory: Path) -> tuple[Finding, ...]:
    """What there is to know of this machine and, where `directory` lies in a repository, of the queue's state there."""
    from pointsman.adapters import machine
    from pointsman.adapters.parsing import cache_path
    from pointsman.adapters.sandbox import Sandbox
    from pointsman.core.diagnosis import Finding, State

    tools = machine.tools()
    try:
        with open_git(directory) as git:
            folder, refs = state_folder(git), len(git.refs("refs/pointsman/"))
            cache = cache_path(git.git_common_dir)
            found, policy = _contract_found(git)
    except PointsmanError as problem:
        none = Finding(area="repository", name="repository", state=State.MISSING, text=str(problem))
        return (*tools, none, *machine.protections(Sandbox(), None))
    parts = machine.state(folder, refs, cache.parent if cache is not None else None)
    return (*tools, found, *machine.protections(Sandbox(), policy), *parts)


def _contract_found(git: GitRepository) -> tuple[Finding, Policy | None]:
    from pointsman.core.diagnosis import Finding, State
    from pointsman.service.contracts import NoContract

    state, policy = State.OK, None
    try:
        lane, contract = base_contract(git, None)
        text, policy = f"on {lane}, in force in {git.git_common_dir}", contract.sandbox
    except NoContract as problem:
        state, text = State.MISSING, str(problem)
    except UserError as problem:
        state, text = State.BROKEN, str(problem)
    return Finding(area="repository", name="contract", state=state, text=text), policy


def open_store(directory: Path) -> Store:
    """The local rung's state of the repository that `directory` lies in; made where there is none."""
    from pointsman.adapters.store.sql import SqlStore
    from pointsman.wiring.database import open_home

    with open_git(directory) as git:
        return SqlStore(open_home(state_folder(git)))


@dataclass(kw_only=True)
class LocalQueue:
    """The local rung: one repository, its state, and everything that works on them."""

    git: GitRepository
    store: Store
    forge: LocalForge
    gates: LocalGates
    lock: Turn
    desk: Desk
    consents: Consents
    loop: Loop
    lane: str | None
    contract: Contract | None

    def submit(self, asked: Submission) -> Submitted | NotSubmitted:
        lane, contract = self._ready()
        return self.desk.submit(asked, lane=lane, contract=contract)

    def view(self, *, everything: bool) -> dict[str, Any]:
        from pointsman.service.view import view

        return view(self.store, self.forge, everything=everything, lane=self.lane)

    def approve(self, change: Change, *, by: str, human: bool) -> None:
        self.consents.approve(change, by=by, human=human)

    def grant(self, change: Change, *, patterns: tuple[str, ...], by: str) -> str:
        _, contract = self._ready()
        return self.consents.grant(change, patterns=patterns, by=by, contract=contract)

    def resume(self, *, by: str) -> list[str]:
        lanes = [self.lane] if self.lane is not None else self.store.lanes()
        return [lane for lane in lanes if self.consents.resume(lane, by=by)]

    def listen(self, tell: Listener) -> None:
        """Hear every journal entry of this process's run once it is on disk."""
        self.loop.performer.recorder.tell = tell

    def stop_runs(self) -> None:
        """End the gates that still run here; they are run again next time."""
        self.gates.stop()

    def _ready(self) -> tuple[str, Contract]:
        if self.lane is None or self.contract is None:
            raise UserError("this needs a contract on the base branch")
        return self.lane, self.contract


@contextmanager
def local_queue(
    directory: Path, *, base: str | None = None, contract_needed: bool = True, database: str | None = None
) -> Iterator[LocalQueue]:
    """The local rung of the repository that `directory` lies in; `database` as `database.named` has it.

    With `contract_needed` a missing or unreadable contract is a UserError that lists every problem.
    """
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.gates.local import LocalGates
    from pointsman.adapters.local import LocalCheckouts, LocalForge
    from pointsman.adapters.questions import SandboxQuestions
    from pointsman.adapters.sandbox import Sandbox
    from pointsman.service.build import Builder
    from pointsman.service.consent import Consents
    from pointsman.service.deployments import Deployments
    from pointsman.service.facts import Facts
    from pointsman.service.fencing import FencedForge
    from pointsman.service.heal.asking_memory import Helper, Notes
    from pointsman.service.heal.stack import HealingStacker
    from pointsman.service.loop import Loop
    from pointsman.service.migrations import Reader
    from pointsman.service.observe import Observer
    from pointsman.service.perform import Performer
    from pointsman.service.submit import Desk
    from pointsman.wiring.database import local_state

    with (
        open_git(directory) as git,
        local_state(folder := state_folder(git), database) as state,
        closing(SandboxQuestions(git, sandbox := Sandbox(), state=folder)) as questions,
    ):
        store, clock = state.store, SystemClock()
        forge = LocalForge(git=git)
        gates = LocalGates(git, sandbox, folder)
        prover = open_prover(git, directory)
        stacker = HealingStacker(
            git=git,
            prover=prover,
            reader=Reader(git=git),
            regenerator=open_regenerator(git),
            helper=Helper(command=open_healer(git), memory=Notes(store=store, clock=clock)),
        )
        builder = Builder(git=git, store=store, clock=clock, stacker=stacker)
        performer = Performer.of(
            git=git,
            store=store,
            forge=FencedForge(forge=forge, check=state.turn.check),
            gates=gates,
            clock=clock,
            builder=builder,
            tell=lambda _: None,
        )
        facts = Facts(git=git, store=store, clock=clock)
        deployments = Deployments(store=store, clock=clock, questions=questions)
        observer = Observer(
            git=git, store=store, forge=forge, clock=clock, facts=facts, deployments=deployments
        )
        lane, contract = base_contract(git, base) if contract_needed else (base, None)
        yield LocalQueue(
            git=git,
            store=store,
            forge=forge,
            gates=gates,
            lock=state.turn,
            desk=Desk(git=git, store=store, forge=forge, checkouts=LocalCheckouts(git=git), clock=clock),
            consents=Consents(store=store, clock=clock),
            loop=Loop(
                observer=observer,
                performer=performer,
                store=store,
                gates=gates,
                clock=clock,
                upkeep=_upkeep(git, store, performer, clock),
                guard=state.turn.check,
            ),
            lane=lane,
            contract=contract,
        )


def _upkeep(git: GitRepository, store: SqlStore, performer: Performer, clock: Clock) -> Upkeep:
    from pointsman.adapters.caches import LooseObjects, ParseResults
    from pointsman.adapters.gates.logs import RunFiles
    from pointsman.adapters.parsing import cache_path
    from pointsman.service.upkeep import Shelf, Upkeep

    shelves: list[Shelf] = [
        RunFiles(root=state_folder(git), bounds=BOUNDS),
        LooseObjects(git_dir=git.git_common_dir),
    ]
    if (path := cache_path(git.git_common_dir)) is not None:
        shelves.append(ParseResults(folder=path.parent))
    return Upkeep(
        store=store, attic=store.attic(), pins=performer.pins, clock=clock, shelves=shelves, bounds=BOUNDS
    )


def base_contract(git: GitRepository, base: str | None) -> tuple[str, Contract]:
    """The base branch and the contract on its tip. UserError, with every problem, when there is none.

    Without `base`: the contract of `main`, else of `master`, else of the branch that HEAD is on, says it.
    """
    from pointsman.service.contracts import contract_at

    heads = git.refs("refs/heads/")
    names = [base] if base is not None else ["main", "master", git.branch_of("HEAD") or "main"]
    for name in names:
        tip = heads.get(f"refs/heads/{name}")
        if tip is not None:
            contract = contract_at(git, tip)
            return (base or contract.base), contract
    raise UserError(f"there is no branch {names[0]!r} to land on; name one with --base BRANCH")
