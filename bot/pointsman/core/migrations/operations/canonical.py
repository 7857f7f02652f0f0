"""Puts values of a plain revision into texts that are equal where the values are; raises where it cannot tell."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.core.migrations.operations.terms import (
    HOLE,
    Attr,
    Call,
    Const,
    Map,
    Ref,
    Seq,
    Term,
    argument,
    dotted,
    text_of,
)

_INSIDE = frozenset({"ForeignKey", "Computed", "Identity", "Sequence", "CheckConstraint"})
_FLAGS = frozenset({"index", "unique", "default", "onupdate", "key"})
"""Arguments of a column that make other objects, or that the database does not see."""


class NotPlain(Exception):
    """The revision does something whose effect is not told by its literals alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column as text: `rest` is whatever else it says."""

    type: str
    nullable: str
    default: str
    rest: str


def canonical(term: Term | None) -> str:
    """The value as text. Raises NotPlain for anything but literals and what SQLAlchemy makes of them."""
    match term:
        case None:
            return ""
        case Const(str() as value) if HOLE in value:
            raise NotPlain
        case Const(value):
            return repr(value)
        case Seq(items):
            return f"[{', '.join(map(canonical, items))}]"
        case Map(items, False):
            return f"{{{', '.join(f'{key!r}: {canonical(value)}' for key, value in items.items())}}}"
        case Ref(path) if path.partition(".")[0] == "sqlalchemy":
            return path
        case Attr(base, name):
            return f"{canonical(base)}.{name}"
        case Call(func, args, _, _) if dotted(func) == "alembic.op.f":
            return canonical(args[0] if args else None)
        case Call(func, args, kwargs, _):
            named = (f"{key}={canonical(value)}" for key, value in sorted(kwargs.items()))
            return f"{canonical(func)}({', '.join([*map(canonical, args), *named])})"
        case _:
            raise NotPlain


def name_in(term: Term | None) -> str:
    """The name that a term spells out; raises NotPlain where it does not."""
    name = text_of(term)
    if not name or HOLE in name:
        raise NotPlain
    return name


def list_in(term: Term | None) -> str:
    """A list of names as text."""
    return f"[{', '.join(repr(name_in(each)) for each in _items(term))}]"


def column_in(term: Term | None) -> tuple[str, Column]:
    """(name, column) of `sa.Column(...)`; raises NotPlain for any other term."""
    if not (isinstance(term, Call) and _last(term) == "Column") or _FLAGS & term.kwargs.keys():
        raise NotPlain
    types = [part for part in term.args[1:] if _last(part) not in _INSIDE]
    rest = {k: v for k, v in term.kwargs.items() if k not in {"nullable", "server_default", "type_", "name"}}
    inside = sorted(canonical(part) for part in term.args[1:] if part not in types)
    keyed = term.kwargs.get("primary_key") == Const(True)
    return name_in(argument(term, 0, "name")), Column(
        type=canonical(types[0] if types else term.kwargs.get("type_")),
        nullable=canonical(term.kwargs.get("nullable", Const(not keyed))),
        default=canonical(term.kwargs.get("server_default", Const(None))),
        rest=f"{inside} {canonical(Map(dict(sorted(rest.items()))))}",
    )


def constraint_in(term: Term) -> tuple[str, str]:
    """(name, or the text where it has none; text) of a constraint in `op.create_table`."""
    if not isinstance(term, Call):
        raise NotPlain
    kind = _last(term)
    match kind:
        case "UniqueConstraint" | "PrimaryKeyConstraint":
            told = list_in(Seq(term.args))
        case "ForeignKeyConstraint" if len(term.args) == 2:
            told = f"{list_in(term.args[0])} -> {list_in(term.args[1])}"
        case "CheckConstraint":
            told = ", ".join(map(canonical, term.args))
        case _:
            raise NotPlain
    return named(kind, told, term.kwargs.get("name"), term)


def named(kind: str, told: str, name: Term | None, call: Call) -> tuple[str, str]:
    """(name, text) of a constraint that a call gives keywords to."""
    ignored = {"name", "schema", "source_schema", "referent_schema"}
    rest: dict[object, Term] = {k: v for k, v in sorted(call.kwargs.items()) if k not in ignored}
    own = text_of(name)
    if name is not None and name != Const(None) and own is None:
        raise NotPlain
    text = f"{kind} {own} {told} {canonical(Map(rest))}"
    return own or text, text


def references(call: Call) -> str:
    """What `op.create_foreign_key` points at, written as a constraint of `op.create_table` is."""
    table = name_in(argument(call, 2, "referent_table"))
    schema = call.kwargs.get("referent_schema", Const(None))
    prefix = table if schema == Const(None) else f"{name_in(schema)}.{table}"
    there = [f"{prefix}.{name_in(each)}" for each in _items(argument(call, 4, "remote_cols"))]
    return f"{list_in(argument(call, 3, 'local_cols'))} -> [{', '.join(map(repr, there))}]"


def _items(term: Term | None) -> tuple[Term, ...]:
    if not isinstance(term, Seq):
        raise NotPlain
    return term.items


def _last(term: Term) -> str:
    return (dotted(term.func) or "").rpartition(".")[2] if isinstance(term, Call) else ""
