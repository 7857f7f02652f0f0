"""Reads a unified patch strictly and applies it to text in memory; it touches no file and guesses nothing.

Hunks fit exactly: no fuzz. One whose line numbers are wrong still fits where its text occurs once in the file.
The form is that of `git diff` (https://git-scm.com/docs/diff-format); mode changes, links and binary patches are
not taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pointsman.core.model import GitPath

MAX_FILES = 200
MAX_HUNKS = 2000
_HUNK = re.compile(rb"^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_NO_END = b"\\ No newline at end of file"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"', "\\": "\\"}
_PLAIN = (b"index ", b"similarity index ", b"dissimilarity index ")
_NOT_TAKEN = {
    b"old mode ": "changes a file's mode",
    b"new mode ": "changes a file's mode",
    b"copy from ": "copies a file",
    b"copy to ": "copies a file",
    b"GIT binary patch": "is binary",
    b"Binary files ": "is binary",
}


@dataclass(frozen=True, slots=True)
class Malformed:
    """No patch that can be read, or one that does not fit; `why` is a clause, `path` '' where none is to blame."""

    why: str
    path: GitPath = ""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines with their ends. `start` is the 1-based line of the old text; with no old lines, the one before."""

    start: int
    old: tuple[bytes, ...]
    new: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FilePatch:
    """One file's part: `old` None makes the file, `new` None deletes it; two different paths rename it."""

    old: GitPath | None
    new: GitPath | None
    hunks: tuple[Hunk, ...] = ()


@dataclass(slots=True)
class _Lines:
    lines: list[bytes]
    at: int = 0

    def peek(self) -> bytes | None:
        return self.lines[self.at] if self.at < len(self.lines) else None

    def take(self) -> bytes:
        self.at += 1
        return self.lines[self.at - 1]


@dataclass(slots=True)
class _Head:
    """What the lines above a file's hunks say."""

    names: tuple[GitPath, GitPath] | None = None
    old: GitPath | None = None
    new: GitPath | None = None
    named: bool = False
    made: bool = False
    gone: bool = False
    renamed: dict[str, GitPath] = field(default_factory=dict)


class _Bad(Exception):
    """Carries what is wrong to the one place that makes a value of it."""

    def __init__(self, why: str, path: GitPath = "") -> None:
        super().__init__(why)
        self.wrong = Malformed(why, path)


def parse(text: bytes) -> tuple[FilePatch, ...] | Malformed:
    """The patch's files in order, each named once; () for no output but blanks. Words before the first file are
    passed over, as git does."""
    lines = _Lines(text.split(b"\n"))
    if lines.lines and not lines.lines[-1]:
        lines.lines.pop()
    if not text.strip():
        return ()
    try:
        files = tuple(_files(lines))
    except _Bad as bad:
        return bad.wrong
    if not files:
        return Malformed("holds no file")
    seen: set[GitPath] = set()
    for path in (path for file in files for path in {file.old, file.new} if path is not None):
        if path in seen:
            return Malformed("is named twice", path)
        seen.add(path)
    return files


def _files(lines: _Lines) -> Iterator[FilePatch]:
    count = 0
    while (line := lines.peek()) is not None:
        if line.startswith((b"diff --git ", b"--- ")):
            count += 1
            if count > MAX_FILES:
                raise _Bad(f"names more than {MAX_FILES} files")
            yield _file(lines)
        elif line.startswith(b"@@ "):
            raise _Bad("has a hunk that belongs to no file")
        elif count and line.strip() not in (b"", b"```") and not line.startswith(b"-- "):
            raise _Bad(f"has a line that belongs to nothing: {_shown(line)}")
        else:
            lines.take()


def _file(lines: _Lines) -> FilePatch:
    head = _Head()
    if (line := lines.take()).startswith(b"diff --git "):
        head.names = _both_names(line[len(b"diff --git ") :])
    else:
        lines.at -= 1
    _read_head(lines, head)
    old, new = _paths(head)
    hunks = tuple(_hunks(lines, old or new or ""))
    if not hunks and old == new:
        raise _Bad("has no hunk", old or "")
    return FilePatch(old, new, hunks)


def _read_head(lines: _Lines, head: _Head) -> None:
    while (line := lines.peek()) is not None:
        if line.startswith(b"--- "):
            lines.take()
            after = lines.peek()
            if after is None or not after.startswith(b"+++ "):
                raise _Bad("has a '---' line without its '+++' line")
            head.old, head.new = _name(line[4:], "a/"), _name(lines.take()[4:], "b/")
            head.named = True
            return
        if line.startswith((b"new file mode ", b"deleted file mode ")):
            if line.split()[-1] != b"100644":
                raise _Bad(f"makes or deletes what is no plain file ({_shown(line)})", _first(head))
            head.made |= line.startswith(b"new")
            head.gone |= line.startswith(b"deleted")
        elif line.startswith((b"rename from ", b"rename to ")):
            head.renamed[line[7:9].strip().decode()] = _bare(line.partition(b" ")[2].partition(b" ")[2])
        elif found := next((why for mark, why in _NOT_TAKEN.items() if line.startswith(mark)), None):
            raise _Bad(found, _first(head))
        elif not line.startswith(_PLAIN):
            return
        lines.take()


def _first(head: _Head) -> GitPath:
    return head.names[0] if head.names else ""


def _paths(head: _Head) -> tuple[GitPath | None, GitPath | None]:
    """Where every line that names a file says the same."""
    said: tuple[GitPath | None, GitPath | None]
    if head.names is not None:
        said = (None if head.made else head.names[0], None if head.gone else head.names[1])
    else:
        said = (head.old, head.new)
    if head.named and said != (head.old, head.new):
        raise _Bad("has lines that name different files", _first(head))
    if head.renamed and (head.renamed.get("fr"), head.renamed.get("to")) != said:
        raise _Bad("has lines that name different files", _first(head))
    if said == (None, None):
        raise _Bad("makes and deletes a file at once", _first(head))
    if None not in said and said[0] != said[1] and not head.renamed:
        raise _Bad("names two files and no rename", said[0] or "")
    return said


def _hunks(lines: _Lines, path: GitPath) -> Iterator[Hunk]:
    count = 0
    while (line := lines.peek()) is not None and (found := _HUNK.match(line)):
        lines.take()
        count += 1
        if count > MAX_HUNKS:
            raise _Bad(f"has more than {MAX_HUNKS} hunks", path)
        start, old, _, new = (1 if group is None else int(group) for group in found.groups())
        yield _hunk(lines, start, old, new, path)


def _hunk(lines: _Lines, start: int, old: int, new: int, path: GitPath) -> Hunk:
    before: list[bytes] = []
    after: list[bytes] = []
    last: tuple[list[bytes], ...] = ()
    while len(before) < old or len(after) < new or lines.peek() == _NO_END:
        line = lines.peek()
        if line is None:
            raise _Bad("ends in the middle of a hunk", path)
        lines.take()
        if line == _NO_END:
            if not last:
                raise _Bad("has a hunk that begins with the end of a file", path)
            for side in last:
                side[-1] = side[-1].removesuffix(b"\n")
            continue
        # Editors and mail take a blank off an empty context line; git reads it as one too.
        mark, content = line[:1] or b" ", line[1:] + b"\n"
        last = {b" ": (before, after), b"-": (before,), b"+": (after,)}.get(mark, ())
        if not last:
            raise _Bad(f"has a hunk with a line that is neither context nor change: {_shown(line)}", path)
        for side in last:
            side.append(content)
    if (len(before), len(after)) != (old, new):
        raise _Bad("has a hunk whose lines are not as many as it says", path)
    return Hunk(start, tuple(before), tuple(after))


def _both_names(rest: bytes) -> tuple[GitPath, GitPath]:
    """Of `a/x b/x`: quoted, or the one way to part the line into equal names, or where a ` b/` is only once."""
    text = _text(rest)
    if text.startswith('"') or text.endswith('"'):
        first, left = _unquote(text) if text.startswith('"') else (text.partition(' "')[0], text)
        second = left.strip() if text.startswith('"') else text[len(first) :].strip()
        other = _unquote(second)[0] if second.startswith('"') else second
        return _stripped(first, "a/"), _stripped(other, "b/")
    half = len(text) // 2
    if text[half : half + 1] == " " and text[2:half] == text[half + 3 :]:
        return _stripped(text[:half], "a/"), _stripped(text[half + 1 :], "b/")
    parts = text.split(" b/")
    if len(parts) != 2:
        raise _Bad(f"has a line whose names can't be told apart: {_shown(rest)}")
    return _stripped(parts[0], "a/"), parts[1]


def _name(rest: bytes, prefix: str) -> GitPath | None:
    text = _text(rest)
    text = _unquote(text)[0] if text.startswith('"') else text.partition("\t")[0]
    return None if text == "/dev/null" else _stripped(text, prefix)


def _bare(rest: bytes) -> GitPath:
    text = _text(rest)
    return _unquote(text)[0] if text.startswith('"') else text


def _text(rest: bytes) -> str:
    return rest.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _stripped(name: str, prefix: str) -> GitPath:
    if not name.startswith(prefix) or name == prefix:
        raise _Bad(f"names a file without `{prefix}` before it: {_shown(name.encode(errors='replace'))}")
    return name.removeprefix(prefix)


def _unquote(text: str) -> tuple[str, str]:
    """A name in C quotes at the start of the text, and what comes after it."""
    raw, at = bytearray(), 1
    while at < len(text) and text[at] != '"':
        if text[at] != "\\":
            raw += text[at].encode("utf-8", "surrogateescape")
            at += 1
        elif octal := re.match(r"[0-3][0-7]{2}", text[at + 1 : at + 4]):
            raw.append(int(octal.group(), 8))
            at += 4
        elif text[at + 1 : at + 2] in _ESCAPES and text[at + 1 : at + 2]:
            raw += _ESCAPES[text[at + 1]].encode()
            at += 2
        else:
            raise _Bad("has a name with a quote that means nothing")
    if at >= len(text):
        raise _Bad("has a name whose quote does not end")
    return raw.decode("utf-8", "surrogateescape"), text[at + 1 :]


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "replace"))


def apply(file: FilePatch, content: bytes | None) -> bytes | Malformed | None:
    """What becomes of the file at `file.old` (`content`; None: there is none). None: it is deleted."""
    path = file.old or file.new or ""
    if (content is None) != (file.old is None):
        return Malformed("is there already" if file.old is None else "is not there", path)
    lines = _split(content or b"")
    done: list[bytes] = []
    at = 0
    for number, hunk in enumerate(file.hunks, 1):
        place = _place(hunk, lines, at)
        if place is None:
            return Malformed(f"does not hold what hunk {number} of the patch changes", path)
        done += [*lines[at:place], *hunk.new]
        at = place + len(hunk.old)
    done += lines[at:]
    if any(not line.endswith(b"\n") for line in done[:-1]):
        return Malformed("would have a line without its end in the middle", path)
    if file.new is None:
        return None if not done else Malformed("is deleted, but the patch leaves lines of it", path)
    return b"".join(done)


def _split(content: bytes) -> list[bytes]:
    parts = [part + b"\n" for part in content.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]


def _place(hunk: Hunk, lines: list[bytes], least: int) -> int | None:
    """The index of the hunk's first old line: where it says, else the only place below `least` that has them."""
    old = list(hunk.old)
    said = hunk.start - 1 if old else hunk.start
    if not old:
        return said if least <= said <= len(lines) else None
    if said >= least and lines[said : said + len(old)] == old:
        return said
    found = [at for at in range(least, len(lines) - len(old) + 1) if lines[at : at + len(old)] == old]
    return found[0] if len(found) == 1 else None
