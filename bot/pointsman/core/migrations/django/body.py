"""What a migration file does, as far as comparing two texts or seeing that it does nothing; no footprints."""

from __future__ import annotations

import ast

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.django.parse import Computed, attribute, elements, migration_class, pair


def is_empty(blob: bytes) -> bool:
    """Whether running the file, either way, would do nothing."""
    tree = _tree(blob)
    migration = migration_class(tree) if tree else None
    if migration is None:
        return False
    try:
        return not elements(attribute(migration, "operations")) and not any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in migration.body
        )
    except Computed:
        return False


def same_meaning(label: str, a: bytes, b: bytes) -> bool:
    """Whether two files differ in comments, docstrings and layout only, in imports that change no name that they use,
    or in what the graph tells anyway: their dependencies within the app, and the `replaces` that a squash loses once
    it is everywhere."""
    one, other = _tree(a), _tree(b)
    if one is None or other is None:
        return a == b
    return _shape(one, label) == _shape(other, label)


def _shape(tree: ast.Module, label: str) -> str:
    migration = migration_class(tree)
    if migration is not None:
        migration.body = [each for each in migration.body if not _assigns(each, "replaces")]
        for statement in migration.body:
            if _assigns(statement, "dependencies") and isinstance(statement, ast.Assign):
                statement.value = _others(statement.value, label)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return "\n".join([*_imports(tree), ast.dump(tree)])


def _imports(tree: ast.Module) -> list[str]:
    """What is imported and used, sorted; the statements are taken out of the tree."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            for each in statement.names:
                if (each.asname or each.name.partition(".")[0]) in used:
                    found.add(f"import {each.name} as {each.asname}")
        elif isinstance(statement, ast.ImportFrom) and statement.module != "__future__":
            for each in statement.names:
                if each.name == "*" or (each.asname or each.name) in used:
                    place = "." * statement.level + (statement.module or "")
                    found.add(f"from {place} import {each.name} as {each.asname}")
    tree.body = [each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom)]
    return sorted(found)


def _others(value: ast.expr, label: str) -> ast.expr:
    try:
        return ast.List(elts=[each for each in elements(value) if pair(each)[0] != label], ctx=ast.Load())
    except Computed:
        return value


def _assigns(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)):
            return target == name
    return False


def _tree(blob: bytes) -> ast.Module | None:
    try:
        text = source.decode(blob).text
        tree, shown = source.to_ast(text)
    except source.Unreadable:
        return None
    # With f-strings masked, two different ones would look alike.
    return tree if shown == text else None
