"""Computes strings: what is put together, formatted, cut and replaced, with HOLE where a part is not known."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence

from pointsman.core.migrations.operations.terms import (
    HOLE,
    MAX_ITEMS,
    MAX_STRING,
    Call,
    Const,
    Map,
    Opaque,
    Ref,
    Seq,
    Term,
    elements,
    text_of,
)


def formatted(term: Term) -> Term:
    """What a placeholder of an f-string puts into the text."""
    if isinstance(term, Const):
        return Const(str(term.value)[:MAX_STRING])
    if (
        isinstance(term, Call)
        and isinstance(term.func, Ref)
        and term.args
        and term.func.path in {"str", "repr"}
    ):
        return formatted(term.args[0])
    return Const(str(_plain(term)))


def joined(terms: Sequence[Term]) -> Term:
    """The text of an f-string's parts."""
    return _glue("", [str(_plain(term)) for term in terms])


def as_text(value: str) -> Term:
    """The string, unless it is too long to keep."""
    return Const(value) if len(value) <= MAX_STRING else Opaque()


def known_prefix(term: Term) -> str:
    """The known beginning of a string with holes; '' where there is none."""
    if isinstance(term, Const) and isinstance(term.value, str) and HOLE in term.value:
        return term.value.partition(HOLE)[0]
    return ""


_PERCENT = re.compile(r"%(?:\((?P<key>\w+)\))?[-#0 +]*\d{0,3}(?:\.\d{1,3})?[sdifgr]|%%")
_STRING_METHODS: dict[str, Callable[[str], object]] = {
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "splitlines": str.splitlines,
}


def percent(template: str, right: Term) -> Term:
    """`template % right`."""
    values = list(elements(right) or ()) if isinstance(right, Seq) else [right]
    named = right.items if isinstance(right, Map) else {}
    pieces: list[str] = []
    end, used = 0, 0
    for match in _PERCENT.finditer(template):
        pieces.append(template[end : match.start()])
        end = match.end()
        if match.group() == "%%":
            pieces.append("%")
        elif (key := match.group("key")) is not None:
            pieces.append(str(_plain(named.get(key, Opaque()))))
        else:
            pieces.append(str(_plain(values[used])) if used < len(values) else HOLE)
            used += 1
    return _glue("", [*pieces, template[end:]])


def _glue(between: str, pieces: Sequence[str]) -> Term:
    if sum(map(len, pieces)) + len(between) * len(pieces) > MAX_STRING:
        return Opaque()
    return Const(between.join(pieces))


def _plain(term: Term) -> object:
    if isinstance(term, Const):
        return term.value
    return text_of(term) or HOLE


def _format(template: str, call: Call) -> Term:
    pieces: list[str] = []
    counter = 0
    try:
        for literal, name, _, _ in string.Formatter().parse(template):
            pieces.append(literal)
            if name is None:
                continue
            if not name:
                name, counter = str(counter), counter + 1
            pieces.append(_field(name, call))
    except ValueError:
        return Opaque((Const(template), *call.args))
    return _glue("", pieces)


def _field(name: str, call: Call) -> str:
    if name.isdecimal() and len(name) < 6:
        return str(_plain(call.args[int(name)])) if int(name) < len(call.args) else HOLE
    return str(_plain(call.kwargs.get(name, Opaque())))


def string_method(text: str, name: str, call: Call) -> Term:
    """What a method of a string gives."""
    plain = [_plain(term) for term in call.args]
    if name == "as_string":
        return Const(text)
    if name == "format":
        return _format(text, call)
    if name == "join" and call.args:
        items = elements(call.args[0])
        if items is None:
            return Const(HOLE)
        return _glue(text, [str(_plain(term)) for term in items])
    if name in _STRING_METHODS and not plain:
        value = _STRING_METHODS[name](text)
        return Seq(tuple(Const(line) for line in value)) if isinstance(value, list) else Const(value)
    if name == "replace" and len(plain) >= 2 and plain[0] and all(isinstance(p, str) for p in plain[:2]):
        if len(text) * (len(str(plain[1])) + 1) > MAX_STRING * 4:
            return Opaque()
        return as_text(text.replace(str(plain[0]), str(plain[1])))
    if name == "split" and len(plain) <= 1 and (not plain or (isinstance(plain[0], str) and plain[0])):
        parts = text.split(str(plain[0]) if plain else None)
        return Seq(tuple(Const(part) for part in parts[:MAX_ITEMS]))
    return Opaque((Const(text), *call.args))
