"""Shuts a job in before its command starts; what could not be taken away is said, nothing is assumed.

A *protection* is one of the names below. The calling process loses what it can lose by itself here; a fork (see
launch) completes `processes`, and the last step (`give_up`) comes right before the command. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pointsman.runner import kernel, mounts

NETWORK = "network"
"""No interface but a loopback of its own, none of the machine's service sockets."""
READ_ONLY = "read_only"
"""The folders named (or everything) can't be written to, but for those that are named writable."""
HIDDEN = "hidden"
"""The folders named, and where people keep secrets, look empty."""
PROCESSES = "processes"
"""It sees and signals its own processes only, and none of them outlives it."""
PRIVILEGES = "privileges"
"""Nothing gives it more rights than it has; root keeps what a build needs."""
USER = "user"
"""It runs under another account."""
PROCESSORS = "processors"
"""It starts on so many processors (it may ask for more again: a guard against accidents)."""
MEMORY = "memory"
"""Its processes, each and together, hold no more than so much memory (see processes)."""

IN_MOUNTS = (READ_ONLY, HIDDEN)
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


# No dataclass here: `dataclasses` alone would be a tenth of what starting a job costs.
class Shut:
    """What was taken away, and why something was not; `missing` keeps the first reason of each.

    `half_way`: a step failed that may have changed something before it did."""

    def __init__(self, wanted: frozenset[str] = frozenset()) -> None:
        self.wanted = wanted
        self.done: list[str] = []
        self.missing: dict[str, str] = {}
        self.half_way = False

    def lacks(self, names: tuple[str, ...], why: object) -> None:
        for name in names:
            if name in self.wanted and name not in self.done:
                self.missing.setdefault(name, str(why))

    def take(self, names: tuple[str, ...], step: Callable[[], None]) -> None:
        """Do `step` if one of `names` is wanted; with its success they hold."""
        wanted = [name for name in names if name in self.wanted]
        if not wanted:
            return
        try:
            step()
        except OSError as problem:
            self.half_way = True
            self.lacks(names, problem)
        else:
            self.done += [name for name in wanted if name not in self.done]


def adopt_orphans() -> bool:
    """Make double-forked grandchildren ours when their parent ends; false where the system can't."""
    return _can(kernel.PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """SIGKILL to the calling process when its parent ends; false where the system can't."""
    return _can(kernel.PR_SET_PDEATHSIG, 9)


def _can(option: int, value: int) -> bool:
    try:
        kernel.prctl(option, value)
    except OSError:
        return False
    return True


def shut_in(jail: dict[str, Any]) -> Shut:
    """Take the namespaces and mounts that `jail` wants; `processes` holds for the next fork only."""
    shut = Shut(frozenset(jail["want"]))
    if not shut.wanted & {NETWORK, PROCESSES, *IN_MOUNTS}:
        return shut
    try:
        _own_users(jail)
    except OSError as problem:
        shut.lacks((NETWORK, PROCESSES, *IN_MOUNTS), problem)
        return shut
    services: list[str] = []
    shut.take((NETWORK,), lambda: _lose_network(jail, services))
    shut.take((PROCESSES,), lambda: kernel.unshare(kernel.NEW_PIDS | kernel.NEW_IPC))
    shut.take(IN_MOUNTS, lambda: mounts.arrange(jail, services=services, strict=PRIVILEGES in shut.wanted))
    return shut


def give_up(jail: dict[str, Any], shut: Shut) -> None:
    """The last steps before the command: bounds, account, rights."""
    shut.take((MEMORY,), _can_bound_memory)
    shut.take((PROCESSORS,), lambda: _use_processors(jail["processors"]))
    shut.take((USER,), lambda: _become(jail["user"]))
    shut.take((PRIVILEGES,), kernel.drop_privileges)
    die_with_parent()  # a new account forgot it


def _can_bound_memory() -> None:
    if not kernel.LINUX:
        raise OSError("this system does not hold a process to a memory limit")


def _use_processors(number: int) -> None:
    if not hasattr(os, "sched_setaffinity"):
        raise OSError("this system does not bind a process to processors")
    usable = sorted(os.sched_getaffinity(0))
    first = os.getpid() % len(usable)  # several jobs at once should not share one
    os.sched_setaffinity(0, set([*usable[first:], *usable[:first]][:number]))


def _become(name: str) -> None:
    import pwd

    try:
        account = pwd.getpwnam(name)
    except KeyError:
        raise OSError(f"there is no account {name!r} here") from None
    if os.geteuid() == account.pw_uid:
        return
    if os.geteuid() != 0:
        raise OSError(f"only root can run a job as {name!r}")
    os.initgroups(name, account.pw_gid)
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def _lose_network(jail: dict[str, Any], services: list[str]) -> None:
    """Adds to `services` the sockets in the file system that are a network too."""
    services += [*mounts.SERVICES, *mounts.listening(jail["writable"])]
    kernel.unshare(kernel.NEW_NETWORK)
    _loopback_up()


def _own_users(jail: dict[str, Any]) -> None:
    """Root needs no user namespace, and would lose its files' owners in one."""
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        return
    if not jail["user_namespace"]:
        raise OSError("it takes a user namespace, which changes what a job sees of files' owners")
    kernel.unshare(kernel.NEW_USERS)
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def _loopback_up() -> None:
    """Tests that serve on localhost work without a network."""
    import fcntl
    import socket
    import struct

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | _IFF_UP))
