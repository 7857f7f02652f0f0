"""Reads the arguments of calls in a migration's text: names, texts, fields; a hole where only running would tell."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.django.parse import Computed, elements
from pointsman.core.migrations.django.tables import Tables

Given = Mapping[str, ast.expr]
TO_ONE = frozenset({"ForeignKey", "OneToOneField", "ParentalKey"})
TO_MANY = frozenset({"ManyToManyField", "ParentalManyToManyField"})
_NOT_COLUMNS = frozenset(
    {"GenericForeignKey", "GenericRelation", "TaggableManager", "ClusterTaggableManager"}
)


def called(node: ast.expr) -> str:
    """The last part of what a call calls; '' for anything else."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Call(func=ast.Name(id=name)):
            return name
    return ""


def given(call: ast.Call, names: Sequence[str]) -> dict[str, ast.expr]:
    """The arguments by name; positional ones take `names` in turn. `**` stands for whatever is spread into it."""
    found = dict(zip(names, call.args, strict=False))
    return found | {keyword.arg or "**": keyword.value for keyword in call.keywords}


def text(node: ast.expr | None) -> str | None:
    """A literal text, pasted ones included."""
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = text(left), text(right)
            return one + other if one is not None and other is not None else None
    return None


def texts(node: ast.expr | None) -> tuple[str, ...] | None:
    """A literal list of texts, None where it is not all literal; () where there is none."""
    if node is None:
        return ()
    items = node.elts if isinstance(node, ast.Set) else None
    try:
        found = [text(each) for each in (items if items is not None else elements(node))]
    except Computed:
        return None
    return tuple(each for each in found if each is not None) if None not in found else None


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def items(node: ast.expr | None) -> Iterable[ast.expr]:
    """The members of a list or tuple; the expression itself where it is none."""
    try:
        return elements(node)
    except Computed:
        return [node] if node is not None else []


def groups(node: ast.expr | None) -> Iterator[tuple[str, ...]]:
    """The columns of `unique_together` and the like: one group, or several."""
    one = texts(node)
    if one:
        yield one
        return
    items = node.elts if isinstance(node, ast.Set | ast.List | ast.Tuple) else []
    if isinstance(node, ast.Call) and node.args:  # set([...])
        yield from groups(node.args[0])
    for each in items:
        found = texts(each)
        if found:
            yield found


@dataclass(frozen=True, slots=True)
class Field:
    """One model field as a column. `column` is its name in the table, `target` the table that it points at;
    `many` has a table of its own instead of a column, `virtual` has neither. `needs` are the columns that a generated
    one is made of."""

    name: str
    column: str
    target: str | None
    many: bool
    virtual: bool
    through: bool
    unique: bool
    indexed: bool
    required: bool
    default: bool
    link: str | None
    needs: tuple[str, ...]


def read_field(name: str, node: ast.expr | None, tables: Tables) -> Field:
    """A field by its definition; one that can't be read is a plain column of its name."""
    kind = called(node) if node is not None else ""
    virtual = kind in _NOT_COLUMNS
    one, many = is_to_one(kind), is_to_many(kind)
    options = given(node, ["to"] if one or many else []) if isinstance(node, ast.Call) else {}
    target = model_of(options.get("to")) if one or many else None
    written = text(options.get("db_column"))
    made_of = options.get("expression") if kind == "GeneratedField" else None
    return Field(
        name=name.lower(),
        column=(written or (f"{name}_id" if one else name)).lower(),
        target=None if target is None else tables.of(target),
        many=many,
        virtual=virtual,
        through="through" in options,
        unique=is_true(options.get("unique")) or kind == "OneToOneField",
        indexed=is_true(options.get("db_index")) or kind in ("SlugField", "ForeignKey"),
        required=not is_true(options.get("null")),
        default="default" in options or "db_default" in options,
        link=text(options.get("db_table")),
        needs=tuple(dict.fromkeys(_texts_in(made_of))),
    )


def is_to_one(kind: str) -> bool:
    """Whether a field of that class is by its name a relation with a column, as of Django or of mptt and the like."""
    return kind in TO_ONE or (kind.endswith("ForeignKey") and kind not in _NOT_COLUMNS)


def is_to_many(kind: str) -> bool:
    return kind in TO_MANY or kind.endswith("ManyToManyField")


def _texts_in(node: ast.expr | None) -> Iterator[str]:
    for each in ast.walk(node) if node is not None else ():
        found = text(each) if isinstance(each, ast.Constant) else None
        if found is not None:
            yield found.lower()


def model_of(node: ast.expr | None) -> str | None:
    """The model that a relation names; one that a setting names stands for itself."""
    named = text(node)
    if named is not None:
        return named
    if isinstance(node, ast.Attribute):
        return f"settings.{node.attr}"
    return None
