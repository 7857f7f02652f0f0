"""Builds real repositories for tests with as few git processes as it can; it asserts nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pointsman.core.model import Sha

FIRST_COMMIT_AT = 1_700_000_000
"""Commit dates start here (UTC) and grow by a second per commit: every id is the same in every run."""

ISOLATED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "true",
    "LC_ALL": "C",
}
"""An identity, and none of the configuration of whoever runs the tests."""


class Repo:
    """An ordinary repository with a work tree; every method that changes it returns a SHA or the Repo."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits_made = 0

    def init(self, branch: str = "main", *, bare: bool = False, object_format: str = "sha1") -> Self:
        """An empty repository (parents of `path` are made); without git's template of sample hooks."""
        self.path.mkdir(parents=True, exist_ok=True)
        options = ["--template=", f"--initial-branch={branch}", f"--object-format={object_format}"]
        self.git("init", "-q", *options, *(["--bare"] if bare else []))
        return self

    def git(
        self,
        *args: str,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> str:
        """What `git ARGS` printed, without the last line end; CalledProcessError where it fails."""
        return (
            self.git_bytes(*args, input=input, env=env, check=check)
            .decode(errors="surrogateescape")
            .rstrip("\n")
        )

    def git_bytes(
        self,
        *args: str,
        input: bytes | str | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> bytes:
        done = subprocess.run(
            ["git", "-C", str(self.path), *args],
            input=input.encode() if isinstance(input, str) else input,
            stdin=subprocess.DEVNULL if input is None else None,
            env=self._environment() | dict(env or {}),
            capture_output=True,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(args)}: exit {done.returncode}\n{done.stderr.decode()}")
        return done.stdout

    def write(self, files: Mapping[str, str | bytes | None]) -> Self:
        """Writes those files of the work tree (None deletes one); stages nothing."""
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def commit(
        self,
        message: str = "change",
        *,
        files: Mapping[str, str | bytes | None] | None = None,
        author: str | None = None,
    ) -> Sha:
        """Commits everything in the work tree (after writing `files`), also when nothing changed.

        `author` is `Name <email>`. Returns the commit's SHA.
        """
        self.write(files or {})
        self.git("add", "-A")
        return self._commit(message, author)

    def commit_index(self, message: str = "change", *, author: str | None = None) -> Sha:
        """Commits what is staged and no more: for paths that no file system would take."""
        return self._commit(message, author)

    def branch(self, name: str, *, at: str | None = None, checkout: bool = True) -> Self:
        """A new branch at `at` (HEAD), checked out unless told otherwise."""
        start = [at] if at else []
        self.git(*(["checkout", "-q", "-b"] if checkout else ["branch", "-q"]), name, *start)
        return self

    def checkout(self, rev: str) -> Self:
        self.git("checkout", "-q", rev, "--")
        return self

    def merge(self, rev: str, *options: str, message: str = "merge") -> Sha:
        """Merges into the current branch, always with a merge commit; returns its SHA."""
        self.commits_made += 1
        self.git("merge", "-q", "--no-ff", "-m", message, *options, rev)
        return self.rev("HEAD")

    def rev(self, name: str = "HEAD") -> Sha:
        return Sha(self.git("rev-parse", "--verify", "--quiet", "--end-of-options", name))

    def files(self, rev: str = "HEAD") -> list[str]:
        """Every path of that commit, as git stores it."""
        listed = self.git_bytes("ls-tree", "-r", "-z", "--name-only", rev)
        return [name.decode(errors="surrogateescape") for name in listed.split(b"\0")[:-1]]

    def show(self, rev: str, path: str) -> bytes:
        return self.git_bytes("cat-file", "blob", f"{rev}:{path}")

    def _commit(self, message: str, author: str | None) -> Sha:
        self.commits_made += 1
        options = [
            "--allow-empty",
            "--allow-empty-message",
            "--no-verify",
            *([f"--author={author}"] if author else []),
        ]
        self.git("commit", "-q", *options, "-m", message)
        return self.rev("HEAD")

    def _environment(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        when = f"{FIRST_COMMIT_AT + self.commits_made} +0000"
        return own | ISOLATED | {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
