"""Walks `upgrade()` statement by statement, following every branch, without running any of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from pointsman.core.migrations.operations import folding
from pointsman.core.migrations.operations.alembic_ops import OP
from pointsman.core.migrations.operations.effects import assign_attribute
from pointsman.core.migrations.operations.evaluate import MAX_LOOP, Evaluator
from pointsman.core.migrations.operations.tables import TABLES
from pointsman.core.migrations.operations.terms import (
    Call,
    Class,
    Func,
    Opaque,
    Ref,
    Scope,
    Term,
    elements,
)


class Interpreter(Evaluator):
    """Reads one module. Both sides of every condition are taken."""

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
        self._inline(upgrade, Call(upgrade, (), _handed(upgrade), upgrade.node.lineno))

    def _block(self, body: Iterable[ast.stmt], scope: Scope) -> None:
        for statement in body:
            self._tick()
            self._statement(statement, scope)

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
                old = self._eval(target, scope)
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
                self._ask(test, scope)
            case ast.Raise(exc=ast.expr() as raised):
                self._eval(raised, scope)
            case _:
                self._compound(node, scope)

    def _compound(self, node: ast.stmt, scope: Scope) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                self._ask(test, scope)
                self._branches([body, orelse], scope)
            case ast.For() | ast.AsyncFor():
                self._loop(node.target, self._eval(node.iter, scope), node.body, scope)
                self._branches([node.orelse, []], scope)
            case ast.While(test=test, body=body, orelse=orelse):
                self._ask(test, scope)
                self._branches([body, []], scope)
                self._branches([orelse, []], scope)
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    term = self._eval(item.context_expr, scope)
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, term, scope)
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
        items = elements(term)
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


def _handed(upgrade: Func) -> dict[str, Term]:
    """What an environment hands to `upgrade(op, tables)` through `context.run_migrations(**kw)`, by its name: the
    operations, and the tables by theirs."""
    spec = upgrade.node.args
    names = {each.arg for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)}
    known: dict[str, Term] = {"op": Ref(OP), "tables": Ref(TABLES)}
    return {name: term for name, term in known.items() if name in names}


def _import(node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    for alias in node.names:
        first = alias.name.partition(".")[0]
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            scope.names[alias.asname or alias.name] = Ref(f"{module}.{alias.name}")
        elif alias.asname:
            scope.names[alias.asname] = Ref(alias.name)
        else:
            scope.names[first] = Ref(first)
