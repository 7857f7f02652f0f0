"""Shuts a job in through bubblewrap, for machines that deny namespaces to everybody but it. Standard library only."""

from __future__ import annotations

import functools
import os
import subprocess
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


@functools.cache
def why_not(bwrap: str) -> str:
    """What it says when it does not work here; '' when it does."""
    words = [bwrap, "--unshare-net", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"]
    try:
        done = subprocess.run(
            words, capture_output=True, timeout=PATIENCE, env={"PATH": os.defpath}, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return done.stderr.decode(errors="replace").strip() if done.returncode else ""


def wrapped(bwrap: str, jail: dict[str, Any], argv: list[str], cwd: str) -> tuple[isolate.Shut, list[str]]:
    """The command line, and what it takes away."""
    shut = isolate.Shut(frozenset(jail["want"]))
    if problem := why_not(bwrap):
        shut.lacks(COVERED, problem)
        return shut, argv
    shut.take(COVERED, lambda: None)
    words = [bwrap, "--die-with-parent", "--unshare-user", "--unshare-ipc", "--new-session"]
    words += ["--ro-bind" if jail["everything"] else "--bind", "/", "/", "--dev", "/dev"]
    if isolate.NETWORK in shut.done:
        words += ["--unshare-net"]
    if isolate.PROCESSES in shut.done:
        words += ["--unshare-pid", "--proc", "/proc"]
    for folder in jail["read_only"]:
        words += ["--ro-bind", folder, folder]
    for place in [*jail["hidden"], *mounts.secrets(), *mounts.SERVICES]:
        if Path(place).is_dir():
            words += ["--tmpfs", os.path.realpath(place)]
        elif Path(place).exists():
            words += ["--ro-bind", "/dev/null", os.path.realpath(place)]
    for path in jail["visible"]:
        words += ["--ro-bind", path, path]
    for path in jail["writable"]:
        words += ["--bind", path, path]
    return shut, [*words, "--chdir", cwd, "--", *argv]
