"""Runs a contract's healer command in the sandbox and takes down its answer; it judges no patch and applies none.

The command starts in a copy of the *base's* tree, so that a script of the repository, and all that it loads, are the
base's and never the change's. The merged tree lies beside it. Nothing is left behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.accounts import Account, instead_of_root
from pointsman.adapters.handed import give, is_below, lenders, settings_beside, write_out
from pointsman.adapters.jail import WALLS, Jail, Protection, jail_of
from pointsman.adapters.sandbox import MIB, Job, Sandbox, base_environment
from pointsman.adapters.scratch import scratch
from pointsman.core.gates import JobResult
from pointsman.core.healer.model import Answer, Outcome, Question, one_line

if TYPE_CHECKING:
    from pointsman.ports import Git

REQUEST, MERGED = "POINTSMAN_REQUEST", "POINTSMAN_MERGED"
"""Variables of the command: the file with the request that stdin has too, and the folder of the merged tree."""
OURS = "POINTSMAN_"
_START = 'exec /bin/sh -e -c "$1" <"$2" >"$3"'
MAX_PROCESSES = 128
MAX_FILE = 64 * MIB
MAX_MEMORY = 4096 * MIB
LOG_LIMIT = 64 * 1024
NO_NETWORK = (
    "the contract gives it the network (`healer.network: host`), and whoever runs this server does not"
)
LEAST_SECRET = 6
"""A value shorter than this is looked for in no patch: it would be found in every second one."""


@dataclass(frozen=True, slots=True)
class _Room:
    """The folders of one run. The command may write in `inside`, and in nothing else."""

    outside: Path

    @property
    def inside(self) -> Path:
        return self.outside / "room"

    @property
    def base(self) -> Path:
        return self.inside / "base"

    @property
    def merged(self) -> Path:
        return self.inside / "merged"

    @property
    def answer(self) -> Path:
        return self.inside / "answer"

    @property
    def request(self) -> Path:
        return self.inside / "request.json"

    @property
    def log(self) -> Path:
        return self.outside / "log"


class SandboxHealer:
    """Healer commands on this machine.

    `folder` is where the scratch files go while one runs (None: the system's temporary folder); `state` is hidden from
    it. `surroundings` are the variables that a contract may name, `allowed` those of them that this machine's owner
    lets it (None: all but our own); `network` whether a command may have the network that its contract gives it.
    """

    def __init__(
        self,
        git: Git,
        sandbox: Sandbox,
        *,
        folder: Path | None = None,
        state: Path | None = None,
        surroundings: Mapping[str, str] | None = None,
        allowed: Collection[str] | None = None,
        network: bool = True,
    ) -> None:
        self._git = git
        self._sandbox = sandbox
        self._folder = folder
        self._state = state
        self._surroundings = os.environ if surroundings is None else surroundings
        self._allowed = allowed
        self._network = network

    def ask(self, question: Question) -> Answer:
        """See core.healer.model.HealerCommand."""
        if question.healer.network == "host" and not self._network:
            return Answer(patch=b"", seconds=0.0, outcome=Outcome.FAILED, detail=NO_NETWORK)
        with scratch("healer", self._folder) as made:
            return self._ask_in(_Room(made.path), question, made.lock)

    def _ask_in(self, room: _Room, question: Question, lock: int) -> Answer:
        for name in ("home", "tmp"):
            (room.inside / name).mkdir(parents=True)
        self._git.materialise(question.base, room.base)
        write_out(self._git, question.merged, room.merged)
        room.request.write_bytes(question.request)
        secrets = self._secrets(question)
        user = instead_of_root() if question.policy.user is None else None
        jail = self._jail(room, question, user)
        if user is not None:
            give(room.inside, user)
        files = (question.healer.run, str(room.request), str(room.answer))
        ours = {REQUEST: str(room.request), MERGED: str(room.merged)}
        result = self._sandbox.run(
            Job(
                command=["/bin/sh", "-c", _START, "healer", *files],
                cwd=room.base,
                env=secrets | base_environment(home=room.inside / "home", tmp=room.inside / "tmp") | ours,
                log=room.log,
                result=room.outside / "result.json",
                timeout=question.healer.timeout,
                grace=1.0,
                memory=min(MAX_MEMORY, question.policy.memory or MAX_MEMORY),
                processes=MAX_PROCESSES,
                file_size=max(MAX_FILE, 2 * question.healer.max_patch),
                log_limit=LOG_LIMIT,
                jail=jail,
            ),
            hold=[lock],
        )
        return _answer(room, question, result, [value for value in secrets.values() if value])

    def _secrets(self, question: Question) -> dict[str, str]:
        """The named variables that are set here and may be told."""
        return {
            name: self._surroundings[name]
            for name in question.healer.env
            if name in self._surroundings
            and not name.startswith(OURS)
            and (self._allowed is None or name in self._allowed)
        }

    def _jail(self, room: _Room, question: Question, user: Account | None) -> Jail:
        """Every wall that this machine has, but for the network where the contract gives it. What the contract's
        `sandbox` says, and a network that is kept from it, are demanded."""
        asked = jail_of(question.policy)
        wanted, demanded = asked.wanted | WALLS, asked.demanded
        if question.healer.network == "host" and question.policy.network != "none":
            wanted -= {Protection.NETWORK}
        else:
            demanded |= {Protection.NETWORK, Protection.PRIVILEGES}
        stores = lenders(room.merged)
        hidden = [self._state] if self._state is not None and self._state.is_dir() else []
        if user is not None:
            room.outside.chmod(0o711)
            barriers = {user.barrier(path) for path in (room.inside, *stores)}
            hidden += sorted(path for path in barriers if path is not None)
            wanted |= {Protection.USER}
        visible = {path for path in stores if is_below(path, hidden)}
        hidden += [path for path in settings_beside(stores) if not is_below(path, hidden)]
        return Jail(
            wanted=wanted,
            demanded=demanded,
            everything=True,
            hidden=tuple(hidden),
            visible=tuple(sorted(visible)),
            writable=(room.inside,),
            user=asked.user or (user.name if user is not None else None),
            processors=asked.processors,
        )


def _answer(room: _Room, question: Question, result: JobResult, secrets: list[str]) -> Answer:
    patch = _read(room.answer, question.healer.max_patch + 1)
    outcome, detail = _ended(result, question, patch)
    if outcome is None and any(
        secret.encode("utf-8", "surrogateescape") in patch
        for secret in secrets
        if len(secret) >= LEAST_SECRET
    ):
        outcome, detail = Outcome.LEAKS, ""
    if outcome is Outcome.FAILED:
        detail = "; ".join(filter(None, (detail, _last_words(room.log, secrets))))
    return Answer(
        patch=patch if outcome is None else b"",
        seconds=round(result.seconds, 3),
        exit_code=result.exit_code,
        outcome=outcome,
        detail=one_line(detail),
        isolated=result.isolated,
    )


def _ended(result: JobResult, question: Question, patch: bytes) -> tuple[Outcome | None, str]:
    """Why there is no patch to judge; None where there is one."""
    if result.error:
        return Outcome.FAILED, result.error
    if len(patch) > question.healer.max_patch:
        return Outcome.TOO_LARGE, f"more than {question.healer.max_patch} bytes"
    if result.timed_out:
        return Outcome.TIMED_OUT, f"more than {question.healer.timeout:g} s"
    if result.process_limit:
        return Outcome.FAILED, f"it started more than {MAX_PROCESSES} processes"
    if result.signal is not None:
        with contextlib.suppress(ValueError):
            return Outcome.FAILED, f"it was ended by {signal.Signals(result.signal).name}"
        return Outcome.FAILED, f"it was ended by signal {result.signal}"
    if result.exit_code != 0:
        return Outcome.FAILED, "nobody saw it end" if result.lost else f"exit code {result.exit_code}"
    return None, ""


def _read(path: Path, limit: int) -> bytes:
    """The first bytes of a plain file. Whoever wrote it may have put something else in its place."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(file.fileno())
        return file.read(limit) if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1 else b""


def _last_words(log: Path, secrets: list[str]) -> str:
    """The last line that it wrote beside its answer, every secret that it was given taken out."""
    try:
        said = log.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    for secret in sorted(secrets, key=len, reverse=True):
        said = said.replace(secret, "***")
    return next((line for line in reversed(said.splitlines()) if line.strip()), "")
