"""The journal's first lines in files beside the state file, a segment each, once they are moved there; a segment is
written once, never changed and never removed by us."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pointsman.core.errors import EnvironmentProblem
from pointsman.core.journal import canonical
from pointsman.core.queue.model import JournalLine

FOLDER = "journal"
SUFFIX = ".jsonl.gz"
LARGEST = 256 << 20
"""Bytes of one segment unpacked: more was not written by us."""


def write_segment(state: Path, lines: Sequence[JournalLine]) -> Path:
    """Keep the lines (by seq, without a gap) in a file of their own: it is whole and on disk when this returns. Doing
    it again for the same lines gives the same file. EnvironmentProblem where that can't be."""
    folder = state.parent / FOLDER
    path = folder / f"{lines[0].seq:012d}-{lines[-1].seq:012d}{SUFFIX}"
    text = "".join(canonical(asdict(line)) + "\n" for line in lines)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(prefix=".draft-", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(gzip.compress(text.encode("ascii"), mtime=0))
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        _sync(folder)
    except OSError as problem:
        raise EnvironmentProblem(
            f"The journal can't be archived to {path}: {problem.strerror}; nothing of it was moved."
        ) from problem
    return path


def archived(state: Path, *, after: int, before: int) -> Iterator[JournalLine]:
    """The lines with after < seq < before that stand in segments, by seq; those whose file is elsewhere are left out.

    EnvironmentProblem for a file that can't be read."""
    for first, last, path in _segments(state):
        if first < before and last > after:
            for text in _unpacked(path)[max(0, after + 1 - first) :]:
                line = _line(text, path)
                if after < line.seq < before:
                    yield line


def clear_drafts(state: Path) -> None:
    """Of a writer that was killed; the caller is the only writer now."""
    for draft in (state.parent / FOLDER).glob(".draft-*"):
        draft.unlink(missing_ok=True)


def _segments(state: Path) -> list[tuple[int, int, Path]]:
    found = []
    for path in (state.parent / FOLDER).glob(f"*{SUFFIX}"):
        first, _, last = path.name.removesuffix(SUFFIX).partition("-")
        if first.isdecimal() and last.isdecimal():
            found.append((int(first), int(last), path))
    return sorted(found)


def _unpacked(path: Path) -> list[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as problem:
        raise _unreadable(path, str(problem)) from problem
    if len(data) > LARGEST:
        raise _unreadable(path, "it is larger than any that is written here")
    return data.splitlines()


def _line(text: bytes, path: Path) -> JournalLine:
    """The line as it stands, right or wrong: whether it was tampered with is for `verify` to say."""
    try:
        fields: dict[str, Any] = json.loads(text)
        return JournalLine(**fields)
    except (TypeError, ValueError, RecursionError) as problem:
        raise _unreadable(path, f"{type(problem).__name__}: {problem}") from problem


def _unreadable(path: Path, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"The archived journal {path} can't be read ({why}). Put it back from a backup, or move it away: the "
        "journal is then read from the lines after it."
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
