"""Takes a PL/pgSQL block apart into its plain statements; every branch counts, control flow does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.operations.sql_tokens import Cursor, Token, statements, tokens, unquote

_SELECT = Token("word", "SELECT", False)


@dataclass(frozen=True, slots=True)
class Part:
    """A statement of the block, or why a part of it cannot be read."""

    tokens: Sequence[Token] = ()
    why: str | None = None


def block_parts(found: Sequence[Token]) -> Iterator[Part]:
    """The statements of a block; conditions and assignments come as SELECTs."""
    declaring = False
    for statement in statements(found):
        cursor = Cursor(statement)
        if cursor.accept("DECLARE"):
            declaring = True
        if declaring and cursor.peek() != "BEGIN":
            continue
        declaring = False
        yield from _statement(cursor)


def _statement(cursor: Cursor) -> Iterator[Part]:
    while not cursor.done:
        word = cursor.peek()
        if word in {"BEGIN", "ELSE", "LOOP", "EXCEPTION"}:
            cursor.at += 1
        elif word in {"IF", "ELSIF", "ELSEIF", "WHILE"}:
            yield from _until(cursor, "LOOP" if word == "WHILE" else "THEN")
        elif word == "WHEN":
            cursor.skip_to("THEN")
        elif word == "DECLARE":
            cursor.skip_to("BEGIN")
        elif word in {"FOR", "FOREACH"}:
            yield from _loop(cursor)
        elif word == "END":
            return
        else:
            yield from _plain(cursor)
            return


def _until(cursor: Cursor, word: str) -> Iterator[Part]:
    start = cursor.at + 1
    cursor.skip_to(word)
    yield Part([_SELECT, *_spaced(cursor.tokens[start : cursor.at - 1])])


def _spaced(found: Sequence[Token]) -> list[Token]:
    return [Token(t.kind, t.text, t.gap or i == 0) for i, t in enumerate(found)]


def _loop(cursor: Cursor) -> Iterator[Part]:
    cursor.skip_to("IN", "ARRAY")
    start = cursor.at
    cursor.skip_to("LOOP")
    query = list(cursor.tokens[start : cursor.at - 1])
    if query and query[0].upper == "EXECUTE":
        yield Part(why="the DO block runs SQL that it makes while running")
    elif query and query[0].upper in {"SELECT", "WITH", "("}:
        yield Part(query)


def _plain(cursor: Cursor) -> Iterator[Part]:
    rest = cursor.rest()
    word = cursor.peek()
    if word == "PERFORM":
        yield Part([_SELECT, *_spaced(rest[1:])])
    elif word == "EXECUTE":
        yield from _dynamic(rest[1:])
    elif len(rest) > 1 and rest[1].text in {":=", "="}:
        yield Part([_SELECT, *_spaced(rest[2:])])
    elif word == "SELECT":
        yield Part(_without_into(rest))
    else:
        yield Part(rest)


def _without_into(rest: list[Token]) -> list[Token]:
    """`SELECT a INTO STRICT b, c FROM t`: in a block INTO fills variables, it makes no table."""
    cursor = Cursor(rest)
    if not cursor.skip_to("INTO"):
        return rest
    start = cursor.at - 1
    cursor.accept("STRICT")
    while cursor.dotted() and cursor.accept(","):
        pass
    return [*rest[:start], *rest[cursor.at :]]


def _dynamic(rest: list[Token]) -> Iterator[Part]:
    """`EXECUTE '...'` with nothing but one literal."""
    if len(rest) != 1 or rest[0].kind not in {"string", "dollar"}:
        yield Part(why="the DO block runs SQL that it makes while running")
        return
    text = rest[0].text if rest[0].kind == "dollar" else unquote(rest[0])
    for statement in statements(list(tokens(text))):
        yield Part(statement)
