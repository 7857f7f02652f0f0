"""Python source as text and back: encodings, line ends and the newest f-strings; it knows no migrations."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n|$)")
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(r"\r\n|\r|\n")


class Unreadable(Exception):
    """The bytes are no Python source; the text says why, as a clause. `line` is where, 1 if that is not known."""

    def __init__(self, why: str, line: int = 1) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class Source:
    """A file decoded as Python would; `encode` gives the same bytes back for the same text."""

    text: str
    encoding: str
    bom: bool

    def encode(self, text: str) -> bytes:
        return (_BOM if self.bom else b"") + text.encode(self.encoding)


def decode(blob: bytes) -> Source:
    """Decode by PEP 263. Raises `Unreadable`."""
    bom = blob.startswith(_BOM)
    body = blob[3:] if bom else blob
    encoding = declared_encoding(body) or "utf-8"
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError, ValueError) as error:
        raise Unreadable(f"its bytes are not {encoding}: {error}") from None
    if "\0" in text:
        raise Unreadable("it contains NUL bytes")
    return Source(text, encoding, bom)


def declared_encoding(body: bytes) -> str | None:
    """The encoding that a cookie in the first two lines names, as PEP 263 has it."""
    first, _, rest = body.partition(b"\n")
    found = _COOKIE.match(first)
    if found is None and _BLANK.match(first):
        found = _COOKIE.match(rest.partition(b"\n")[0])
    return found.group(1).decode("ascii", "replace") if found else None


def to_ast(text: str) -> tuple[ast.Module, str]:
    """The syntax tree, and the text that its positions count in (as long as `text`, letter for letter).

    Where this Python can't parse the text, the f-strings of Python 3.12 (PEP 701) are taken as plain strings of the
    same length, then the rest of what newer Pythons brought is put as older ones would. Raises `Unreadable`, with
    what this Python says of the text."""
    try:
        return _parse(text), text
    except Unreadable as error:
        for shown in _spellings(text):
            try:
                return _parse(shown), shown
            except Unreadable:
                continue
        raise error from None


def _spellings(text: str) -> Iterator[str]:
    """What may be tried in place of a text that does not parse, each in the grammar of an older Python."""
    from pointsman.core.migrations.alembic import newer

    try:
        masked = mask_fstrings(text)
    except RecursionError:
        masked = text
    if masked != text:
        yield masked
    older = newer.older(masked)
    if older != masked:
        yield older


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except SyntaxError as error:
            lines = len(_LINE_END.findall(text)) + 1
            raise Unreadable(f"{error.msg} (line {error.lineno})", min(error.lineno or 1, lines)) from None
        except (ValueError, MemoryError, RecursionError, OverflowError) as error:
            raise Unreadable(f"it can't be parsed: {error or type(error).__name__}") from None


_TOKEN = re.compile(
    r"""(?P<comment>\#[^\r\n]*)|(?P<prefix>(?:(?<!\w)[a-zA-Z]{1,2})?)(?P<quote>\"{3}|'{3}|"|')"""
)

_PIECE = re.compile(
    _TOKEN.pattern
    + r"""|(?P<joined>\\(?:\r\n|\r|\n))|(?P<end>\r\n|\r|\n)|(?P<open>[([{])|(?P<close>[)\]}])"""
)


def mask_fstrings(text: str) -> str:
    """The text with the inside of every f-string made of `_`, line ends and length kept.

    What stands in an f-string's braces is not checked; an f-string never holds a revision id in a form that
    is read without running it."""
    out: list[str] = []
    at = 0
    while found := _TOKEN.search(text, at):
        prefix, quote = found.group("prefix"), found.group("quote")
        is_format = bool(prefix and set(prefix.lower()) & {"f", "t"})
        end = found.end() if found.group("comment") else _string_end(text, found.end(), quote, is_format)
        out.append(text[at : found.start()])
        closed = end - len(quote or "") >= found.end() and text.endswith(quote or "", at, end)
        if is_format and closed:
            inside = re.sub(r"[^\r\n]", "_", text[found.end() : end - len(quote)])
            inside = inside if len(quote) == 3 else re.sub(r"[\r\n]", "_", inside)
            out.append(" " * len(prefix) + quote + inside + text[end - len(quote) : end])
        else:
            out.append(text[found.start() : end])
        at = end
    out.append(text[at:])
    return "".join(out)


def _string_end(text: str, at: int, quote: str, is_format: bool) -> int:
    """Just past the string's closing quote; the end of the line (or text) where it is never closed."""
    size = len(text)
    while at < size:
        if text.startswith(quote, at):
            return at + len(quote)
        char = text[at]
        if char == "\\":
            at += 1 if is_format and text[at + 1 : at + 2] == "{" else 2
        elif is_format and text.startswith("{{", at):
            at += 2
        elif is_format and char == "{":
            at = _field_end(text, at + 1)
        elif char in "\r\n" and len(quote) == 1:
            return at
        else:
            at += 1
    return size


def _field_end(text: str, at: int, depth: int = 1) -> int:
    """Just past the `}` that closes a replacement field, strings within it skipped whole."""
    nested = 0
    while at < len(text) and nested < 50:
        char = text[at]
        if char in "{[(":
            depth += 1
        elif char in "}])":
            depth -= 1
            if depth == 0:
                return at + 1
        elif char in "\"'":
            nested += 1
            quote = char * 3 if text.startswith(char * 3, at) else char
            before = re.search(r"[a-zA-Z]*$", text[max(0, at - 2) : at])
            inner = bool(before and "f" in before.group().lower())
            at = _string_end(text, at + len(quote), quote, inner) - 1
        at += 1
    return at


def top_level_lines(text: str) -> frozenset[int]:
    """Where the lines start that a statement of the module could begin on: outside strings and brackets, not behind
    a backslash. Told by quotes and brackets alone, so of text that does not parse too; the last ones are missing
    where strings are too deep to read."""
    starts: set[int] = set()
    depth = at = 0
    while found := _PIECE.search(text, at):
        at = found.end()
        if found.group("quote"):
            prefix = found.group("prefix").lower()
            try:
                at = _string_end(text, at, found.group("quote"), "f" in prefix or "t" in prefix)
            except RecursionError:
                break
        elif found.group("open"):
            depth += 1
        elif found.group("close"):
            depth = max(0, depth - 1)
        elif found.group("end") and depth == 0:
            starts.add(at)
    return frozenset({0, *starts})


def line_starts(text: str) -> list[int]:
    """Where each line starts, counted as the parser does; other Unicode line breaks end no line."""
    return [0, *(found.end() for found in _LINE_END.finditer(text))]


def offset(text: str, starts: list[int], line: int, column: int) -> int:
    """The index of a position of `ast`: `line` from 1, `column` in UTF-8 bytes."""
    start = starts[line - 1]
    end = starts[line] if line < len(starts) else len(text)
    return start + len(text[start:end].encode()[:column].decode())
