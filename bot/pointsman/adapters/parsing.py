"""Parses many revision files at once: a cache on disk, and a second process while there is much to do."""

from __future__ import annotations

import json
import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pointsman.core.migrations.model import Issue, Parsed
from pointsman.core.model import Sha

FORMAT = 3
"""Raised whenever parsing the same bytes would answer differently: an older cache is then no cache."""

MAX_ENTRIES = 100_000
"""Parse results kept a repository; the oldest go."""

MAX_PLAIN = 5_000
"""As many of everything else: that is asked of the newest revisions only."""

MAX_BYTES = 32 << 20
WORTH_A_PROCESS = 100
"""From so many files on, a second process gains more than it costs."""

Parse = Callable[[bytes], Parsed]


class DiskCache:
    """What was read of one repository's files, which may vanish or be damaged at any time: parse results in one file,
    the rest beside it, so that whoever needs no more than the graph loads no more.

    Whatever is not whole is not used; what can't be written is not kept. Nothing here ever fails a command."""

    def __init__(self, path: Path) -> None:
        self._parsed = _Kept(path)
        self._plain = _Kept(path.with_name(f"{path.name}.plain"))

    def get_many(self, backend: str, oids: Iterable[Sha]) -> Mapping[Sha, Parsed]:
        known = self._parsed.load()
        found: dict[Sha, Parsed] = {}
        for oid in oids:
            record = known.get(f"{backend}:{oid}")
            if record is None:
                continue
            try:
                found[oid] = _parsed(record)
            except (TypeError, ValueError):
                continue  # written by a version that kept other fields
        return found

    def put_many(self, backend: str, results: Mapping[Sha, Parsed]) -> None:
        self._parsed.add(
            {f"{backend}:{oid}": _record(parsed) for oid, parsed in results.items()}, MAX_ENTRIES
        )

    def get_plain(self, kind: str, keys: Iterable[str]) -> Mapping[str, Any]:
        known = self._plain.load()
        return {key: known[f"{kind}:{key}"] for key in keys if f"{kind}:{key}" in known}

    def put_plain(self, kind: str, data: Mapping[str, Any]) -> None:
        self._plain.add({f"{kind}:{key}": value for key, value in data.items()}, MAX_PLAIN)


class _Kept:
    """One such file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Any] | None = None

    def load(self) -> dict[str, Any]:
        if self._known is None:
            self._known = _read(self._path)
        return self._known

    def add(self, data: Mapping[str, Any], most: int) -> None:
        """Keep the newest `most`, this among them."""
        known = self.load()
        known.update(data)
        while len(known) > most:
            del known[next(iter(known))]
        self._save(known)

    def _save(self, known: dict[str, Any]) -> None:
        body = json.dumps(known, separators=(",", ":")).encode()
        if len(body) > MAX_BYTES:
            return
        head = f"{_header()} {zlib.crc32(body)}\n".encode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_name(f"{self._path.name}.{os.getpid()}")
            draft.write_bytes(head + body)
            draft.replace(self._path)
        except OSError:
            return


def cache_path(repository: Path) -> Path | None:
    """Where the results of a repository are kept, by the XDG rules; None where there is no place for them."""
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():
        base = Path(os.environ.get("HOME", "")) / ".cache"
    if not base.is_absolute():
        return None
    name = f"{zlib.crc32(os.fsencode(repository)):08x}-{len(os.fsencode(repository))}"
    return base / "pointsman" / "revisions" / name


def _header() -> str:
    # What this Python can't parse another may: results hold for one version of both.
    return f"pointsman {FORMAT} {sys.version_info[0]}.{sys.version_info[1]}"


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            return {}
        head, _, body = path.read_bytes().partition(b"\n")
        if head.decode("ascii", "replace") != f"{_header()} {zlib.crc32(body)}":
            return {}
        known = json.loads(body)
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _record(parsed: Parsed) -> list[Any]:
    return [
        parsed.revision,
        parsed.parents,
        parsed.labels,
        parsed.depends_on,
        [(issue.code, issue.message) for issue in parsed.issues],
        parsed.ordered_elsewhere,
        parsed.replaces,
    ]


def _parsed(record: Sequence[Any]) -> Parsed:
    revision, parents, labels, depends_on, issues, elsewhere, replaces = record
    return Parsed(
        revision,
        None if parents is None else tuple(parents),
        tuple(labels),
        tuple(depends_on),
        tuple(Issue(*issue) for issue in issues),
        elsewhere,
        tuple(replaces),
    )


def parse_all(parse: Parse, blobs: Sequence[bytes]) -> list[Parsed]:
    """What `parse` says of each, in order; half of a long list is read by a child process."""
    alone = threading.active_count() == 1  # a forked child of several threads may find a lock held for ever
    if len(blobs) < WORTH_A_PROCESS or not alone or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
        return [parse(blob) for blob in blobs]
    middle = len(blobs) // 2
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(receive, send, parse, blobs[middle:])
    os.close(send)
    first = [parse(blob) for blob in blobs[:middle]]
    with os.fdopen(receive, "rb") as answers:
        rest = answers.read()
    os.waitpid(child, 0)
    return first + (_answers(rest, len(blobs) - middle) or [parse(blob) for blob in blobs[middle:]])


def _answer(receive: int, send: int, parse: Parse, blobs: Sequence[bytes]) -> None:
    """The child's whole life: parse, write, end without touching anything that it shares with its parent."""
    code = 1
    try:
        os.close(receive)
        body = json.dumps([_record(parse(blob)) for blob in blobs]).encode()
        with os.fdopen(send, "wb") as pipe:
            pipe.write(body)
        code = 0
    finally:
        os._exit(code)


def _answers(body: bytes, count: int) -> list[Parsed] | None:
    try:
        records = json.loads(body)
    except ValueError:
        return None
    return [_parsed(record) for record in records] if len(records) == count else None
