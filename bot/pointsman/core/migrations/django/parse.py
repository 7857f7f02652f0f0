"""Reads one migration file from its text, never importing it; what its app and its name are, it does not know.

The `Parsed` of a file stands for itself only: `parents` are all its `dependencies` and `depends_on` its
`run_before`, each as `app.name`, whatever the app; `labels` are `model=table` for tables that are named by hand,
`model.field=column` for columns that are, and `model>new` for renamed models. context.py makes of them what they
mean in an app.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.model import Code, Issue, Parsed

MAX_BYTES = 4_000_000
SETTING = "__setting__"
"""The app of a dependency on whatever model a setting names, as Django writes it."""
_MARKERS = re.compile(rb"^(?:<{7} .*|={7}\r?|>{7} .*)$", re.MULTILINE)
_BOTH = re.compile(rb"^<{7} .*^>{7} ", re.MULTILINE | re.DOTALL)
_BROKEN_LIST = re.compile(rb"^    dependencies\s*=\s*[\[(](.*?)^    [\])]", re.MULTILINE | re.DOTALL)
_BROKEN_PAIR = re.compile(rb"""\(\s*u?['"](\w+)['"]\s*,\s*u?['"](\w+)['"]""")
NO_CLASS = Issue(Code.NO_REVISION, "defines no class `Migration`, and Django stops at it")


class Computed(Exception):
    """A value that only running the file would tell; the text is its line."""


def parse(blob: bytes) -> Parsed:
    """See the module; an issue for whatever can't be read. Never raises."""
    if len(blob) > MAX_BYTES:
        message = f"is {len(blob):,} bytes long; at most {MAX_BYTES:,} are read"
        return Parsed(None, None, issues=(Issue(Code.TOO_LARGE, message),))
    try:
        tree, _ = source.to_ast(source.decode(blob).text)
    except source.Unreadable as error:
        return _broken(blob, str(error))
    migration = migration_class(tree)
    if migration is None:
        return Parsed(None, None, issues=(NO_CLASS,))
    return _read(migration)


def migration_class(tree: ast.Module) -> ast.ClassDef | None:
    """The last class of that name at the top level: it is what the module's attribute is."""
    found = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Migration"]
    return found[-1] if found else None


def attribute(migration: ast.ClassDef, name: str) -> ast.expr | None:
    """The expression that the class body assigns to the name, None if it does not. Raises `Computed` where it is
    bound in a way that can't be read."""
    value: ast.expr | None = None
    for statement in migration.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=given) if target == name:
                value = given
            case ast.AnnAssign(target=ast.Name(id=target), value=given) if target == name:
                value = given if given is not None else value
            case _:
                if any(
                    isinstance(n, ast.Name) and n.id == name and _is_bound(n) for n in ast.walk(statement)
                ):
                    raise Computed(str(statement.lineno))
    return value


def elements(value: ast.expr | None) -> list[ast.expr]:
    """The members of a list, tuple or sum of such. Raises `Computed`."""
    match value:
        case None:
            return []
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return list(items)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return elements(left) + elements(right)
    raise Computed(str(value.lineno))


def pair(node: ast.expr) -> tuple[str, str]:
    """(app, name) of one dependency. Raises `Computed`."""
    match node:
        case (
            ast.Tuple(elts=[ast.Constant(value=str(app)), ast.Constant(value=str(name))])
            | ast.List(elts=[ast.Constant(value=str(app)), ast.Constant(value=str(name))])
        ):
            return app, name
        case ast.Call(func=ast.Attribute(attr="swappable_dependency") | ast.Name(id="swappable_dependency")):
            argument = node.args[0] if node.args else None
            named = argument.attr if isinstance(argument, ast.Attribute) else ""
            return SETTING, named
    raise Computed(str(node.lineno))


def _is_bound(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store | ast.Del)


def _read(migration: ast.ClassDef) -> Parsed:
    issues: list[Issue] = []
    parents = _names(migration, "dependencies", issues)
    before = _names(migration, "run_before", issues)
    replaces = _names(migration, "replaces", issues)
    labels = tuple(dict.fromkeys(_tables(migration)))
    return Parsed(None, parents, labels, before or (), tuple(issues), replaces=replaces or ())


def _names(migration: ast.ClassDef, attr: str, issues: list[Issue]) -> tuple[str, ...] | None:
    try:
        pairs = [pair(each) for each in elements(attribute(migration, attr))]
    except Computed as line:
        text = f"computes `{attr}` (line {line}); it can't be read without running it"
        issues.append(Issue(Code.COMPUTED, text))
        return None
    return tuple(f"{app}.{name}" for app, name in pairs)


def _tables(migration: ast.ClassDef) -> Iterator[str]:
    """`model=table`, `model.field=column` and `model>new`, in the order of the file."""
    for node in ast.walk(migration):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Attribute(attr=kind) | ast.Name(id=kind):
                pass
            case _:
                continue
        if kind in ("CreateModel", "AlterModelTable", "RenameModel"):
            yield from _table(kind, node)
        if kind in ("CreateModel", "AddField", "AlterField"):
            yield from _columns(kind, node)


def _table(kind: str, call: ast.Call) -> Iterator[str]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    names = {"RenameModel": ["old_name", "new_name"], "AlterModelTable": ["name", "table"]}.get(
        kind, ["name"]
    )
    given |= dict(zip(names, call.args, strict=False))
    model = _text(given.get(names[0]))
    if kind == "CreateModel":
        options = given.get("options")
        keys = dict(zip(options.keys, options.values, strict=True)) if isinstance(options, ast.Dict) else {}
        table = next((_text(v) for k, v in keys.items() if _text(k) == "db_table"), None)
    else:
        table = _text(given.get(names[1]))
    if model and table:
        sign = ">" if kind == "RenameModel" else "="
        yield f"{model.lower()}{sign}{table.lower()}"


def _columns(kind: str, call: ast.Call) -> Iterator[str]:
    """Of fields with a `db_column`; they are few."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    names = ["name", "fields"] if kind == "CreateModel" else ["model_name", "name", "field"]
    given |= dict(zip(names, call.args, strict=False))
    model = _text(given.get(names[0]))
    fields: list[tuple[str | None, ast.expr]] = []
    if kind != "CreateModel" and (defined := given.get("field")) is not None:
        fields = [(_text(given.get("name")), defined)]
    elif isinstance(listed := given.get("fields"), ast.List | ast.Tuple):
        pairs = (each.elts for each in listed.elts if isinstance(each, ast.Tuple) and len(each.elts) == 2)
        fields = [(_text(name), defined) for name, defined in pairs]
    for name, defined in fields:
        written = (
            next((k.value for k in defined.keywords if k.arg == "db_column"), None)
            if isinstance(defined, ast.Call)
            else None
        )
        column = _text(written)
        if model and name and column:
            yield f"{model.lower()}.{name.lower()}={column.lower()}"


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _broken(blob: bytes, why: str) -> Parsed:
    """What the dependencies of a file that is no Python still say, so that the graph keeps its shape."""
    if _BOTH.search(blob):
        lines = [blob.count(b"\n", 0, found.start()) + 1 for found in _MARKERS.finditer(blob)]
        issue = Issue(
            Code.CONFLICT_MARKERS, f"contains conflict markers (lines {', '.join(map(str, lines[:6]))})"
        )
    else:
        issue = Issue(Code.UNPARSABLE, f"is not valid Python: {why}")
    lists = _BROKEN_LIST.findall(blob[:MAX_BYTES])
    if len(lists) != 1:
        return Parsed(None, None, issues=(issue,))
    pairs = _BROKEN_PAIR.findall(lists[0])
    return Parsed(None, tuple(f"{app.decode()}.{name.decode()}" for app, name in pairs), issues=(issue,))
