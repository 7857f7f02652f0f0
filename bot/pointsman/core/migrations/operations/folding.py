"""Computes containers and calls on plain values, as written out in the source; gives `Opaque` rather than guess."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.operations.strings import as_text, formatted, percent, string_method
from pointsman.core.migrations.operations.terms import (
    HOLE,
    MAX_ITEMS,
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
    elements,
)

_COMPOSED = ("psycopg.sql.", "psycopg2.sql.")


@dataclass(frozen=True, slots=True)
class Folded:
    """The value of a call that could be computed, and what its receiver became where the call changed it."""

    value: Term
    receiver: Term | None = None


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


def binary(operator: ast.operator, left: Term, right: Term) -> Term:
    match operator, left, right:
        case ast.Add(), Seq(a), Seq(b) if len(a) + len(b) <= MAX_ITEMS:
            return Seq((*a, *b))
        case ast.Add(), Const(str() as x), Const(str() as y):
            return as_text(x + y)
        case ast.Add(), Const(str() as x), (Opaque() | Call() | Attr() | Item() | Ref()):
            return as_text(x + HOLE)
        case ast.Add(), (Opaque() | Call() | Attr() | Item() | Ref()), Const(str() as y):
            return as_text(HOLE + y)
        case ast.Mod(), Const(str() as template), _:
            return percent(template, right)
        case ast.BitOr(), Map(), Map():
            return mapping([(None, left), (None, right)])
        case _:
            return Opaque((left, right))


def call(call: Call) -> Folded | None:
    """The value of a call on plain values, or None where it must be looked at as a call."""
    func = call.func
    if isinstance(func, Attr):
        match func.base:
            case Const(str() as text):
                return Folded(string_method(text, func.name, call))
            case Seq():
                return _seq_method(func.base, func.name, call)
            case Map():
                return _map_method(func.base, func.name, call)
    path = dotted(func)
    if path in {"textwrap.dedent", "inspect.cleandoc"} and call.args:
        return Folded(call.args[0])
    if path is not None and path.startswith(_COMPOSED):
        return composed(path.rpartition(".")[2], call)
    return _builtin(path, call)


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


def composed(name: str, call: Call) -> Folded | None:
    """A piece of SQL as psycopg composes them: `sql.SQL("... {}").format(sql.Identifier(table))`."""
    texts = [term.value for term in call.args if isinstance(term, Const) and isinstance(term.value, str)]
    if len(texts) < len(call.args) or not texts:
        return Folded(Const("NULL" if name == "Placeholder" else HOLE))
    match name:
        case "SQL":
            return Folded(Const(texts[0]))
        case "Identifier":
            return Folded(Const(".".join('"' + text.replace('"', '""') + '"' for text in texts)))
        case _:
            return Folded(Const("NULL"))


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
