"""Shapes that several sections share: names, patterns, paths, and the words of a field; no section."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args, get_origin, get_type_hints

from pointsman.core.contract.model import Pattern
from pointsman.core.contract.patterns import branch_problem, pattern_problem, protective_problem
from pointsman.core.contract.reading.nodes import Node
from pointsman.core.contract.reading.records import Key, ListOf
from pointsman.core.contract.reading.shapes import At, Checked, Choice, Text


@cache
def words(of: type, name: str) -> tuple[str, ...]:
    """The words of a field that is declared as Literal, Literal | None, or a collection of them."""
    hint = get_type_hints(of)[name]
    while get_origin(hint) is not Literal:
        hint = next(part for part in get_args(hint) if part is not type(None))
    return get_args(hint)


def choice(of: type, name: str, about: str) -> Key:
    return Key(Choice(words(of, name)), about)


def name_of(what: str, reserved: str = "") -> Text:
    banned = f"(?!{reserved}$)" if reserved else ""
    kept = f" ({reserved} has a meaning of its own)" if reserved else ""
    hint = f"; a name has letters, digits and . _ -{kept}"
    return Text(what, banned + r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", hint)


def pattern(text: str, node: Node, at: At) -> Pattern:
    return Pattern(text=text, key=at.key, line=node.line, column=node.column)


PATTERNS = ListOf(
    Checked(pattern, pattern_problem, Text("a path pattern")), one=True, what="a list of path patterns"
)
PROTECTIVE = ListOf(
    Checked(pattern, protective_problem, Text("a path pattern")), one=True, what="a list of path patterns"
)
BRANCHES = ListOf(
    Checked(pattern, branch_problem, Text("a branch pattern")), one=True, what="a list of branch patterns"
)
SENTENCE = Text("text")
COMMAND = Text("a command line")


def _path_problem(text: str) -> str:
    if "*" in text or "?" in text:
        return f"{text!r}: expected one path, not a pattern"
    return pattern_problem(text)


PATH = Checked(lambda text, _node, _at: text.strip("/"), _path_problem, Text("a path"))
AREA = Checked(pattern, pattern_problem, Text("a path pattern"))


def variable() -> Text:
    return Text("a name for a variable", r"[A-Za-z_][A-Za-z0-9_]*")
