"""One sentence for each kind of journal line, for people who follow a queue; no rule stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SHORT = 10

Body = Mapping[str, Any]


def narrate(kind: str, body: Body) -> str:
    """What happened, in one printable line; a kind that is not known is shown with its values."""
    sentence = _SENTENCES.get(kind)
    return printable((sentence(body) if sentence else _values(kind, body)).rstrip())


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor or hide what follows: control and
    bidirectional characters, line ends, bytes that are not UTF-8."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def _submitted(body: Body) -> str:
    return f"{_change(body)} submitted by {body.get('author', '?')}: {body.get('title', '')}"


def _building(body: Body) -> str:
    return f"bringing {_changes(body)} onto {_short(body, 'onto')}"


def _built(body: Body) -> str:
    healed = "; ".join(
        f"healed #{item.get('change')}: {item.get('summary') or item.get('strategy')}"
        for item in _items(body, "healed")
        if isinstance(item, dict)
    )
    ahead = " (ahead of the base)" if body.get("speculative") else ""
    return (
        f"candidate {body.get('candidate')} is {_changes(body)} at {_short(body, 'commit')}{ahead}"
        f"{'; ' if healed else ''}{healed}"
    )


def _passed(body: Body) -> str:
    return f"candidate {body.get('candidate')} passed every check: {_changes(body)}"


def _run_started(body: Body) -> str:
    attempt = body.get("attempt", 1)
    again = f", attempt {attempt}" if attempt != 1 else ""
    return f"check {body.get('check')} started {_subject(body)}{again}"


def _run_ended(body: Body) -> str:
    seconds = body.get("seconds")
    took = f" after {seconds:.1f} s" if isinstance(seconds, float | int) else ""
    return f"check {body.get('check')} {body.get('state')} {_subject(body)}{took}{_because(body)}"


def _subject(body: Body) -> str:
    probe = body.get("probe")
    if not probe:
        return f"on candidate {body.get('candidate')}"
    question = str(probe).partition(":")[0]
    return f"to learn about #{body.get('change')} ({question})"


def _landing(body: Body) -> str:
    return f"moving the base to {_short(body, 'commit')}: {_changes(body)}"


def _landed(body: Body) -> str:
    note = f" ({body['note']})" if body.get("note") else ""
    return f"{_changes(body)} landed as {_short(body, 'commit')}{note}"


def _returned(body: Body) -> str:
    return f"{_change(body)} returned{_because(body)}"


def _withdrawn(body: Body) -> str:
    return f"{_change(body)} withdrawn by {body.get('by', '?')}"


def _waiting(body: Body) -> str:
    return f"{_change(body)} waits{_because(body)}"


def _approved(body: Body) -> str:
    return f"{_change(body)} approved by {body.get('by', '?')}"


def _blocked(body: Body) -> str:
    return f"candidate {body.get('candidate')} can't land now{_because(body)}"


def _split(body: Body) -> str:
    return f"candidate {body.get('candidate')} ({_changes(body)}) is red{_because(body)}"


def _discarded(body: Body) -> str:
    return f"candidate {body.get('candidate')} ({_changes(body)}) given up{_because(body)}"


def _paused(body: Body) -> str:
    return f"the queue is paused{_because(body)}"


def _resumed(body: Body) -> str:
    return f"the queue goes on, resumed by {body.get('by', '?')}"


_SENTENCES: dict[str, Callable[[Body], str]] = {
    "submitted": _submitted,
    "building": _building,
    "built": _built,
    "passed": _passed,
    "run_started": _run_started,
    "run_ended": _run_ended,
    "landing": _landing,
    "landed": _landed,
    "returned": _returned,
    "withdrawn": _withdrawn,
    "waiting": _waiting,
    "approved": _approved,
    "blocked": _blocked,
    "split": _split,
    "discarded": _discarded,
    "paused": _paused,
    "resumed": _resumed,
}


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


def _because(body: Body) -> str:
    reason = body.get("text") or body.get("why")
    return f": {reason}" if reason else ""


def _values(kind: str, body: Body) -> str:
    return " ".join([kind, *(f"{key}={value}" for key, value in body.items())])
