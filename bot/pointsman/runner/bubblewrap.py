"""Shuts a job in through bubblewrap, for machines that deny namespaces to everybody but it. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pointsman.runner import isolate, mounts

PLACES = ("/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap")
COVERED = (isolate.NETWORK, isolate.PROCESSES, *isolate.IN_MOUNTS, isolate.PRIVILEGES)
PATIENCE = 10.0


def find(jail: dict[str, Any]) -> str | None:
    """The program, where there is one that may be used; not for root, who needs none."""
    if os.getuid() == 0 or not jail["user_namespace"]:
        return None
    return next((path for path in PLACES if os.access(path, os.X_OK)), None)


def why_not(bwrap: str) -> str:
    """What it says when it does not work here; '' when it does."""
    import subprocess

    words = [bwrap, "--unshare-net", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=PATIENCE, env={"PATH": os.defpath}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return done.stderr.decode(errors="replace").strip() if done.returncode else ""


def wrapped(bwrap: str, jail: dict[str, Any], argv: list[str], cwd: str) -> tuple[isolate.Shut, list[str]]:
    """The command line, and what it takes away. Where the program does not work at all: that line, `half_way`."""
    shut = isolate.Shut(frozenset(jail["want"]))
    if problem := why_not(bwrap):
        shut.half_way = True
        shut.lacks(COVERED, problem)
        return shut, argv
    folders = [*jail["read_only"], *jail["visible"], *jail["writable"]]
    gone = [path for path in folders if not Path(path).exists()]
    if gone:
        shut.lacks(isolate.IN_MOUNTS, f"there is no {gone[0]}")
    shut.take(tuple(name for name in COVERED if name not in shut.missing), lambda: None)
    words = [bwrap, "--die-with-parent", "--unshare-user", "--unshare-ipc", "--new-session"]
    words += ["--ro-bind" if jail["everything"] and not gone else "--bind", "/", "/", "--dev", "/dev"]
    services = [*mounts.SERVICES]
    if isolate.NETWORK in shut.done:
        words += ["--unshare-net"]
        services += mounts.listening(jail["writable"])
    if isolate.PROCESSES in shut.done:
        words += ["--unshare-pid", "--proc", "/proc"]
    return shut, [*words, *([] if gone else _mounts(jail, services)), "--chdir", cwd, "--", *argv]


def _mounts(jail: dict[str, Any], services: list[str]) -> list[str]:
    """In the order in which runner/mounts arranges them. What lies in a hidden folder is hidden with it, unless it
    lies in one that is shown again."""
    words = [word for folder in jail["read_only"] for word in ("--ro-bind", folder, folder)]
    places = {os.path.realpath(place) for place in [*jail["hidden"], *mounts.secrets(), *services]}
    outer = sorted(place for place in places if not _is_below(place, places))
    shown = [path for path in jail["visible"] if _is_below(path, places)]
    inner = sorted(place for place in places.difference(outer) if _is_below(place, shown))
    words += _over(outer)
    words += [word for path in jail["visible"] for word in ("--ro-bind", path, path)]
    words += _over(inner)
    words += [word for path in jail["writable"] for word in ("--bind", path, path)]
    return words + [
        word for place in (*outer, *inner) if Path(place).is_dir() for word in ("--remount-ro", place)
    ]


def _over(places: list[str]) -> list[str]:
    """An empty folder over a folder, nothing over a file."""
    words = []
    for place in places:
        if Path(place).is_dir():
            words += ["--tmpfs", place]
        elif Path(place).exists():
            words += ["--ro-bind", "/dev/null", place]
    return words


def _is_below(path: str, folders: Collection[str]) -> bool:
    return any(str(folder) in folders for folder in Path(path).parents)
