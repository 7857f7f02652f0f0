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


class LaneLost(EnvironmentProblem):
    """This process is not the one writer of the repository's lanes any more: it stops working them, and whoever is
    goes on from what is saved."""


class ForgeUnavailable(EnvironmentProblem):
    """The forge can't be asked now: a time-out, a 5xx, a rate limit. `again_at` (seconds since 1970) is when it makes
    sense to ask again, 0 where nothing was said."""

    def __init__(self, text: str, *, again_at: float = 0.0) -> None:
        self.again_at = again_at
        super().__init__(text)


class ForgeRefused(EnvironmentProblem):
    """The forge says no, and will say so again: a permission is missing, something is gone. `status` is the HTTP
    status."""

    def __init__(self, text: str, *, status: int) -> None:
        self.status = status
        super().__init__(text)
