"""What the system says of processes, and what it can be told to deny them; it ends none."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path
from typing import Any


def descendants(root: int) -> list[int]:
    """Every process below `root`, by /proc; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    try:
        names = [path.name for path in Path("/proc").iterdir()]
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        try:
            stat = Path("/proc", name, "stat").read_bytes()
        except OSError:
            continue
        parent = int(stat[stat.rindex(b")") + 2 :].split()[1])
        children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def children(root: int) -> list[int]:
    """As `descendants`, for a glance every moment: a hundred times cheaper, but it may miss one that is being made.
    Where the kernel keeps no such list, the whole of it."""
    if not Path("/proc/self/task").is_dir() or not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return descendants(root)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = _forked_by(waiting.pop())
        found += below
        waiting += below
    return found


def _forked_by(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_bytes().split())
    return found


def uses_more(processes: list[int], limit: int) -> bool:
    """Whether the processes hold more than `limit` bytes of memory of their own, together; false where /proc
    does not say. What forks share counts once: it is only looked up where the cheap sum is over the limit."""
    if sum(_resident_pages(pid) for pid in processes) * resource.getpagesize() <= limit:
        return False
    return sum(_share_of_memory(pid) for pid in processes) > limit


def _resident_pages(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError):
        return 0


def _share_of_memory(pid: int) -> int:
    """Its part of what no file on a disk stands behind: memory of its own, and memory that it shares."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Pss_Anon:", "Pss_Shmem:")))


def holds_more(folders: list[str], limit: int) -> bool:
    """Whether what lies in the folders takes more than `limit` bytes on the disk."""
    size = 0
    for folder in folders:
        waiting = [folder]
        while waiting:
            found, below = _weighed(waiting.pop())
            size += found
            waiting += below
            if size > limit:
                return True
    return False


def _weighed(folder: str) -> tuple[int, list[str]]:
    """What its files take, an entry at least as much as a block, and its folders."""
    size, below = 0, []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                size += max(entry.stat(follow_symlinks=False).st_blocks * 512, 4096)
                if entry.is_dir(follow_symlinks=False):
                    below.append(entry.path)
    return size, below


def free_bytes(folder: str) -> int:
    """Of its file system; 0 where that does not say."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return 0
    return facts.f_bfree * facts.f_frsize


def tasks_of(name: str) -> int:
    """How many processes and threads that account has on the whole machine; 0 where there is no such account."""
    import pwd

    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return 0
    number = 0
    with contextlib.suppress(OSError):
        for place in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if place.name.isdigit() and place.stat().st_uid == uid:
                    number += sum(1 for _ in (place / "task").iterdir())
    return number


def set_limits(job: dict[str, Any]) -> None:
    """What one process may use, from the job's `memory`, `cpu` and `file_size`; None is no limit.

    RLIMIT_DATA, not RLIMIT_AS: node, Go and Java reserve address space that they never use.
    """
    limits = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, job["memory"]),
        (resource.RLIMIT_CPU, job["cpu"]),
        (resource.RLIMIT_FSIZE, job["file_size"]),
        (resource.RLIMIT_NPROC, job.get("tasks")),
    ]
    for kind, value in limits:
        if value is None:
            continue
        hard = resource.getrlimit(kind)[1]
        value = int(value) if hard == resource.RLIM_INFINITY else min(int(value), hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))
