"""What Linux can take away from a job before its command starts; each answer is a fact, nothing is assumed.

Network: a network namespace with a loopback only. Read-only folders: bind mounts in a mount namespace; they
guard against accidents, not against a job that runs as root. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
from pathlib import Path

LINUX = sys.platform == "linux"

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1


def adopt_orphans() -> bool:
    """Make double-forked grandchildren ours when their parent ends; false where the system can't."""
    return _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> bool:
    """SIGKILL to the calling process when its parent ends; false where the system can't."""
    return _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def cut_off(mode: str, read_only: list[str], work: str) -> tuple[list[str], str | None]:
    """Isolate the calling process; `mode` is `none`, `auto` or `required`.

    Returns what was taken away (`network`, `read_only`) and, where `required` could not be met, why not.
    `work` stays writable even below a read-only folder.
    """
    if mode == "none":
        return [], None
    done: list[str] = []
    try:
        _enter_namespaces()
        _loopback_up()
        done.append("network")
        if read_only:
            _make_read_only(read_only, work)
            done.append("read_only")
    except (OSError, AttributeError) as problem:
        reason = f"this machine can't isolate a job: {problem}"
        return done, reason if mode == "required" else None
    return done, None


def _prctl(option: int, value: int) -> bool:
    if not LINUX:
        return False
    try:
        return int(ctypes.CDLL(None).prctl(option, value, 0, 0, 0)) == 0
    except (OSError, AttributeError):
        return False


def _call(name: str, *args: object) -> None:
    if not LINUX:
        raise OSError("namespaces are Linux's")
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _enter_namespaces() -> None:
    """Root needs no user namespace, and would lose its files' owners in one."""
    uid, gid = os.getuid(), os.getgid()
    if uid != 0:
        _call("unshare", CLONE_NEWUSER)
        with contextlib.suppress(FileNotFoundError):
            Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _call("unshare", CLONE_NEWNET | CLONE_NEWNS)


def _loopback_up() -> None:
    """Tests that serve on localhost work without a network."""
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh22x", b"lo", 0)
        flags = struct.unpack("16sh22x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))


def _make_read_only(folders: list[str], work: str) -> None:
    """The work folder is bound first, so that it stays a mount of its own when a folder above it turns."""
    _mount(None, "/", MS_REC | MS_PRIVATE)
    _mount(work, work, MS_BIND | MS_REC)
    for folder in folders:
        _mount(folder, folder, MS_BIND | MS_REC)
        # A user namespace may not drop the flags that the mount already has.
        inherited = os.statvfs(folder).f_flag & (MS_NOSUID | MS_NODEV)
        _mount(None, folder, MS_REMOUNT | MS_BIND | MS_RDONLY | inherited)


def _mount(source: str | None, target: str, flags: int) -> None:
    origin = None if source is None else os.fsencode(source)
    _call("mount", origin, os.fsencode(target), None, ctypes.c_ulong(flags), None)
