"""Finds the tables, columns and named types that a term mentions; only what this file itself spells out."""

from __future__ import annotations

import builtins
import re
import sys
from dataclasses import dataclass, field

from pointsman.core.migrations.operations.recorder import Recorder, fold
from pointsman.core.migrations.operations.terms import (
    HOLE,
    Attr,
    Call,
    Class,
    Const,
    Item,
    Map,
    Ref,
    Seq,
    Term,
    argument,
    call_path,
    dotted,
    elements,
    is_enum,
    text_of,
    walk,
)

_LIBRARIES = frozenset({
    "sqlalchemy", "alembic", "sqlmodel", "geoalchemy2", "sqlalchemy_utils", "pgvector", "citext", "tqdm",
    "dateutil", "pytz", "slugify", "structlog", "loguru", "bcrypt", "passlib", "simplejson", "orjson",
    "yaml", "pydantic", "typing_extensions", "uuid6", "ulid", "nanoid", "shortuuid", "six", "packaging",
    "babel", "pycountry", "phonenumbers", "jinja2", "markdown", "bs4", "lxml", "requests", "httpx", "boto3", "botocore",
    "dotenv", "psycopg2", "psycopg", "asyncpg", "cryptography", "numpy", "oslo_log", "oslo_utils", "advanced_alchemy",
})  # fmt: skip
_BUILTINS = frozenset(dir(builtins))
TABLES = "__tables__"
"""The path of an object whose attributes and items are tables by their names."""
_MAKES_VALUES = re.compile(
    r"_*(?:generate|gen|calculate|compute|parse|format|normali[sz]e|sanitize|slugify|strtobool|bool_from_string|"
    r"encrypt|decrypt|hash|random|dumps|loads|utcnow|flatten|compact|(?:get|setup)_(?:run_)?logger)(?:_|$)"
)


def makes_a_value(path: str) -> bool:
    """Whether a function of another file is by its name one that only makes one value of others."""
    return _MAKES_VALUES.match(path.rpartition(".")[2]) is not None


def is_foreign(path: str) -> bool:
    """Whether a dotted path leads to code that neither this file nor a library known to be harmless holds."""
    root = path.partition(".")[0]
    return not (
        root in _LIBRARIES
        or root in sys.stdlib_module_names
        or path in _BUILTINS
        or root in _BUILTINS
        or path.startswith("__")
    )


def usable(name: str | None) -> str | None:
    """The name, unless a part of it is not known."""
    return name if name and HOLE not in name else None


def table_of(term: Term | None, rec: Recorder) -> str | None:
    """The table that a term stands for: a name, a `sa.table`, a model of this file, a created table."""
    if term is None:
        return None
    text = text_of(term)
    if text is not None:
        return rec.table(text) if usable(text) else None
    match term:
        case Call():
            return _called_table(term, rec)
        case Class():
            return _model_table(term, rec)
        case Attr(Ref(path), name) if path == TABLES:
            return rec.table(name)
        case Item(Ref(path), key) if path == TABLES:
            return table_of(key, rec)
        case Attr(base, "__table__" | "c" | "columns"):
            return table_of(base, rec)
        case Item(Attr(_, "tables" | "classes"), key):
            return table_of(key, rec)
        case Attr(Attr(_, "classes"), name):
            return rec.table(name)
        case _:
            return None


def _called_table(term: Call, rec: Recorder) -> str | None:
    path = dotted(term.func) or ""
    last = path.rpartition(".")[2]
    if last in {"table", "Table", "TableClause"} or path == "alembic.op.create_table":
        name = usable(text_of(argument(term, 0, "name", "table_name")))
        schema = term.kwargs.get("schema")
        if name is None or (schema is not None and text_of(schema) is None and schema != Const(None)):
            return None
        return rec.table(name, usable(text_of(schema)))
    if last in {"aliased", "with_polymorphic", "lateral"}:
        return table_of(argument(term, 0), rec)
    if isinstance(term.func, Attr) and term.func.name in {"alias", "tablesample", "with_for_update"}:
        return table_of(term.func.base, rec)
    return None


def _model_table(model: Class, rec: Recorder) -> str | None:
    if "__table__" in model.members:
        return table_of(model.members["__table__"], rec)
    name = usable(text_of(model.members.get("__tablename__")))
    if name is None:
        parents = (_model_table(base, rec) for base in model.bases if isinstance(base, Class))
        return next((table for table in parents if table), None)
    arguments = model.members.get("__table_args__")
    items = elements(arguments) if isinstance(arguments, Seq) else None
    options = items[-1] if items else arguments
    schema = text_of(options.items.get("schema")) if isinstance(options, Map) else None
    return rec.table(name, schema)


@dataclass(slots=True)
class Mentioned:
    """What a term names, in order: tables, columns, named types, names from other modules, SQL fragments."""

    tables: dict[str, None] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    foreign: dict[str, None] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    literals: dict[str, None] = field(default_factory=dict)
    database: bool = False


def mentions(rec: Recorder, *terms: Term | None) -> Mentioned:
    """All that the terms name, as far down as they go."""
    found = Mentioned()
    for term in terms:
        for part in walk(term, whole=_is_table) if term is not None else ():
            _mention(part, found, rec)
    return found


def _is_table(term: Term) -> bool:
    """Whether a term spells a table out: the types and defaults of its columns are of no account to who uses it."""
    return (call_path(term) or "").rpartition(".")[2] in {"table", "Table", "TableClause"}


def hands_over(*terms: Term) -> bool:
    """Whether one of the terms is or holds what reaches the database; rows that were read from it do not."""
    return any(
        isinstance(part, Ref) and (part.path == "alembic.op" or part.path.startswith("alembic.op."))
        for term in terms
        for part in walk(term, whole=_is_read)
    )


def _is_read(term: Term) -> bool:
    return isinstance(term, Call) and isinstance(term.func, Attr) and term.func.name in RUNS


RUNS = frozenset({
    "execute", "exec_driver_sql", "scalar", "scalars", "stream", "executemany", "executescript", "exec",
    "fetch", "fetchval", "fetchrow",
})  # fmt: skip
"""Methods that run a statement, whatever they are called on, and give rows."""


def _mention(part: Term, found: Mentioned, rec: Recorder) -> None:
    match part:
        case Const(str() as value):
            found.literals[value[:100]] = None
        case Ref(path):
            found.database |= path == "alembic.op" or path.startswith("alembic.op.")
            if is_foreign(path) and not makes_a_value(path):
                found.foreign[path] = None
        case Attr(Attr(_, "c" | "columns"), name) | Attr(Class(), name):
            found.columns[fold(name)] = None
        case Item(Attr(_, "c" | "columns"), key):
            found.columns[fold(text_of(key) or HOLE)] = None
        case Attr(Call() as call, name) if (call_path(call) or "").endswith("aliased"):
            found.columns[fold(name)] = None
        case Call() if (call_path(part) or "").rpartition(".")[2] == "column":
            found.columns[fold(text_of(argument(part, 0, "text")) or HOLE)] = None
        case Call(Ref("getattr"), (Attr(_, "c" | "columns") | Class(), *_)):
            found.columns[HOLE] = None
        case _:
            pass
    if isinstance(part, Call | Class | Item) or (
        isinstance(part, Attr) and isinstance(part.base, Attr | Ref)
    ):
        table = None if isinstance(part, Class) and is_enum(part) else table_of(part, rec)
        if isinstance(part, Call) and (call_path(part) or "").rpartition(".")[2] in {
            "text",
            "literal_column",
        }:
            found.fragments.append(text_of(part) or HOLE)
        elif table is not None and text_of(part) is None:
            found.tables[table] = None


def enum_of(term: Term, rec: Recorder) -> str | None:
    """The database's name of an enum type, None where it is not a native named enum."""
    path = (call_path(term) or "").lower()
    if (
        not isinstance(term, Call)
        or path.rpartition(".")[2] not in {"enum", "saenum"}
        or path.startswith("enum.")
    ):
        return None
    if term.kwargs.get("native_enum") == Const(False):
        return None
    name = usable(text_of(term.kwargs.get("name")))
    first = term.args[0] if term.args else None
    if name is None and isinstance(first, Class):
        name = first.name
    return rec.table(name, text_of(term.kwargs.get("schema"))) if name else None


def enums_in(rec: Recorder, *terms: Term | None) -> dict[str, bool]:
    """Named enum types in the terms; True for those that creating a table creates too."""
    found: dict[str, bool] = {}
    for term in terms:
        for part in walk(term) if term is not None else ():
            name = enum_of(part, rec)
            if name is not None and isinstance(part, Call):
                found[name] = part.kwargs.get("create_type") != Const(False)
    return found
