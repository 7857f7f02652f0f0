"""The words of settled conflicts: what was settled and how, what is still to be run; frozen data without rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pointsman.core.model import GitPath, Sha

if TYPE_CHECKING:
    from pointsman.core.contract.model import Sandbox

NEEDS_REGENERATING = "needs_regenerating"
"""Code of the refusal where a command has to be run and nothing here may run it."""
NOT_REGENERATED = "not_regenerated"
"""Code of the refusal where the command was run and what came of it can't be taken."""
LOST_BY_REGENERATING = "lost_by_regenerating"
"""Code of the refusal where running the command would lose what the change did."""

Kind = Literal["additive", "regenerated"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """One path where both sides met, and how that was settled. `command` made it (`regenerated`); `lines` is how many
    lines the change brings beside the base's (`additive`); `note` is what a reader should know besides."""

    path: GitPath
    kind: Kind
    command: str | None = None
    lines: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """An entry of `resolved` in `pointsman heal --json`."""
        told: dict[str, Any] = {"path": self.path, "kind": self.kind}
        if self.command is not None:
            told["command"] = self.command
        if self.lines:
            told["lines"] = self.lines
        return told | ({"note": self.note} if self.note else {})

    @property
    def words(self) -> str:
        """One clause for a merge record."""
        if self.kind == "regenerated":
            return f"{self.path} made anew by `{self.command}`"
        return f"{self.path} keeps the lines that both sides add"


@dataclass(frozen=True, kw_only=True, slots=True)
class Remake:
    """A command that is to be run on the merged tree, in which the base's files stand. `writes` are patterns of what it
    may change; `met` are the paths where both sides met; `theirs` those of its files that the change itself changed.
    `moved`: the merged tree holds other sources than the base, so that the files can't stay what they are.
    `timeout` is in seconds."""

    writes: tuple[str, ...]
    run: str
    met: tuple[GitPath, ...]
    theirs: tuple[GitPath, ...] = ()
    moved: bool = False
    timeout: float = 300.0
    network: Literal["none", "host"] = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class RemakeRequest:
    """One command on one whole tree. `env` comes on top of what every job is given; `sandbox` is what the contract asks
    for besides."""

    tree: Sha
    remake: Remake
    env: Mapping[str, str] = field(default_factory=dict)
    sandbox: Sandbox | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Remade:
    """The command ended well. `files` are the declared files that it wrote (None: deleted); `others` are all other
    files that it changed, added or deleted and that no .gitignore covers; `odd` are declared ones that are no plain
    files or too long to take. `said` is the end of its output."""

    files: Mapping[GitPath, bytes | None]
    others: tuple[GitPath, ...] = ()
    odd: tuple[GitPath, ...] = ()
    said: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NotRemade:
    """The command did not end well: why, in one line, and the end of its output."""

    reason: str
    said: str = ""


class Regenerator(Protocol):
    """Runs a contract's commands that make files, in the runner, away from every token."""

    def remake(self, request: RemakeRequest) -> Remade | NotRemade:
        """Never raises for what the command does. EnvironmentProblem when the machine can't start it."""
        ...
