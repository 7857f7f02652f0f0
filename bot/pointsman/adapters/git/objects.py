"""Reads objects through one long-lived `git cat-file --batch`; it parses none of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from subprocess import Popen
from typing import IO, Self

from pointsman.adapters.git.process import Runner
from pointsman.core.errors import EnvironmentProblem, GitFailed, MissingObject
from pointsman.core.model import Sha

CHUNK = 60
"""Requests sent before their answers are read. 60 ids of SHA-256 are less than 4,096 bytes, which every pipe
takes whole while git is still busy writing, so neither side can wait for the other for ever."""

READ_LIMIT = 64 * 1024 * 1024
"""Bytes of one blob beyond which reading refuses."""

_PIECE = 1 << 20
_COMMAND = ("cat-file", "--batch")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    oid: Sha
    kind: str
    size: int
    content: bytes | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Child:
    """The running command; EOFError where it ended in the middle of an answer."""

    process: Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]

    @classmethod
    def of(cls, process: Popen[bytes]) -> Self:
        if process.stdin is None or process.stdout is None:
            raise ValueError("the command was started without pipes")
        return cls(process=process, requests=process.stdin, answers=process.stdout)

    def answer(self, oid: Sha, limit: int) -> _Answer:
        header = self.answers.readline().split()
        if len(header) == 2:
            return _Answer(oid=oid, kind="missing", size=0, content=None)
        if len(header) != 3:
            raise EOFError
        size = int(header[2])
        content = self._take(size + 1, keep=size <= limit)
        return _Answer(oid=oid, kind=header[1].decode(), size=size, content=content)

    def _take(self, size: int, *, keep: bool) -> bytes | None:
        """An object's bytes without the line end that follows; None where they are only passed over."""
        while not keep and size > _PIECE:
            size -= len(self.answers.read(_PIECE)) or size
        content = self.answers.read(size)
        if len(content) != size or not content:
            raise EOFError
        return content[:-1] if keep else None

    def stop(self) -> None:
        for pipe in (self.requests, self.answers):
            with suppress(BrokenPipeError):
                pipe.close()
        self.process.wait()


class ObjectReader:
    """One child process, started at the first read. Safe to use from several threads: a chunk of requests
    and all its answers is one turn."""

    def __init__(self, git: Runner, errors: Path) -> None:
        self._git = git
        self._errors = errors
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def blobs(self, oids: Iterable[Sha], *, limit: int = READ_LIMIT) -> Iterator[tuple[Sha, bytes]]:
        """Contents in the order asked. MissingObject names one that is not there; EnvironmentProblem for
        one that is longer than `limit` bytes or no blob."""
        waiting = iter(oids)
        while chunk := list(islice(waiting, CHUNK)):
            for answer in self._ask(chunk, limit):
                yield answer.oid, _content(answer, "blob", limit)

    def one(self, oid: Sha, kind: str) -> bytes:
        """The raw content of one object of that kind (`commit`, `tree` or `blob`)."""
        (answer,) = self._ask([oid], READ_LIMIT)
        return _content(answer, kind, READ_LIMIT)

    def missing(self, oids: Sequence[Sha]) -> list[Sha]:
        """Those that are not in the repository."""
        chunks = (oids[start : start + CHUNK] for start in range(0, len(oids), CHUNK))
        return [answer.oid for chunk in chunks for answer in self._ask(chunk, 0) if answer.kind == "missing"]

    def close(self) -> None:
        """Ends the child; a later read starts another."""
        with self._turn:
            self._stop()

    def _ask(self, oids: Sequence[Sha], limit: int) -> list[_Answer]:
        request = "".join(f"{_checked(oid)}\n" for oid in oids).encode()
        with self._turn:
            child = self._running()
            try:
                child.requests.write(request)
                child.requests.flush()
                return [child.answer(oid, limit) for oid in oids]
            except (BrokenPipeError, EOFError):
                raise self._died(child) from None
            except BaseException:
                self._stop()  # an answer half read would be taken for the next one
                raise

    def _running(self) -> _Child:
        if self._child is None or self._child.process.poll() is not None:
            self._stop()
            with self._errors.open("wb") as errors:
                self._child = _Child.of(self._git.start(*_COMMAND, stderr=errors.fileno()))
        return self._child

    def _died(self, child: _Child) -> GitFailed:
        self._stop()
        said = self._errors.read_text(errors="replace")
        return GitFailed(self._git.command(_COMMAND), child.process.returncode, said)

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.stop()


def _content(answer: _Answer, kind: str, limit: int) -> bytes:
    if answer.kind == "missing":
        raise missing_object(answer.oid)
    if answer.kind != kind:
        raise EnvironmentProblem(f"object {answer.oid} is a {answer.kind}, not a {kind}")
    if answer.content is None:
        raise EnvironmentProblem(
            f"{kind} {answer.oid} has {answer.size} bytes, more than the limit of {limit}"
        )
    return answer.content


def missing_object(oid: Sha) -> MissingObject:
    return MissingObject(
        f"object {oid} is not in the repository (a partial or damaged clone);"
        " `git fsck` lists what is missing, `git fetch --refetch` brings it from the remote"
    )


def _checked(oid: Sha) -> Sha:
    if len(oid) not in (40, 64) or not oid.isalnum():
        raise ValueError(f"not a full object id: {oid!r}")
    return oid
