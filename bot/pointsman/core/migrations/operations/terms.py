"""Values as far as they are known without running code: constants, containers, names and calls as trees."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

HOLE = "pmhole0"
"""Stands in a string for a part that is not known; chosen so that it reads as an SQL identifier."""

MAX_STRING = 1_000_000
MAX_ITEMS = 20_000


@dataclass(frozen=True, slots=True)
class Const:
    """A plain value; a string may hold HOLE where a part is not known."""

    value: object


@dataclass(frozen=True, slots=True, eq=False)
class Seq:
    """A list, tuple or set literal, compared by identity so that aliases can be followed."""

    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A dict literal; keys that are not constants are dropped and set `partial`."""

    items: Mapping[object, Term]
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Ref:
    """A name that comes from an import or is built in, as its dotted path."""

    path: str


@dataclass(frozen=True, slots=True, eq=False)
class Attr:
    base: Term
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    base: Term
    key: Term


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call that was not followed; `line` is where it stands."""

    func: Term
    args: tuple[Term, ...]
    kwargs: Mapping[str, Term]
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Func:
    """A function or lambda of the same file."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the same file: an enum, or a model where `__tablename__` or `__table__` is known."""

    name: str
    members: Mapping[str, Term]
    bases: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """Not known. `parts` are the terms it was made from, so that what they name is not lost."""

    parts: tuple[Term, ...] = ()


Term = Const | Seq | Map | Ref | Attr | Item | Call | Func | Class | Opaque


@dataclass(slots=True, eq=False)
class Scope:
    """Names of one function or module; lookups go outward."""

    names: dict[str, Term] = field(default_factory=dict)
    outer: Scope | None = None

    def get(self, name: str) -> Term | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None


def dotted(term: Term) -> str | None:
    """The dotted path of a name or an attribute of one, else None."""
    parts: list[str] = []
    while isinstance(term, Attr):
        parts.append(term.name)
        term = term.base
    if not isinstance(term, Ref):
        return None
    return ".".join([term.path, *reversed(parts)])


def call_path(term: Term) -> str | None:
    """The dotted path of what a call term calls, else None."""
    return dotted(term.func) if isinstance(term, Call) else None


def argument(call: Call, position: int, *names: str) -> Term | None:
    """The argument at that position or under one of those keywords, else None."""
    for name in names:
        if name in call.kwargs:
            return call.kwargs[name]
    return call.args[position] if 0 <= position < len(call.args) else None


def children(term: Term) -> Iterator[Term]:
    """The terms directly inside; functions and classes are leaves."""
    match term:
        case Seq(items):
            yield from items
        case Map(items, _):
            yield from items.values()
        case Attr(base, _):
            yield base
        case Item(base, key):
            yield from (base, key)
        case Call(func, args, kwargs, _):
            yield func
            yield from args
            yield from kwargs.values()
        case Opaque(parts):
            yield from parts
        case Const() | Ref() | Func() | Class():
            return


def walk(
    term: Term, *, limit: int = 20_000, whole: Callable[[Term], bool] = lambda _: False
) -> Iterator[Term]:
    """The term and everything inside, outside first, shared parts once; at most `limit` terms. What is inside of
    those that are `whole` does not count."""
    stack, seen = [term], set[int]()
    while stack and len(seen) < limit:
        top = stack.pop()
        if id(top) in seen:
            continue
        seen.add(id(top))
        yield top
        if not whole(top):
            stack.extend(reversed(list(children(top))))


_CHAINED = frozenset({"bindparams", "params", "columns", "execution_options"})


def text_of(term: Term | None) -> str | None:
    """The string that a term is, through `op.f`, `sa.text`, `quoted_name` and the like; None if not one."""
    for _ in range(10):
        if isinstance(term, Const):
            return term.value if isinstance(term.value, str) else None
        if not isinstance(term, Call):
            return None
        path = dotted(term.func) or ""
        if path.rpartition(".")[2] in {"f", "text", "quoted_name", "DDL", "conv", "literal_column", "_"} or (
            isinstance(term.func, Attr) and term.func.name in {"f", *_CHAINED}
        ):
            inner = (
                term.func.base
                if _chained(term) and isinstance(term.func, Attr)
                else argument(term, 0, "text")
            )
            term = inner
        else:
            return None
    return None


def _chained(call: Call) -> bool:
    return isinstance(call.func, Attr) and call.func.name in _CHAINED


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
