"""What hides lines within text: code spans, tags, comments, struck-out text, link titles, folded-away sections.

Where Markdown readers differ, the line is taken for hidden. Blocks are told apart elsewhere.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, groupby

from pointsman.core.pulls.commands.blocks import Kind, Row

_TOKEN = re.compile(r"\\.|`++|<!--|</?[A-Za-z]|~~++|\$\$", re.DOTALL)
_RAW_TOKEN = re.compile(r"<!--|</?[A-Za-z]")
_SPACE = r"[ \t\n]"
_ATTRIBUTE = (
    rf"{_SPACE}++[A-Za-z_:][\w.:-]*+(?:{_SPACE}*+={_SPACE}*+"
    rf"""(?:[^\s"'=<>`]++|'[^']*+'|"[^"]*+"))?+"""
)
_TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9-]*+)(?:{_ATTRIBUTE})*+{_SPACE}*+/?>", re.ASCII)
_RAW_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*+)", re.ASCII)
_FOLDS = re.compile(
    r"details|blockquote|table|ul|ol|dl|pre|code|kbd|samp|del|s|strike|script|style|template|textarea|title|svg"
    r"|math|picture|noscript|iframe|select",
    re.IGNORECASE,
)
"""Elements whose content is folded away, quoted, code, struck out or a table, not what the author says."""
_TITLE = re.compile(r"\]\([^\s()]*+[ \t]++([\"'(])")
_TABLE_RULE = re.compile(r"[-:| \t]+")

Span = tuple[int, int]


@dataclass(slots=True)
class _Open:
    """What is still open at the end of a text and hides what follows."""

    comment: bool = False
    folds: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return self.comment or any(self.folds.values())


def hidden_rows(rows: tuple[Row, ...]) -> set[int]:
    """The numbers of the rows that are hidden by what stands within and between them."""
    hidden: set[int] = set()
    state = _Open()
    for (_, paragraph), group in groupby(rows, key=lambda row: (row.kind, row.paragraph)):
        together = list(group)
        if together[0].kind in (Kind.BLANK, Kind.CODE):
            continue
        starts = [0, *accumulate(len(row.text) + 1 for row in together)]
        text = "\n".join(row.text for row in together)
        for span in _spans(text, state, raw=together[0].kind is Kind.HTML, nested=together[0].nested):
            hidden.update(together[index].number for index in _covered(span, starts, len(together)))
        if paragraph:
            hidden.update(_hidden_by_lines(together))
    return hidden


def _covered(span: Span, starts: list[int], count: int) -> range:
    """The rows that the span reaches into, unless it lies within one row."""
    first = bisect_right(starts, span[0]) - 1
    last = bisect_left(starts, span[1])
    within = last - first == 1 and starts[first] < span[0]
    return range(0) if within else range(max(first, 0), min(last, count))


def _spans(text: str, state: _Open, *, raw: bool, nested: bool) -> Iterator[Span]:
    """The hidden stretches of one text, from the start of what hides to its end; not sorted."""
    at = fold_from = 0
    struck = {"~": 0, "$": 0}
    runs = {} if raw else _runs(text)
    if state.comment:
        at = _comment_end(text, 0, state)
        yield 0, at
    token_pattern = _RAW_TOKEN if raw else _TOKEN
    while token := token_pattern.search(text, at):
        start, at = token.span()
        word = token[0]
        if word == "<!--":
            at = _comment_end(text, start + 2, state)
            yield start, at
        elif word[0] == "<":
            tag = (_RAW_TAG if raw else _TAG).match(text, start)
            if tag is None:
                continue
            at = tag.end()
            yield start, at
            if nested or not _FOLDS.fullmatch(tag[2]):
                continue
            before = any(state.folds.values())
            _fold(state, tag)
            after = any(state.folds.values())
            if after and not before:
                fold_from = start
            elif before and not after:
                yield fold_from, at
        elif word[0] == "`":
            places = runs.get(len(word), [])
            index = bisect_left(places, at)
            if index < len(places):
                yield start, places[index] + len(word)
                at = places[index] + len(word)
        elif start >= struck.get(word[0], len(text)):
            end = text.find(word[:2], at)
            struck[word[0]] = len(text) if end < 0 else end + 2
            if end >= 0:
                yield start, end + 2
    if any(state.folds.values()):
        yield fold_from, len(text)


def _fold(state: _Open, tag: re.Match[str]) -> None:
    name = tag[2].lower()
    if not tag[1]:
        state.folds[name] += 1
    elif state.folds[name]:
        state.folds[name] -= 1


def _comment_end(text: str, at: int, state: _Open) -> int:
    end = text.find("-->", at)
    state.comment = end < 0
    return len(text) if end < 0 else end + 3


def _runs(text: str) -> dict[int, list[int]]:
    """Where each length of backtick run stands. A backslash before one does not stop it from closing a span."""
    runs: dict[int, list[int]] = {}
    for run in re.finditer(r"`++", text):
        runs.setdefault(len(run[0]), []).append(run.start())
    return runs


def _hidden_by_lines(rows: list[Row]) -> Iterator[int]:
    """Rows after one that leaves a bracket, an address or a title open, or that makes the paragraph a table; all
    of a paragraph that defines references or footnotes."""
    hidden = rows[0].text.startswith("[") and "]:" in rows[0].text
    for row in rows:
        if hidden:
            yield row.number
        hidden = hidden or _leaves_open(row.text)


def _leaves_open(text: str) -> bool:
    if _TABLE_RULE.fullmatch(text) and "-" in text and ("|" in text or ":" in text):
        return True
    if text.rfind("[") > text.rfind("]"):
        return True
    address = text.rfind("](")
    if address >= 0 and ")" not in text[address:]:
        return True
    closers = {'"': '"', "'": "'", "(": ")"}
    return any(text.find(closers[title[1]], title.end()) < 0 for title in _TITLE.finditer(text))
