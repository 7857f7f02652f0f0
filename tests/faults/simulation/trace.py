"""What really happened in a history, as plain data that a judge can read without knowing the engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.simulation.project import Rules

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    tree: str
    parents: tuple[str, ...]
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MainMove:
    """The base branch moved. `who` is a replica (`replica 0`) or `outsider`."""

    at: float
    who: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """A gate really ran: `passed` None when it was stopped or lost. `odd`: not the truth, but this went wrong."""

    commit: str
    tree: str
    check: str
    command: str
    ended: float
    passed: bool | None
    odd: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """A head that was let in as the change of that number."""

    change: int
    branch: str
    head: str
    role: str
    at: float
    depends_on: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Trace:
    """One history. Blobs, trees (path to blob) and commits by id; `rules` by the contract's blob (None: unreadable).

    `heads` are all that each branch ever was. The rows are the store's own, as it was left. `defects` are failures
    that no replica may ever have; `rested` says whether it came to rest at the end; `unfenced`: several replicas wrote
    at once with nothing to hold them up but compare-and-swap.
    """

    blobs: dict[str, bytes]
    trees: dict[str, dict[str, str]]
    commits: dict[str, Commit]
    start: str
    moves: list[MainMove] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    withdrawn: set[int] = field(default_factory=set)
    heads: dict[str, list[str]] = field(default_factory=dict)
    rules: dict[str, Rules | None] = field(default_factory=dict)
    contract_path: str = ""
    changes: list[Row] = field(default_factory=list)
    candidates: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    paused: str | None = None
    journal: list[Row] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    rested: bool = False
    unfenced: bool = False
    story: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
