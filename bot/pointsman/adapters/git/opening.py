"""Finds the repository that a folder lies in, or says why it cannot be used; changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsman.adapters.git.process import Completed, Runner, ordinary_environment
from pointsman.core.errors import EnvironmentProblem, GitFailed, PointsmanError, UserError

OLDEST_GIT = (2, 38)
"""The first with `merge-tree --write-tree`."""

_QUESTIONS = (
    "--show-object-format",
    "--is-shallow-repository",
    "--is-bare-repository",
    "--path-format=absolute",
    "--absolute-git-dir",
    "--git-common-dir",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """Where a repository is: `git_dir` is the worktree's own (with its HEAD), `common_dir` holds objects and
    refs."""

    git_dir: Path
    common_dir: Path
    object_format: str
    bare: bool

    @property
    def objects(self) -> Path:
        return self.common_dir / "objects"


def locate(directory: Path) -> Location:
    """The repository that `directory` lies in; a bare one will do.

    Raises UserError if there is none, EnvironmentProblem for a git that is missing or too old, a shallow
    clone, or a repository that somebody else owns.
    """
    git = Runner(env=ordinary_environment())
    version = git.start("--version")  # beside the other: every process costs milliseconds before any answer
    asked = git.start("-C", str(directory), "rev-parse", *_QUESTIONS)
    stdout, stderr = asked.communicate()
    _require_new_enough(version.communicate()[0].decode(errors="replace"))
    done = Completed(code=asked.returncode, stdout=stdout, stderr=stderr.decode(errors="replace"))
    if done.code:
        raise _why_not(directory, done, git)
    return _parse(directory, done.stdout)


def _require_new_enough(answer: str) -> None:
    found = re.search(r"(\d+)\.(\d+)", answer)
    if found is None or (int(found[1]), int(found[2])) < OLDEST_GIT:
        wanted = ".".join(map(str, OLDEST_GIT))
        raise EnvironmentProblem(
            f"git {wanted} or newer is needed, found: {answer.strip() or 'no answer'}; upgrade git"
        )


def _why_not(directory: Path, done: Completed, git: Runner) -> PointsmanError:
    said = done.stderr
    if "dubious ownership" in said or "unsafe repository" in said:
        return EnvironmentProblem(
            f"{directory} belongs to another user, so git will not read it; if you trust it, run\n"
            f"  git config --global --add safe.directory {directory.resolve()}"
        )
    if "cannot change to" in said:
        return UserError(f"{directory} is no folder that can be entered; name the repository with -C DIR")
    if "not a git repository" in said:
        return UserError(f"{directory} is not in a git repository; name one with -C DIR")
    return GitFailed(git.command(("-C", str(directory), "rev-parse", *_QUESTIONS)), done.code, said)


def _parse(directory: Path, answer: bytes) -> Location:
    lines = answer.decode(errors="surrogateescape").splitlines()
    if len(lines) != 5:
        raise EnvironmentProblem(f"the path of the repository at {directory} holds a line break; move it")
    object_format, shallow, bare, git_dir, common_dir = lines
    if shallow == "true":
        raise EnvironmentProblem(
            f"{directory} is a shallow clone: its history is cut off, so ancestors cannot be told;"
            " run `git fetch --unshallow` (in GitHub Actions: fetch-depth: 0)"
        )
    return Location(
        git_dir=Path(git_dir),
        common_dir=Path(common_dir),
        object_format=object_format,
        bare=bare == "true",
    )
