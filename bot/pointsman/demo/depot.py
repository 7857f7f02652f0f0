"""Builds the demo's repository, its worktrees and its branches, the same in every run; lands nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from pointsman.demo.story import AGENTS, BASE, KEEPER, Person, Scene

if TYPE_CHECKING:
    from git import Repo

FIRST_COMMIT_AT = 1_772_438_400
"""Seconds since 1970: a Monday morning in March 2026. Each later commit is ten minutes on."""

STEP = 600
SUFFIX = ".txt"
"""Every file in app/ ends in it, so that no tool takes Depot's code for a part of Pointsman."""

WORKTREES = "agents"
HISTORY = (
    ("Open the house", ("README.md", "AGENTS.md", ".gitignore", "depot/__init__.py", "depot/settings.py")),
    ("Add lockers, parcels and couriers with their schema", ("depot/models", "alembic.ini", "migrations")),
    ("Add intake, prices, notices and reports", ("depot", "tests")),
    ("Hand main to the queue", (".pointsman.yml",)),
)
"""Depot's own commits, oldest first: the message and what it adds."""

ISOLATED = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
"""None of the user's hooks, signing or line-end settings."""


class Depot:
    """A repository of a small application in `directory`, with a worktree for each agent under agents/.

    `instead` has the text of files that are to be others than the application's own, by path. Where `directory` is
    not empty, `build` raises FileExistsError.
    """

    def __init__(self, directory: Path, *, instead: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self._instead = dict(instead or {})
        self._clock = FIRST_COMMIT_AT

    def build(self) -> None:
        """The application on main in a few commits, and six clean worktrees."""
        from git import Git, Repo

        self.directory.mkdir(parents=True, exist_ok=True)
        if any(self.directory.iterdir()):
            raise FileExistsError(f"{self.directory} is not empty")
        git = Git(self.directory)
        git.update_environment(**ISOLATED)
        git.init("-q", "--template=", f"--initial-branch={BASE}")
        with Repo(self.directory) as repo:
            repo.git.update_environment(**ISOLATED)
            with as_file(files(__package__) / "app") as app:
                unpack(app, self.directory)
            for path, text in self._instead.items():
                (self.directory / path).write_text(text, encoding="utf-8")
            for message, paths in HISTORY:
                repo.git.add("--", *paths)
                self._commit(repo, message, KEEPER)
            exclude = self.directory / ".git" / "info" / "exclude"
            exclude.parent.mkdir(exist_ok=True)
            exclude.write_text(f"/{WORKTREES}/\n", encoding="utf-8")
            for agent in AGENTS:
                repo.git.worktree("add", "-q", "--detach", str(self.worktree(agent)), BASE)

    def branch(self, scene: Scene) -> None:
        """The scene's branch of its agent, with the scene's patch as its one commit."""
        self.change(scene.agent, scene.branch, scene.title, patch(scene.slug))

    def change(self, agent: str, branch: str, title: str, patch: str) -> None:
        """A branch from main as it is now, checked out in the agent's worktree, with the patch as its one commit."""
        from git import Repo

        with Repo(self.worktree(agent)) as repo:
            repo.git.update_environment(**ISOLATED)
            repo.git.switch("-q", "-c", branch, BASE)
            with TemporaryFile() as file:
                file.write(patch.encode())
                file.seek(0)
                repo.git.apply("--index", istream=file)
            self._commit(repo, title, AGENTS[agent])

    def worktree(self, agent: str) -> Path:
        return self.directory / WORKTREES / agent

    def _commit(self, repo: Repo, message: str, person: Person) -> None:
        from git import Actor

        actor = Actor(person.name, person.email)
        date = f"{self._clock} +0000"
        self._clock += STEP
        repo.index.commit(
            message, author=actor, committer=actor, author_date=date, commit_date=date, skip_hooks=True
        )


def patch(slug: str) -> str:
    """The text of one of the patches in changes/."""
    return (files(__package__) / "changes" / f"{slug}.patch").read_text(encoding="utf-8")


def unpack(source: Path, target: Path) -> None:
    """Copy the application's files, without the suffix that they are kept under."""
    for file in sorted(source.rglob(f"*{SUFFIX}")):
        name = file.relative_to(source).as_posix().removesuffix(SUFFIX)
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
