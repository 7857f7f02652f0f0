"""Starts a job's command in the process that it makes for it: shut in as asked, or not at all.

`start` is called by the supervisor, which has one thread. Between supervisor and command stand, where the job has
processes of its own to see, two more: one that waits outside and one that is the first inside. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
from typing import Any, NoReturn

from pointsman.runner import isolate, mounts
from pointsman.runner.bubblewrap import find, wrapped
from pointsman.runner.processes import set_limits

Facts = dict[str, Any]
Ends = tuple[int, "int | None"]
CHUNK = 65536
ANSWER = 3
"""The command's descriptor for what it answers, where the job asks for an answer (see answer)."""
_ABOVE = 10
NOT_STARTED = 126
AGAIN = "try again"
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Launched:
    """The child to wait for, or why there is none; what it lost, and why it kept the rest.

    `extra` is how many processes of ours stand between it and us."""

    def __init__(self, pid: int, facts: Facts) -> None:
        self.pid = pid
        self.isolated: list[str] = facts.get("isolated", [])
        self.missing: dict[str, str] = facts.get("missing", {})
        self.error: str | None = facts.get("error")
        self.failed: tuple[int, str] | None = facts.get("failed")
        self.extra: int = facts.get("extra", 0)


def start(job: Facts, output: int, answer: int | None = None) -> Launched:
    """Fork and execute; returns when the command runs or can't. `output` becomes its stdout and stderr, `answer` its
    descriptor 3.

    A protection that fails half-way would leave the command in a place that is neither ours nor its own: then the
    process is thrown away, and another one tries bubblewrap, or does without where nobody demands it."""
    ends = (output, answer)
    launched = _fork(job, ends, bwrap=None)
    if launched.error != AGAIN:
        return launched
    if bwrap := find(job["jail"]):
        second = _fork(job, ends, bwrap=bwrap)
        if second.error != AGAIN:
            return second
    jail = {
        **job["jail"],
        "want": [name for name in job["jail"]["want"] if name not in launched.missing],
        "missing": launched.missing,
    }
    return _fork({**job, "jail": jail}, ends, bwrap=None)


def _fork(job: Facts, ends: Ends, *, bwrap: str | None) -> Launched:
    report, reporter = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            _prepare(job, ends, reporter, bwrap)
        os._exit(NOT_STARTED)
    os.close(reporter)
    said = b""
    while data := os.read(report, CHUNK):
        said += data
    os.close(report)
    facts: Facts = {key: value for line in said.splitlines() for key, value in json.loads(line).items()}
    if not facts.pop("ready", False) and not facts.get("error"):
        facts["error"] = "it could not be shut in: the process ended before its command"
    if facts.get("error") == AGAIN:
        os.waitpid(pid, 0)
    return Launched(pid, facts)


def _prepare(job: Facts, ends: Ends, reporter: int, bwrap: str | None) -> NoReturn:
    """In the child; never returns."""
    reporter = _leave_family(ends, reporter)
    isolate.die_with_parent()
    jail = job["jail"]
    if bwrap:
        shut, argv = wrapped(bwrap, jail, job["argv"], job["cwd"])
        if shut.half_way:
            _say(reporter, missing=shut.missing, error=AGAIN)
            os._exit(NOT_STARTED)
    else:
        shut, argv = isolate.shut_in(jail), job["argv"]
        shut.missing.update(jail.get("missing", {}))
        if _better_again(jail, shut):
            _say(reporter, missing=shut.missing, error=AGAIN)
            os._exit(NOT_STARTED)
        if isolate.PROCESSES in shut.done:
            _enter(shut)
            _say(reporter, extra=2)
    isolate.give_up(jail, shut)
    set_limits(job)
    lacking = [name for name in jail["demand"] if name not in shut.done]
    _say(reporter, isolated=shut.done, missing=shut.missing)
    if lacking:
        why = "; ".join(f"{name}: {shut.missing.get(name, 'not possible')}" for name in lacking)
        _say(reporter, error=f"this machine can't isolate a job as the contract demands ({why})")
        os._exit(NOT_STARTED)
    _execute(argv, job, reporter)


def _better_again(jail: Facts, shut: isolate.Shut) -> bool:
    """Whether another process could do better than this one: through bubblewrap, or at least undamaged."""
    if not shut.missing or "missing" in jail:
        return False
    return find(jail) is not None or (shut.half_way and not set(shut.missing).intersection(jail["demand"]))


def _leave_family(ends: Ends, reporter: int) -> int:
    """A session of its own; of our descriptors only those it needs, of our signal handlers none. The reporter's new
    number."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (*STOPS, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    output, answer = ends
    given = [os.open(os.devnull, os.O_RDWR), output, output, *([] if answer is None else [answer])]
    # First out of the way of the numbers that they shall have.
    reporter, *sources = [fcntl.fcntl(number, fcntl.F_DUPFD, _ABOVE) for number in (reporter, *given)]
    for target, source in enumerate(sources):
        os.dup2(source, target)
    os.closerange(len(sources), reporter)
    os.closerange(reporter + 1, os.sysconf("SC_OPEN_MAX"))
    return reporter


def _enter(shut: isolate.Shut) -> None:
    """Fork into the new process namespace; returns in the process that becomes the command."""
    # Whoever ends the job's group means the command; these two live exactly as long as it does.
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    ended, end = os.pipe()
    first = os.fork()
    if first:
        os.close(end)
        _wait_outside(first, ended)
    os.close(ended)
    isolate.die_with_parent()
    _see_only_own(shut)
    command = os.fork()
    if command:
        _be_first(command, end)
    os.close(end)
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


def _see_only_own(shut: isolate.Shut) -> None:
    has_mounts = any(name in shut.done for name in isolate.IN_MOUNTS)
    if not has_mounts:
        return
    try:
        mounts.own_proc(strict=isolate.PRIVILEGES in shut.wanted)
    except OSError as problem:
        # In a container whose own /proc is masked the kernel gives out no new one.
        shut.done.remove(isolate.PROCESSES)
        shut.missing[isolate.PROCESSES] = str(problem)


def _close_all_but(*kept: int) -> None:
    low = 0
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _wait_outside(first: int, ended: int) -> NoReturn:
    """End as the command ended, so that whoever waits for this process sees what it would see."""
    _close_all_but(ended)
    _, own = os.waitpid(first, 0)
    said = os.read(ended, CHUNK)
    status = int(said) if said else own
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


def _be_first(command: int, end: int) -> NoReturn:
    """Collect what has ended until the command has; the kernel then ends everything else inside."""
    _close_all_but(end)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == command:
            os.write(end, str(status).encode())
            os._exit(0)


def _execute(argv: list[str], job: Facts, reporter: int) -> NoReturn:
    os.set_inheritable(reporter, False)
    where = "folder"
    try:
        os.chdir(job["cwd"])
        where = "command"
        _say(reporter, ready=True)
        os.execvpe(argv[0], argv, job["env"])  # noqa: S606 - a shell is in argv where one is wanted
    except OSError as problem:
        text = f"{problem.strerror}: {job['cwd'] if where == 'folder' else argv[0]}"
        if where == "folder":
            _say(reporter, error=f"could not be started: {text}")
        else:
            _say(reporter, failed=[127 if problem.errno == errno.ENOENT else NOT_STARTED, text])
    os._exit(NOT_STARTED)


def _say(reporter: int, **facts: Any) -> None:
    os.write(reporter, json.dumps(facts).encode() + b"\n")
