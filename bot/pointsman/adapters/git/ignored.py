"""Which files of a folder that somebody else wrote a .gitignore there covers; nothing else in the folder is read."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from pointsman.adapters.git.process import Runner, sterile_environment
from pointsman.adapters.git.scratch import write_git_dir
from pointsman.core.errors import GitFailed
from pointsman.core.model import GitPath

PATIENCE = 20.0
"""Seconds. A pattern can be written so that matching it takes for ever."""


def ignored(worktree: Path, git_dir: Path, paths: Iterable[GitPath]) -> frozenset[GitPath] | None:
    """Those of `paths`; None where telling takes too long. `git_dir` is made for it: the folder's own repository, if
    there is one, may hold settings that start programs, and is not looked at."""
    write_git_dir(git_dir, object_format="sha1", head="ref: refs/heads/none", bare=False)
    places = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(worktree)}
    runner = Runner(env=sterile_environment() | places, cwd=worktree)
    args = ("check-ignore", "--no-index", "-z", "--stdin")
    process = runner.start(*args, stderr=subprocess.DEVNULL)
    try:
        asked = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in paths)
        answer, _ = process.communicate(asked, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    if process.returncode not in (0, 1):
        raise GitFailed(runner.command(args), process.returncode, "")
    return frozenset(name.decode("utf-8", "surrogateescape") for name in answer.split(b"\0") if name)
