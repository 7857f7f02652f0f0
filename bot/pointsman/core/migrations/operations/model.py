"""The words for what a migration touches; plain frozen data that reads nothing and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What one operation does. Creating a table also yields its indexes, constraints and enum types."""

    CREATE_TABLE = "create_table"
    DROP_TABLE = "drop_table"
    RENAME_TABLE = "rename_table"
    ALTER_TABLE = "alter_table"
    ADD_COLUMN = "add_column"
    DROP_COLUMN = "drop_column"
    RENAME_COLUMN = "rename_column"
    ALTER_TYPE = "alter_type"
    ALTER_NULLABLE = "alter_nullable"
    ALTER_DEFAULT = "alter_default"
    ALTER_COMMENT = "alter_comment"
    CREATE_INDEX = "create_index"
    DROP_INDEX = "drop_index"
    RENAME_INDEX = "rename_index"
    ADD_FOREIGN_KEY = "add_foreign_key"
    ADD_UNIQUE = "add_unique"
    ADD_CHECK = "add_check"
    ADD_PRIMARY_KEY = "add_primary_key"
    DROP_CONSTRAINT = "drop_constraint"
    RENAME_CONSTRAINT = "rename_constraint"
    CREATE_ENUM = "create_enum"
    ADD_ENUM_VALUE = "add_enum_value"
    RENAME_ENUM = "rename_enum"
    DROP_ENUM = "drop_enum"
    CREATE_VIEW = "create_view"
    DROP_VIEW = "drop_view"
    CREATE_SEQUENCE = "create_sequence"
    DROP_SEQUENCE = "drop_sequence"
    CREATE_FUNCTION = "create_function"
    DROP_FUNCTION = "drop_function"
    CREATE_TRIGGER = "create_trigger"
    DROP_TRIGGER = "drop_trigger"
    CREATE_SCHEMA = "create_schema"
    DROP_SCHEMA = "drop_schema"
    CREATE_EXTENSION = "create_extension"
    DROP_EXTENSION = "drop_extension"
    DATA_READ = "data_read"
    DATA_INSERT = "data_insert"
    DATA_UPDATE = "data_update"
    DATA_DELETE = "data_delete"
    RAW = "raw"


DATA_WRITES = frozenset({Kind.DATA_INSERT, Kind.DATA_UPDATE, Kind.DATA_DELETE})
CONSTRAINTS = frozenset({Kind.ADD_FOREIGN_KEY, Kind.ADD_UNIQUE, Kind.ADD_CHECK, Kind.ADD_PRIMARY_KEY})


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One thing `upgrade()` does.

    `table` is lower-cased and, outside the default schema (`public` counts as default), `schema.table`; None
    where the operation has none or does not say (`DROP INDEX ix`). `name` is the column's, index's,
    constraint's, enum's or view's own name, `new_name` what a rename makes of it. `columns` are the columns it
    needs or writes; empty means *not known* for data, views, and dropped indexes or constraints. `writes` are
    those an UPDATE sets, empty where not known. `references` are the other tables it reads or points at; for
    foreign keys `targets` says at which column, as `table.column` (`table.*` where that is not spelled out).
    `types` are named types it uses, `values` the enum labels it adds or the text literals of a data statement.
    `per_row` is a default that may give each row another value (a sequence, a function, a generated column).
    `unique` also marks a dropped constraint that may have been a key; `if_exists` either IF [NOT] EXISTS.
    `line` is 1-based, `text` one bounded line.
    """

    kind: Kind
    table: str | None = None
    name: str | None = None
    new_name: str | None = None
    columns: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    unique: bool = False
    not_null: bool = False
    default: bool = False
    per_row: bool = False
    if_exists: bool = False
    line: int = 0
    end_line: int = 0
    text: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unknown:
    """A place whose effect cannot be read without running it; `why` is a clause for people."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """All that one migration does going up, in source order and without duplicates.

    `operations` may well be incomplete when `unknown` is not empty."""

    operations: tuple[Operation, ...] = ()
    unknown: tuple[Unknown, ...] = ()


class Relation(Enum):
    """How two sides of a fork stand to each other, from harmless to not provable. SAME_DATA only where asked for."""

    DISJOINT = "disjoint"
    SAME_TABLE = "same_table"
    SAME_DATA = "same_data"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True, slots=True)
class Located:
    """An operation, or a place that cannot be read, and the file it stands in."""

    path: str
    operation: Operation | Unknown


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two operations, one of each side, that share an object. `rule` is a stable code; `relation` is CONFLICT
    where the order matters, SAME_TABLE where it does not, SAME_DATA where only running both on rows would tell."""

    left: Located
    right: Located
    rule: str
    why: str
    relation: Relation


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """One operation that the contract's `stop_if` names, whatever the other side does."""

    at: Located
    rule: str
    why: str


class StopIf(Enum):
    """The words of the contract's `stop_if`."""

    DATA_MIGRATION = "data_migration"
    SAME_TABLE = "same_table"
    DROP_COLUMN = "drop_column"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparePolicy:
    """What the contract adds to the rules; empty adds nothing. With `prove_data` a pair that conflicts by its rows
    alone is SAME_DATA: whoever asks so holds the heal to a proof by both orders on rows."""

    stop_if: frozenset[StopIf] = field(default=frozenset())
    prove_data: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """The verdict on two sides. `pairs` hold conflicts first; `unknown` is filled only where the other side
    does something; `stops` come from the policy and make the relation CONFLICT."""

    relation: Relation
    pairs: tuple[Pair, ...] = ()
    unknown: tuple[Located, ...] = ()
    stops: tuple[Stop, ...] = ()
