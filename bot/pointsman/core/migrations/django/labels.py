"""Reads the label that an apps.py gives its app; it decides nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pointsman.core.migrations.alembic import source


def label_in(apps: bytes, package: str) -> str | None:
    """The label that the app's configuration gives it, None where it gives none that can be read.

    As Django chooses it: the only AppConfig of the module, or the one with `default = True`. One whose `name` is that
    of another package than `package` (a folder of the tree) is not this app's."""
    try:
        tree, _ = source.to_ast(source.decode(apps).text)
    except source.Unreadable:
        return None
    found = [dict(_values(node)) for node in tree.body if isinstance(node, ast.ClassDef) and _is_config(node)]
    chosen = [each for each in found if each.get("default") is True] if len(found) > 1 else found
    if len(chosen) != 1:
        return None
    label, name = chosen[0].get("label"), chosen[0].get("name")
    dotted = "." + package.replace("/", ".")
    if isinstance(name, str) and not dotted.endswith(f".{name}") and not f".{name}".endswith(dotted):
        return None
    return label if isinstance(label, str) else None


def _is_config(node: ast.ClassDef) -> bool:
    bases = [base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for base in node.bases]
    return any(base.endswith("Config") for base in bases)


def _values(node: ast.ClassDef) -> Iterator[tuple[str, object]]:
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value)):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value)):
                yield name, value
