"""Puts module-level texts where a migration's operations name them; what is bound twice, or made, stays a name."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator

_TEXT_ONLY = frozenset({"dedent", "cleandoc"})
"""Functions that change nothing of a text but its blanks."""
MAX_SIZE = 20_000


def spelled_out(
    value: ast.expr | None, tree: ast.Module, migration: ast.ClassDef | None = None
) -> ast.expr | None:
    """The expression with the constants of its file in place of their names; the expression itself where it names
    none. Lines are those of the names."""
    if value is None:
        return None
    known = dict(_constants([*tree.body, *(migration.body if migration else ())]))
    if not known and not any(_is_only_text(node) for node in ast.walk(value)):
        return value
    if sum(1 for _ in ast.walk(value)) > MAX_SIZE:
        return value
    return _Spelled(known).visit(copy.deepcopy(value))  # type: ignore[no-any-return]


def _constants(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    bound = Counter(
        node.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    )
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if bound[name] == 1 and _is_plain(
                value
            ):
                yield name, value


def _is_plain(node: ast.expr) -> bool:
    """A text, or a list or tuple of such."""
    if isinstance(node, ast.List | ast.Tuple):
        return all(_is_plain(each) for each in node.elts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _is_plain(node.left) and _is_plain(node.right)
    return _is_text(node) or _is_only_text(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_only_text(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[only], keywords=[]):
            return name in _TEXT_ONLY and _is_text(only)
    return False


class _Spelled(ast.NodeTransformer):
    def __init__(self, known: dict[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        found = self.known.get(node.id)
        if found is None:
            return node
        return self.visit(_placed(copy.deepcopy(found), node))  # type: ignore[no-any-return]

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if _is_only_text(node):
            return ast.copy_location(node.args[0], node)
        self.generic_visit(node)
        return node


def _placed(found: ast.expr, node: ast.Name) -> ast.expr:
    for each in ast.walk(found):
        if isinstance(each, ast.expr):
            ast.copy_location(each, node)
    return found
