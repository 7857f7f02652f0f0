"""Runs the owner's questions about a landed commit in the sandbox, beside everything else; it judges no answer.

The command is the contract's, as it stands on the base branch, and runs in the landed tree as a gate's does. What it
needs lies in a folder of its own that goes with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.accounts import account
from pointsman.adapters.handed import give
from pointsman.adapters.jail import WALLS, Jail, Protection, jail_of
from pointsman.adapters.sandbox import MIB, Job, Running, Sandbox, base_environment
from pointsman.adapters.scratch import Scratch
from pointsman.core.healer.model import one_line
from pointsman.core.queue.deploys import Answer, Question

if TYPE_CHECKING:
    from pointsman.core.gates import JobResult
    from pointsman.ports import Git

COMMIT = "POINTSMAN_COMMIT"
MAX_PROCESSES = 128
LOG_LIMIT = MIB // 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    question: Question
    place: Scratch
    running: Running

    @property
    def log(self) -> Path:
        return self.place.path / "log"


class SandboxQuestions:
    """Implements ports.Questions. `state` is the queue's state folder, which a command can't see; the repository that
    it lies in can't be written to by one, where this machine can see to that."""

    def __init__(self, git: Git, sandbox: Sandbox, *, state: Path, folder: Path | None = None) -> None:
        self._git = git
        self._sandbox = sandbox
        self._state = state.absolute()
        self._folder = folder
        self._asked: dict[str, _Asked] = {}

    @property
    def busy(self) -> bool:
        return bool(self._asked)

    @property
    def ended(self) -> bool:
        return any(asked.running.poll() is not None for asked in self._asked.values())

    def ask(self, question: Question) -> Answer | None:
        """See ports.Questions.ask. EnvironmentProblem when the tree can't be written."""
        asked = self._asked.get(question.lane)
        if asked is None or asked.question != question:
            self.forget(question.lane)
            self._asked[question.lane] = self._start(question)
            return None
        result = asked.running.poll()
        if result is None:
            return None
        answer = _answer(question, result, _last_line(asked.log))
        self.forget(question.lane)
        return answer

    def close(self) -> None:
        """End all that runs."""
        for lane in list(self._asked):
            self.forget(lane)

    def forget(self, lane: str) -> None:
        asked = self._asked.pop(lane, None)
        if asked is not None:
            if asked.running.poll() is None:
                asked.running.cancel()
            asked.place.close()

    def _start(self, question: Question) -> _Asked:
        place = Scratch("question", self._folder)
        try:
            return _Asked(question=question, place=place, running=self._run(question, place))
        except BaseException:
            place.close()
            raise

    def _run(self, question: Question, place: Scratch) -> Running:
        room = place.path / "room"
        tree, home, tmp = (room / name for name in ("tree", "home", "tmp"))
        for folder in (home, tmp):
            folder.mkdir(parents=True)
        self._git.materialise(question.commit, tree)
        jail = self._jail(room, question)
        if jail.user is not None:
            place.path.chmod(0o711)
            found = account(jail.user)
            if found is not None and os.geteuid() == 0:
                give(room, found)
        job = Job(
            command=question.command,
            cwd=tree,
            env=base_environment(home=home, tmp=tmp) | {COMMIT: question.commit},
            log=place.path / "log",
            result=place.path / "result.json",
            timeout=question.timeout,
            memory=question.policy.memory,
            processes=MAX_PROCESSES,
            log_limit=LOG_LIMIT,
            jail=jail,
        )
        return self._sandbox.start(job, hold=[place.lock])

    def _jail(self, room: Path, question: Question) -> Jail:
        """As a gate's: what the contract demands, and what a command does not notice."""
        asked = jail_of(question.policy)
        unnoticed = {Protection.READ_ONLY, Protection.HIDDEN, Protection.PROCESSES}
        if question.policy.read_only_git is False:
            unnoticed = {Protection.PROCESSES}
        return replace(
            asked,
            wanted=asked.wanted | unnoticed,
            read_only=(self._state.parent,),
            hidden=(self._state,) if self._state.is_dir() else (),
            writable=(room,),
            user_namespace=bool(asked.demanded & WALLS),
        )


def _answer(question: Question, result: JobResult, last: str) -> Answer:
    why, code = "", result.exit_code
    if result.lost or result.cancelled:
        why, code = "nobody saw it end", None
    elif result.error:
        why, code = f"it could not be started: {result.error}", None
    elif result.timed_out:
        why, code = f"it took longer than {question.timeout:g} s", None
    elif result.process_limit:
        why, code = f"it started more than {MAX_PROCESSES} processes", None
    elif result.signal is not None:
        why = f"it was ended by signal {result.signal}"
        with contextlib.suppress(ValueError):
            why = f"it was ended by {signal.Signals(result.signal).name}"
    elif code != 0:
        why = f"exit code {code}" + (f" ({last})" if last else "")
    return Answer(
        exit_code=code, timed_out=result.timed_out or result.lost or result.cancelled, why=one_line(why)
    )


def _last_line(log: Path) -> str:
    try:
        said = log.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")
