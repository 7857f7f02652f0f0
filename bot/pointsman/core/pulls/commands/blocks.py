"""The block structure of Markdown, as far as telling text from quotes, lists, code and HTML takes.

CommonMark 0.31, sections 3 to 5; nothing is rendered, and inside a line nothing is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

TAB = 4
MAX_NESTING = 50
_MARKER = re.compile(r"[-+*]|([0-9]{1,9})[.)]")
_FENCE = re.compile(r"(`{3,}+)[^`]*+$|(~{3,}+)")
_CLOSER = re.compile(r"(`{3,}+|~{3,}+)[ \t]*+$")
_BREAK = re.compile(r"(?:\*[ \t]*+){3,}$|(?:-[ \t]*+){3,}$|(?:_[ \t]*+){3,}$")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_SETEXT = re.compile(r"(?:=++|-++)[ \t]*+$")
_ATTRIBUTE = r"""[ \t]++[A-Za-z_:][\w.:-]*+(?:[ \t]*+=[ \t]*+(?:[^\s"'=<>`]++|'[^']*+'|"[^"]*+"))?+"""
_LONE_TAG = re.compile(
    rf"(?:<[A-Za-z][A-Za-z0-9-]*+(?:{_ATTRIBUTE})*+[ \t]*+/?>|</[A-Za-z][A-Za-z0-9-]*+[ \t]*+>)[ \t]*+$",
    re.ASCII,
)
_BLOCK_TAG = re.compile(
    r"</?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog"
    r"|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe"
    r"|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table"
    r"|tbody|td|tfoot|th|thead|title|tr|track|ul)(?:[ \t]|/?>|$)",
    re.IGNORECASE,
)
_HTML: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = (
    (
        re.compile(r"<(?:script|pre|style|textarea)(?:[ \t>]|$)", re.IGNORECASE),
        re.compile(r"</(?:script|pre|style|textarea)>", re.IGNORECASE),
    ),
    (re.compile(r"<!--"), re.compile(r"-->")),
    (re.compile(r"<\?"), re.compile(r"\?>")),
    (re.compile(r"<![A-Za-z]"), re.compile(r">")),
    (re.compile(r"<!\[CDATA\["), re.compile(r"\]\]>")),
)
_NEVER = re.compile(r"(?!)")
"""The end of an HTML block that only a blank line ends."""


class Kind(Enum):
    """What a line holds."""

    BLANK = auto()
    CODE = auto()
    HTML = auto()
    TEXT = auto()
    OTHER = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line, counted from 0. `text` is what its innermost block sees. Rows of one `paragraph` (0: none) belong
    together; `nested`: in a quote or a list item. `speaks`: paragraph text outside every quote, and not inside a
    list item but at its edge, where it only continues the item lazily."""

    number: int
    kind: Kind
    text: str
    paragraph: int = 0
    nested: bool = False
    speaks: bool = False


@dataclass(slots=True)
class _Container:
    """A list item whose content is indented by `width` columns, or a quote (`width` 0). `empty`: nothing in it."""

    width: int
    empty: bool = False


def read_rows(lines: list[str]) -> tuple[Row, ...]:
    """Every line with what it holds; () when it is nested deeper than anybody writes. Linear in the length."""
    reader = _Reader()
    rows: list[Row] = []
    for number, line in enumerate(lines):
        rows.append(reader.read(number, line.expandtabs(TAB)))
        if len(reader.containers) > MAX_NESTING:
            return ()
    return tuple(rows)


class _Reader:
    """The open blocks: containers from the outermost on, and the leaf in the innermost of them."""

    def __init__(self) -> None:
        self.containers: list[_Container] = []
        self.fence = ""
        self.html: re.Pattern[str] | None = None
        self.paragraph = 0
        self._paragraphs = 0

    def read(self, number: int, line: str) -> Row:
        """One step of CommonMark's appendix: match the open containers, open new ones, then place the text."""
        matched, at = self._match(line)
        whole = matched == len(self.containers)
        if whole and (kind := self._in_leaf(line[at:])):
            return self._row(number, kind, line[at:])
        self.fence, self.html = "", None
        opened, at = self._open(line, at, own=whole and self.paragraph > 0)
        if opened:
            self.containers[matched:] = opened
            self.paragraph = 0
        text = line[at:]
        kind = self._place(text, own=whole and not opened)
        if kind is not Kind.TEXT or not self.paragraph:
            del self.containers[matched + len(opened) :]
            self.paragraph = self._next_paragraph() if kind is Kind.TEXT else 0
        if kind is not Kind.BLANK:
            for container in self.containers:
                container.empty = False
        open_text = kind is Kind.TEXT and not matched and not opened and _indent(line) < TAB
        return self._row(number, kind, text, speaks=open_text and all(each.width for each in self.containers))

    def _match(self, line: str) -> tuple[int, int]:
        """How many open containers the line goes on with, and the column after their marks."""
        at = matched = 0
        for container in self.containers:
            indent = _indent(line, at)
            blank = at + indent == len(line)
            if not container.width:
                if indent >= TAB or blank or line[at + indent] != ">":
                    break
                at += indent + 1
                at += line[at : at + 1] == " "
            elif blank and not container.empty:
                at = len(line)
            elif not blank and indent >= container.width:
                at += container.width
            else:
                break
            matched += 1
        return matched, at

    def _in_leaf(self, text: str) -> Kind | None:
        """What the text is to an open fence or HTML block; None where there is none that takes it."""
        if self.fence:
            closer = _CLOSER.fullmatch(text.lstrip(" "))
            if closer and _indent(text) < TAB and closer[1].startswith(self.fence):
                self.fence = ""
            return Kind.CODE
        if self.html is None or (self.html is _NEVER and not text.strip(" ")):
            return None
        if self.html.search(text):
            self.html = None
        return Kind.HTML

    def _open(self, line: str, at: int, *, own: bool) -> tuple[list[_Container], int]:
        """The containers that begin on the line; `own`: it could be the next line of the open paragraph."""
        opened: list[_Container] = []
        while (indent := _indent(line, at)) < TAB and at + indent < len(line):
            start = at + indent
            if line[start] == ">":
                opened.append(_Container(width=0))
                at = start + 1 + (line[start + 1 : start + 2] == " ")
                continue
            item = _item(line, at, start, own=own and not opened)
            if item is None:
                break
            opened.append(item)
            at = min(at + item.width, len(line))
            if len(opened) > MAX_NESTING:
                break
        return opened, at

    def _place(self, text: str, *, own: bool) -> Kind:
        """Which leaf the text begins or goes on with; `own`: no container was opened or left on this line."""
        body = text.strip(" ")
        if not body:
            return Kind.BLANK
        if _indent(text) >= TAB:
            return Kind.TEXT if self.paragraph else Kind.CODE
        if fence := _FENCE.match(body):
            self.fence = fence[1] or fence[2]
            return Kind.CODE
        if body[0] == "<" and self._begins_html(body):
            return Kind.HTML
        if _HEADING.match(body) or _BREAK.match(body) or (own and self.paragraph and _SETEXT.match(body)):
            return Kind.OTHER
        return Kind.TEXT

    def _begins_html(self, body: str) -> bool:
        for start, end in _HTML:
            if start.match(body):
                self.html = None if end.search(body) else end
                return True
        if _BLOCK_TAG.match(body) or (not self.paragraph and _LONE_TAG.match(body)):
            self.html = _NEVER
            return True
        return False

    def _next_paragraph(self) -> int:
        self._paragraphs += 1
        return self._paragraphs

    def _row(self, number: int, kind: Kind, text: str, *, speaks: bool = False) -> Row:
        return Row(
            number=number,
            kind=kind,
            text=text.strip(" "),
            paragraph=self.paragraph if kind is Kind.TEXT else 0,
            nested=bool(self.containers),
            speaks=speaks,
        )


def _item(line: str, at: int, start: int, *, own: bool) -> _Container | None:
    """The list item that begins at `start`, measured from the column `at`."""
    body = line[start:].rstrip(" ")
    marker = _MARKER.match(body)
    if marker is None or _BREAK.match(body) or body[marker.end() : marker.end() + 1] not in ("", " "):
        return None
    empty = len(body) == marker.end()
    if own and (_SETEXT.match(body) or empty or int(marker[1] or 1) != 1):
        return None
    spaces = 1 if empty else _indent(body, marker.end())
    return _Container(
        width=start - at + marker.end() + (spaces if spaces <= TAB else 1),
        empty=empty,
    )


def _indent(line: str, at: int = 0) -> int:
    """How many spaces stand at `at`."""
    end = at
    while end < len(line) and line[end] == " ":
        end += 1
    return end - at
