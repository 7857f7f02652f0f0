"""Runs git commands in a scrubbed environment; it knows nothing of what a command is for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.core.errors import EnvironmentProblem, GitFailed

_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USER", "LOGNAME", "SSH_AUTH_SOCK")
_KEPT_OF_GIT = ("GIT_CONFIG_", "GIT_CEILING_DIRECTORIES", "GIT_EXEC_PATH", "GIT_TEST_ASSUME_DIFFERENT_OWNER")
_ALWAYS = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


def ordinary_environment() -> dict[str, str]:
    """The user's own configuration (so that safe.directory holds) and nothing else of git's: an inherited
    GIT_DIR or GIT_INDEX_FILE, as every hook has it, would aim at another repository."""
    kept = {k: v for k, v in os.environ.items() if k in _KEPT or k.startswith(_KEPT_OF_GIT)}
    return kept | _ALWAYS | {"GIT_GRAFT_FILE": os.devnull}


def sterile_environment() -> dict[str, str]:
    """No configuration or attributes file of the machine or the user is read."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "TMPDIR", "GIT_EXEC_PATH")}
    nowhere = {"HOME": os.devnull, "XDG_CONFIG_HOME": os.devnull, "GIT_CONFIG_GLOBAL": os.devnull}
    return kept | _ALWAYS | nowhere | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_ATTR_NOSYSTEM": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Completed:
    """How a command ended and what it wrote."""

    code: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Runner:
    """git with fixed leading options, environment and folder. Safe to use from several threads."""

    options: tuple[str, ...] = ()
    env: Mapping[str, str]
    cwd: Path | None = None

    def run(
        self,
        *args: str,
        input: bytes = b"",
        ok: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Runs to the end. Raises GitFailed for an exit code that is not in `ok`."""
        process = self.start(*args, env=env)
        stdout, stderr = process.communicate(input)
        done = Completed(code=process.returncode, stdout=stdout, stderr=stderr.decode(errors="replace"))
        if done.code not in ok:
            raise GitFailed(self.command(args), done.code, done.stderr)
        return done

    def start(
        self, *args: str, stderr: int = subprocess.PIPE, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """The running command, with pipes to its stdin and stdout.

        It has a process group of its own: Ctrl-C reaches the service, which ends in order, and not the
        `update-ref` in the middle of its work.
        """
        try:
            return subprocess.Popen(
                self.command(args),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**self.env, **(env or {})},
                cwd=self.cwd,
                process_group=0,
            )
        except FileNotFoundError as error:
            if self.cwd is not None and not self.cwd.exists():
                raise EnvironmentProblem(f"{self.cwd} is gone; open the repository again") from error
            raise EnvironmentProblem("git was not found on PATH; install git 2.38 or newer") from error

    def command(self, args: tuple[str, ...]) -> tuple[str, ...]:
        return ("git", *self.options, *args)
