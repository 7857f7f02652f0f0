"""The words of asking a healer command: the question, its answer, and what came of each attempt; frozen data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pointsman.core.contract.model import Healer, Sandbox
    from pointsman.core.model import GitPath, Sha

STRATEGY = "healer_command"
"""The word of a merge record for a repair that such a command wrote a part of."""
TRAILER = "Pointsman-Healed-By: healer command"
"""The line of a commit's message that says so."""
SHOWN = 400
"""How many characters of a reason are kept."""


class Outcome(StrEnum):
    """What came of one attempt; stable words that scripts compare."""

    ACCEPTED = "accepted"
    EMPTY = "empty"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    TOO_LARGE = "too_large"
    LEAKS = "leaks"
    MALFORMED = "malformed"
    NOT_ALLOWED = "not_allowed"
    REFUSED = "refused"
    PROOF_FAILED = "proof_failed"
    NOT_PROVED = "not_proved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One run of the command. `base` is a commit whose tree it starts in, `merged` the tree that a patch is for;
    `request` is the JSON that it reads, `policy` what the contract demands of every sandbox."""

    base: Sha
    merged: Sha
    request: bytes
    healer: Healer
    policy: Sandbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the command said. `patch` are the bytes of its output, b"" where it has none to give; `outcome` is None
    where the patch is for others to judge, else why there is none. `detail` is one line, without any secret."""

    patch: bytes
    seconds: float
    exit_code: int | None = None
    outcome: Outcome | None = None
    detail: str = ""
    isolated: tuple[str, ...] = ()


class HealerCommand(Protocol):
    """Runs a contract's healer command in the runner, away from every token."""

    def ask(self, question: Question) -> Answer:
        """Never raises for what the command does. EnvironmentProblem when the machine can't start it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One asking: `number` counts from 1, `seconds` those of the command alone, `patch_bytes` of what it printed."""

    number: int
    seconds: float
    exit_code: int | None
    patch_bytes: int
    outcome: Outcome
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "seconds": self.seconds,
            "exit": self.exit_code,
            "patch_bytes": self.patch_bytes,
            "outcome": self.outcome.value,
            "detail": self.detail,
        }

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Attempt:
        """The attempt that `to_json` wrote. KeyError, ValueError or TypeError where it is none."""
        return cls(
            number=int(found["number"]),
            seconds=float(found["seconds"]),
            exit_code=None if found["exit"] is None else int(found["exit"]),
            patch_bytes=int(found["patch_bytes"]),
            outcome=Outcome(found["outcome"]),
            detail=str(found["detail"]),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What came of having a healer command. `used`: what is healed is in part its work, in the files `wrote`.
    `why_not`: it was not asked, or not again, and why; a sentence. `remembered`: the attempts are of an earlier run."""

    attempts: tuple[Attempt, ...] = ()
    used: bool = False
    wrote: tuple[GitPath, ...] = ()
    why_not: str = ""
    remembered: bool = False

    def to_json(self) -> dict[str, Any]:
        """The `healer` object of `pointsman heal --json`."""
        return {
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "used": self.used,
            "wrote": list(self.wrote),
            "why_not": self.why_not or None,
            "remembered": self.remembered,
        }


def one_line(text: str) -> str:
    """The text in one bounded line that a terminal can show."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(shown.split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"


_SAID = {
    Outcome.ACCEPTED: "its patch was taken",
    Outcome.EMPTY: "it had no patch to give",
    Outcome.FAILED: "it failed",
    Outcome.TIMED_OUT: "it took too long",
    Outcome.TOO_LARGE: "it printed too much",
    Outcome.LEAKS: "its patch holds a secret that it was given",
    Outcome.MALFORMED: "what it printed is no patch for the merged tree",
    Outcome.NOT_ALLOWED: "its patch touches what it may not",
    Outcome.REFUSED: "the tree that its patch makes is refused too",
    Outcome.PROOF_FAILED: "the proof of its patch failed",
    Outcome.NOT_PROVED: "its patch could not be proved",
}


def in_words(asked: Asked) -> str:
    """One line for people: what the healer command did, or why it was not asked; '' where there is nothing to say."""
    if not asked.attempts:
        return asked.why_not
    last = asked.attempts[-1]
    count = f"{len(asked.attempts)} attempt{'s' if len(asked.attempts) > 1 else ''}"
    before = f"The healer command was asked ({count}, {sum(a.seconds for a in asked.attempts):.1f} s): "
    detail = f": {last.detail}" if last.detail else ""
    more = f" {asked.why_not}" if asked.why_not else ""
    return f"{before}{_SAID[last.outcome]}{detail}.{more}"
