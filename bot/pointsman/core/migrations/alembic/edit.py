"""Edits a revision file's ids in place and touches no other byte; what it can't edit surely it leaves alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.alembic.parse import parse
from pointsman.core.migrations.backend import Uneditable

Edit = tuple[int, int, str]
_TOKEN = re.compile(r"""([a-zA-Z]*)('{3}|"{3}|'|")(.*)\2""", re.DOTALL)
_IDS = re.compile(r"|[(\[]?[^\s,()]+(?:\s*,\s*[^\s,()]+)*,?[)\]]?")
"""What Alembic writes behind `Revises:`; a sentence that begins with the word is left alone."""
_PLAIN_ID = re.compile(r"[^'\"\\\r\n]+")


@dataclass(frozen=True, slots=True)
class _File:
    """A file opened for editing: positions of the tree count in `shown`, which is as long as the text."""

    origin: source.Source
    shown: str
    tree: ast.Module
    starts: list[int]

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: S101 - parsed nodes have both
        start = source.offset(self.shown, self.starts, node.lineno, node.col_offset)
        return start, source.offset(self.shown, self.starts, node.end_lineno, node.end_col_offset)

    def segment(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.origin.text[start:end]


def set_parents(blob: bytes, parents: Sequence[str]) -> bytes | Uneditable:
    """The file with `down_revision` naming `parents`, in the form it had, and the docstring's `Revises:` too.

    A tuple or list stays one; a string becomes a tuple only where more than one parent needs it."""
    file = _open(blob)
    if isinstance(file, Uneditable):
        return file
    node = _value_of(file.tree, "down_revision")
    if isinstance(node, Uneditable):
        return node
    if not all(_PLAIN_ID.fullmatch(parent) for parent in parents):
        return Uneditable("an id with quotes or line breaks is not written into a file")
    edits = _parent_edits(file, node, parents)
    edits += _docstring_edits(file, "Revises", lambda _: ", ".join(parents))
    return _verified(file, edits, lambda after: after.parents == tuple(parents))


def rename(blob: bytes, ids: Mapping[str, str]) -> bytes | Uneditable:
    """The file with every id of `ids` replaced in `revision`, `down_revision`, `depends_on` and in the
    docstring's `Revision ID:` and `Revises:`."""
    file = _open(blob)
    if isinstance(file, Uneditable):
        return file
    edits: list[Edit] = []
    for name in ("revision", "down_revision", "depends_on"):
        node = _value_of(file.tree, name)
        if isinstance(node, Uneditable):
            if name == "depends_on":
                continue
            return node
        for element in _elements(node):
            if isinstance(element, ast.Constant) and element.value in ids:
                edits.append(_replaced(file, element, ids[str(element.value)]))
    swap = _swapper(ids)
    edits += _docstring_edits(file, "Revision ID", swap) + _docstring_edits(file, "Revises", swap)
    before = parse(blob)
    wanted = tuple(ids.get(parent, parent) for parent in before.parents or ())
    return _verified(file, edits, lambda after: after.parents == wanted)


def _swapper(ids: Mapping[str, str]) -> Callable[[str], str]:
    return lambda text: re.sub(r"[^\s,()'\"]+", lambda found: ids.get(found.group(), found.group()), text)


def _open(blob: bytes) -> _File | Uneditable:
    try:
        origin = source.decode(blob)
        tree, shown = source.to_ast(origin.text)
    except source.Unreadable as error:
        return Uneditable(str(error))
    return _File(origin, shown, tree, source.line_starts(shown))


def _value_of(tree: ast.Module, name: str) -> ast.expr | Uneditable:
    """The literal that the last assignment of `name` at the top level holds."""
    found: ast.expr | None = None
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                found = value
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                found = value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for one, value in zip(names, values, strict=False):
                    found = value if isinstance(one, ast.Name) and one.id == name else found
            case _:
                pass
    if found is None:
        return Uneditable(f"`{name}` is not assigned at the top level")
    if not all(isinstance(each, ast.Constant) for each in _elements(found)):
        return Uneditable(f"`{name}` is computed (line {found.lineno})")
    return found


def _elements(node: ast.expr) -> list[ast.expr]:
    return list(node.elts) if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]


def _parent_edits(file: _File, node: ast.expr, parents: Sequence[str]) -> list[Edit]:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        if len(node.elts) == len(parents):
            return [
                _replaced(file, element, parent)
                for element, parent in zip(node.elts, parents, strict=True)
                if not (isinstance(element, ast.Constant) and element.value == parent)
            ]
        return [_rendered(file, node, parents)]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(parents) == 1:
        return [] if node.value == parents[0] else [_replaced(file, node, parents[0])]
    quote = _quote(file, node)
    texts = [f"{quote}{parent}{quote}" for parent in parents]
    text = "None" if not texts else texts[0] if len(texts) == 1 else f"({', '.join(texts)})"
    return [(*file.span(node), text)]


def _replaced(file: _File, node: ast.expr, new: str) -> Edit:
    """The string's inside, quotes and prefix kept; the whole of it where it is pasted from several."""
    start, end = file.span(node)
    found = _TOKEN.fullmatch(file.origin.text[start:end])
    if found and isinstance(node, ast.Constant) and found.group(3) == node.value:
        return start + found.start(3), start + found.end(3), new
    quote = _quote(file, node)
    return start, end, f"{quote}{new}{quote}"


def _rendered(file: _File, node: ast.Tuple | ast.List | ast.Set, parents: Sequence[str]) -> Edit:
    quote = _quote(file, node.elts[0]) if node.elts else _quote(file, node)
    items = ", ".join(f"{quote}{parent}{quote}" for parent in parents)
    if isinstance(node, ast.List):
        return (*file.span(node), f"[{items}]")
    inside = f"{items}," if len(parents) == 1 else items
    if isinstance(node, ast.Tuple) and not file.segment(node).startswith("("):
        return (*file.span(node), inside or "()")
    return (*file.span(node), f"({inside})")


def _quote(file: _File, node: ast.expr) -> str:
    """The quotation mark of that string, else of the file's `revision`, else a double one."""
    found = re.match(r"[a-zA-Z]*(['\"])", file.segment(node))
    if found:
        return found.group(1)
    revision = _value_of(file.tree, "revision")
    if not isinstance(revision, Uneditable) and revision is not node:
        found = re.match(r"[a-zA-Z]*(['\"])", file.segment(revision))
    return found.group(1) if found else '"'


def _docstring_edits(file: _File, key: str, new: Callable[[str], str]) -> list[Edit]:
    """The value of a `Key: value` line of the module's docstring, if the docstring has one."""
    first = file.tree.body[0] if file.tree.body else None
    if not (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        return []
    start, _ = file.span(first.value)
    token = _TOKEN.fullmatch(file.segment(first.value))
    if token is None:
        return []
    inside, at = token.group(3), start + token.start(3)
    edits: list[Edit] = []
    for found in re.finditer(rf"(?m)^([ \t]*{key}[ \t]*:)([ \t]*)([^\r\n]*?)[ \t]*(?=\r?$|\Z)", inside):
        if not _IDS.fullmatch(found.group(3)):
            continue
        value = new(found.group(3))
        if value != found.group(3):
            gap = found.group(2) or " "
            edits.append((at + found.start(2), at + found.end(3), (gap if value else found.group(2)) + value))
    return edits


def _verified(file: _File, edits: Iterable[Edit], right: Callable[..., bool]) -> bytes | Uneditable:
    """The edited bytes, read back: an edit that does not say what was meant is none."""
    text = file.origin.text
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    try:
        blob = file.origin.encode(text)
    except UnicodeEncodeError:
        return Uneditable(f"an id can't be written in {file.origin.encoding}")
    return blob if right(parse(blob)) else Uneditable("the value is bound again elsewhere in the file")
