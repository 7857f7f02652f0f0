"""The small tree of failures; an outcome such as a refusal is a value, never one of these."""

from __future__ import annotations


class PointsmanError(Exception):
    """Something failed; the text says what happened, the value seen and the next step."""


class UserError(PointsmanError):
    """The caller can mend it: usage, an unknown revision, a contract that cannot be read. Exit code 2."""


class EnvironmentProblem(PointsmanError):
    """The machine or the repository can't do it: git too old, a shallow clone, no disk. Exit code 2."""


class GitFailed(EnvironmentProblem):
    """A git command failed: carries the command, its exit code and what it wrote to stderr."""

    def __init__(self, command: tuple[str, ...], code: int, stderr: str) -> None:
        self.command = command
        self.code = code
        self.stderr = stderr
        super().__init__(f"git failed with exit code {code}: {' '.join(command)}\n{stderr.strip()}".rstrip())


class MissingObject(EnvironmentProblem):
    """The repository lacks an object that a commit names (a partial or damaged clone)."""
