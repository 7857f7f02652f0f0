"""The objects of the commits in question: from the checkout where it has them, else by a bare fetch; no work tree is
read, none is written, and nothing of the repository runs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pointsman.core.errors import MissingObject, PointsmanError, UserError

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.adapters.github.remote import GitRemote
    from pointsman.core.model import Sha

MIRROR = "pointsman-mirror.git"


@contextlib.contextmanager
def objects(around: Surroundings, commits: Mapping[str, Sha]) -> Iterator[GitRepository]:
    """A repository that has those commits (by the full ref name they can be had under) and all they need."""
    with contextlib.ExitStack() as stack:
        here = checkout(around)
        if here is not None:
            git = stack.enter_context(here)
            if _has_all(git, commits):
                yield git
                return
        mirror, remote = stack.enter_context(mirrored(around))
        remote.fetch(commits)
        yield mirror


def checkout(around: Surroundings) -> GitRepository | None:
    """The repository of the work tree, where there is a whole one."""
    from pointsman.wiring import open_git

    folder = place(around)
    if not (folder / ".git").exists() and not (folder / "HEAD").exists():
        return None
    try:
        return open_git(folder)
    except PointsmanError:
        return None


def place(around: Surroundings) -> Path:
    """The folder that the input `directory` names below the workspace; UserError for one outside it."""
    base = around.workspace.resolve()
    folder = (base / (around.inputs.directory or ".")).resolve()
    if not folder.is_relative_to(base):
        raise UserError(f"the input `directory` leads out of the workspace {base}")
    return folder


@contextlib.contextmanager
def mirrored(around: Surroundings) -> Iterator[tuple[GitRepository, GitRemote]]:
    """A bare repository of the runner's own, and the repository on the forge that it mirrors."""
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.github.mirror import open_mirror
    from pointsman.adapters.github.remote import GitRemote

    url = repository_url(around)
    tokens = _OneToken(around.inputs.token) if around.inputs.token else None
    with open_mirror(around.temp / MIRROR) as git:
        yield git, GitRemote(git, url, tokens, clock=SystemClock(), local=url.startswith("file://"))


def repository_url(around: Surroundings) -> str:
    """Where the repository is fetched from; UserError where Actions does not say it."""
    scheme = urlsplit(around.server).scheme
    if not around.repository or scheme not in ("https", "http", "file"):
        raise UserError(
            "the commits are not in the workspace, and GITHUB_SERVER_URL and GITHUB_REPOSITORY do not say where they "
            "are; check out with `fetch-depth: 0`"
        )
    return f"{around.server}/{around.repository}.git"


def _has_all(git: GitRepository, commits: Mapping[str, Sha]) -> bool:
    try:
        for commit in commits.values():
            git.tree_of(commit)
    except MissingObject:
        return False
    return True


@dataclass(frozen=True)
class _OneToken:
    """The token of this run: there is no other to be had."""

    text: str = field(repr=False)

    def token(self) -> str:
        return self.text

    def renew(self, refused: str, *, skew: float = 0.0) -> bool:
        return False
