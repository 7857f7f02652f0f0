"""Shuts a job in through bubblewrap, for machines that deny namespaces to everybody but it. Standard library only."""

from __future__ import annotations

import os
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
    if isolate.NETWORK in shut.done:
        words += ["--unshare-net"]
    if isolate.PROCESSES in shut.done:
        words += ["--unshare-pid", "--proc", "/proc"]
    return shut, [*words, *([] if gone else _mounts(jail)), "--chdir", cwd, "--", *argv]


def _mounts(jail: dict[str, Any]) -> list[str]:
    """In the order in which runner/mounts arranges them."""
    words = [word for folder in jail["read_only"] for word in ("--ro-bind", folder, folder)]
    hidden = [os.path.realpath(place) for place in [*jail["hidden"], *mounts.secrets(), *mounts.SERVICES]]
    folders = [place for place in hidden if Path(place).is_dir()]
    words += [word for place in folders for word in ("--tmpfs", place)]
    files = [place for place in hidden if Path(place).exists() and place not in folders]
    words += [word for place in files for word in ("--ro-bind", "/dev/null", place)]
    words += [word for path in jail["visible"] for word in ("--ro-bind", path, path)]
    words += [word for path in jail["writable"] for word in ("--bind", path, path)]
    return words + [word for place in folders for word in ("--remount-ro", place)]
