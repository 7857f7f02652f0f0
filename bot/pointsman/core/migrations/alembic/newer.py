"""Syntax that Pythons after 3.11 brought, put into an older spelling of the same length; it judges nothing else.

What is here is complete up to Python 3.15's grammar but for f-strings, which `source` masks: type parameters and
`type` statements (PEP 695, 696), `except` without parentheses (PEP 758), lazy imports (PEP 810).
"""

from __future__ import annotations

import io
import token
import tokenize
from collections.abc import Iterator, Sequence

from pointsman.core.migrations.alembic import source

_SKIP = frozenset({token.NEWLINE, token.NL, token.INDENT, token.DEDENT, token.COMMENT})
_STARTS = frozenset({"type", "def", "class", "except", "lazy", "async"})
Line = Sequence[tokenize.TokenInfo]
Span = tuple[int, int]


def older(text: str) -> str:
    """The text in the grammar of Python 3.11, as long as it was; itself where nothing newer is known in it.

    Whether the result is valid is for the parser to say. f-strings are to be masked before."""
    if not any(word in text for word in ("type ", "lazy ", "except", "[")):
        return text
    try:
        lines = list(_lines(text))
    except (tokenize.TokenError, SyntaxError, RecursionError, ValueError):
        return text
    starts = source.line_starts(text)
    changed = list(text)
    for line in lines:
        for (begin, end), new in _replacements(line, starts):
            changed[begin:end] = new
    return "".join(changed)


def _lines(text: str) -> Iterator[Line]:
    """The tokens of each logical line and of each statement behind a `;`, those that begin with a newer word."""
    now: list[tokenize.TokenInfo] = []
    # Python counts other line breaks than readline() does: positions are only right without universal newlines.
    for each in tokenize.generate_tokens(io.StringIO(text, newline="").readline):
        if each.type == token.NEWLINE or each.string == ";":
            if now and now[0].string in _STARTS:
                yield now
            now = []
        elif each.type not in _SKIP:
            now.append(each)


def _replacements(line: Line, starts: Sequence[int]) -> Iterator[tuple[Span, str]]:
    def span(first: int, last: int) -> Span:
        (row, column), (end_row, end_column) = line[first].start, line[last].end
        return starts[row - 1] + column, starts[end_row - 1] + end_column

    words = [each.string for each in line]
    at = 1 if words[0] == "async" else 0
    match words[at:]:
        case ["type", name, "=" | "[" as next_, *_] if name.isidentifier():
            begin, end = span(0, 1 if next_ == "=" else _closing(words, 2))
            yield (begin, end), name.ljust(end - begin)
        case ["def" | "class", _, "[", *_]:
            begin, end = span(at + 2, _closing(words, at + 2))
            yield (begin, end), " " * (end - begin)
        case ["lazy", "import" | "from" as word, *_]:
            begin, end = span(0, 1)
            yield (begin, end), word.ljust(end - begin)
        case ["except", *_] if "as" not in words:
            for index in _commas(words):
                yield span(index, index), "|"


def _closing(words: Sequence[str], at: int) -> int:
    """The index of the bracket that closes the one at `at`; that of the opening one where none does."""
    depth = 0
    for index in range(at, len(words)):
        depth += (words[index] in {"[", "("}) - (words[index] in {"]", ")"})
        if depth == 0:
            return index
    return at


def _commas(words: Sequence[str]) -> Iterator[int]:
    """The commas between `except` and its colon, outside brackets."""
    depth = 0
    for index, word in enumerate(words):
        depth += (word in {"[", "(", "{"}) - (word in {"]", ")", "}"})
        if depth == 0 and word == ":":
            return
        if depth == 0 and word == ",":
            yield index
