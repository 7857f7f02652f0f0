"""The values that a revision file's top level gives to the four names, told from its syntax tree alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pointsman.core.migrations.alembic.parse import NAMES, Computed

Values = dict[str, object]
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def assigned(tree: ast.Module) -> Values:
    """Name -> None, string or tuple of strings; `Computed` where only running it would tell.

    The last plain assignment at the top level wins, as it does when the file is imported. A name that is
    also bound in a branch, a loop, an import, a function (`global`) or through `globals()` is computed.
    """
    known: Values = {}
    for statement in tree.body:
        if not _assign(statement, known):
            for name, line in _bindings(statement):
                known[name] = Computed(line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            known |= {name: Computed(node.lineno) for name in node.names if name in NAMES}
        elif (bound := _through_globals(node)) is not None:
            known[bound] = Computed(getattr(node, "lineno", 0))
    return {name: value for name, value in known.items() if name in NAMES}


def imported_modules(tree: ast.Module) -> dict[str, str]:
    """Local name -> top module it comes from, for the imports at the top level."""
    names: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {alias.asname or alias.name: node.module.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {
                (alias.asname or alias.name).split(".")[0]: alias.name.split(".")[0] for alias in node.names
            }
    return names


def _assign(statement: ast.stmt, known: Values) -> bool:
    """Take a plain assignment into `known`; False if the statement is none."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                _bind(target, value, known)
        case ast.AnnAssign(target=target, value=expression):
            if expression is not None:
                _bind(target, expression, known)
        case ast.Import() | ast.ImportFrom():
            modules = imported_modules(ast.Module(body=[statement], type_ignores=[]))
            known |= {name: Computed(statement.lineno, by=module) for name, module in modules.items()}
            return True
        case _:
            return False
    for name, line in _bindings_in(statement, ast.NamedExpr):
        known[name] = Computed(line)
    return True


def _bind(target: ast.expr, value: ast.expr, known: Values) -> None:
    match target, value:
        case ast.Name(id=name), _:
            known[name] = evaluate(value, known)
        case ast.Tuple(elts=targets) | ast.List(elts=targets), ast.Tuple(elts=values) | ast.List(
            elts=values
        ) if len(targets) == len(values) and not any(isinstance(e, ast.Starred) for e in [*targets, *values]):
            before = [evaluate(each, known) for each in values]
            for one, fact in zip(targets, before, strict=True):
                if isinstance(one, ast.Name):
                    known[one.id] = fact
        case _:
            for node in ast.walk(target):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    known[node.id] = Computed(node.lineno)


def evaluate(node: ast.expr, known: Values) -> object:
    """The value of a literal, a name bound to one before, or a sum or f-string of such; else `Computed`."""
    match node:
        case ast.Constant(value=None | str() | int() | float() | bytes() as value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return _sequence(items, known, node.lineno)
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            values = evaluate(left, known), evaluate(right, known)
            if isinstance(values[0], str) and isinstance(values[1], str):
                return values[0] + values[1]
        case ast.Call(func=function):
            return Computed(node.lineno, by=_origin(function, known))
        case ast.JoinedStr(values=parts):
            texts = [evaluate(p.value if isinstance(p, ast.FormattedValue) else p, known) for p in parts]
            plain = all(
                not isinstance(p, ast.FormattedValue) or (p.conversion == -1 and p.format_spec is None)
                for p in parts
            )
            if plain and all(isinstance(text, str) for text in texts):
                return "".join(str(text) for text in texts)
    return Computed(node.lineno)


def _sequence(items: list[ast.expr], known: Values, line: int) -> object:
    values = [evaluate(item, known) for item in items]
    if any(isinstance(value, Computed | tuple) for value in values):
        return Computed(line)
    return tuple(values)


def _origin(function: ast.expr, known: Values) -> str:
    while isinstance(function, ast.Attribute):
        function = function.value
    value = known.get(function.id) if isinstance(function, ast.Name) else None
    return value.by if isinstance(value, Computed) else ""


def _bindings(statement: ast.stmt) -> Iterator[tuple[str, int]]:
    """Names that a compound or other statement may bind or delete at the top level."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name, statement.lineno
        return
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name, node.lineno
            case ast.alias(name=name, asname=other):
                yield (other or name).split(".")[0], node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name, node.lineno
            case _:
                pass
        if not isinstance(node, _SCOPES):
            pending.extend(ast.iter_child_nodes(node))


def _bindings_in(statement: ast.stmt, kind: type[ast.NamedExpr]) -> Iterator[tuple[str, int]]:
    for node in ast.walk(statement):
        if isinstance(node, kind):
            yield node.target.id, node.lineno


def _through_globals(node: ast.AST) -> str | None:
    """The name that `globals()["name"] = ...` or `vars()["name"] = ...` binds."""
    match node:
        case ast.Subscript(
            value=ast.Call(func=ast.Name(id="globals" | "vars" | "locals")),
            slice=ast.Constant(value=str(name)),
            ctx=ast.Store() | ast.Del(),
        ) if name in NAMES:
            return name
    return None
