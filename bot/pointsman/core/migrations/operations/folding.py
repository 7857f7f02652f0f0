"""Computes strings and containers that are written out in the source; gives `Opaque` rather than guess."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.operations.terms import (
    HOLE,
    MAX_STRING,
    Attr,
    Call,
    Class,
    Const,
    Item,
    Map,
    Opaque,
    Ref,
    Seq,
    Term,
    dotted,
    text_of,
)

MAX_ITEMS = 20_000


@dataclass(frozen=True, slots=True)
class Folded:
    """The value of a call that could be computed, and what its receiver became where the call changed it."""

    value: Term
    receiver: Term | None = None


def elements(term: Term) -> tuple[Term, ...] | None:
    """What iterating over the term gives, or None if that is not known."""
    match term:
        case Seq(items):
            return items
        case Map(items, False):
            return tuple(Const(key) for key in items)
        case Class(_, members, _) if is_enum(term):
            return tuple(v for k, v in members.items() if isinstance(v, Const) and not k.startswith("_"))
        case _:
            return None


def is_enum(term: Term) -> bool:
    """Whether a class of the file is an enumeration."""
    return isinstance(term, Class) and any(
        (dotted(base) or "").endswith(("Enum", "Flag")) for base in term.bases
    )


def unpack(term: Term, count: int) -> list[Term]:
    items = elements(term)
    if items is not None and len(items) == count:
        return list(items)
    return [Opaque((term,)) for _ in range(count)]


def attribute(base: Term, name: str) -> Term:
    match base:
        case Class(_, members, _) if name in members and not isinstance(members[name], Call):
            return members[name]
        case Const() if name in {"value", "name"}:
            return base
        case _:
            return Attr(base, name)


def item(base: Term, key: Term) -> Term:
    if isinstance(key, Const):
        match base:
            case Seq(items) if isinstance(key.value, int) and -len(items) <= key.value < len(items):
                return items[key.value]
            case Map(items, _) if key.value in items:
                return items[key.value]
            case Class() if isinstance(key.value, str) and key.value in base.members:
                return base.members[key.value]
    return Item(base, key)


def with_item(base: Term, key: Term, value: Term) -> Term:
    if isinstance(base, Map) and isinstance(key, Const) and len(base.items) < MAX_ITEMS:
        return Map({**base.items, key.value: value}, base.partial)
    if isinstance(base, Map):
        return Map(base.items, True)
    return Opaque((base, value)) if isinstance(base, Seq) else base


def mapping(pairs: Sequence[tuple[Term | None, Term]]) -> Map:
    items: dict[object, Term] = {}
    partial = False
    for key, value in pairs:
        if isinstance(key, Const):
            items[key.value] = value
        elif key is None and isinstance(value, Map):
            items.update(value.items)
            partial = partial or value.partial
        else:
            items[HOLE] = Opaque((*((items[HOLE],) if HOLE in items else ()), value))
            partial = True
    return Map(items, partial)


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
    return _glue("", [str(_plain(term)) for term in terms])


def _text(value: str) -> Term:
    return Const(value) if len(value) <= MAX_STRING else Opaque()


def known_prefix(term: Term) -> str:
    """The known beginning of a string with holes; '' where there is none."""
    if isinstance(term, Const) and isinstance(term.value, str) and HOLE in term.value:
        return term.value.partition(HOLE)[0]
    return ""


def binary(operator: ast.operator, left: Term, right: Term) -> Term:
    match operator, left, right:
        case ast.Add(), Seq(a), Seq(b) if len(a) + len(b) <= MAX_ITEMS:
            return Seq((*a, *b))
        case ast.Add(), Const(str() as x), Const(str() as y):
            return _text(x + y)
        case ast.Add(), Const(str() as x), (Opaque() | Call() | Attr() | Item() | Ref()):
            return _text(x + HOLE)
        case ast.Add(), (Opaque() | Call() | Attr() | Item() | Ref()), Const(str() as y):
            return _text(HOLE + y)
        case ast.Mod(), Const(str() as template), _:
            return _percent(template, right)
        case ast.BitOr(), Map(), Map():
            return mapping([(None, left), (None, right)])
        case _:
            return Opaque((left, right))


_PERCENT = re.compile(r"%(?:\((?P<key>\w+)\))?[-#0 +]*\d{0,3}(?:\.\d{1,3})?[sdifgr]|%%")


def _percent(template: str, right: Term) -> Term:
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


_STRING_METHODS: dict[str, Callable[[str], object]] = {
    "strip": str.strip,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "lower": str.lower,
    "upper": str.upper,
    "title": str.title,
    "splitlines": str.splitlines,
}


def call(call: Call) -> Folded | None:
    """The value of a call on plain values, or None where it must be looked at as a call."""
    func = call.func
    if isinstance(func, Attr):
        match func.base:
            case Const(str() as text):
                return Folded(_string_method(text, func.name, call))
            case Seq():
                return _seq_method(func.base, func.name, call)
            case Map():
                return _map_method(func.base, func.name, call)
    path = dotted(func)
    if path in {"textwrap.dedent", "inspect.cleandoc"} and call.args:
        return Folded(call.args[0])
    return _builtin(path, call)


def _string_method(text: str, name: str, call: Call) -> Term:
    plain = [_plain(term) for term in call.args]
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
        return _text(text.replace(str(plain[0]), str(plain[1])))
    if name == "split" and len(plain) <= 1 and (not plain or (isinstance(plain[0], str) and plain[0])):
        parts = text.split(str(plain[0]) if plain else None)
        return Seq(tuple(Const(part) for part in parts[:MAX_ITEMS]))
    return Opaque((Const(text), *call.args))


def _seq_method(base: Seq, name: str, call: Call) -> Folded | None:
    none = Const(None)
    match name, call.args:
        case "append" | "add", (value,) if len(base.items) < MAX_ITEMS:
            return Folded(none, Seq((*base.items, value)))
        case "extend" | "update", (value,):
            more = elements(value)
            return Folded(
                none, Opaque((base, value)) if more is None else Seq((*base.items, *more)[:MAX_ITEMS])
            )
        case "insert", (_, value):
            return Folded(none, Seq((value, *base.items)))
        case "index" | "count" | "copy" | "union", _:
            return Folded(base if name in {"copy"} else Opaque((base, *call.args)))
        case _:
            return Folded(Opaque((base, *call.args)), Opaque((base, *call.args)))


def _map_method(base: Map, name: str, call: Call) -> Folded | None:
    if base.partial and name in {"items", "keys", "values"}:
        return Folded(Opaque((base,)))
    match name, call.args:
        case "items", ():
            return Folded(Seq(tuple(Seq((Const(key), value)) for key, value in base.items.items())))
        case "keys", ():
            return Folded(Seq(tuple(Const(key) for key in base.items)))
        case "values", ():
            return Folded(Seq(tuple(base.items.values())))
        case "get", (Const() as key, *rest):
            fallback = rest[0] if rest else Const(None)
            return Folded(base.items.get(key.value, Opaque((base,)) if base.partial else fallback))
        case "update", (value,):
            return Folded(Const(None), mapping([(None, base), (None, value)]))
        case "copy", ():
            return Folded(base)
        case _:
            return Folded(Opaque((base, *call.args)), Map(base.items, True))


def _builtin(path: str | None, call: Call) -> Folded | None:
    items = elements(call.args[0]) if call.args else None
    match path:
        case "list" | "tuple" | "set" | "frozenset" | "sorted" | "reversed" | "iter" if items is not None:
            return Folded(Seq(items if path != "reversed" else items[::-1]))
        case "list" | "set" if not call.args:
            return Folded(Seq(()))
        case "dict" if not call.args:
            return Folded(mapping([(Const(key), value) for key, value in call.kwargs.items()]))
        case "enumerate" if items is not None:
            return Folded(Seq(tuple(Seq((Const(i), value)) for i, value in enumerate(items))))
        case "zip" if call.args:
            columns = [elements(term) for term in call.args]
            if all(column is not None for column in columns):
                return Folded(Seq(tuple(Seq(row) for row in zip(*[c or () for c in columns], strict=False))))
        case "getattr" if len(call.args) >= 2 and isinstance(call.args[1], Const):
            return Folded(attribute(call.args[0], str(call.args[1].value)))
        case "str":
            return Folded(formatted(call.args[0])) if call.args else Folded(Const(""))
        case "range" if call.args and all(
            isinstance(a, Const) and isinstance(a.value, int) for a in call.args[:3]
        ):
            return _range([int(str(a.value)) for a in call.args[:3] if isinstance(a, Const)])
    return None


def _range(bounds: list[int]) -> Folded | None:
    try:
        values = range(*bounds)
    except ValueError:
        return None
    if len(values) > MAX_ITEMS:
        return None
    return Folded(Seq(tuple(Const(value) for value in values)))


def choice(a: Term, b: Term) -> Term:
    """A value that is one of two: the same, the longer of a list that grew, or not known."""
    if a is b or (isinstance(a, Const) and a == b):
        return a
    if isinstance(a, Seq) and isinstance(b, Seq):
        short, long = sorted((a, b), key=lambda seq: len(seq.items))
        if all(x is y for x, y in zip(short.items, long.items, strict=False)):
            return long
    return Opaque((a, b))


def either(left: Mapping[str, Term], right: Mapping[str, Term]) -> dict[str, Term]:
    """The names after two branches of which only one runs."""
    merged = {**left, **right}
    for name in left.keys() & right.keys():
        merged[name] = choice(left[name], right[name])
    return merged
