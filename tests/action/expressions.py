"""Evaluates the expressions of Actions that our files use: enough of the language to show what they decide.

Source: https://docs.github.com/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r"|(?P<sign>&&|\|\||==|!=|[!().,\[\]]))"
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda where, what: (
        str(what).lower() in str(where or "").lower() if not isinstance(where, list) else what in where
    ),
    "startswith": lambda text, start: str(text or "").lower().startswith(str(start).lower()),
    "fromjson": json.loads,
}


def evaluate(expression: str, context: Mapping[str, Any]) -> Any:
    """The value of an expression, with or without its `${{ }}`."""
    text = expression.strip()
    if text.startswith("${{") and text.endswith("}}"):
        text = text[3:-2]
    parser = _Parser(_tokens(text), context)
    value = parser.either()
    assert not parser.left, f"what is left of {expression!r}: {parser.left}"
    return value


def render(text: str, context: Mapping[str, Any]) -> str:
    """The text with every `${{ }}` in it replaced, as it reaches a variable."""
    return re.sub(r"\$\{\{.*?\}\}", lambda found: _text(evaluate(found[0], context)), text)


def truthy(value: Any) -> bool:
    return value not in (None, False, 0, "")


def _text(value: Any) -> str:
    return {None: "", True: "true", False: "false"}.get(value, str(value))


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        assert match is not None and match.lastgroup is not None, f"not an expression: {text[place:]!r}"
        found.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], context: Mapping[str, Any]) -> None:
        self.left = tokens
        self._context = context

    def either(self) -> Any:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = value if truthy(value) else other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = other if truthy(value) else value
        return value

    def _equal(self) -> Any:
        value = self._not()
        for sign in ("==", "!="):
            if self._take(sign):
                return _same(value, self._not()) == (sign == "==")
        return value

    def _not(self) -> Any:
        if self._take("!"):
            return not truthy(self._not())
        if self._take("("):
            value = self.either()
            assert self._take(")")
            return value
        kind, text = self.left.pop(0)
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        assert kind == "name", text
        if self._take("("):
            return _FUNCTIONS[text.lower()](*self._arguments())
        if text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        value = self._context.get(text)
        while self._take("."):
            name = self.left.pop(0)[1]
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def _arguments(self) -> list[Any]:
        found = [self.either()]
        while self._take(","):
            found.append(self.either())
        assert self._take(")")
        return found

    def _take(self, sign: str) -> bool:
        if self.left and self.left[0] == ("sign", sign):
            self.left.pop(0)
            return True
        return False


def _same(one: Any, other: Any) -> bool:
    """Strings are compared without regard to case; nothing is the empty string."""
    first, second = ("" if each is None else each for each in (one, other))
    if isinstance(first, str) and isinstance(second, str):
        return first.lower() == second.lower()
    return bool(first == second)
