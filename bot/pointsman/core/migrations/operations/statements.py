"""Reads SQLAlchemy expression statements (`sa.update(t).values(...)`) and hands SQL text to its reader."""

from __future__ import annotations

from pointsman.core.migrations.operations.columns import create_table, names_in
from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder, fold
from pointsman.core.migrations.operations.sql import read_sql
from pointsman.core.migrations.operations.tables import mentions, table_of, usable
from pointsman.core.migrations.operations.terms import (
    HOLE,
    Attr,
    Call,
    Class,
    Const,
    Map,
    Opaque,
    Term,
    argument,
    dotted,
    elements,
    text_of,
    walk,
)

_WRITES = {"insert": Kind.DATA_INSERT, "update": Kind.DATA_UPDATE, "delete": Kind.DATA_DELETE}
_READS = frozenset(
    {"select", "exists", "union", "union_all", "intersect", "except_", "cte", "literal", "scalar_subquery"}
)
_SQL_CLASSES = frozenset({
    "CreateTable", "DropTable", "CreateSchema", "DropSchema", "CreateSequence", "DropSequence", "CreateIndex",
})  # fmt: skip
MAX_ALTERNATIVES = 8
MAX_LITERALS = 200


def read_statement(term: Term | None, rec: Recorder) -> None:
    """Record what executing the term does; SQL text, an expression, or one of several of them."""
    if term is None or term == Const(None):
        return
    text = text_of(term)
    if text is not None:
        read_sql(text, rec)
        return
    if (
        isinstance(term, Opaque)
        and 0 < len(term.parts) <= MAX_ALTERNATIVES
        and all(map(is_statement, term.parts))
    ):
        for part in term.parts:
            read_statement(part, rec)
        return
    root = _root(term)
    if root is None:
        _unreadable(term, rec)
        return
    kind, target = root
    _record(kind, target, term, rec)


def is_statement(term: Term) -> bool:
    """Whether executing the term is something that can be read."""
    return text_of(term) is not None or _root(term) is not None


def _unreadable(term: Term, rec: Recorder) -> None:
    if isinstance(term, Call) and (path := dotted(term.func) or "").rpartition(".")[2] in _SQL_CLASSES:
        _ddl(path.rpartition(".")[2], argument(term, 0, "element"), rec)
        return
    if isinstance(term, Call) and (dotted(term.func) or "").startswith("sqlalchemy.func."):
        rec.add(Operation(kind=Kind.DATA_READ, references=tuple(mentions(rec, term).tables)))
        return
    foreign = next(iter(mentions(rec, term).foreign), None)
    rec.unknown(f"the statement comes from {foreign}" if foreign else "the statement is made while running")


def _root(term: Term) -> tuple[Kind, Term | None] | None:
    """The kind of statement and its target, found at the foot of a chain of method calls."""
    for _ in range(200):
        if not isinstance(term, Call):
            return None
        path = dotted(term.func)
        last = (path or "").rpartition(".")[2]
        if path is not None and path.startswith(("sqlalchemy", "sqlmodel")):
            if last in _WRITES:
                return _WRITES[last], argument(term, 0, "table")
            return (Kind.DATA_READ, None) if last in _READS else None
        if not isinstance(term.func, Attr):
            return None
        if term.func.name in _WRITES and _is_table(term.func.base):
            return _WRITES[term.func.name], term.func.base
        if term.func.name == "select" and _is_table(term.func.base):
            return Kind.DATA_READ, None
        term = term.func.base
    return None


def _is_table(term: Term) -> bool:
    """Whether a term can only be a table: `.update()` of a dict or a query is not a statement."""
    if isinstance(term, Attr):
        return term.name == "__table__"
    if isinstance(term, Call):
        last = (dotted(term.func) or "").rpartition(".")[2]
        return last in {"table", "Table", "TableClause", "create_table"}
    return not isinstance(term, Opaque) and table_of(term, Recorder("")) is not None


def _record(kind: Kind, target: Term | None, statement: Term, rec: Recorder) -> None:
    found = mentions(rec, statement)
    if found.foreign:
        rec.unknown(f"the statement uses {next(iter(found.foreign))} of another module")
    for fragment in found.fragments:
        if HOLE in fragment:
            rec.unknown("a fragment of SQL text in the statement is made while running")
        elif "select" in fragment.lower():
            read_sql(
                f"SELECT {fragment}" if not fragment.lstrip(" (").lower().startswith("select") else fragment,
                rec,
            )
    table = table_of(target, rec) if target is not None else None
    if kind is not Kind.DATA_READ and table is None:
        if not found.foreign:
            rec.unknown("the table of the statement is not spelled out")
        return
    references = tuple(name for name in found.tables if name != table)
    values = _values(statement)
    whole = values is None or bool(found.fragments) or _whole(kind, statement)
    columns = () if whole else tuple(dict.fromkeys((*found.columns, *(values or ()))))
    writes = tuple(values or ()) if kind is Kind.DATA_UPDATE else ()
    literals = tuple(found.literals)[:MAX_LITERALS]
    rec.add(
        Operation(
            kind=kind, table=table, columns=columns, writes=writes, references=references, values=literals
        )
    )


def _values(statement: Term) -> dict[str, None] | None:
    """Columns that `.values(...)` names; None where it was not spelled out."""
    columns: dict[str, None] = {}
    for part in walk(statement):
        if isinstance(part, Call) and isinstance(part.func, Attr) and part.func.name.startswith("on_"):
            return None  # on_conflict_do_update() writes columns of its own
        if isinstance(part, Call) and isinstance(part.func, Attr) and part.func.name == "from_select":
            columns.update(dict.fromkeys(names_in(argument(part, 0, "names"))))
        if not (isinstance(part, Call) and isinstance(part.func, Attr) and part.func.name == "values"):
            continue
        columns.update(dict.fromkeys(fold(key) for key in part.kwargs if key != "**"))
        for arg in part.args:
            rows = (arg,) if isinstance(arg, Map) else elements(arg) or ()
            maps = [row for row in rows if isinstance(row, Map)]
            if not maps or any(row.partial for row in maps):
                return None
            columns.update(dict.fromkeys(fold(str(key)) for row in maps for key in row.items))
        if "**" in part.kwargs:
            return None
    return columns


def _whole(kind: Kind, statement: Term) -> bool:
    """Whether all columns of a table are read (`select(t)`), or the written ones come at run time."""
    calls = [part for part in walk(statement) if isinstance(part, Call)]
    for call in calls:
        chosen = (dotted(call.func) or "").rpartition(".")[2] in _READS
        if _selects(call) or (chosen and any(_is_table(arg) or isinstance(arg, Class) for arg in call.args)):
            return True
    named = any(isinstance(call.func, Attr) and call.func.name in {"values", "from_select"} for call in calls)
    return kind in {Kind.DATA_INSERT, Kind.DATA_UPDATE} and not named


def _selects(call: Call) -> bool:
    return isinstance(call.func, Attr) and call.func.name == "select" and _is_table(call.func.base)


def read_bulk_insert(table: Term | None, rows: Term | None, rec: Recorder) -> None:
    """`op.bulk_insert(table, rows)` and `session.bulk_insert_mappings(Model, rows)`."""
    name = table_of(table, rec) if table is not None else None
    if name is None:
        rec.unknown("the table of the inserted rows is not spelled out")
        return
    given = (elements(rows) or ()) if rows is not None else ()
    maps = [row for row in given if isinstance(row, Map) and not row.partial]
    whole = len(maps) == len(given)
    columns = dict.fromkeys(fold(str(key)) for row in maps for key in row.items) if whole else {}
    literals = mentions(rec, rows).literals
    rec.add(
        Operation(kind=Kind.DATA_INSERT, table=name, columns=tuple(columns), values=tuple(literals)[:200])
    )


def read_models(kind: Kind, term: Term, rec: Recorder) -> None:
    """A write through an ORM session: every model of this file that the object or query comes from."""
    found = mentions(rec, term)
    tables = list(found.tables)
    if found.foreign or not tables:
        rec.unknown(
            "the ORM's model is not in this file" if found.foreign else "the ORM's object is not spelled out"
        )
        return
    for table in tables:
        rec.add(Operation(kind=kind, table=table))


def read_create(term: Term, rec: Recorder) -> bool:
    """`sa.Table(...).create(bind)`; False where the term is no table."""
    if isinstance(term, Attr) and isinstance(term.base, Class) and term.name == "__table__":
        term = term.base
    table = table_of(term, rec) if isinstance(term, Call | Class) else None
    if table is None:
        return False
    parts = term.args[2:] if isinstance(term, Call) else ()
    if isinstance(term, Class):
        rec.unknown("the columns of a model's table are not read")
    create_table(table, parts, if_exists=False, rec=rec)
    return True


def _ddl(name: str, term: Term | None, rec: Recorder) -> None:
    verb = "create" if name.startswith("Create") else "drop"
    text = usable(text_of(term) or (text_of(argument(term, 0, "name")) if isinstance(term, Call) else None))
    match name:
        case "CreateSchema" | "DropSchema" | "CreateSequence" | "DropSequence" if text:
            kind = Kind(f"{verb}_{name.removeprefix('Create').removeprefix('Drop').lower()}")
            rec.add(Operation(kind=kind, name=rec.table(text)))
        case "DropTable" if term is not None and (table := table_of(term, rec)):
            rec.add(Operation(kind=Kind.DROP_TABLE, table=table))
        case "CreateTable" if term is not None and read_create(term, rec):
            pass
        case _:
            rec.unknown("the statement is made while running")
