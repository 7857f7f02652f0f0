"""What a revision file does, as far as comparing two texts or seeing that it does nothing; no footprints."""

from __future__ import annotations

import ast

from pointsman.core.migrations.alembic import source


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
    """Whether two files are the same but for comments, docstrings, layout and quotation marks."""
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
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _tree(blob: bytes) -> ast.Module | None:
    try:
        text = source.decode(blob).text
        tree, shown = source.to_ast(text)
    except source.Unreadable:
        return None
    # With f-strings masked, two different ones would look alike.
    return tree if shown == text else None
