"""Runs checks on this machine: a tree of its own per run, a log per attempt; it judges nothing itself.

Below `root`: `work/<attempt>/` holds the tree and goes away, `logs/<attempt>.log` and
`results/<attempt>.json` stay. An attempt is the run's id, and `<id>.2` and on when the same run had to be
started again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.accounts import account
from pointsman.adapters.gates.starting import Starting
from pointsman.adapters.jail import WALLS, Jail, Protection, jail_of
from pointsman.adapters.sandbox import Job, Sandbox, base_environment, read_result
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.gates import GateResult, JobResult, judge_run

if TYPE_CHECKING:
    from pointsman.core.contract import Check
    from pointsman.core.contract.model import Sandbox as Policy
    from pointsman.core.model import Sha
    from pointsman.ports import Git

JUDGED_BYTES = 1 << 20
"""How much of a log's end is searched for summaries and failures."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What every check of this machine is held to, whatever the contract says; None is no limit."""

    memory: int | None = None
    processes: int | None = None

    def under(self, policy: Policy | None) -> Limits:
        """These and the contract's, the stricter of each."""
        if policy is None:
            return self
        memories = [size for size in (self.memory, policy.memory) if size is not None]
        return replace(self, memory=min(memories, default=None))


@dataclass(frozen=True, slots=True)
class Attempt:
    """The folders and files of one start of one run."""

    root: Path
    name: str

    @property
    def work(self) -> Path:
        return self.root / "work" / self.name

    @property
    def log(self) -> Path:
        return self.root / "logs" / f"{self.name}.log"

    @property
    def result(self) -> Path:
        return self.root / "results" / f"{self.name}.json"


class LocalGates:
    """The local gates. `root` is the repository's state folder, which several processes may share."""

    def __init__(self, git: Git, sandbox: Sandbox, root: Path, limits: Limits | None = None) -> None:
        self._git = git
        self._sandbox = sandbox
        self._root = root.absolute()
        self._limits = limits or Limits()
        self._running: dict[int, tuple[Attempt, Starting]] = {}
        self._threads: list[threading.Thread] = []

    def start(self, run_id: int, commit: Sha, check: Check, policy: Policy | None = None) -> None:
        """Start `check` on the commit's tree. Starting a run again that runs or has ended does nothing.

        `policy` is the contract's `sandbox`: where this machine can't provide what it demands, the run ends as
        not passed. The state folder is hidden and the git directory read-only where that costs a check nothing.

        The tree is written in a thread; EnvironmentProblem of the next `poll` when it can't be. ValueError for a check
        that is not a command."""
        if check.run is None:
            raise ValueError(f"check {check.name} is built in: it has no command to run")
        if run_id in self._running or self._ended(run_id) is not None:
            return
        limits = self._limits.under(policy)
        attempt = self._new_attempt(run_id)
        lock = _lock(attempt.work)
        tree, home, tmp = (attempt.work / name for name in ("tree", "home", "tmp"))
        jail = self._jail(attempt, policy)
        job = Job(
            command=check.run,
            cwd=tree,
            env=base_environment(home=home, tmp=tmp) | dict(check.env),
            log=attempt.log,
            result=attempt.result,
            timeout=check.timeout,
            memory=limits.memory,
            processes=limits.processes,
            jail=jail,
            labels={"check": check.name, "min_tests": check.min_tests},
        )

        def prepare() -> None:
            for folder in (home, tmp):
                folder.mkdir()
            self._git.materialise(commit, tree)
            if jail.user is not None:
                _give(attempt.work, jail.user)

        starting = Starting(
            prepare=prepare,
            start=lambda: self._sandbox.start(job, hold=[lock]),
            clean=lambda: _remove(attempt.work),
            lock=lock,
        )
        self._running[run_id] = attempt, starting
        self._beside(starting.thread)

    def poll(self, run_id: int) -> GateResult | None:
        """The result once it has ended, else None. A run that nobody runs any more ended LOST."""
        if run_id not in self._running:
            return self._ended(run_id) or self._lost(run_id)
        attempt, running = self._running[run_id]
        try:
            result = running.poll()
        except BaseException:
            del self._running[run_id]
            raise
        if result is None:
            return None
        del self._running[run_id]
        self._clean(attempt)
        return _judged(attempt, result)

    def cancel(self, run_id: int) -> None:
        """End a run; nothing of it is alive when this returns, and its tree goes away."""
        if run_id in self._running:
            attempt, running = self._running.pop(run_id)
            if running.cancel():
                self._clean(attempt)

    def stop(self) -> None:
        """End every run that was started here; each is lost, and started again by whoever works its lane next. Their
        trees are gone when this returns."""
        for run_id in list(self._running):
            self.cancel(run_id)
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def sweep(self, keep: Collection[int]) -> None:
        """Remove the trees of killed processes; those of `keep`, and of runs alive anywhere, stay."""
        kept = {str(run_id) for run_id in keep} | {attempt.name for attempt, _ in self._running.values()}
        work = self._root / "work"
        for folder in sorted(work.iterdir()) if work.is_dir() else ():
            if folder.name not in kept and not _is_locked(folder):
                _remove(folder)

    def _clean(self, attempt: Attempt) -> None:
        """Beside the lane's work: with thousands of files it takes seconds on a loaded disk."""
        thread = threading.Thread(target=_remove, args=(attempt.work,), name="pointsman-clean")
        thread.start()
        self._beside(thread)

    def _beside(self, thread: threading.Thread) -> None:
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]

    def _jail(self, attempt: Attempt, policy: Policy | None) -> Jail:
        """What the contract demands; and what a check does not notice, which only root's namespaces are."""
        asked = jail_of(policy)
        unnoticed = {Protection.READ_ONLY, Protection.HIDDEN, Protection.PROCESSES}
        if policy is not None and policy.read_only_git is False:
            unnoticed = {Protection.PROCESSES}
        return replace(
            asked,
            wanted=asked.wanted | unnoticed,
            read_only=(self._root.parent,),
            hidden=(self._root,),
            writable=(attempt.work,),
            user_namespace=bool(asked.demanded & WALLS),
        )

    def _new_attempt(self, run_id: int) -> Attempt:
        """The log's file is what reserves an attempt's name: it is made here and never made twice."""
        for folder in ("logs", "results", "work"):
            (self._root / folder).mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            attempt = Attempt(self._root, str(run_id) if number == 1 else f"{run_id}.{number}")
            try:
                attempt.log.touch(exist_ok=False)
            except FileExistsError:
                number += 1
                continue
            except OSError as problem:
                raise EnvironmentProblem(f"the log {attempt.log} can't be written: {problem}") from problem
            attempt.work.mkdir()
            return attempt

    def _last_attempt(self, run_id: int) -> Attempt | None:
        last = None
        number = 1
        while True:
            attempt = Attempt(self._root, str(run_id) if number == 1 else f"{run_id}.{number}")
            if not attempt.log.exists():
                return last
            last, number = attempt, number + 1

    def _ended(self, run_id: int) -> GateResult | None:
        """What an earlier process of ours saw to its end; a run that died with it has not ended."""
        attempt = self._last_attempt(run_id)
        result = read_result(attempt.result) if attempt else None
        if attempt is None or result is None or result.cancelled:
            return None
        return _judged(attempt, result)

    def _lost(self, run_id: int) -> GateResult:
        attempt = self._last_attempt(run_id)
        outcome = judge_run(JobResult(lost=True), "")
        return GateResult(outcome=outcome, seconds=0.0, log=str(attempt.log) if attempt else None)


def _judged(attempt: Attempt, result: JobResult) -> GateResult:
    check, min_tests = result.labels.get("check"), result.labels.get("min_tests")
    outcome = judge_run(
        result,
        _tail(attempt.log),
        check=str(check or ""),
        min_tests=min_tests if isinstance(min_tests, int) else None,
    )
    return GateResult(outcome=outcome, seconds=result.seconds, log=str(attempt.log))


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - JUDGED_BYTES))
            return file.read(JUDGED_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _give(work: Path, user: str) -> None:
    """Make the tree the user's; where that can't be, the job says so when it can't become that user."""
    found = account(user)
    if found is None or os.geteuid() != 0:
        return
    for folder, folders, files in os.walk(work):
        for name in (".", *folders, *files):
            os.chown(Path(folder, name), found.uid, found.gid, follow_symlinks=False)


def _lock(work: Path) -> int:
    """Hold the work folder until every copy of this descriptor is closed; the supervisor has one."""
    lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _is_locked(work: Path) -> bool:
    try:
        lock = os.open(work / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _remove(folder: Path) -> None:
    """Remove it even where the job made folders read-only; what can't be removed stays for the next sweep."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for path, _, _ in os.walk(folder):
            with contextlib.suppress(OSError):
                Path(path).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
