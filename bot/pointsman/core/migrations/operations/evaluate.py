"""Computes expressions of a migration as far as they are known and passes each call on for its effect."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from pointsman.core.migrations.operations import folding, strings
from pointsman.core.migrations.operations.effects import is_quiet, perform
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
    elements,
)

MAX_STEPS = 60_000
MAX_DEPTH = 90
MAX_CALLS = 16
MAX_LOOP = 400
UNREAD = "an f-string of a newer Python"
"""A name, which none can be, for a string that this Python can't read."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _of_anything(spec: ast.arguments, call: Call) -> Call:
    """The call with each argument one that could be any of them, or made of them."""
    handed = Opaque((*call.args, *call.kwargs.values()))
    named = {each.arg: handed for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    return Call(call.func, (), named, call.line)


class TooMuch(Exception):
    """The migration is deeper or longer than a reading may be."""


class Evaluator:
    """Expressions and calls; unknown values become `Opaque`. What a body does is left to `_block` and `_bind`."""

    def __init__(self, recorder: Recorder) -> None:
        self._rec = recorder
        self._steps = 0
        self._depth = 0
        self._quiet = 0
        self._calls: list[ast.AST] = []
        self._returns: list[list[Term]] = []
        self._scopes: list[Scope] = []

    def _block(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        raise NotImplementedError

    def _bind(self, target: ast.expr, term: Term, scope: Scope) -> None:
        raise NotImplementedError

    def _tick(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooMuch

    def _replace(self, old: Term, new: Term) -> None:
        """What `x.append()` and `x[k] = v` do to every name that holds x."""
        if old is new:
            return
        for scope in self._scopes:
            for name, held in scope.names.items():
                if held is old:
                    scope.names[name] = new

    def _eval(self, node: ast.expr, scope: Scope) -> Term:
        self._tick()
        if self._depth >= MAX_DEPTH:
            raise TooMuch
        self._depth += 1
        try:
            return self._expression(node, scope)
        finally:
            self._depth -= 1

    def _ask(self, test: ast.expr, scope: Scope) -> None:
        """Evaluate a condition: what it calls is called for its answer."""
        before, self._rec.asking = self._rec.asking, True
        self._eval(test, scope)
        self._rec.asking = before

    def _expression(self, node: ast.expr, scope: Scope) -> Term:
        match node:
            case ast.Constant(value=value):
                return Const(value)
            case ast.Name(id=name) if name == UNREAD:
                self._move(node)
                self._rec.unknown(f"this is {UNREAD}")
                return Opaque()
            case ast.Name(id=name):
                return scope.get(name) or Ref(name)
            case ast.Attribute(value=value, attr=attr):
                return folding.attribute(self._eval(value, scope), attr)
            case ast.Call():
                return self._call(node, scope)
            case ast.JoinedStr(values=values):
                return strings.joined([self._eval(value, scope) for value in values])
            case ast.FormattedValue(value=value, conversion=conversion):
                term = self._eval(value, scope)
                quoted = conversion == ord("r") and isinstance(term, Const)
                return (
                    Const(repr(term.value)) if quoted and isinstance(term, Const) else strings.formatted(term)
                )
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
                self._ask(test, scope)
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
            inner = elements(term)
            known = known and inner is not None
            items.extend([term] if inner is None else inner)
        return Seq(tuple(items)) if known else Opaque(tuple(items))

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
    ) -> Term:
        inner = Scope(outer=scope)
        first = node.generators[0]
        source = self._eval(first.iter, scope)
        items = elements(source)
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

    def _call(self, node: ast.Call, scope: Scope) -> Term:
        func = self._eval(node.func, scope)
        quiet = is_quiet(func)
        self._quiet += quiet
        args, kwargs = self._arguments(node, scope)
        self._quiet -= quiet
        call = Call(func, args, kwargs, node.lineno)
        if isinstance(func, Func):
            return self._inline(func, call)
        self._method(call)
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

    def _method(self, call: Call) -> None:
        """`Task().run()` and `Task(...)` of a class in this file run its method and its `__init__`."""
        func = call.func
        if isinstance(func, Class):
            made, method = call, func.members.get("__init__")
        elif isinstance(func, Attr) and isinstance(func.base, Call) and isinstance(func.base.func, Class):
            made, method = func.base, func.base.func.members.get(func.name)
        else:
            return
        if isinstance(method, Func):
            static = isinstance(method.node, _Function) and bool(method.node.decorator_list)
            args = call.args if static else (made, *call.args)
            self._inline(method, Call(method, args, call.kwargs, call.line))

    def _family(self, call: Call) -> None:
        """`globals()["upgrade_%s" % name]()`, as Alembic's multi-database template writes it."""
        func = call.func
        if not (
            isinstance(func, Item) and isinstance(func.base, Call) and dotted(func.base.func) == "globals"
        ):
            return
        prefix = strings.known_prefix(func.key)
        for name, held in list(self._scopes[0].names.items()):
            if prefix and name.startswith(prefix) and name != "upgrade" and isinstance(held, Func):
                self._inline(held, Call(held, (), {}, call.line))

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[tuple[Term, ...], dict[str, Term]]:
        args: list[Term] = []
        for argument in node.args:
            term = self._eval(argument, scope)
            spread = elements(term) if isinstance(argument, ast.Starred) else None
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
        if self._calls.count(node) > 1:
            # It was read with parameters of which nothing is known: once more would tell nothing else.
            return Opaque((*call.args, *call.kwargs.values()))
        if len(self._calls) >= MAX_CALLS:
            self._rec.unknown("calls too deeply to follow")
            return Opaque(call.args)
        if node in self._calls:
            call = _of_anything(node.args, call)
        scope = Scope(outer=func.scope)
        self._bind_parameters(node.args, call, scope)
        place = self._rec.line, self._rec.end_line
        self._calls.append(node)
        self._scopes.append(scope)
        self._returns.append([])
        depth, self._depth = self._depth, 0
        asking, self._rec.asking = self._rec.asking, False
        if isinstance(node, ast.Lambda):
            self._returned(self._eval(node.body, scope))
        else:
            self._block(node.body, scope)
        self._depth, self._rec.asking = depth, asking
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
