"""Arranges what a job sees of the file system, in a mount namespace that it makes for the calling process.

Order matters: what stays writable is opened first, then all is made read-only, then hidden, and last what was
opened comes back where it was, even inside a folder that is hidden now. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pointsman.runner import kernel

SECRETS = (
    *(".ssh", ".aws", ".azure", ".gnupg", ".kube", ".docker", ".netrc", ".pgpass", ".pypirc", ".npmrc"),
    *(
        ".git-credentials",
        ".config/git/credentials",
        ".config/gh",
        ".config/hub",
        ".config/gcloud",
        ".config/op",
    ),
    ".cargo/credentials.toml",
)
SERVICES = (
    *("/run/docker.sock", "/run/podman", "/run/containerd", "/run/dbus", "/run/user", "/run/snapd.socket"),
    *("/run/systemd/private", "/run/postgresql", "/run/mysqld"),
)
"""A socket in the file system is a network too."""
KERNEL_SWITCHES = ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs")
"""What root may write to without any capability, and what reaches outside every namespace."""
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}


def arrange(jail: dict[str, Any], *, services: Iterable[str], strict: bool) -> None:
    """OSError where any of it can't be had: half a wall is none.

    `services` are hidden too, but for what lies in a folder that the job may write to. `strict` takes the devices and
    switches with which root could walk around the walls; a job that is only to be kept from accidents keeps them, for
    it may need a graphics card."""
    kernel.unshare(kernel.NEW_MOUNTS)
    kernel.mount(None, "/", kernel.MS_REC | kernel.MS_PRIVATE)
    kept = [(path, False, _held(path)) for path in jail["visible"]] + [
        (path, True, _held(path)) for path in jail["writable"]
    ]
    if jail["everything"]:
        kernel.set_read_only("/", on=True, recursive=True)
    for folder in () if jail["everything"] else jail["read_only"]:
        _guard(folder)
    gone = [*jail["hidden"], *secrets(), *services]
    # What is inside first: it stays hidden where the folder around it comes back.
    for place in sorted(gone, key=lambda place: -len(Path(place).parts)):
        _hide(Path(place))
    for path, is_writable, handle in kept:
        Path(path).mkdir(parents=True, exist_ok=True)
        kernel.bind(f"/proc/self/fd/{handle}", path)
        if is_writable:
            kernel.set_read_only(path, on=False, recursive=True)
        os.close(handle)
    for place in jail["hidden"]:
        _close(place)
    if strict:
        _plain_devices()
        _guard("/sys")
        guard_switches()


def _held(path: str) -> int:
    """The folder as it is now, whatever will be put over it."""
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def own_proc(*, strict: bool) -> None:
    """Show the process namespace that the calling process is the first of; nothing else can be named there."""
    kernel.mount("proc", "/proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC, "proc")
    if strict:
        guard_switches()


def guard_switches() -> None:
    for path in KERNEL_SWITCHES:
        if Path(path).exists():
            _guard(path)


def _guard(path: str) -> None:
    kernel.bind(path, path)
    kernel.set_read_only(path, on=True, recursive=True)


def listening(writable: Iterable[str]) -> list[str]:
    """The sockets in the file system that are open in the calling process's network namespace, but for those in folders
    that are `writable`. A mount that is read-only keeps nobody from one, nor does another network namespace."""
    given = {os.path.realpath(folder) for folder in writable}
    lines = Path("/proc/net/unix").read_bytes().splitlines()
    paths = {os.fsdecode(line.split(maxsplit=7)[-1]) for line in lines}
    return sorted(path for path in paths if path.startswith("/") and _is_reached(path, given))


def _is_reached(path: str, given: Collection[str]) -> bool:
    """Whether it is a socket that this account can come to, outside the folders `given`."""
    try:
        inside = any(str(folder) in given for folder in Path(path).resolve().parents)
        return not inside and Path(path).is_socket()
    except OSError:
        return False


def secrets() -> list[str]:
    """Where people keep keys and tokens, as far as there is something."""
    import pwd

    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return []
    return [f"{home}/{name}" for name in SECRETS if os.path.lexists(f"{home}/{name}")]


def _hide(place: Path) -> None:
    """An empty folder over a folder, nothing over a file; what is not there is hidden already."""
    try:
        place = place.resolve(strict=True)
    except OSError:
        return
    if place.is_dir():
        kernel.mount("tmpfs", str(place), kernel.MS_NOSUID | kernel.MS_NODEV, "tmpfs", "mode=755,size=64k")
        return
    with contextlib.suppress(FileNotFoundError):  # a server may have ended since
        kernel.bind("/dev/null", str(place))


def _close(place: str) -> None:
    """Nothing can be put into a hidden folder; what was brought back inside it stays writable. One in another is
    closed with that."""
    with contextlib.suppress(FileNotFoundError):
        if os.path.ismount(real := os.path.realpath(place)):
            kernel.set_read_only(real, on=True, recursive=False)


def _plain_devices() -> None:
    """No disk, no memory, no kernel log: a job of root could write to them without any capability."""
    made = kernel.MS_NOSUID | kernel.MS_NOEXEC
    terminals = Path("/dev/pts").is_dir()
    handles = {name: _held(f"/dev/{name}") for name in DEVICES}
    if terminals:
        handles["pts"] = _held("/dev/pts")
    kernel.mount("tmpfs", "/dev", made, "tmpfs", "mode=755,size=64k")
    for name, handle in handles.items():
        place = Path("/dev", name)
        if name == "pts":
            place.mkdir()
        else:
            place.touch()
        kernel.bind(f"/proc/self/fd/{handle}", str(place))
        os.close(handle)
    for name, target in LINKS.items():
        Path("/dev", name).symlink_to(target)
    shared = Path("/dev/shm")  # noqa: S108 - that is its name
    shared.mkdir()
    kernel.mount("tmpfs", str(shared), made | kernel.MS_NODEV, "tmpfs", "mode=1777,size=25%")
