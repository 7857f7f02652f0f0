"""Runs a contract's command that makes files, in the sandbox, on a written-out tree, and tells what it changed there.

It judges nothing of it. The repository and its work trees are never touched, and nothing is left behind.
"""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.accounts import instead_of_root
from pointsman.adapters.git.ignored import ignored
from pointsman.adapters.handed import give, is_below, lenders, settings_beside, write_out
from pointsman.adapters.jail import WALLS, Jail, Protection, jail_of
from pointsman.adapters.programs import made_of, programs
from pointsman.adapters.proof_cell import CROWDED
from pointsman.adapters.sandbox import MIB, Job, Sandbox, base_environment
from pointsman.adapters.scratch import scratch
from pointsman.adapters.written import State, Unreadable, difference, states
from pointsman.core.conflicts.model import NotRemade, Remade, RemakeRequest
from pointsman.core.contract.matching import PatternSet

if TYPE_CHECKING:
    from pointsman.core.gates import JobResult
    from pointsman.core.model import GitPath, Sha
    from pointsman.ports import Git

MAX_PROCESSES = 256
MAX_FILE = 1024 * MIB
MAX_MEMORY = 4096 * MIB
LOG_LIMIT = MIB // 4
SAID = 1500
"""Characters of the output's end that are told."""
REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class _Room:
    """The folders of one run. The command may write in `inside`, and nowhere else."""

    outside: Path

    @property
    def inside(self) -> Path:
        return self.outside / "room"

    @property
    def tree(self) -> Path:
        return self.inside / "tree"

    @property
    def home(self) -> Path:
        return self.inside / "home"

    @property
    def tmp(self) -> Path:
        return self.inside / "tmp"

    @property
    def log(self) -> Path:
        return self.outside / "log"


class SandboxRegenerator:
    """Commands on this machine. `folder` is where the scratch files go while one runs (None: the system's temporary
    folder); `state` is hidden from it. What a command made of a tree is remembered while this object lives: a queue
    builds the same tree more than once."""

    def __init__(
        self, git: Git, sandbox: Sandbox, *, folder: Path | None = None, state: Path | None = None
    ) -> None:
        self._git = git
        self._sandbox = sandbox
        self._folder = folder
        self._state = state
        self._known: OrderedDict[tuple[Sha, str, tuple[str, ...], str], Remade] = OrderedDict()

    def remake(self, request: RemakeRequest) -> Remade | NotRemade:
        """See core.conflicts.model.Regenerator."""
        one = request.remake
        key = (request.tree, one.run, one.writes, one.network)
        if key in self._known:
            return self._known[key]
        with scratch("regenerate", self._folder) as held:
            made = self._run(_Room(held.path.resolve()), request, held.lock)
        if isinstance(made, Remade):
            self._known[key] = made
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return made

    def _run(self, room: _Room, request: RemakeRequest, lock: int) -> Remade | NotRemade:
        for place in (room.inside, room.home, room.tmp):
            place.mkdir(mode=0o700)
        write_out(self._git, request.tree, room.tree)
        try:
            job = _job(room, request, self._jail(room, request))
            before = states(room.tree)
            result = self._sandbox.run(job, hold=[lock])
            said = _said(room.log)
            if (why := _why_not(result, request)) is not None:
                return NotRemade(reason=why, said=said)
            return self._made(room, request, before, said, result.seconds)
        except Unreadable as problem:
            return NotRemade(reason=f"left {problem}")

    def _made(
        self, room: _Room, request: RemakeRequest, before: dict[GitPath, State], said: str, seconds: float
    ) -> Remade | NotRemade:
        entries = {entry.path: entry for entry in self._git.entries(request.tree)}
        changes = difference(room.tree, before, states(room.tree), entries, PatternSet(request.remake.writes))
        covered = ignored(room.tree, room.outside / "git", changes.new) if changes.new else frozenset()
        if covered is None:
            return NotRemade(reason="left a .gitignore that takes too long to match", said=said)
        others = [*changes.others, *(path for path in changes.new if path not in covered)]
        return Remade(
            files=changes.files,
            others=tuple(sorted(others)),
            odd=tuple(sorted(changes.odd)),
            said=said,
            seconds=round(seconds, 3),
        )

    def _jail(self, room: _Room, request: RemakeRequest) -> Jail:
        """Every wall that this machine has; those that the contract's `sandbox` asks for, and the network where the
        command gets none, it must have. Of what is somebody's on this machine it sees what the programs are made of
        that the contract names. Root's commands run under another account where that can come to them: the contract
        tells, and never how a command ended."""
        asked = jail_of(request.sandbox)
        wanted, demanded = asked.wanted | WALLS, asked.demanded
        closed = request.sandbox is not None and request.sandbox.network == "none"
        if request.remake.network == "host" and not closed:
            wanted -= {Protection.NETWORK}
        else:
            demanded |= {Protection.NETWORK, Protection.PRIVILEGES}
        stores = lenders(room.tree)
        named = programs(request.remake.run)
        needed = [*stores, *(folder for program in named for folder in made_of(program))]
        user = asked.user
        if user is None and (other := instead_of_root()) is not None:
            room.outside.chmod(0o711)
            if all(other.barrier(place) is None for place in (room.inside, *needed, *named)):
                user = other.name
                wanted |= {Protection.USER}
                give(room.inside, other)
        crowded = {Path(place).resolve() for place in (*CROWDED, tempfile.gettempdir(), Path.home())}
        crowded |= {self._state.resolve()} if self._state is not None else set()
        hidden = {place for place in crowded if place.is_dir()} - {Path("/")}
        return replace(
            asked,
            wanted=wanted,
            demanded=demanded,
            everything=True,
            hidden=(*sorted(hidden), *settings_beside(stores)),
            visible=tuple(sorted({place for place in needed if is_below(place, hidden)})),
            writable=(room.inside,),
            user=user,
        )


def _job(room: _Room, request: RemakeRequest, jail: Jail) -> Job:
    policy = request.sandbox
    return Job(
        command=request.remake.run,
        cwd=room.tree,
        env=base_environment(home=room.home, tmp=room.tmp) | dict(request.env),
        log=room.log,
        result=room.outside / "result.json",
        timeout=request.remake.timeout,
        grace=1.0,
        memory=min(MAX_MEMORY, policy.memory or MAX_MEMORY) if policy is not None else MAX_MEMORY,
        processes=MAX_PROCESSES,
        file_size=MAX_FILE,
        log_limit=LOG_LIMIT,
        jail=jail,
    )


def _why_not(result: JobResult, request: RemakeRequest) -> str | None:
    """Completes "the command ...": None where it ended well."""
    if result.error:
        return f"could not be started: {result.error}"
    if result.timed_out:
        return f"took longer than {request.remake.timeout:g} s"
    if result.process_limit:
        return f"started more than {MAX_PROCESSES} processes"
    if result.signal is not None:
        return f"was ended by signal {result.signal}"
    if result.exit_code != 0:
        return "was lost" if result.lost else f"ended with exit code {result.exit_code}"
    return None


def _said(log: Path) -> str:
    try:
        text = log.read_bytes().decode("utf-8", "replace")[-SAID:]
    except OSError:
        return ""
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text).strip()
