"""Reads `sa.Column` and table-level constraints into the operations that they bring with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder, fold
from pointsman.core.migrations.operations.tables import enums_in, mentions, usable
from pointsman.core.migrations.operations.terms import (
    Call,
    Const,
    Term,
    argument,
    call_path,
    elements,
    text_of,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column as `Column(...)` spells it; `required` means NOT NULL without a server default."""

    name: str
    references: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    types: dict[str, bool] = field(default_factory=dict)
    required: bool = False
    default: bool = False
    per_row: bool = False
    index: bool = False
    unique: bool = False


_PER_ROW = frozenset({"Identity", "Computed", "Sequence", "FetchedValue", "CheckConstraint"})
_ONE_VALUE = re.compile(
    r"""\s*\(?\s*(?:[-+]?[\d.]+|'[^']*'|true|false|null|now\(\)|current_timestamp|current_date|[\w. :+-]*)\s*\)?"""
    r"""(?:\s*::\s*[\w ]+(?:\[\])?)?\s*""",
    re.IGNORECASE,
)


def is_one_value(default: str) -> bool:
    """Whether a default's SQL is a literal or the time: the same for all rows that get it."""
    return len(default) < 200 and _ONE_VALUE.fullmatch(default) is not None


def _is_one_value(term: Term | None) -> bool:
    text = text_of(term)
    if text is not None:
        # A plain string is quoted by SQLAlchemy, and so is a literal; only text() may be more than a value.
        return isinstance(term, Const) or is_one_value(text)
    return last_name(term or Const(None)) in {"now", "current_timestamp", "true", "false", "null"}


def is_no_key(name: str) -> bool:
    """Whether a constraint is by its name a foreign key or a check: nothing else may point at it."""
    return name.startswith(("fk", "ck_")) or name.endswith(("_fkey", "_fk", "_check"))


def last_name(term: Term) -> str:
    """The last part of what a call calls; '' for anything else."""
    return (call_path(term) or "").rpartition(".")[2]


def read_column(term: Term | None, rec: Recorder) -> Column | None:
    """The column, or None where the term is not one that can be read."""
    if not isinstance(term, Call) or last_name(term) not in {"Column", "column"}:
        return None
    name = usable(text_of(argument(term, 0, "name")))
    if name is None:
        return None
    server_default = term.kwargs.get("server_default")
    default = server_default is not None and server_default not in (Const(None), Const(False))
    keyed = term.kwargs.get("primary_key") == Const(True)
    targets = [reference(part, rec) for part in term.args[1:] if last_name(part) == "ForeignKey"]
    if None in targets:
        rec.unknown(f"the foreign key of column {name} is not spelled out")
    return Column(
        name=fold(name),
        references=tuple(dict.fromkeys(target.rpartition(".")[0] for target in targets if target)),
        targets=tuple(target for target in targets if target),
        types=enums_in(rec, *term.args[1:], term.kwargs.get("type_")),
        required=(keyed or term.kwargs.get("nullable") == Const(False)) and not default,
        default=default,
        per_row=any(last_name(part) in _PER_ROW for part in term.args[1:])
        or (default and not _is_one_value(server_default)),
        index=term.kwargs.get("index") == Const(True),
        unique=term.kwargs.get("unique") == Const(True),
    )


def reference(foreign_key: Term | None, rec: Recorder) -> str | None:
    """The table that `ForeignKey("schema.table.column")` points at."""
    if not isinstance(foreign_key, Call):
        return None
    return target_table(argument(foreign_key, 0, "column"), rec)


def target_table(term: Term | None, rec: Recorder) -> str | None:
    """The `table.column` that a foreign key names; the column is `*` where it is not spelled out."""
    text = usable(text_of(term))
    if text is not None:
        table, _, column = text.rpartition(".")
        return f"{rec.table(table)}.{fold(column)}" if table else f"{rec.table(column)}.*"
    named = list(mentions(rec, term).tables)
    return f"{named[0]}.*" if len(named) == 1 else None


def names_in(term: Term | None) -> tuple[str, ...]:
    """Column names of a list of strings, columns or expressions; `text()` expressions give their words."""
    if term is None:
        return ()
    items = elements(term)
    return tuple(
        dict.fromkeys(name for item in (items if items is not None else (term,)) for name in _names(item))
    )


def _names(item: Term) -> list[str]:
    text = text_of(item)
    if text is not None:
        return words(text)
    if isinstance(item, Call):
        return [
            name
            for part in (*item.args, *([item.func.base] if hasattr(item.func, "base") else []))
            for name in _names(part)
        ]
    return []


def words(text: str) -> list[str]:
    """The identifiers in a small SQL expression, quoted or not; string literals are left out."""
    found: list[str] = []
    word, quoted = "", False
    for char in f"{text[:4000]} ":
        if char == "'":
            quoted = not quoted
        if quoted:
            continue
        if char.isalnum() or char in "_$":
            word += char
            continue
        if word and not word[0].isdigit():
            found.append(fold(word))
        word = ""
    return list(dict.fromkeys(found))


def add_column(table: str, column: Column, *, if_exists: bool, rec: Recorder) -> None:
    """Records an added column with the index and unique constraint that its flags ask for."""
    rec.add(
        Operation(
            kind=Kind.ADD_COLUMN,
            table=table,
            name=column.name,
            columns=(column.name,),
            references=column.references,
            targets=column.targets,
            types=tuple(column.types),
            not_null=column.required,
            default=column.default,
            per_row=column.per_row,
            if_exists=if_exists,
        )
    )
    _flags(table, column, rec)


def _flags(table: str, column: Column, rec: Recorder) -> None:
    bare = table.rpartition(".")[2]
    if column.index:
        rec.add(
            Operation(
                kind=Kind.CREATE_INDEX,
                table=table,
                name=f"ix_{bare}_{column.name}",
                columns=(column.name,),
                unique=column.unique,
            )
        )
    elif column.unique:
        rec.add(Operation(kind=Kind.ADD_UNIQUE, table=table, columns=(column.name,), unique=True))


def create_table(table: str, parts: tuple[Term, ...], *, if_exists: bool, rec: Recorder) -> None:
    """Records a new table with the indexes, unique constraints and enum types that it creates."""
    columns = [column for part in parts if (column := read_column(part, rec)) is not None]
    targets = dict.fromkeys(target for column in columns for target in column.targets)
    types: dict[str, bool] = {name: made for column in columns for name, made in column.types.items()}
    for part in parts:
        targets.update(dict.fromkeys(_foreign_keys(part, rec)))
    for name in (name for name, made in types.items() if made):
        rec.add(Operation(kind=Kind.CREATE_ENUM, name=name, if_exists=if_exists))
    names = tuple(column.name for column in columns)
    references = tuple(dict.fromkeys(target.rpartition(".")[0] for target in targets))
    rec.add(
        Operation(
            kind=Kind.CREATE_TABLE,
            table=table,
            columns=names,
            references=references,
            targets=tuple(targets),
            types=tuple(types),
            if_exists=if_exists,
        )
    )
    for part in parts:
        _part(table, part, rec)
    for column in columns:
        _flags(table, column, rec)


def _foreign_keys(part: Term, rec: Recorder) -> list[str]:
    if not isinstance(part, Call) or last_name(part) != "ForeignKeyConstraint":
        return []
    found = [
        target_table(item, rec) for item in elements(argument(part, 1, "refcolumns") or Const(None)) or ()
    ]
    if not found or None in found:
        rec.unknown("a foreign key of the new table is not spelled out")
    return [target for target in found if target]


def _part(table: str, part: Term, rec: Recorder) -> None:
    kind = last_name(part)
    if not isinstance(part, Call):
        if part != Const(None):
            rec.unknown("a part of the new table is not spelled out")
        return
    match kind:
        case "Column":
            if text_of(argument(part, 0, "name")) is None:
                rec.unknown("a column of the new table is not spelled out")
        case "UniqueConstraint":
            name = usable(text_of(part.kwargs.get("name")))
            columns = tuple(column for arg in part.args for column in names_in(arg))
            if name:
                rec.add(
                    Operation(
                        kind=Kind.ADD_UNIQUE, table=table, name=fold(name), columns=columns, unique=True
                    )
                )
        case "Index":
            name = usable(text_of(argument(part, 0, "name")))
            columns = tuple(column for arg in part.args[1:] for column in names_in(arg))
            rec.add(
                Operation(
                    kind=Kind.CREATE_INDEX,
                    table=table,
                    name=fold(name) if name else None,
                    columns=columns,
                    unique=part.kwargs.get("unique") == Const(True),
                )
            )
        case (
            "PrimaryKeyConstraint"
            | "CheckConstraint"
            | "ExcludeConstraint"
            | "ForeignKeyConstraint"
            | "Computed"
            | "Identity"
            | "Sequence"
            | "MetaData"
        ):
            pass
        case _:
            rec.unknown("a part of the new table comes from a call that is not followed")
