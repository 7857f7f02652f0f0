"""Tasks, claims and what stands in their way, as frozen data; no rule stands here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # stores know claims, and have no use for the rest
    from pointsman.core.queue.observation import Touch


class Status(StrEnum):
    """How far a task is, in the order in which it goes through them (R68)."""

    READY = "ready"
    TESTING = "testing"
    TESTS_WRITTEN = "tests-written"
    IMPLEMENTING = "implementing"
    IMPLEMENTED = "implemented"
    VERIFYING = "verifying"
    COMPLETE = "complete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a task stands in its file; lines and columns count from 1."""

    line: int = 0
    column: int = 0
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """What some work does to files. `modifies` are files that exist, or folders: any file below. `creates` are new
    files, or folders (ending in `/`) in which new files are made."""

    modifies: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A piece of work that a launcher knows of. `depends_on` names tasks by id or branch, and changes of the queue by
    branch or `#ID`. `resources` are those of the contract's `writers` that it has to hold alone. `estimate` is in
    minutes, None where nobody said. A `priority` of 100 or more is a hotfix. `role`, `branch`
    and `holder`, who works on it as far as the list knows, may be ''."""

    id: str
    title: str = ""
    role: str = ""
    status: Status = Status.READY
    depends_on: tuple[str, ...] = ()
    modifies: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    estimate: int | None = None
    priority: int = 0
    branch: str = ""
    holder: str = ""
    place: Place = field(default=Place(), compare=False)

    @property
    def paths(self) -> Paths:
        return Paths(modifies=self.modifies, creates=self.creates)


class Outcome(StrEnum):
    """How a claim ended. DONE: the work is finished, and on its way to the base branch if it has a branch."""

    DONE = "done"
    ABANDONED = "abandoned"


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """Somebody works on a task. It holds the task, its resources, its files and a place of its role from `claimed_at`
    until it ends or `expires_at` has come (seconds since 1970). `id` 0: not stored yet."""

    id: int = 0
    task: str
    role: str
    holder: str
    branch: str = ""
    resources: tuple[str, ...] = ()
    modifies: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    status: Status = Status.READY
    claimed_at: float
    expires_at: float
    ended_at: float | None = None
    outcome: Outcome | None = None

    @property
    def paths(self) -> Paths:
        return Paths(modifies=self.modifies, creates=self.creates)

    def is_live(self, at: float) -> bool:
        return self.ended_at is None and at < self.expires_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """The claims at one instant: those that are live, by id, and the newest one of each task, live or not."""

    live: tuple[Claim, ...] = ()
    last: Mapping[str, Claim] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A change in the queue: what it is called, where it comes from, what it touches (None: not known), and its role
    while it is in the gate ('' when it is not)."""

    label: str
    branch: str
    touch: Touch | None = None
    role: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """The queue as the scheduler sees it. `landed`: the branches and `#ID`s of changes that landed; of a branch that
    was submitted again the newest counts. `returned`: likewise, with the reason."""

    queued: tuple[Queued, ...] = ()
    landed: frozenset[str] = frozenset()
    returned: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """Everything that a decision may look at. `tasks` are in the order of their list; `at` is in seconds since 1970."""

    tasks: tuple[Task, ...]
    held: Held = Held()
    traffic: Traffic = Traffic()
    at: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why not: a stable code, a sentence with the next step, and the names of what is in the way."""

    code: str
    text: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ruling:
    """What a decision about claims comes to. Without a `kind` nothing is written: `claim` is as it was before; with
    one, `claim` is saved, and that is the kind of its journal line."""

    claim: Claim | None = None
    kind: str = ""
    refusal: Refusal | None = None
