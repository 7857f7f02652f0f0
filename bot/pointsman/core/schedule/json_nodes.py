"""JSON text as the same tree of nodes with places as YAML is read into; no value is converted."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field

from pointsman.core.contract.reading.nodes import Listing, Node, Scalar, Table
from pointsman.core.contract.reading.problems import ContractError

MAX_DEPTH = 20
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
"""What only an escape can bring in, and no path, branch or name can hold."""


def read_json(text: str, *, source: str) -> Node | ContractError | None:
    """The document; None where the text is no JSON at all."""
    try:
        json.loads(text)
    except RecursionError:
        return _error(source, 1, 1, f"nested deeper than {MAX_DEPTH} levels")
    except ValueError:
        return None
    return _Walk(source=source, text=text).walk()


def _error(source: str, line: int, column: int, message: str) -> ContractError:
    return ContractError(source=source, line=line, column=column, key="", message=message)


@dataclass(kw_only=True, slots=True)
class _Open:
    """A list or mapping whose end has not been seen yet."""

    table: bool
    line: int
    column: int
    children: list[Node] = field(default_factory=list)

    def close(self) -> Node:
        if not self.table:
            return Listing(items=tuple(self.children), line=self.line, column=self.column)
        pairs = tuple(zip(self.children[::2], self.children[1::2], strict=True))
        return Table(pairs=pairs, line=self.line, column=self.column)


@dataclass(kw_only=True)
class _Walk:
    """Over the tokens of text that is known to be JSON, so that commas and colons tell nothing new."""

    source: str
    text: str

    def walk(self) -> Node | ContractError:
        starts = [0, *(found.end() for found in re.finditer("\n", self.text))]
        root = _Open(table=False, line=0, column=0)
        stack = [root]
        for token in _TOKEN.finditer(self.text):
            word = token[0]
            if word in ",:":
                continue
            if word in "]}":
                ended = stack.pop()
                stack[-1].children.append(ended.close())
                continue
            line = bisect_right(starts, token.start())
            column = token.start() - starts[line - 1] + 1
            if word in "[{":
                stack.append(_Open(table=word == "{", line=line, column=column))
                if len(stack) > MAX_DEPTH:
                    return _error(self.source, line, column, f"nested deeper than {MAX_DEPTH} levels")
                continue
            plain = not word.startswith('"')
            value = word if plain else json.loads(word)
            wrong = _NO_TEXT.search(value)
            if wrong is not None:
                what = f"the character U+{ord(wrong[0]):04X} is in no name, path or branch; remove its escape"
                return _error(self.source, line, column, what)
            stack[-1].children.append(Scalar(text=value, plain=plain, line=line, column=column))
        return root.children[0]
