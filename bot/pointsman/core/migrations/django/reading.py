"""One pass over one migration: where it stands, what its names mean; which operation does what it does not know."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from pointsman.core.migrations.django.calls import text
from pointsman.core.migrations.django.tables import Tables
from pointsman.core.migrations.operations.model import Operation
from pointsman.core.migrations.operations.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Reading:
    """The file, the tables of its app and what has been found so far."""

    tree: ast.Module
    tables: Tables
    rec: Recorder

    def move(self, node: ast.expr) -> None:
        self.rec.move(node.lineno, node.end_lineno or node.lineno)

    def add(self, operation: Operation) -> None:
        self.rec.add(operation)

    def unknown(self, why: str) -> None:
        self.rec.unknown(why)

    def table(self, node: ast.expr | None) -> str | None:
        """The table of the model that is named; None, and said so, where it is not spelled out."""
        model = text(node)
        if model is None:
            self.unknown("the model's name is made while running")
            return None
        return self.tables.of(model)

    def name(self, node: ast.expr | None) -> str | None:
        """A name in lower case; None, and said so, where it is not spelled out."""
        found = text(node)
        if found is None:
            self.unknown("a name is made while running")
            return None
        return found.lower()

    def columns(self, model: ast.expr | None, *fields: str) -> tuple[str, ...]:
        """What fields may be called in the table: their own names, those given by hand, and a relation's `_id`, for
        a name alone does not tell which is one."""
        named = self.tables.columns
        key = (text(model) or "").lower()
        found: dict[str, None] = {}
        for field in fields:
            found |= {field: None, named.get(f"{key}.{field}", f"{field}_id"): None}
        return tuple(found)
