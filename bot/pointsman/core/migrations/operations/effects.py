"""Decides what one call does to the database: an operation, a statement, a write of the ORM, or nothing."""

from __future__ import annotations

from pointsman.core.migrations.operations.alembic_ops import OP, OPERATIONS, batch_call, read_operation
from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.statements import (
    is_statement,
    read_bulk_insert,
    read_create,
    read_models,
    read_statement,
)
from pointsman.core.migrations.operations.tables import (
    RUNS,
    enum_of,
    hands_over,
    is_foreign,
    makes_a_value,
    mentions,
    table_of,
)
from pointsman.core.migrations.operations.terms import (
    Attr,
    Call,
    Class,
    Const,
    Func,
    Item,
    Opaque,
    Ref,
    Term,
    argument,
    dotted,
    walk,
)

_UNSAFE = frozenset({"copy_expert", "copy_from", "copy", "callproc", "copy_records_to_table"})
_UNSAFE_CALLS = frozenset({
    "exec", "eval", "compile", "__import__", "importlib.import_module", "os.system", "os.popen",
    "runpy.run_path", "runpy.run_module", "sqlite3.connect",
})  # fmt: skip
_ADDS = {
    "add": Kind.DATA_INSERT,
    "add_all": Kind.DATA_INSERT,
    "bulk_save_objects": Kind.DATA_INSERT,
    "merge": Kind.DATA_UPDATE,
    "delete": Kind.DATA_DELETE,
}
_MAKE_SESSIONS = frozenset({"sessionmaker", "scoped_session", "async_sessionmaker"})
_LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
_QUESTIONS = (
    "is_",
    "has_",
    "should_",
    "skip_",
    "check_",
    "table_",
    "column_",
    "index_",
    "constraint_",
    "_has_",
)


def is_quiet(func: Term) -> bool:
    """Whether arguments of this call are types and defaults, where a call of foreign code is only a value."""
    path = dotted(func)
    if path is None:
        base = func.base if isinstance(func, Attr) else None
        return isinstance(base, Call) and dotted(base.func) == f"{OP}.batch_alter_table"
    schema_part = path.startswith((f"{OP}.create", f"{OP}.add", f"{OP}.alter", f"{OP}.drop", "sqlalchemy."))
    return schema_part or path.rpartition(".")[2][:1].isupper()


def perform(call: Call, rec: Recorder, *, quiet: bool) -> list[Call]:
    """Record what the call does; gives calls of functions of this file that it makes in turn."""
    func, path = call.func, dotted(call.func)
    batch = batch_call(call)
    if batch is not None:
        read_operation(*batch, rec)
    elif path is not None and path.startswith(f"{OP}."):
        _operation(path.removeprefix(f"{OP}."), call, rec)
    elif isinstance(func, Call) and dotted(func.func) == "functools.partial" and func.args:
        whole = Call(func.args[0], (*func.args[1:], *call.args), {**func.kwargs, **call.kwargs}, call.line)
        if not isinstance(whole.func, Func):
            return perform(whole, rec, quiet=quiet)
        return [whole]
    elif _hands_over(call):
        rec.unknown("an operation is handed to a call that is not followed")
    elif isinstance(func, Attr) and _method(func, call, rec):
        pass
    elif path is not None:
        _function(path, call, rec, quiet=quiet)
    elif isinstance(func, Attr):
        _foreign_chain(func, call, rec, quiet=quiet)
    elif isinstance(func, Call) and (dotted(func.func) or "").rpartition(".")[2] in _MAKE_SESSIONS:
        pass
    elif mentions(rec, func).database or mentions(rec, func).foreign:
        rec.unknown("what is called here is chosen while running")
    return _callbacks(func, call)


def _hands_over(call: Call) -> bool:
    """Whether `op`, one of its operations or a connection's `execute` is an argument: `map(op.drop_table, names)`."""
    for term in (*call.args, *call.kwargs.values()):
        path = dotted(term) or ""
        if path == OP or path.startswith(f"{OP}."):
            return not is_question(dotted(call.func) or "")
        if isinstance(term, Attr) and term.name in {"execute", "exec_driver_sql"}:
            return True
    return False


def is_question(path: str) -> bool:
    """Whether a function is by its name one that only looks: `table_exists(op, ...)`, `skip_if_old(op)`."""
    last = path.rpartition(".")[2]
    return last.startswith(_QUESTIONS) or last.endswith(("_exists", "_exist"))


def _callbacks(func: Term, call: Call) -> list[Call]:
    """Functions of this file that are handed to the called one, or of which one is called."""
    handed = [term for term in (*call.args, *call.kwargs.values()) if isinstance(term, Func)]
    chosen = (
        [part for part in walk(func) if isinstance(part, Func)] if isinstance(func, Opaque | Item) else []
    )
    return [Call(term, (), {}, call.line) for term in handed] + [
        Call(term, call.args, call.kwargs, call.line) for term in chosen if isinstance(term, Func)
    ]


def _operation(name: str, call: Call, rec: Recorder) -> None:
    if "." not in name:
        read_operation(name, call, rec)
    elif name.rpartition(".")[2] in RUNS:
        read_statement(argument(call, 0), rec)


def _method(func: Attr, call: Call, rec: Recorder) -> bool:
    """A method that touches the database whatever it is called on; False where it is another."""
    name, base = func.name, func.base
    first = call.args[0] if call.args else None
    if name in RUNS:
        if first is not None or "statement" in call.kwargs:
            read_statement(argument(call, 0, "statement"), rec)
        elif is_statement(base):
            read_statement(base, rec)
        return not _starts_foreign(base)
    if name in OPERATIONS:
        rec.unknown(f"{name}() of an object that is not followed")
        return True
    if name in _UNSAFE and call.args:
        rec.unknown(f"{name}() is not followed")
        return True
    if name in {"create", "drop"}:
        return _create_or_drop(name, base, rec)
    if name in {"create_all", "drop_all"}:
        rec.unknown(f"{name}() touches every table of its metadata")
        return True
    if name in {"bulk_insert_mappings", "bulk_update_mappings"}:
        read_bulk_insert(first, argument(call, 1), rec)
        return True
    return _orm(name, func, call, rec)


def _create_or_drop(name: str, base: Term, rec: Recorder) -> bool:
    enum = enum_of(base, rec)
    if enum is not None:
        kind = Kind.CREATE_ENUM if name == "create" else Kind.DROP_ENUM
        rec.add(Operation(kind=kind, name=enum))
        return True
    if isinstance(base, Const):
        return True
    if name == "create" and read_create(base, rec):
        return True
    table = table_of(base, rec) if isinstance(base, Call | Class | Attr) else None
    if name == "drop" and table is not None:
        rec.add(Operation(kind=Kind.DROP_TABLE, table=table))
        return True
    last = ((dotted(base.func) if isinstance(base, Call) else None) or "").rpartition(".")[2]
    rec.unknown(f"what {last or 'this'}.{name}() works on is not spelled out")
    return True


def _query(term: Term) -> Call | None:
    """The `session.query(Model)` at the foot of a chain."""
    for _ in range(200):
        if isinstance(term, Call) and isinstance(term.func, Attr):
            if term.func.name == "query":
                return term
            term = term.func.base
        elif isinstance(term, Attr):
            term = term.base
        else:
            return None
    return None


def _orm(name: str, func: Attr, call: Call, rec: Recorder) -> bool:
    base = func.base
    if name == "query" or (name == "get" and call.args and _is_model(call.args[0])):
        _read_query(call, rec)
        return True
    if name in {"update", "delete"} and (query := _query(base)) is not None:
        read_models(Kind.DATA_UPDATE if name == "update" else Kind.DATA_DELETE, Opaque(query.args), rec)
        return True
    if name in _ADDS and call.args and (_is_session(base) or _is_made_model(call.args[0], rec)):
        read_models(_ADDS[name], call.args[0], rec)
        return True
    return False


def _is_session(term: Term) -> bool:
    """Whether what stands at the foot of a chain is by its name a session: `Session(bind)`, `db.session`."""
    for _ in range(200):
        if "session" in (dotted(term) or "").lower():
            return True
        if not isinstance(term, Call | Attr | Item):
            return False
        term = term.func if isinstance(term, Call) else term.base
    return False


def _is_made_model(term: Term, rec: Recorder) -> bool:
    return isinstance(term, Call) and isinstance(term.func, Class) and table_of(term.func, rec) is not None


def _read_query(call: Call, rec: Recorder) -> None:
    models = call.args[:1] if isinstance(call.func, Attr) and call.func.name == "get" else call.args
    found = mentions(rec, *models)
    if found.foreign or (call.args and not found.tables):
        rec.unknown("the model that is queried is not in this file")
    elif found.tables:
        rec.add(Operation(kind=Kind.DATA_READ, references=tuple(found.tables)))


def assign_attribute(base: Term, name: str, rec: Recorder) -> None:
    """`row.name = value`: a write where the row comes from a query through the ORM."""
    if not name.startswith("_") and any(_is_orm_row(part) for part in walk(base)):
        read_models(Kind.DATA_UPDATE, base, rec)


def _is_orm_row(part: Term) -> bool:
    if not isinstance(part, Call):
        return False
    if isinstance(part.func, Attr) and part.func.name == "query":
        return True
    last = part.func.name if isinstance(part.func, Attr) else (dotted(part.func) or "").rpartition(".")[2]
    return last in {"select", "get"} and bool(part.args) and _is_model(part.args[0])


def _is_model(term: Term) -> bool:
    """A class of the file, or an imported name that is written like a class."""
    path = dotted(term) or ""
    return isinstance(term, Class) or (is_foreign(path) and path.rpartition(".")[2][:1].isupper())


def _starts_foreign(term: Term) -> bool:
    path = _root_path(term)
    return path is not None and is_foreign(path)


def _root_path(term: Term) -> str | None:
    """The path of the name that a chain of calls, attributes and items starts with."""
    while isinstance(term, Attr | Call | Item):
        term = term.func if isinstance(term, Call) else term.base
    return term.path if isinstance(term, Ref) else None


def _function(path: str, call: Call, rec: Recorder, *, quiet: bool) -> None:
    if path == "setattr" and call.args:
        assign_attribute(call.args[0], "attribute", rec)
        return
    if path in _UNSAFE_CALLS or path.startswith("subprocess."):
        rec.unknown(f"{path}() can do anything")
        return
    if not is_foreign(path):
        return
    last = path.rpartition(".")[2]
    if last in _LOGGING and "log" in path.lower().rpartition(".")[0].rpartition(".")[2]:
        return
    if makes_a_value(path) and not hands_over(*call.args, *call.kwargs.values()):
        return
    handed = mentions(rec, *call.args, *call.kwargs.values()).database
    if is_question(path) and (handed or rec.asking):
        return
    if handed or not (quiet or last[:1].isupper()):
        rec.unknown(f"{path}() is in another file")


def _foreign_chain(func: Attr, call: Call, rec: Recorder, *, quiet: bool) -> None:
    if func.name in _LOGGING and "log" in (_root_path(func) or "").lower():
        return
    if _starts_foreign(func.base) and (not quiet or mentions(rec, *call.args).database):
        rec.unknown(f"{func.name}() of an object from another file")
