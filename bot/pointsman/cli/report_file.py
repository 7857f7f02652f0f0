"""Adds lines to the file of figures that a contract names (`metrics.out`); it writes into no file that holds anything
else."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from pointsman.core.errors import EnvironmentProblem, UserError

SUFFIX = ".jsonl"
LONGEST_LINE = 1 << 20


def figures_file(out: str | None, state: Path) -> Path:
    """Where the contract's `metrics.out` is: a relative path is one in the queue's `state` folder, so that no checkout
    is touched. UserError where there is none, or it is no `.jsonl`."""
    if not out:
        raise UserError(
            "the contract names no file: add `metrics: {out: landed.jsonl}`, or leave out --append"
        )
    if not out.endswith(SUFFIX):
        raise UserError(f"metrics.out is {out!r}; lines are only added to a file that ends in {SUFFIX}")
    return state / out


def append(path: Path, lines: Iterable[str]) -> int:
    """Add those lines that are not there yet; how many. All are on disk when it returns, or none; a line that a crash
    cut off is taken away first. UserError for a file that holds anything else, or is none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            known, end = _known(stream, path)
            news = [line for line in lines if _key(json.loads(line)) not in known]
            stream.truncate(end)
            stream.write("".join(f"{line}\n" for line in news).encode())
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise EnvironmentProblem(f"{path} (metrics.out) can't be written: {error.strerror}") from error
    return len(news)


def _known(stream: IO[bytes], path: Path) -> tuple[set[Any], int]:
    """Which pieces of work the file holds, and where its last whole line ends."""
    known: set[Any] = set()
    end = 0
    while line := stream.readline(LONGEST_LINE):
        if not line.endswith(b"\n") and not line.startswith(b'{"schema":'):
            raise _foreign(path, len(known) + 1)
        if line.endswith(b"\n"):
            known.add(_ours(line, path, len(known) + 1))
            end += len(line)
    return known, end


def _ours(line: bytes, path: Path, number: int) -> Any:
    try:
        return _key(json.loads(line))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _foreign(path, number) from None


def _key(line: Any) -> Any:
    return line["lane"], tuple(line["changes"]), line["ended_at"]


def _foreign(path: Path, number: int) -> UserError:
    return UserError(
        f"{path}:{number}: no line of `pointsman report --jsonl`; name another file in metrics.out"
    )
