"""The calls to Linux that Python does not have: namespaces, mounts, privileges; it decides nothing.

Every function raises OSError where the system says no, also on systems that are not Linux. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

LINUX = sys.platform == "linux"

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = (
    1,
    4,
    24,
    36,
    38,
)
NEW_MOUNTS, NEW_IPC, NEW_USERS, NEW_PIDS, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_SYS_MOUNT_SETATTR = 442
"""The same number on every architecture; Linux 5.12."""

KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 10, 18})
"""chown, dac_override, fowner, fsetid, kill, setgid, setuid, net_bind_service, sys_chroot: what a build as root
uses. Not kept: what mounts, loads, traces, makes devices or opens files by number (see capabilities(7))."""


def prctl(option: int, value: int) -> None:
    _call("prctl", *(ctypes.c_ulong(number) for number in (option, value, 0, 0, 0)))


def unshare(flags: int) -> None:
    _call("unshare", flags)


def mount(source: str | None, target: str, flags: int, kind: str | None = None, options: str = "") -> None:
    origin = None if source is None else os.fsencode(source)
    fstype = None if kind is None else kind.encode()
    _call("mount", origin, os.fsencode(target), fstype, ctypes.c_ulong(flags), options.encode() or None)


def bind(source: str, target: str) -> None:
    mount(source, target, MS_BIND | MS_REC)


def set_read_only(path: str, *, on: bool, recursive: bool) -> None:
    """Of the mount at `path`, and with `recursive` of all below it."""
    attributes = (ctypes.c_uint64 * 4)(int(on), int(not on), 0, 0)  # MOUNT_ATTR_RDONLY is 1: set, or cleared
    flags = _AT_RECURSIVE if recursive else 0
    _call(
        "syscall",
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_long(_AT_FDCWD),
        os.fsencode(path),
        ctypes.c_ulong(flags),
        ctypes.byref(attributes),
        ctypes.c_ulong(ctypes.sizeof(attributes)),
    )


def drop_privileges() -> None:
    """No program gets back what is given up here: not by set-uid, not by file capabilities, not by being root."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    if os.geteuid() != 0:
        return
    for number in range(64):
        if number not in KEPT_CAPABILITIES:
            with contextlib.suppress(OSError):  # past the last one that this kernel knows
                prctl(PR_CAPBSET_DROP, number)


def _call(name: str, *args: object) -> None:
    if not LINUX:
        raise OSError(f"{name} is Linux's")
    try:
        function = getattr(_libc(), name)
    except AttributeError as problem:
        raise OSError(str(problem)) from problem
    function.restype = ctypes.c_long
    if function(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
