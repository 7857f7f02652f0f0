"""One sentence for each kind of journal line, for people who follow a queue; no rule stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SHORT = 10

Body = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A journal line in words: one word for what it is, the rest of the sentence, and the word's colour where
    there are colours. Both are printable and of one line."""

    word: str
    text: str
    colour: str | None = None


def narrate(kind: str, body: Body) -> Told:
    """What a line of that kind says; of a kind that is not known, its values."""
    word, colour, sentence = _SENTENCES.get(kind, (kind, None, _values))
    return Told(word=printable(str(word)), text=printable(sentence(body).strip()), colour=colour)


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor or hide what follows: control and
    bidirectional characters, line ends, bytes that are not UTF-8."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def _submitted(body: Body) -> str:
    return f"{_change(body)} by {body.get('author', '?')}: {body.get('title', '')}"


def _building(body: Body) -> str:
    return f"{_changes(body)} onto {_short(body, 'onto')}"


def _built(body: Body) -> str:
    healed = [
        f"; healed #{item.get('change')}: {item.get('summary') or item.get('strategy')}"
        for item in _items(body, "healed")
        if isinstance(item, dict)
    ]
    ahead = " (ahead of the base)" if body.get("speculative") else ""
    return f"{_candidate(body)} at {_short(body, 'commit')}{ahead}{''.join(healed)}"


def _passed(body: Body) -> str:
    return f"{_candidate(body)}: every check on this exact tree"


def _run_started(body: Body) -> str:
    attempt = body.get("attempt", 1)
    return f"{body.get('check')} {_subject(body)}{'' if attempt == 1 else f', attempt {attempt}'}"


def _run_ended(body: Body) -> str:
    seconds = body.get("seconds")
    took = f" after {seconds:.1f} s" if isinstance(seconds, float | int) else ""
    return f"{body.get('check')} {body.get('state')} {_subject(body)}{took}{_because(body)}"


def _subject(body: Body) -> str:
    """What was tested: a candidate, or, for a probe, what is asked about a change."""
    probe = body.get("probe")
    if not probe:
        return f"on candidate {body.get('candidate')}"
    return f"to learn about #{body.get('change')} ({str(probe).partition(':')[0]})"


def _landed(body: Body) -> str:
    note = f" ({body['note']})" if body.get("note") else ""
    return f"{_changes(body)} as {_short(body, 'commit')}{note}"


def _restacked(body: Body) -> str:
    return f"{_candidate(body)} onto {_short(body, 'base')} as {_short(body, 'commit')}"


def _change_by(body: Body) -> str:
    return f"{_change(body)} by {body.get('by', '?')}"


def _granted(body: Body) -> str:
    return f"{_change_by(body)}: {body.get('patterns', '')}"


def _change_because(body: Body) -> str:
    return f"{_change(body)}{_because(body)}"


def _candidate_because(body: Body) -> str:
    return f"{_candidate(body)}{_because(body)}"


def _why(body: Body) -> str:
    return str(body.get("text") or body.get("why") or "")


def _by(body: Body) -> str:
    return f"by {body.get('by', '?')}"


def _archived(body: Body) -> str:
    return f"lines up to {body.get('through')} in {body.get('file')}"


def _claim(body: Body) -> str:
    role = f" as {body['role']}" if body.get("role") else ""
    return f"{body.get('task')} by {body.get('holder', '?')}{role} (claim {body.get('claim')})"


def _claim_status(body: Body) -> str:
    return f"{_claim(body)}: {body.get('outcome') or body.get('status')}"


_SENTENCES: dict[str, tuple[str, str | None, Callable[[Body], str]]] = {
    "submitted": ("submitted", None, _submitted),
    "archived": ("archived", None, _archived),
    "building": ("building", None, _building),
    "built": ("built", None, _built),
    "run_started": ("checking", None, _run_started),
    "run_ended": ("checked", None, _run_ended),
    "passed": ("passed", None, _passed),
    "landing": ("landing", None, _landed),
    "landed": ("landed", "green", _landed),
    "returned": ("returned", "red", _change_because),
    "withdrawn": ("withdrawn", "yellow", _change_by),
    "waiting": ("waiting", "yellow", _change_because),
    "approved": ("approved", None, _change_by),
    "revoked": ("unapproved", "yellow", _change_by),
    "held": ("held", "yellow", _change_because),
    "unheld": ("unheld", None, _change_because),
    "prioritised": ("priority", None, _change_by),
    "repaired": ("repaired", "green", _change_because),
    "granted": ("granted", None, _granted),
    "blocked": ("blocked", "yellow", _candidate_because),
    "split": ("red", "yellow", _candidate_because),
    "cleared": ("green", None, _candidate_because),
    "restacked": ("moved up", None, _restacked),
    "discarded": ("given up", None, _candidate_because),
    "claimed": ("claimed", None, _claim),
    "claim_renewed": ("renewed", None, _claim),
    "advanced": ("advanced", None, _claim_status),
    "released": ("released", None, _claim_status),
    "paused": ("paused", "red", _why),
    "resumed": ("resumed", None, _by),
    "trouble": ("trouble", "red", _why),
}
"""Kind -> (the word for it, its colour, the rest of the sentence)."""


def _change(body: Body) -> str:
    return f"#{body.get('change')} {body.get('branch', '')}".rstrip()


def _changes(body: Body) -> str:
    """`#3 agent/a, #4 agent/b`; the branches where the line names them."""
    ids, branches = _items(body, "changes"), _items(body, "branches")
    if len(branches) != len(ids):
        branches = [""] * len(ids)
    return ", ".join(f"#{change} {branch}".rstrip() for change, branch in zip(ids, branches, strict=True))


def _items(body: Body, key: str) -> list[Any]:
    """A list, whatever stands there: a line may come from another version, or from a forger."""
    value = body.get(key)
    return value if isinstance(value, list) else []


def _short(body: Body, key: str) -> str:
    return str(body.get(key))[:SHORT]


def _candidate(body: Body) -> str:
    changes = _changes(body)
    return f"candidate {body.get('candidate')}{f' of {changes}' if changes else ''}"


def _because(body: Body) -> str:
    return f": {_why(body)}" if _why(body) else ""


def _values(body: Body) -> str:
    return " ".join(f"{key}={value}" for key, value in body.items())
