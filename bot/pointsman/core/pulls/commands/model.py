"""What can be asked of the queue in a comment, as frozen data, and how each command is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """Put the change into the queue at its present head; `high`: before the others."""

    word: ClassVar[str] = "queue"
    high: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Hotfix:
    """Put the change into the queue before all others; it lands in a freeze, too."""

    word: ClassVar[str] = "hotfix"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dequeue:
    """Take the change out of the queue."""

    word: ClassVar[str] = "dequeue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Heal:
    """Mend the change's migration fork on its own branch."""

    word: ClassVar[str] = "heal"


@dataclass(frozen=True, kw_only=True, slots=True)
class Retry:
    """Queue a returned change again at its present head."""

    word: ClassVar[str] = "retry"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Keep the change's place, and test and land nothing of it until it is let go."""

    word: ClassVar[str] = "hold"
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unhold:
    """Let a held change go on."""

    word: ClassVar[str] = "unhold"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScopeAdd:
    """Open path patterns to the change at its present head; never empty, each is a sound pattern."""

    word: ClassVar[str] = "scope"
    patterns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Priority:
    """Move the change within the queue; -100..100, higher is earlier, 0 is usual, 100 makes it a hotfix."""

    word: ClassVar[str] = "priority"
    value: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """Say where the change stands."""

    word: ClassVar[str] = "status"


@dataclass(frozen=True, kw_only=True, slots=True)
class Explain:
    """Say what the contract makes of one path for this change."""

    word: ClassVar[str] = "explain"
    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """Stop the whole lane."""

    word: ClassVar[str] = "pause"
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resume:
    """Let the lane go on."""

    word: ClassVar[str] = "resume"


@dataclass(frozen=True, kw_only=True, slots=True)
class Help:
    """List the commands."""

    word: ClassVar[str] = "help"


Command = (
    Queue
    | Hotfix
    | Dequeue
    | Heal
    | Retry
    | Hold
    | Unhold
    | ScopeAdd
    | Priority
    | Status
    | Explain
    | Pause
    | Resume
    | Help
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BadCommand:
    """A line that begins like a command of ours and can't be carried out.

    `line` counts from 1; `text` is the line as written, cut to a sane length and not escaped (see `quote`);
    `why` is a sentence without the full stop, `usage` how the command is written.
    """

    line: int
    text: str
    why: str
    usage: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Word:
    """How one command is written, and what it does in one line."""

    usage: str
    help: str


WORDS: Mapping[str, Word] = MappingProxyType(
    {
        "queue": Word(usage="/queue [high]", help="put this change into the queue; high: before the others"),
        "hotfix": Word(usage="/hotfix", help="put this change before all others; it lands in a freeze, too"),
        "dequeue": Word(usage="/dequeue", help="take this change out of the queue"),
        "heal": Word(usage="/heal", help="mend this change's migration fork on its own branch"),
        "retry": Word(usage="/retry", help="queue this change again at its present head"),
        "hold": Word(usage="/hold [REASON]", help="keep this change's place, and land nothing of it"),
        "unhold": Word(usage="/unhold", help="let a held change go on"),
        "scope": Word(
            usage="/scope add PATH [PATH...]", help="open these paths to this change at its present head"
        ),
        "priority": Word(
            usage="/priority N", help="move this change in the queue, -100 (last) to 100 (a hotfix)"
        ),
        "status": Word(usage="/status", help="say where this change stands"),
        "explain": Word(usage="/explain PATH", help="say what the contract makes of a path, for this change"),
        "pause": Word(usage="/pause [REASON]", help="stop landing anything on this branch"),
        "resume": Word(usage="/resume", help="go on after a pause"),
        "help": Word(usage="/help", help="show this list"),
    }
)
"""Every command word, in the order in which `/help` shows them."""
