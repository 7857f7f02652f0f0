"""What a Django migration touches, in the words of core/migrations/operations; reads text, runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.django import fields, indexes, models
from pointsman.core.migrations.django.calls import Given, called, given, text
from pointsman.core.migrations.django.constants import spelled_out
from pointsman.core.migrations.django.data import run_python, run_sql
from pointsman.core.migrations.django.parse import Computed, attribute, elements, migration_class
from pointsman.core.migrations.django.reading import Reading
from pointsman.core.migrations.django.tables import Tables
from pointsman.core.migrations.operations.model import Footprint, Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder


def footprint(blob: bytes, tables: Tables) -> Footprint:
    """What going up through the file touches; `unknown` says what can't be read. Never raises."""
    try:
        shown = source.decode(blob).text
        tree, _ = source.to_ast(shown)
    except source.Unreadable as error:
        recorder = Recorder("")
        recorder.unknown(f"the file can't be parsed: {error}")
        return recorder.footprint()
    recorder = Recorder(shown)
    migration = migration_class(tree)
    if migration is None:
        recorder.unknown("there is no class Migration in this file")
        return recorder.footprint()
    try:
        _migration(Reading(tree, tables, recorder), migration)
    except RecursionError:
        recorder.unknown("the migration is too deep to read")
    return recorder.footprint()


def _migration(at: Reading, migration: ast.ClassDef) -> None:
    for node in migration.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            at.rec.move(node.lineno, node.lineno)
            at.unknown("the migration has methods of its own")
    try:
        value = attribute(migration, "operations")
    except Computed as line:
        at.rec.move(int(str(line)), int(str(line)))
        at.unknown("its operations are made while running")
        return
    _operations(at, spelled_out(value, at.tree, migration))


def _operations(at: Reading, value: ast.expr | None) -> None:
    try:
        found = elements(value)
    except Computed:
        if value is not None:
            at.move(value)
        at.unknown("its operations are made while running")
        return
    for node in found:
        at.move(node)
        if isinstance(node, ast.Call):
            _operation(at, node)
        else:
            at.unknown("an operation is made while running")


def _operation(at: Reading, call: ast.Call) -> None:
    kind = called(call)
    if kind in READERS:
        names, read = READERS[kind]
        options = given(call, names)
        if "**" in options:
            at.unknown("what the operation is about is not spelled out")
            return
        read(at, options)
    elif kind.endswith("Extension"):
        name = text(given(call, ["name"]).get("name")) or kind.removesuffix("Extension").lower()
        at.add(Operation(kind=Kind.CREATE_EXTENSION, name=name, if_exists=True))
    else:
        at.unknown(f"{kind or 'this'} is no operation of Django's own")


def _both(at: Reading, options: Given) -> None:
    _operations(at, options.get("database_operations"))
    _operations(at, options.get("state_operations"))


def _sql(at: Reading, options: Given) -> None:
    run_sql(options.get("sql"), at.rec)
    if "state_operations" in options:
        _operations(at, options["state_operations"])


def _python(at: Reading, options: Given) -> None:
    run_python(options.get("code"), at.tree, at.tables, at.rec)


def _collation(at: Reading, options: Given) -> None:
    if (name := at.name(options.get("name"))) is not None:
        at.add(Operation(kind=Kind.RAW, name=f"the collation {name}"))


READERS: dict[str, tuple[list[str], Callable[[Reading, Given], None]]] = {
    **models.READERS,
    **fields.READERS,
    **indexes.READERS,
    "RunSQL": (["sql", "reverse_sql", "state_operations", "hints", "elidable"], _sql),
    "RunPython": (["code", "reverse_code", "atomic", "hints", "elidable"], _python),
    "SeparateDatabaseAndState": (["database_operations", "state_operations"], _both),
    "CreateCollation": (["name", "locale"], _collation),
    "RemoveCollation": (["name", "locale"], _collation),
}
