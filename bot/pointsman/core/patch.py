"""Writes a change of files as a patch that `git apply` takes; it reads and applies nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

from pointsman.core.model import GitPath

Change = tuple[GitPath, bytes | None, bytes | None]
"""Path, content before, content after; None where there is no file."""


def patch(changes: Iterable[Change]) -> bytes:
    """The patch, files in the order given; text only (a revision file is), every byte of a line kept."""
    return b"".join(part for change in changes for part in _file(*change))


def _file(path: GitPath, old: bytes | None, new: bytes | None) -> Iterator[bytes]:
    if old == new:
        return
    name_a, name_b = _quoted(f"a/{path}"), _quoted(f"b/{path}")
    yield f"diff --git {name_a} {name_b}\n".encode()
    if old is None:
        yield b"new file mode 100644\n"
    if new is None:
        yield b"deleted file mode 100644\n"
    before, after = _lines(old), _lines(new)
    if not before and not after:
        return
    yield f"--- {'/dev/null' if old is None else name_a}\n".encode()
    yield f"+++ {'/dev/null' if new is None else name_b}\n".encode()
    for line in list(difflib.unified_diff(before, after, n=3))[2:]:
        text = line.encode("latin-1")
        yield text if text.endswith(b"\n") else text + b"\n\\ No newline at end of file\n"


def _lines(content: bytes | None) -> list[str]:
    """Lines with their ends; bytes as the letters of Latin-1, so that all of them come back."""
    text = (content or b"").decode("latin-1")
    parts = [part + "\n" for part in text.split("\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]


def _quoted(path: str) -> str:
    """As git quotes paths (core.quotePath): plain ASCII as it is, the rest in C style."""
    raw = path.encode("utf-8", "surrogateescape")
    if all(0x20 < byte < 0x7F and byte not in b'"\\' for byte in raw.replace(b" ", b"_")):
        return path
    escapes = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x09: "\\t", 0x0D: "\\r"}
    inside = "".join(escapes.get(b) or (chr(b) if 0x20 <= b < 0x7F else f"\\{b:03o}") for b in raw)
    return f'"{inside}"'
