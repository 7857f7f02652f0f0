"""Cuts SQL into tokens and statements, and walks tokens; knows quoting and comments, not grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.operations.recorder import Recorder

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+ | --[^\n]* | /\*.*?(?:\*/|\Z))
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
    | (?P<string>[eE]'(?:[^'\\]|''|\\.)*' | [bBxXnN]?'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*" | `[^`]*`)
    | (?P<param>%\(\w+\)s | %s\b | \$\d+ | (?<![:\w]):[A-Za-z_]\w* | \?(?!\s*'|[|&?]))
    | (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)? | \.\d+)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<op>:: | := | [<>=!~@\#%^&|?+*/-]+)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is as written, for `dollar` the body between the quotes. `gap`: blank before it. `line` is
    where it begins, from 0."""

    kind: str
    text: str
    gap: bool
    line: int = 0

    @property
    def upper(self) -> str:
        return self.text.upper() if self.kind == "word" else self.text if self.kind in {"mark", "op"} else ""


def tokens(sql: str) -> Iterator[Token]:
    """Every token but blanks and comments; a quote that is never closed comes as a mark."""
    gap = False
    at = unclosed = line = counted = 0
    while at < len(sql) and (match := _TOKEN.match(sql, at)) is not None:
        kind, text, at = match.lastgroup or "mark", match.group(), match.end()
        line, counted = line + sql.count("\n", counted, match.start()), match.start()
        if kind == "skip":
            gap = True
            continue
        if kind == "dollar":
            # Each search for a closing tag that is not there reads the whole text: only so many of them.
            end = sql.find(text, at) if unclosed < MAX_UNCLOSED else -1
            if end < 0:
                kind, unclosed = "mark", unclosed + 1
            else:
                text, at = sql[at:end], end + len(text)
        yield Token(kind, text, gap, line)
        gap = False


MAX_UNCLOSED = 20
_BODIES = frozenset({"TRIGGER", "FUNCTION", "PROCEDURE"})


def statements(found: Sequence[Token]) -> Iterator[list[Token]]:
    """The statements, cut at `;` outside parentheses and outside the BEGIN ... END body of a trigger."""
    now: list[Token] = []
    depth = body = 0
    for token in found:
        upper = token.upper
        depth = max(0, depth + (upper == "(") - (upper == ")"))
        if now and now[0].upper == "CREATE" and any(t.upper in _BODIES for t in now[:6]):
            body = max(0, body + (upper in {"BEGIN", "CASE"}) - (upper == "END"))
        if upper == ";" and depth == 0 and body == 0:
            if now:
                yield now
            now = []
            continue
        now.append(token)
    if now:
        yield now


def rebuild(found: Sequence[Token]) -> str:
    """SQL text of the tokens: parameters as NULL, back quotes as double quotes, comments gone."""
    pieces: list[str] = []
    for token in found:
        pieces.append(" " if token.gap else "")
        match token.kind:
            case "param":
                pieces.append("(NULL)")
            case "dollar":
                pieces.append("'" + token.text.replace("'", "''") + "'")
            case "quoted" if token.text.startswith("`"):
                pieces.append('"' + token.text[1:-1].replace('"', "") + '"')
            case _:
                pieces.append(token.text)
    return "".join(pieces)


class Cursor:
    """A place in the tokens of one statement; past the end it gives empty tokens."""

    def __init__(self, found: Sequence[Token]) -> None:
        self.tokens = found
        self.at = 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        index = self.at + ahead
        return self.tokens[index].upper if index < len(self.tokens) else ""

    def accept(self, *words: str) -> bool:
        """Step over exactly these words, or over nothing."""
        if any(self.peek(ahead) != word for ahead, word in enumerate(words)):
            return False
        self.at += len(words)
        return True

    def accept_any(self, *words: str) -> str:
        """Step over one of the words and give it, else ''."""
        word = self.peek()
        if word and word in words:
            self.at += 1
            return word
        return ""

    def if_exists(self) -> bool:
        return self.accept("IF", "NOT", "EXISTS") or self.accept("IF", "EXISTS")

    def skip_to(self, *words: str) -> bool:
        """Step past the next of the words that stands outside parentheses; False, at the end, if none does."""
        depth = 0
        while not self.done:
            word = self.peek()
            self.at += 1
            if depth == 0 and word in words:
                return True
            depth += (word == "(") - (word == ")")
        return False

    def skip_past(self, *words: str) -> bool:
        """Step past the next of the words wherever it stands; False, at the end, if none does."""
        while not self.done:
            self.at += 1
            if self.tokens[self.at - 1].upper in words:
                return True
        return False

    def identifier(self) -> str | None:
        """One name without quotes, as written; None where none stands here."""
        if self.done or self.tokens[self.at].kind not in {"word", "quoted"}:
            return None
        token = self.tokens[self.at]
        self.at += 1
        return token.text[1:-1].replace('""', '"') if token.kind == "quoted" else token.text

    def dotted(self) -> list[str]:
        """The parts of `a.b.c`; empty where no name stands here."""
        first = self.identifier()
        parts = [first] if first is not None else []
        while parts and self.peek() == ".":
            self.at += 1
            more = self.identifier()
            if more is None:
                break
            parts.append(more)
        return parts

    def table(self, rec: Recorder) -> str | None:
        """A table's (or type's, or view's) name in the recorder's form; None where none stands here."""
        parts = self.dotted()
        if not parts:
            return None
        return rec.table(parts[-1], parts[-2] if len(parts) > 1 else None)

    def group(self) -> list[Token]:
        """The tokens in the parentheses that open here; empty where none do."""
        if self.peek() != "(":
            return []
        depth, start = 0, self.at
        while not self.done:
            word = self.peek()
            self.at += 1
            depth += (word == "(") - (word == ")")
            if depth == 0:
                return list(self.tokens[start + 1 : self.at - 1])
        return list(self.tokens[start + 1 :])

    def rest(self) -> list[Token]:
        return list(self.tokens[self.at :])


def items(found: Sequence[Token]) -> list[list[Token]]:
    """The parts between commas that stand outside parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.upper == "(") - (token.upper == ")")
        if token.upper == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def names(found: Sequence[Token], rec: Recorder) -> tuple[str, ...]:
    """Every identifier among the tokens, folded, in order and once."""
    return tuple(dict.fromkeys(rec.plain(token.text) for token in found if token.kind in {"word", "quoted"}))


def unquote(token: Token) -> str:
    """The value of a string token."""
    if token.kind == "dollar":
        return token.text
    return token.text[token.text.index("'") + 1 : -1].replace("''", "'")
