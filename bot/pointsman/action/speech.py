"""What a step tells the runner: summary, outputs, annotations, lines of its log; no word of it is chosen here.

Text from outside can neither start a workflow command nor end an output (rule 14).
Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from pointsman.core.contract.reasons import shown
from pointsman.core.pulls.markdown import bounded
from pointsman.core.pulls.model import Annotation, Severity

SUMMARY_LIMIT = 900_000
"""Bytes; GitHub refuses a step's summary above 1 MiB as a whole."""
OUTPUT_LIMIT = 60_000
ANNOTATIONS = 30
"""GitHub shows ten of each severity of a step."""
_WORDS = {Severity.NOTICE: "notice", Severity.WARNING: "warning", Severity.FAILURE: "error"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How a command ended: exit code, a stable word, lines for the log, Markdown for the summary, outputs."""

    code: int
    outcome: str
    lines: Sequence[str] = ()
    summary: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    annotations: Sequence[Annotation] = ()


def tell(result: Result, *, summary: Path | None, output: Path | None, stream: TextIO | None = None) -> None:
    """Everything a result has to say, where Actions reads it."""
    out = stream or sys.stdout
    with quoted(out):
        for line in result.lines:
            out.write(shown(line) + "\n")
    for text in marks(result.annotations):
        out.write(text + "\n")
    out.flush()
    if summary is not None and result.summary:
        _append(summary, bounded(result.summary, SUMMARY_LIMIT) + "\n")
    if output is not None:
        _append(output, "".join(outputs({"outcome": result.outcome, **result.outputs})))


@contextmanager
def quoted(out: TextIO) -> Iterator[None]:
    """Between begin and end the runner takes no line for a command, whatever it says."""
    word = f"pointsman-{secrets.token_hex(16)}"
    out.write(f"::stop-commands::{word}\n")
    out.flush()
    try:
        yield
    finally:
        out.write(f"\n::{word}::\n")
        out.flush()


def outputs(values: Mapping[str, str]) -> Iterator[str]:
    """Blocks for GITHUB_OUTPUT: the end mark of each is not to be guessed, so that no value can end its own."""
    for name, value in values.items():
        mark = f"pointsman-{secrets.token_hex(16)}"
        yield f"{name}<<{mark}\n{_utf8(bounded(value, OUTPUT_LIMIT))}\n{mark}\n"


def marks(several: Iterable[Annotation]) -> Iterator[str]:
    """The workflow command of each, the worst first, no more than GitHub shows."""
    order = [Severity.FAILURE, Severity.WARNING, Severity.NOTICE]
    listed = sorted(several, key=lambda one: order.index(one.severity))
    for one in listed[:ANNOTATIONS]:
        place = {"file": one.path, "line": str(one.line), "endLine": str(one.end)} if one.path else {}
        named = ",".join(f"{key}={_property(value)}" for key, value in {**place, "title": one.title}.items())
        yield f"::{_WORDS[one.severity]} {named}::{_data(one.message[:4000])}"


def notice(title: str, message: str) -> str:
    """One notice that belongs to no file."""
    return f"::notice title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return _utf8(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _utf8(text: str) -> str:
    """Names that are no UTF-8 hold lone surrogates, which no file takes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.write(text)
