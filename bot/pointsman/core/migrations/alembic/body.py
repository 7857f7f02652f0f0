"""What a revision file does, as far as comparing two texts or seeing that it does nothing; no footprints."""

from __future__ import annotations

import ast
from typing import TypeVar

from pointsman.core.migrations.alembic import source

_Block = TypeVar("_Block", ast.Module, ast.ClassDef, ast.FunctionDef)


def is_empty(blob: bytes) -> bool:
    """Whether `upgrade` and `downgrade` hold nothing but `pass` and texts, and the top level no other code."""
    tree = _tree(blob)
    if tree is None:
        return False
    for statement in tree.body:
        match statement:
            case ast.Import() | ast.ImportFrom() | ast.Assign() | ast.AnnAssign():
                continue
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.FunctionDef(name="upgrade" | "downgrade", body=body):
                if not all(_does_nothing(each) for each in body):
                    return False
            case _:
                return False
    return True


def same_meaning(a: bytes, b: bytes) -> bool:
    """Whether two files do the same: they differ at most in comments, docstrings, layout, quotation marks, type
    hints and imports that nothing uses."""
    one, other = _tree(a), _tree(b)
    if one is None or other is None:
        return a == b
    return _shape(one) == _shape(other)


def _does_nothing(statement: ast.stmt) -> bool:
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None):
            return True
    return False


def _shape(tree: ast.Module) -> str:
    tree = _Plainer().visit(tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    kept: list[ast.stmt] = []
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [
                n for n in statement.names if (n.asname or n.name).split(".")[0] in used | {"*"}
            ]
            if not statement.names:
                continue
        kept.append(statement)
    tree.body = kept
    return ast.dump(tree)


class _Plainer(ast.NodeTransformer):
    """Takes docstrings and type hints away."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        return self._plain(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return self._plain(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        return self._plain(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        self.generic_visit(node)
        if node.value is None or not node.simple:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)

    def _plain(self, node: _Block) -> _Block:
        self.generic_visit(node)
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:] or [ast.Pass()]
        return node


def _tree(blob: bytes) -> ast.Module | None:
    try:
        text = source.decode(blob).text
        tree, shown = source.to_ast(text)
    except source.Unreadable:
        return None
    # With f-strings masked, two different ones would look alike.
    return tree if shown == text else None
