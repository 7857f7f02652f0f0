"""What a Django migration touches, in the words of core/migrations/operations; reads text, runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from pointsman.core.migrations.alembic import source
from pointsman.core.migrations.django.calls import (
    Field,
    Given,
    called,
    given,
    groups,
    is_true,
    read_field,
    text,
    texts,
)
from pointsman.core.migrations.django.data import run_python, run_sql
from pointsman.core.migrations.django.parse import Computed, attribute, elements, migration_class
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
        _Reading(tree, tables, recorder).migration(migration)
    except RecursionError:
        recorder.unknown("the migration is too deep to read")
    return recorder.footprint()


class _Reading:
    """One pass over one migration's operations."""

    def __init__(self, tree: ast.Module, tables: Tables, rec: Recorder) -> None:
        self.tree = tree
        self.tables = tables
        self.rec = rec

    def migration(self, migration: ast.ClassDef) -> None:
        for node in migration.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self.rec.move(node.lineno, node.lineno)
                self.rec.unknown("the migration has methods of its own")
        try:
            value = attribute(migration, "operations")
        except Computed as line:
            self.rec.move(int(str(line)), int(str(line)))
            self.rec.unknown("its operations are made while running")
            return
        self.operations(value)

    def operations(self, value: ast.expr | None) -> None:
        try:
            found = elements(value)
        except Computed:
            if value is not None:
                self._move(value)
            self.rec.unknown("its operations are made while running")
            return
        for node in found:
            self._move(node)
            if isinstance(node, ast.Call):
                self.operation(node)
            else:
                self.rec.unknown("an operation is made while running")

    def operation(self, call: ast.Call) -> None:
        kind = called(call)
        if kind in _READERS:
            names, read = _READERS[kind]
            options = given(call, names)
            if "**" in options:
                self.rec.unknown("what the operation is about is not spelled out")
                return
            read(self, options)
        elif kind.endswith("Extension"):
            name = text(given(call, ["name"]).get("name")) or kind.removesuffix("Extension").lower()
            self.rec.add(Operation(kind=Kind.CREATE_EXTENSION, name=name, if_exists=True))
        else:
            self.rec.unknown(f"{kind or 'this'} is no operation of Django's own")

    # --- models ------------------------------------------------------------------------------------------

    def create_model(self, options: Given) -> None:
        settings = _mapping(options.get("options"))
        if is_true(settings.get("proxy")) or _is_false(settings.get("managed")):
            return
        table = self._table(options.get("name"))
        if table is None:
            return
        fields = [self._field_of(each) for each in _items(options.get("fields"))]
        known = [each for each in fields if each is not None]
        if len(known) < len(fields):
            self.rec.unknown("a field of the new model is made while running")
        columns = [each for each in known if not each.many and not each.virtual]
        targets = tuple(dict.fromkeys(each.target for each in columns if each.target))
        self.rec.add(
            Operation(
                kind=Kind.CREATE_TABLE,
                table=table,
                columns=tuple(each.column for each in columns),
                references=targets,
                targets=tuple(f"{target}.id" for target in targets),
            )
        )
        for each in known:
            if each.many:
                self._link_table(table, each)
        for name in ("indexes", "constraints"):
            for node in _items(settings.get(name)):
                self._index_or_constraint(table, node)

    def _field_of(self, node: ast.expr) -> Field | None:
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(name)), definition]):
                return read_field(name, definition, self.tables)
        return None

    def delete_model(self, options: Given) -> None:
        if (table := self._table(options.get("name"))) is not None:
            self.rec.add(Operation(kind=Kind.DROP_TABLE, table=table))

    def rename_model(self, options: Given) -> None:
        old, new = self._table(options.get("old_name")), self._table(options.get("new_name"))
        if old is not None and new is not None:
            self.rec.add(Operation(kind=Kind.RENAME_TABLE, table=old, new_name=new))

    def alter_model_table(self, options: Given) -> None:
        model, table = text(options.get("name")), text(options.get("table"))
        if model is None:
            self.rec.unknown("a name is made while running")
            return
        old = f"{self.tables.label}_{model}".lower()
        self.rec.add(Operation(kind=Kind.RENAME_TABLE, table=old, new_name=(table or old).lower()))

    def alter_options(self, options: Given) -> None:
        """Changes what Django knows of the model and no table; of two, the later one is all that counts."""
        if (table := self._table(options.get("name"))) is not None:
            self.rec.add(Operation(kind=Kind.RAW, name=f"the options of {table}", references=(table,)))

    def alter_comment(self, options: Given) -> None:
        if (table := self._table(options.get("name"))) is not None:
            self.rec.add(Operation(kind=Kind.ALTER_COMMENT, table=table, name="the table itself"))

    def alter_together(self, options: Given) -> None:
        """Replaces the whole set, so that of two the later one is all that counts."""
        table = self._table(options.get("name"))
        found = next((options[key] for key in ("unique_together", "index_together") if key in options), None)
        if table is None:
            return
        columns = tuple(dict.fromkeys(name.lower() for group in groups(found) for name in group))
        self.rec.add(
            Operation(
                kind=Kind.ADD_UNIQUE,
                table=table,
                name=f"{'unique' if 'unique_together' in options else 'index'}_together",
                columns=columns,
                unique="unique_together" in options,
            )
        )

    def order_with_respect_to(self, options: Given) -> None:
        if (table := self._table(options.get("name"))) is not None:
            self.rec.add(
                Operation(
                    kind=Kind.ADD_COLUMN, table=table, name="_order", columns=("_order",), not_null=True
                )
            )

    # --- fields ------------------------------------------------------------------------------------------

    def add_field(self, options: Given) -> None:
        table, field = self._field(options)
        if table is None or field is None or field.virtual:
            return
        if field.many:
            self._link_table(table, field)
            return
        self.rec.add(
            Operation(
                kind=Kind.ADD_COLUMN,
                table=table,
                name=field.name,
                columns=_both(field),
                references=(field.target,) if field.target else (),
                targets=(f"{field.target}.id",) if field.target else (),
                not_null=field.required,
                default=field.default,
            )
        )
        self._flags(table, field)

    def alter_field(self, options: Given) -> None:
        table, field = self._field(options)
        if table is None or field is None or field.virtual:
            return
        self.rec.add(
            Operation(
                kind=Kind.ALTER_TYPE,
                table=table,
                name=field.name,
                columns=_both(field),
                references=(field.target,) if field.target else (),
                targets=(f"{field.target}.id",) if field.target else (),
                unique=field.unique,
                not_null=field.required,
            )
        )

    def remove_field(self, options: Given) -> None:
        table, name = self._table(options.get("model_name")), self._name(options.get("name"))
        if table is not None and name is not None:
            self.rec.add(Operation(kind=Kind.DROP_COLUMN, table=table, name=name, columns=(name,)))

    def rename_field(self, options: Given) -> None:
        table = self._table(options.get("model_name"))
        old, new = self._name(options.get("old_name")), self._name(options.get("new_name"))
        if table is not None and old is not None and new is not None:
            self.rec.add(
                Operation(kind=Kind.RENAME_COLUMN, table=table, name=old, new_name=new, columns=(old,))
            )

    def _field(self, options: Given) -> tuple[str | None, Field | None]:
        table, name = self._table(options.get("model_name")), self._name(options.get("name"))
        if table is None or name is None:
            return None, None
        return table, read_field(name, options.get("field"), self.tables)

    def _flags(self, table: str, field: Field) -> None:
        if field.unique:
            self.rec.add(Operation(kind=Kind.ADD_UNIQUE, table=table, columns=_both(field), unique=True))
        elif field.indexed:
            self.rec.add(Operation(kind=Kind.CREATE_INDEX, table=table, columns=_both(field)))

    def _link_table(self, table: str, field: Field) -> None:
        if field.through:
            return
        name = field.link or f"{table}_{field.name}"
        ends = tuple(dict.fromkeys(each for each in (table, field.target) if each))
        self.rec.add(Operation(kind=Kind.CREATE_TABLE, table=name.lower(), references=ends))

    # --- indexes and constraints -------------------------------------------------------------------------

    def add_index(self, options: Given) -> None:
        self._indexed(options, "index")

    def add_constraint(self, options: Given) -> None:
        self._indexed(options, "constraint")

    def _indexed(self, options: Given, key: str) -> None:
        table = self._table(options.get("model_name"))
        if table is not None:
            self._index_or_constraint(table, options.get(key))

    def _index_or_constraint(self, table: str, node: ast.expr | None) -> None:
        if not isinstance(node, ast.Call):
            self.rec.unknown("an index or constraint is made while running")
            return
        options, kind = given(node, []), called(node)
        name = text(options.get("name"))
        fields = texts(options.get("fields")) or ()
        columns = tuple(field.lstrip("-").lower() for field in fields)
        which = Kind.CREATE_INDEX
        if kind.endswith("Constraint"):
            which = Kind.ADD_UNIQUE if kind == "UniqueConstraint" else Kind.ADD_CHECK
        self.rec.add(
            Operation(
                kind=which,
                table=table,
                name=name.lower() if name else None,
                columns=columns,
                unique=kind == "UniqueConstraint",
            )
        )

    def remove_index(self, options: Given) -> None:
        self._gone(Kind.DROP_INDEX, options)

    def remove_constraint(self, options: Given) -> None:
        self._gone(Kind.DROP_CONSTRAINT, options)

    def _gone(self, kind: Kind, options: Given) -> None:
        table, name = self._table(options.get("model_name")), self._name(options.get("name"))
        if table is not None and name is not None:
            unique = kind is Kind.DROP_CONSTRAINT
            self.rec.add(Operation(kind=kind, table=table, name=name, unique=unique))

    def rename_index(self, options: Given) -> None:
        table, new = self._table(options.get("model_name")), self._name(options.get("new_name"))
        if table is None or new is None:
            return
        old = text(options.get("old_name"))
        columns = texts(options.get("old_fields")) or ()
        self.rec.add(
            Operation(
                kind=Kind.RENAME_INDEX,
                table=table,
                name=old.lower() if old else None,
                new_name=new,
                columns=tuple(column.lower() for column in columns),
            )
        )

    # --- code --------------------------------------------------------------------------------------------

    def both(self, options: Given) -> None:
        self.operations(options.get("database_operations"))
        self.operations(options.get("state_operations"))

    def sql(self, options: Given) -> None:
        run_sql(options.get("sql"), self.rec)
        if "state_operations" in options:
            self.operations(options["state_operations"])

    def python(self, options: Given) -> None:
        run_python(options.get("code"), self.tree, self.tables, self.rec)

    def nothing(self, options: Given) -> None:
        """What Django keeps in its state alone, without an order that could show."""

    def _table(self, node: ast.expr | None) -> str | None:
        model = text(node)
        if model is None:
            self.rec.unknown("the model's name is made while running")
            return None
        return self.tables.of(model)

    def _name(self, node: ast.expr | None) -> str | None:
        found = text(node)
        if found is None:
            self.rec.unknown("a name is made while running")
            return None
        return found.lower()

    def _move(self, node: ast.expr) -> None:
        self.rec.move(node.lineno, node.end_lineno or node.lineno)


_Read = Callable[[_Reading, Given], None]
_MODEL, _FIELD = ["name"], ["model_name", "name"]
_READERS: dict[str, tuple[list[str], _Read]] = {
    "CreateModel": (["name", "fields", "options", "bases", "managers"], _Reading.create_model),
    "DeleteModel": (_MODEL, _Reading.delete_model),
    "RenameModel": (["old_name", "new_name"], _Reading.rename_model),
    "AlterModelTable": (["name", "table"], _Reading.alter_model_table),
    "AlterModelTableComment": (["name", "table_comment"], _Reading.alter_comment),
    "AlterModelOptions": (["name", "options"], _Reading.alter_options),
    "AlterModelManagers": (["name", "managers"], _Reading.nothing),
    "AlterUniqueTogether": (["name", "unique_together"], _Reading.alter_together),
    "AlterIndexTogether": (["name", "index_together"], _Reading.alter_together),
    "AlterOrderWithRespectTo": (["name", "order_with_respect_to"], _Reading.order_with_respect_to),
    "AddField": ([*_FIELD, "field", "preserve_default"], _Reading.add_field),
    "AlterField": ([*_FIELD, "field", "preserve_default"], _Reading.alter_field),
    "RemoveField": (_FIELD, _Reading.remove_field),
    "RenameField": (["model_name", "old_name", "new_name"], _Reading.rename_field),
    "AddIndex": (["model_name", "index"], _Reading.add_index),
    "AddIndexConcurrently": (["model_name", "index"], _Reading.add_index),
    "RemoveIndex": (_FIELD, _Reading.remove_index),
    "RemoveIndexConcurrently": (_FIELD, _Reading.remove_index),
    "RenameIndex": (["model_name", "new_name", "old_name", "old_fields"], _Reading.rename_index),
    "AddConstraint": (["model_name", "constraint"], _Reading.add_constraint),
    "AddConstraintNotValid": (["model_name", "constraint"], _Reading.add_constraint),
    "AlterConstraint": (["model_name", "name", "constraint"], _Reading.add_constraint),
    "RemoveConstraint": (_FIELD, _Reading.remove_constraint),
    "ValidateConstraint": (_FIELD, _Reading.remove_constraint),
    "RunSQL": (["sql", "reverse_sql", "state_operations", "hints", "elidable"], _Reading.sql),
    "RunPython": (["code", "reverse_code", "atomic", "hints", "elidable"], _Reading.python),
    "SeparateDatabaseAndState": (["database_operations", "state_operations"], _Reading.both),
}


def _both(field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys((field.name, field.column)))


def _mapping(node: ast.expr | None) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {name: value for key, value in pairs if (name := text(key)) is not None}


def _items(node: ast.expr | None) -> Iterable[ast.expr]:
    try:
        return elements(node)
    except Computed:
        return [node] if node is not None else []


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
