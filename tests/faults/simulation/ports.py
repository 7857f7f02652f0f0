"""The ports of a replica in the simulation: a clock, a forge and gates that play a part, and the fault that any call
can meet. Nothing here knows why something happens: that is the story's business."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from pointsman.core.contract import Check
from pointsman.core.contract.model import Sandbox
from pointsman.core.errors import EnvironmentProblem, ForgeUnavailable, GitFailed, PointsmanError
from pointsman.core.gates import GateResult, JobResult, judge_run
from pointsman.core.model import Sha
from pointsman.core.pulls.model import RequiredCheck
from pointsman.core.queue.actions import Blocked, Landed, LandOutcome, Moved
from tests.faults.simulation.memory_git import MemoryGit
from tests.faults.simulation.project import red

if TYPE_CHECKING:
    from tests.faults.simulation.trace import Execution

HEADS = "refs/heads/"


class Caller(Protocol):
    """Whoever calls a port: it may be stopped, or die, on the way in and on the way out."""

    def call(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any: ...


class Port:
    """A port whose named calls go through the caller; the rest goes straight on."""

    def __init__(self, target: object, name: str, caller: Caller, watched: Sequence[str]) -> None:
        self._target = target
        for method in watched:
            setattr(self, method, _watched(f"{name}.{method}", getattr(target, method), caller))

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._target, attribute)


def _watched(name: str, function: Callable[..., Any], caller: Caller) -> Callable[..., Any]:
    def called(*args: Any, **options: Any) -> Any:
        return caller.call(name, function, args, options)

    return called


def failure(call: str) -> PointsmanError:
    """How a call of that port fails."""
    port = call.partition(".")[0]
    if port == "forge":
        return ForgeUnavailable("the forge answers 502")
    if port == "git":
        return GitFailed(("git", call), 128, "fatal: unable to write new file")
    return EnvironmentProblem(f"{call}: input/output error")


@dataclass(kw_only=True)
class Weather:
    """What is out of order at the moment; times in seconds, over when they are past."""

    full_until: float = 0.0
    down_until: float = 0.0
    obstacle_until: float = 0.0
    stale_until: float = 0.0
    stale: Mapping[str, Sha] = field(default_factory=dict)

    def clear(self) -> None:
        self.full_until = self.down_until = self.obstacle_until = self.stale_until = 0.0

    def ends(self) -> list[float]:
        return [self.full_until, self.down_until, self.obstacle_until, self.stale_until]


@dataclass(kw_only=True)
class SimForge:
    """`ports.Forge` over the repository; in bad weather it answers late, with what was, or not at all."""

    git: MemoryGit
    weather: Weather
    time: Callable[[], float]

    def tip(self, lane: str) -> Sha | None:
        return self._seen().get(HEADS + lane)

    def branch_heads(self, wanted: Collection[str] | None = None) -> Mapping[str, Sha]:
        return {ref.removeprefix(HEADS): sha for ref, sha in self._seen().items() if ref.startswith(HEADS)}

    def forget(self) -> None:
        """Nothing is remembered."""

    def required_checks(self, lane: str) -> tuple[RequiredCheck, ...]:
        return ()

    def obstacle(self, lane: str, *, expected: Sha, new: Sha) -> str:
        self._reachable()
        return "a worktree is in the way" if self.time() < self.weather.obstacle_until else ""

    def land(self, lane: str, *, expected: Sha, new: Sha) -> LandOutcome:
        ref = HEADS + lane
        if self.git.read_ref(ref) == expected and self.obstacle(lane, expected=expected, new=new):
            return Blocked(why="a worktree is in the way")
        if not self.git.is_ancestor(expected, new):
            return Blocked(why="no fast-forward")
        moved = self.git.move_ref(ref, new=new, expected=expected)
        actual = self.git.read_ref(ref)
        if not moved and (actual is None or not self.git.is_ancestor(new, actual)):
            return Moved(actual=actual)
        return Landed()

    def _seen(self) -> Mapping[str, Sha]:
        self._reachable()
        return self.weather.stale if self.time() < self.weather.stale_until else self.git.heads

    def _reachable(self) -> None:
        if self.time() < self.weather.down_until:
            raise ForgeUnavailable("the forge does not answer")


@dataclass(kw_only=True)
class _Started:
    commit: Sha
    tree: Sha
    check: str
    command: str
    ends: float
    job: JobResult
    output: str
    odd: str
    owner: str
    stopped: bool = False


@dataclass(kw_only=True)
class SimGates:
    """`ports.Gates`: runs end as the tree's truth says, some time later; `odd` names, by the number of the run, those
    that end otherwise. With `own` a run belongs to the replica that started it and dies with that."""

    git: MemoryGit
    rng: Random
    time: Callable[[], float]
    odd: dict[int, str]
    own: bool
    ran: Callable[[Execution], None]
    started: dict[int, _Started] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)
    _count: int = 0

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None, owner: str) -> None:
        if run_id in self.started:
            return
        self._count += 1
        odd = self.odd.get(self._count, "")
        tree = self.git.tree_of(commit)
        files = [self.git.blobs[oid] for oid in self.git.trees[tree].values()]
        problem = red(files, check.name)
        job, output = _ending(odd, problem)
        seconds = self.rng.uniform(3, 60) + (900 if odd == "late" else 0)
        self.started[run_id] = _Started(
            commit=commit,
            tree=tree,
            check=check.name,
            command=check.run or "",
            ends=self.time() + seconds,
            job=job,
            output=output,
            odd=odd,
            owner=owner,
        )

    def poll(self, run_id: int, owner: str) -> GateResult | None:
        run = self.started.get(run_id)
        if run is None or run.stopped or (self.own and run.owner != owner and run.ends > self.time()):
            return GateResult(outcome=judge_run(JobResult(lost=True), ""), seconds=0.0, log=None)
        if run.ends > self.time():
            return None
        self._tell(run_id, run)
        outcome = judge_run(run.job, run.output, check=run.check)
        return GateResult(outcome=outcome, seconds=run.job.seconds, log=None)

    def cancel(self, run_id: int, owner: str) -> None:
        run = self.started.get(run_id)
        if run is not None and run.ends > self.time() and not (self.own and run.owner != owner):
            run.stopped = True

    def bury(self, owner: str) -> None:
        """A replica died; where runs are its own, they die with it."""
        for run in self.started.values():
            if self.own and run.owner == owner and run.ends > self.time():
                run.stopped = True

    def busy(self) -> list[float]:
        """When the runs end that are under way."""
        now = self.time()
        return [run.ends for run in self.started.values() if not run.stopped and run.ends > now]

    def _tell(self, run_id: int, run: _Started) -> None:
        """Put the run on record once it has ended, whoever asks first."""
        from tests.faults.simulation.trace import Execution

        if run_id in self._told:
            return
        self._told.add(run_id)
        passed = None if run.job.lost else run.job.exit_code == 0 and "passed" in run.output
        self.ran(
            Execution(
                commit=run.commit,
                tree=run.tree,
                check=run.check,
                command=run.command,
                ended=run.ends,
                passed=passed,
                odd=run.odd,
            )
        )


def _ending(odd: str, problem: str) -> tuple[JobResult, str]:
    """How a job ends, and what it printed."""
    match odd:
        case "lost":
            return JobResult(lost=True), ""
        case "timeout":
            return JobResult(timed_out=True, seconds=900.0), ""
        case "empty":
            return JobResult(exit_code=0, seconds=9.0), "no tests ran in 0.01s\n"
        case "127":
            return JobResult(exit_code=127, seconds=9.0), "sh: run-unit: not found\n"
        case "killed":
            return JobResult(signal=9, seconds=9.0), ""
        case "flaky":
            return JobResult(
                exit_code=1, seconds=9.0
            ), "FAILED tests/test_flaky.py::test_time\n1 failed, 2 passed\n"
    if problem:
        return JobResult(
            exit_code=1, seconds=9.0
        ), f"FAILED tests/test_it.py::test_it - {problem}\n1 failed\n"
    return JobResult(exit_code=0, seconds=9.0), "3 passed in 0.10s\n"


@dataclass(frozen=True, kw_only=True)
class OwnedGates:
    """The gates as one replica, `owner`, sees them: `ports.Gates`."""

    gates: SimGates
    owner: str

    def start(self, run_id: int, commit: Sha, check: Check, policy: Sandbox | None = None) -> None:
        self.gates.start(run_id, commit, check, policy, self.owner)

    def poll(self, run_id: int) -> GateResult | None:
        return self.gates.poll(run_id, self.owner)

    def cancel(self, run_id: int) -> None:
        self.gates.cancel(run_id, self.owner)

    def sweep(self, keep: Collection[int]) -> None:
        """There is nothing to remove."""
