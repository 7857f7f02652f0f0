"""Reads where settings say that an app's migrations are (MIGRATION_MODULES); it looks at text, and at no migration."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pointsman.core.migrations.alembic import source
from pointsman.core.model import GitPath

NAME = "MIGRATION_MODULES"
_SETTINGS = re.compile(r"(?:.*/)?(?:settings[\w.]*|settings/[\w.]+)\.py")
_ALONE = re.compile(r"^[ \t]*MIGRATION_MODULES\s*=\s*(\{[^{}]*\})", re.MULTILINE)
MAX_BYTES = 1_000_000


class Modules(NamedTuple):
    """What settings say: app label by folder, and (file, clause) where they can't be read."""

    labels: Mapping[GitPath, str]
    doubts: tuple[tuple[GitPath, str], ...]


def may_be_settings(path: GitPath) -> bool:
    """settings.py, settings_prod.py, or a module of a package `settings`; those of tests leave migrations out."""
    return _SETTINGS.fullmatch(path) is not None and not any("test" in part for part in path.split("/"))


def named_modules(paths: Collection[GitPath], configs: Mapping[GitPath, bytes]) -> Modules:
    """The folders of `paths` that settings name. Of two that disagree on an app the first in order of path counts."""
    found: dict[str, str] = {}
    doubts: list[tuple[GitPath, str]] = []
    for path in sorted(configs):
        if may_be_settings(path) and NAME.encode() in configs[path]:
            for label, module, why in _entries(configs[path][:MAX_BYTES]):
                if why is not None:
                    doubts.append((path, why))
                elif module is not None and found.setdefault(label, module) != module:
                    doubts.append((path, f"names another module for {label} than other settings do"))
    labels = {folder: label for label, module in found.items() if (folder := _folder(module, paths))}
    return Modules(labels, tuple(doubts))


def _entries(blob: bytes) -> Iterator[tuple[str, str | None, str | None]]:
    """(label, module or None, why it can't be read or None). A clause names no line: that it was wrong before must show
    when the file has grown."""
    try:
        text = source.decode(blob).text
        tree = _tree(text)
    except source.Unreadable:
        yield "", None, f"can't be parsed, so what it says of {NAME} is not known"
        return
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name == NAME:
                yield from _of(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value) if name == NAME:
                yield from _of(value)


def _tree(text: str) -> ast.Module:
    """Of the whole file or, where that is of another Python, of what it says by that name."""
    try:
        return source.to_ast(text)[0]
    except source.Unreadable:
        alone = _ALONE.findall(text)
        if not alone or len(alone) < len(re.findall(rf"\b{NAME}\b", text)):
            raise
        return source.to_ast("".join(f"{NAME} = {each}\n" for each in alone))[0]


def _of(value: ast.expr) -> Iterator[tuple[str, str | None, str | None]]:
    match value:
        case ast.Dict(keys=keys, values=values):
            for key, given in zip(keys, values, strict=True):
                if key is not None:  # `**` repeats what stands elsewhere
                    yield from _entry(key, given)
        case ast.DictComp(value=ast.Constant(value=None)):
            return
        case ast.Call(func=ast.Name(id=made)) if "disable" in made.lower():
            return
        case _:
            yield "", None, f"computes {NAME}"


def _entry(key: ast.expr, given: ast.expr) -> Iterator[tuple[str, str | None, str | None]]:
    match key, given:
        case ast.Constant(value=str(label)), ast.Constant(value=str() | None as module):
            yield label, module, None
        case ast.Constant(value=str(label)), _:
            yield label, None, f"computes where the migrations of {label} are"
        case _:
            yield "", None, "computes of which app it says where migrations are"


def _folder(module: str, paths: Collection[GitPath]) -> GitPath | None:
    """The package of the tree that is imported by that name, the one nearest to the root."""
    wanted = module.replace(".", "/") + "/__init__.py"
    found = [path for path in paths if path == wanted or path.endswith("/" + wanted)]
    return (
        min(found, key=lambda path: (path.count("/"), path)).removesuffix("/__init__.py") if found else None
    )
