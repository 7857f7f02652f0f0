"""Writes a commit's files as a repository of their own, for code that must not reach ours; runs no code."""

from __future__ import annotations

from pathlib import Path

from pointsman.adapters.git.plumbing import Plumbing
from pointsman.adapters.git.process import Runner, sterile_environment
from pointsman.adapters.git.scratch import write_git_dir
from pointsman.core.errors import EnvironmentProblem, GitFailed
from pointsman.core.model import Sha

# info/attributes outranks every .gitattributes: files come out byte for byte, and no filter runs.
_RAW = "* -text -crlf -ident -filter -working-tree-encoding\n"
_DEEPEST = 5
"""git follows alternates of alternates no deeper than this."""


def materialise(git: Plumbing, commit: Sha, directory: Path) -> None:
    """See ports.Git.materialise. EnvironmentProblem where `directory` is there and not empty."""
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise EnvironmentProblem(f"{directory} is not empty; give a folder that is empty or not there yet")
    git.objects.one(commit, "commit")
    git_dir = directory / ".git"
    write_git_dir(git_dir, object_format=git.object_format, head=commit, bare=False)
    borrowed = "".join(f"{objects}\n" for objects in _lenders(git.source))
    (git_dir / "objects/info/alternates").write_text(borrowed, errors="surrogateescape")
    (git_dir / "info/attributes").write_text(_RAW)
    places = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(directory)}
    try:
        Runner(env=sterile_environment() | places, cwd=directory).run("read-tree", "-m", "-u", commit)
    except GitFailed as failed:
        git.raise_if_missing(failed)
        raise


def _lenders(objects: Path, depth: int = 0) -> list[Path]:
    """The object folder and all that it borrows from, as absolute paths."""
    listing = objects / "info/alternates"
    lines = listing.read_text(errors="surrogateescape").splitlines() if listing.is_file() else []
    further = [(objects / line).resolve() for line in lines if line and not line.startswith("#")]
    below = [lender for other in further for lender in _lenders(other, depth + 1)] if depth < _DEEPEST else []
    return list(dict.fromkeys([objects.resolve(), *below]))
