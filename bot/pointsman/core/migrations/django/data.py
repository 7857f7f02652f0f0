"""What RunPython and RunSQL read and write, as far as their text tells; a function is never run."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from pointsman.core.migrations.django.calls import called, text
from pointsman.core.migrations.django.constants import spelled_out
from pointsman.core.migrations.django.parse import Computed, elements
from pointsman.core.migrations.django.tables import Tables
from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.sql import read_sql

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_INSERTS = frozenset({"create", "bulk_create", "get_or_create", "acreate", "abulk_create", "aget_or_create"})
_DELETES = frozenset({"delete", "adelete", "_raw_delete"})
_UPDATES = frozenset(
    {"save", "update", "bulk_update", "update_or_create", "asave", "aupdate", "abulk_update"}
    | {"set", "add", "remove", "clear", "aupdate_or_create", "save_base"}
)
_WRITES = _INSERTS | _DELETES | _UPDATES
_MANAGERS = frozenset({"objects", "_default_manager", "_base_manager", "all_objects"})
_RUNS_COMMANDS = frozenset(
    {
        "call_command",
        "import_module",
        "exec",
        "eval",
        "__import__",
        "callproc",
        "copy_expert",
        "executescript",
    }
)
_SCHEMA_CHANGES = frozenset(
    {
        "create_model",
        "delete_model",
        "add_field",
        "remove_field",
        "alter_field",
        "alter_db_table",
        "add_index",
    }
    | {"remove_index", "rename_index", "add_constraint", "remove_constraint", "alter_unique_together"}
    | {"alter_index_together", "alter_db_table_comment", "alter_db_tablespace"}
)
MAX_FUNCTIONS = 200


def run_sql(node: ast.expr | None, rec: Recorder) -> None:
    """The `sql` of RunSQL: a text, or a list of texts and (text, parameters)."""
    if _is_noop(node):
        return
    statements = [node] if node is not None and text(node) is not None else None
    if statements is None:
        try:
            statements = list(elements(node))
        except Computed:
            rec.unknown("the SQL is made while running")
            return
    for each in statements:
        inner = each.elts[0] if isinstance(each, ast.Tuple | ast.List) and each.elts else each
        found = text(inner)
        if found is None:
            rec.unknown("the SQL is made while running")
        else:
            read_sql(found, rec)


def run_python(code: ast.expr | None, tree: ast.Module, tables: Tables, rec: Recorder) -> None:
    """The rows that the function may touch: every model it asks for counts as written where it writes any."""
    if _is_noop(code):
        return
    start = _function(code, tree)
    if start is None:
        rec.unknown("it runs a function of another module")
        return
    nodes = [node for function in _reachable(start, tree) for node in ast.walk(function)]
    for why in dict.fromkeys(_doubts(nodes, tree)):
        rec.unknown(why)
    models = dict.fromkeys(_models(nodes))
    if None in models:
        rec.unknown("it picks a model while running")
    _statements(nodes, tree, rec)
    kinds = _kinds(nodes)
    asked = [tables.of(model) for model in models if model is not None]
    if kinds and not models:
        rec.unknown("nothing says which rows it changes")
    for table in asked:
        for kind in kinds or [Kind.DATA_READ]:
            rec.add(Operation(kind=kind, table=table, references=tuple(t for t in asked if t != table)))


def _is_noop(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "noop"


def _function(node: ast.expr | None, tree: ast.Module) -> _Function | None:
    if node is not None and called(node) == "partial" and isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    if isinstance(node, ast.Lambda):
        return node
    if not isinstance(node, ast.Name):
        return None
    return _functions(tree).get(node.id)


def _functions(tree: ast.Module) -> dict[str, _Function]:
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _reachable(start: _Function, tree: ast.Module) -> list[_Function]:
    """The function and those of the same file that it names, in the order in which they are met."""
    known = _functions(tree)
    found: dict[_Function, None] = {}
    waiting = [start]
    while waiting and len(found) < MAX_FUNCTIONS:
        function = waiting.pop(0)
        if function in found:
            continue
        found[function] = None
        names = [node.id for node in ast.walk(function) if isinstance(node, ast.Name)]
        waiting += [known[name] for name in dict.fromkeys(names) if name in known]
    return list(found)


def _models(nodes: list[ast.AST]) -> Iterator[str | None]:
    """`app.model` of each `get_model`; None where it is not spelled out, as that of `get_user_model` is not."""
    for node in nodes:
        if called(node) == "get_user_model" if isinstance(node, ast.Call) else False:
            yield None
        if not isinstance(node, ast.Call) or called(node) not in ("get_model", "get_registered_model"):
            continue
        options = {keyword.arg: keyword.value for keyword in node.keywords}
        names = [text(each) for each in node.args[:2]]
        names += [text(options[key]) for key in ("app_label", "model_name") if key in options]
        known = [name for name in names if name is not None]
        if len(known) != len(names) or not known:
            yield None
        elif len(known) == 2:
            yield ".".join(known).lower()
        else:
            yield known[0].lower() if "." in known[0] else None


def _kinds(nodes: list[ast.AST]) -> list[Kind]:
    names = {called(node) for node in nodes if isinstance(node, ast.Call)}
    groups = ((Kind.DATA_INSERT, _INSERTS), (Kind.DATA_UPDATE, _UPDATES), (Kind.DATA_DELETE, _DELETES))
    return [kind for kind, group in groups if names & group]


def _statements(nodes: list[ast.AST], tree: ast.Module, rec: Recorder) -> None:
    for node in nodes:
        if isinstance(node, ast.Call) and called(node) in ("execute", "executemany", "raw"):
            found = text(spelled_out(node.args[0], tree)) if node.args else None
            if found is None:
                rec.unknown("it runs SQL that is made while running")
            else:
                read_sql(found, rec)


def _doubts(nodes: list[ast.AST], tree: ast.Module) -> Iterator[str]:
    """Why the models that it asks for may not be all that it touches."""
    foreign = dict(_foreign(list(ast.walk(tree))))
    through = {name for node in nodes for name in _from_relations(node)}
    for node in nodes:
        match node:
            case ast.Import() | ast.ImportFrom():
                for _, module in _foreign([node]):
                    yield f"it uses {module}, which is code of the project"
            case ast.Name(id=name, ctx=ast.Load()) if name in foreign:
                yield f"it uses {foreign[name]}, which is code of the project"
            case ast.Call() if called(node) in _RUNS_COMMANDS:
                yield f"it runs {called(node)}()"
            case ast.Call(func=ast.Attribute(value=receiver, attr=attr)) if attr in _WRITES:
                if _is_relation(receiver) or (isinstance(receiver, ast.Name) and receiver.id in through):
                    yield "it writes through a relation"
            case ast.Attribute(attr=attr) if attr in _SCHEMA_CHANGES:
                yield "it changes the schema by itself"


def _foreign(nodes: list[ast.AST]) -> Iterator[tuple[str, str]]:
    """(local name, module) of imports that are neither Django's nor of the standard library. Models that Django
    brings count as the project's: they are not the migration's own, and may be of any table."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            top = (node.module or "").partition(".")[0]
            contrib = top == "django" and (node.module or "").startswith("django.contrib.")
            brings = contrib and (node.module or "").endswith(".models")
            if node.level or brings or (top != "django" and top not in sys.stdlib_module_names):
                module = "." * node.level + (node.module or "")
                yield from ((alias.asname or alias.name, module) for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                if top != "django" and top not in sys.stdlib_module_names:
                    yield (alias.asname or alias.name).partition(".")[0], alias.name


def _is_relation(node: ast.expr) -> bool:
    """Whether the rows come by an attribute of other rows: `post.author`, `post.comment_set.all()`."""
    called_itself = False
    while True:
        match node:
            case ast.Call(func=function):
                node, called_itself = function, True
            case ast.Attribute(value=value, attr=attr):
                if not called_itself and attr not in _MANAGERS:
                    return True
                node, called_itself = value, False
            case ast.Subscript(value=value):
                node, called_itself = value, False
            case _:
                return False


def _from_relations(node: ast.AST) -> Iterator[str]:
    """Local names that are bound to rows of a relation."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            if _is_relation(value):
                yield name
        case (
            ast.For(target=ast.Name(id=name), iter=rows)
            | ast.comprehension(target=ast.Name(id=name), iter=rows)
        ):
            if _is_relation(rows):
                yield name
