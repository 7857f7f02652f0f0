"""Walks `upgrade()` statement by statement, following every branch, without running any of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from pointsman.core.migrations.operations import folding
from pointsman.core.migrations.operations.effects import assign_attribute, is_quiet, perform
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.terms import (
    Attr,
    Call,
    Class,
    Const,
    Func,
    Item,
    Map,
    Opaque,
    Ref,
    Scope,
    Seq,
    Term,
    dotted,
)

MAX_STEPS = 60_000
MAX_DEPTH = 90
MAX_CALLS = 16
MAX_LOOP = 400

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class TooMuch(Exception):
    """The migration is deeper or longer than a reading may be."""


class Interpreter:
    """Reads one module. Unknown values become `Opaque`; both sides of every condition are taken."""

    def __init__(self, recorder: Recorder) -> None:
        self._rec = recorder
        self._steps = 0
        self._depth = 0
        self._quiet = 0
        self._calls: list[ast.AST] = []
        self._returns: list[list[Term]] = []
        self._scopes: list[Scope] = []

    def run(self, tree: ast.Module) -> None:
        """Record what `upgrade()` does; raises TooMuch past the bounds."""
        scope = Scope()
        self._scopes.append(scope)
        self._rec.recording = False
        self._block(tree.body, scope)
        self._rec.recording = True
        upgrade = scope.names.get("upgrade")
        if not isinstance(upgrade, Func):
            self._rec.unknown("there is no upgrade() in this file")
            return
        self._rec.move(upgrade.node.lineno, upgrade.node.lineno)
        self._inline(upgrade, Call(upgrade, (), {}, upgrade.node.lineno))

    # statements

    def _block(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self._tick()
            self._statement(statement, scope)

    def _tick(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooMuch

    def _statement(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.Expr(value=value):
                self._eval(value, scope)
            case ast.Assign(targets=targets, value=value):
                term = self._eval(value, scope)
                for target in targets:
                    self._bind(target, term, scope)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._bind(target, self._eval(value, scope), scope)
            case ast.AugAssign(target=target, op=operator, value=value):
                old = self._eval(_as_load(target), scope)
                self._bind(target, folding.binary(operator, old, self._eval(value, scope)), scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                scope.names[node.name] = Func(node, scope)
            case ast.ClassDef():
                self._class(node, scope)
            case ast.Import() | ast.ImportFrom():
                _import(node, scope)
            case ast.Return(value=ast.expr() as value):
                self._returned(self._eval(value, scope))
            case ast.Assert(test=test):
                self._eval(test, scope)
            case ast.Raise(exc=ast.expr() as raised):
                self._eval(raised, scope)
            case _:
                self._compound(node, scope)

    def _compound(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self._eval(test, scope)
                self._branches([body, orelse], scope)
            case ast.For() | ast.AsyncFor():
                self._loop(node.target, self._eval(node.iter, scope), node.body, scope)
                self._branches([node.orelse, []], scope)
            case ast.While(test=test, body=body, orelse=orelse):
                self._eval(test, scope)
                self._branches([body, []], scope)
                self._branches([orelse, []], scope)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    term = self._eval(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, _entered(term), scope)
                self._block(node.body, scope)
            case ast.Try() | ast.TryStar():
                self._block(node.body, scope)
                self._branches([*(handler.body for handler in node.handlers), node.orelse, []], scope)
                self._block(node.finalbody, scope)
            case ast.Match(subject=subject, cases=cases):
                self._eval(subject, scope)
                self._branches([[], *(case.body for case in cases)], scope)
            case _:
                return

    def _branches(self, bodies: Sequence[Sequence[ast.stmt]], scope: Scope) -> None:
        before = dict(scope.names)
        merged: dict[str, Term] | None = None
        for body in bodies:
            scope.names = dict(before)
            self._steps += len(before) // 50
            self._block(body, scope)
            merged = scope.names if merged is None else folding.either(merged, scope.names)
        scope.names = merged if merged is not None else before

    def _loop(self, target: ast.expr, term: Term, body: Sequence[ast.stmt], scope: Scope) -> None:
        items = folding.elements(term)
        if items is not None and len(items) <= MAX_LOOP:
            for item in items:
                self._bind(target, item, scope)
                self._block(body, scope)
            return
        self._bind(target, Opaque((term,)), scope)
        self._branches([body, []], scope)

    def _class(self, node: ast.ClassDef, scope: Scope) -> None:
        inner = Scope(outer=scope)
        recording, self._rec.recording = self._rec.recording, False
        bases = tuple(self._eval(base, scope) for base in node.bases)
        self._block(node.body, inner)
        self._rec.recording = recording
        scope.names[node.name] = Class(node.name, inner.names, bases)

    def _bind(self, target: ast.expr, term: Term, scope: Scope) -> None:
        match target:
            case ast.Name(id=name):
                scope.names[name] = term
            case ast.Tuple(elts=elts) | ast.List(elts=elts):
                parts = folding.unpack(term, len(elts))
                for element, part in zip(elts, parts, strict=True):
                    self._bind(element, part, scope)
            case ast.Starred(value=value):
                self._bind(value, Opaque((term,)), scope)
            case ast.Attribute(value=value, attr=attr):
                self._move(target)
                assign_attribute(self._eval(value, scope), attr, self._rec)
            case ast.Subscript(value=value, slice=index):
                base, key = self._eval(value, scope), self._eval(index, scope)
                self._replace(base, folding.with_item(base, key, term))
            case _:
                return

    def _replace(self, old: Term, new: Term) -> None:
        """What `x.append()` and `x[k] = v` do to every name that holds x."""
        if old is new:
            return
        for scope in self._scopes:
            for name, held in scope.names.items():
                if held is old:
                    scope.names[name] = new

    # expressions

    def _eval(self, node: ast.expr, scope: Scope) -> Term:
        self._tick()
        if self._depth >= MAX_DEPTH:
            raise TooMuch
        self._depth += 1
        try:
            return self._expression(node, scope)
        finally:
            self._depth -= 1

    def _expression(self, node: ast.expr, scope: Scope) -> Term:
        match node:
            case ast.Constant(value=value):
                return Const(value)
            case ast.Name(id=name):
                return scope.get(name) or Ref(name)
            case ast.Attribute(value=value, attr=attr):
                return folding.attribute(self._eval(value, scope), attr)
            case ast.Call():
                return self._call(node, scope)
            case ast.JoinedStr(values=values):
                return folding.joined([self._eval(value, scope) for value in values])
            case ast.FormattedValue(value=value):
                return folding.formatted(self._eval(value, scope))
            case ast.List(elts=elts) | ast.Tuple(elts=elts) | ast.Set(elts=elts):
                return self._sequence(elts, scope)
            case ast.Dict(keys=keys, values=values):
                pairs = [
                    (None if k is None else self._eval(k, scope), v)
                    for k, v in zip(keys, values, strict=True)
                ]
                return folding.mapping([(key, self._eval(value, scope)) for key, value in pairs])
            case ast.BinOp(left=left, op=operator, right=right):
                return folding.binary(operator, self._eval(left, scope), self._eval(right, scope))
            case ast.Subscript(value=value, slice=index):
                return folding.item(self._eval(value, scope), self._eval(index, scope))
            case ast.Lambda():
                return Func(node, scope)
            case ast.NamedExpr(target=target, value=value):
                term = self._eval(value, scope)
                self._bind(target, term, scope)
                return term
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self._comprehension(node, scope)
            case ast.Await(value=value) | ast.Starred(value=value):
                return self._eval(value, scope)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._eval(test, scope)
                return folding.choice(self._eval(body, scope), self._eval(orelse, scope))
            case _:
                return Opaque(
                    tuple(self._eval(c, scope) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr))
                )

    def _sequence(self, elts: Sequence[ast.expr], scope: Scope) -> Term:
        items: list[Term] = []
        known = True
        for element in elts:
            term = self._eval(element, scope)
            if not isinstance(element, ast.Starred):
                items.append(term)
                continue
            inner = folding.elements(term)
            known = known and inner is not None
            items.extend([term] if inner is None else inner)
        return Seq(tuple(items)) if known else Opaque(tuple(items))

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Term:
        inner = Scope(outer=scope)
        first = node.generators[0]
        source = self._eval(first.iter, scope)
        items = folding.elements(source)
        exact = items is not None and len(items) <= MAX_LOOP and len(node.generators) == 1 and not first.ifs
        found: list[Term] = []
        for item in (items or ()) if exact else (Opaque((source,)),):
            self._bind(first.target, item, inner)
            for condition in first.ifs:
                self._eval(condition, inner)
            for more in node.generators[1:]:
                self._bind(more.target, Opaque((self._eval(more.iter, inner),)), inner)
            if isinstance(node, ast.DictComp):
                key, value = self._eval(node.key, inner), self._eval(node.value, inner)
                found.append(Seq((key, value)))
            else:
                found.append(self._eval(node.elt, inner))
        if not exact:
            return Opaque(tuple(found))
        if isinstance(node, ast.DictComp):
            return folding.mapping(
                [(pair.items[0], pair.items[1]) for pair in found if isinstance(pair, Seq)]
            )
        return Seq(tuple(found))

    # calls

    def _call(self, node: ast.Call, scope: Scope) -> Term:
        func = self._eval(node.func, scope)
        quiet = is_quiet(func)
        self._quiet += quiet
        args, kwargs = self._arguments(node, scope)
        self._quiet -= quiet
        call = Call(func, args, kwargs, node.lineno)
        if isinstance(func, Func):
            return self._inline(func, call)
        folded = folding.call(call)
        if folded is not None:
            if folded.receiver is not None and isinstance(func, Attr):
                self._replace(func.base, folded.receiver)
            return folded.value
        self._move(node)
        for follow in perform(call, self._rec, quiet=self._quiet > 0):
            target = follow.func
            if isinstance(target, Func):
                self._inline(target, follow)
        self._family(call)
        return call

    def _family(self, call: Call) -> None:
        """`globals()["upgrade_%s" % name]()`, as Alembic's multi-database template writes it."""
        func = call.func
        if not (
            isinstance(func, Item) and isinstance(func.base, Call) and dotted(func.base.func) == "globals"
        ):
            return
        prefix = folding.known_prefix(func.key)
        for name, held in list(self._scopes[0].names.items()):
            if prefix and name.startswith(prefix) and name != "upgrade" and isinstance(held, Func):
                self._inline(held, Call(held, (), {}, call.line))

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[tuple[Term, ...], dict[str, Term]]:
        args: list[Term] = []
        for argument in node.args:
            term = self._eval(argument, scope)
            spread = folding.elements(term) if isinstance(argument, ast.Starred) else None
            args.extend([term] if spread is None else spread)
        kwargs: dict[str, Term] = {}
        for keyword in node.keywords:
            term = self._eval(keyword.value, scope)
            if keyword.arg is not None:
                kwargs[keyword.arg] = term
            elif isinstance(term, Map):
                kwargs.update({str(key): value for key, value in term.items.items()})
            else:
                kwargs["**"] = term
        return tuple(args), kwargs

    def _inline(self, func: Func, call: Call) -> Term:
        node = func.node
        if node in self._calls or len(self._calls) >= MAX_CALLS:
            self._rec.unknown("calls itself, or calls too deeply to follow")
            return Opaque(call.args)
        scope = Scope(outer=func.scope)
        self._bind_parameters(node.args, call, scope)
        place = self._rec.line, self._rec.end_line
        self._calls.append(node)
        self._scopes.append(scope)
        self._returns.append([])
        depth, self._depth = self._depth, 0
        if isinstance(node, ast.Lambda):
            self._returned(self._eval(node.body, scope))
        else:
            self._block(node.body, scope)
        self._depth = depth
        self._calls.pop()
        self._scopes.pop()
        self._rec.move(*place)
        returned = self._returns.pop()
        return returned[0] if len(returned) == 1 else Opaque(tuple(returned)) if returned else Const(None)

    def _bind_parameters(self, spec: ast.arguments, call: Call, scope: Scope) -> None:
        names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
        for argument, default in zip(reversed(names), reversed(spec.defaults), strict=False):
            scope.names[argument] = self._eval(default, scope.outer or scope)
        for argument_, default_ in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if default_ is not None:
                scope.names[argument_.arg] = self._eval(default_, scope.outer or scope)
        scope.names.update(zip(names, call.args, strict=False))
        every = {*names, *(argument.arg for argument in spec.kwonlyargs)}
        scope.names.update({key: value for key, value in call.kwargs.items() if key in every})
        for name in every - scope.names.keys():
            scope.names[name] = Opaque()
        if spec.vararg is not None:
            scope.names[spec.vararg.arg] = Seq(call.args[len(names) :])
        if spec.kwarg is not None:
            rest: dict[object, Term] = {key: value for key, value in call.kwargs.items() if key not in every}
            scope.names[spec.kwarg.arg] = Map(rest, partial="**" in rest)

    def _returned(self, term: Term) -> None:
        if self._returns:
            self._returns[-1].append(term)

    def _move(self, node: ast.expr) -> None:
        self._rec.move(node.lineno, node.end_lineno or node.lineno)


def _as_load(target: ast.expr) -> ast.expr:
    return target


def _entered(term: Term) -> Term:
    """What `with X as y` binds: batch operations, connections and sessions give themselves."""
    return term


def _import(node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    if isinstance(node, ast.Import):
        for alias in node.names:
            scope.names[alias.asname or alias.name.partition(".")[0]] = Ref(
                alias.name if alias.asname else alias.name.partition(".")[0]
            )
        return
    for alias in node.names:
        module = "." * node.level + (node.module or "")
        scope.names[alias.asname or alias.name] = Ref(
            f"{module}.{alias.name}".lstrip(".") if not node.level else f"{module}.{alias.name}"
        )
