"""Recognising the same failure again: its first failing test, its error text, a hash of both; pure text."""

from __future__ import annotations

import hashlib
import re

from pointsman.core.gates.counts import lines_of

ERROR_LINES = 6
_NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(?:FAILED|ERROR) (?P<name>[^\s:]+(?:::[^\s\[]+(?:\[.*?\](?= - |$))?)*)(?: - (?P<text>.*))?$",  # pytest
        r"^(?:FAIL|ERROR): (?P<name>\S+ \(.+?\))",  # unittest
        r"^\s*--- FAIL: (?P<name>\S+) \(",  # go
        r"^test (?P<name>\S.*?) \.\.\. FAILED$",  # cargo
        r"^\s*● (?P<name>.+ › .+|[^›]+)$",  # noqa: RUF001 - jest
        r"^\s*FAIL +(?P<name>\S.* > .+)$",  # vitest
        r"^\s*not ok +\d+ +(?:- +)?(?P<name>.+?)(?: # .*)?$",  # TAP
        r"^\s*✖ (?P<name>.+?)(?: \([\d.]+m?s\))?$",  # node
        r"^\s*\d+\) (?P<name>\S.*)$",  # mocha, phpunit, rspec
    )
)
_ERROR = re.compile(
    r"^E  +\S|\b[A-Z]\w*(?:Error|Exception|Warning|Exit|Failure)\b|^\s*(?:error|fatal|panic|panicked)\b"
    r"|\berror(?:\[\w+\])?:|\bpanicked at\b|\bFAILED\b|: (?:command )?not found\b|No such file"
)
_DURATION = r"\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|sec|secs|seconds?|m|min|minutes?|h)\b"
_FORGOTTEN = tuple(
    (re.compile(pattern), word)
    for pattern, word in (
        (r"\b\d{4}-\d\d-\d\d(?:[T _]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:Z|\s?[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b", "<time>"),
        (r"(?i)\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", "<uuid>"),
        (r"(?i)\b0x[0-9a-f]+\b", "<address>"),
        (r"(?i)\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7,64}\b", "<id>"),
        (r"\b\d{9,}\b", "<id>"),
        (r"(?:/private)?/(?:tmp|var/tmp|var/folders|dev/shm|run/user)(?:/[^\s'\":,;()\[\]<>]*)?", "<tmp>"),
        (r"(?:[A-Za-z]:)?(?:[/\\][^\s'\":,;()\[\]<>/\\]+)+[/\\](?=[^\s/\\])", "<dir>/"),
        (rf"(?i)\b(?:in |after |took )?{_DURATION}", "<duration>"),
        (r"(?i)\b(line|ln|pid|process|port|thread|worker|seed)([ =:#]*)\d+", r"\1 <n>"),
        (r"(?<=[\w>\])]):\d+(?::\d+)?\b", ":<n>"),
        (r"(?<=\w)\[\d+\](?=:)", "[<n>]"),
        (r"\s+", " "),
    )
)


def normalised(text: str) -> str:
    """The text without what differs between two runs of one failure: times, durations, addresses, ids,
    folders, line numbers, process numbers."""
    for pattern, word in _FORGOTTEN:
        text = pattern.sub(word, text)
    return text.strip()


def failing_test(output: str) -> str | None:
    """The first failing test that the output names, in the runner's own words; None where it names none."""
    return _first_failure(output)[0]


def signature(check: str, output: str, *, reason: str) -> str:
    """16 hex digits, equal for the same failure of one check; `reason` tells a timeout from a red test."""
    name, _ = _first_failure(output)
    parts = (check, reason, normalised(name or ""), *_error_text(output))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _first_failure(output: str) -> tuple[str | None, str]:
    for line in lines_of(output):
        for pattern in _NAMES:
            if match := pattern.match(line):
                found = match.groupdict()
                return found["name"].strip(), found.get("text") or ""
    return None, ""


def _error_text(output: str) -> list[str]:
    """The first few lines that look like errors; the last lines where none does."""
    lines = [line for line in lines_of(output) if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    return [normalised(line) for line in errors[:ERROR_LINES] or lines[-ERROR_LINES:]]
