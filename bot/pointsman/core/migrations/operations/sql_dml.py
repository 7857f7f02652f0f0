"""Reads queries and data statements through sqlglot, which is imported only when there is one to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pointsman.core.migrations.operations.model import Kind, Operation
from pointsman.core.migrations.operations.recorder import Recorder
from pointsman.core.migrations.operations.sql_tokens import Cursor, Token, names, rebuild
from pointsman.core.migrations.operations.terms import HOLE

if TYPE_CHECKING:
    Node = Any
    """A node of sqlglot's tree; its base class has another name in each of its versions."""

MAX_PARSED = 60_000
MAX_NESTING = 30
_DIALECTS = ("postgres", "mysql", "sqlite", "")
_MADE = "a part of the SQL is made while running"
_ON_TABLE = frozenset({
    "create_hypertable", "create_distributed_table", "create_reference_table", "add_retention_policy",
    "add_compression_policy", "remove_retention_policy", "remove_compression_policy",
})  # fmt: skip
_PURE = (
    "pg_", "to_", "json", "array_", "regexp_", "st_", "string_", "gen_random_uuid", "uuid_", "has_", "col_", "obj_",
    "current_", "setval", "nextval", "currval", "set_config", "format", "quote_", "version", "unnest", "encode",
    "digest", "md5", "date_", "row_", "int4range", "tstzrange", "lower", "upper", "now", "find_srid",
    "pgp_", "crypt",
)  # fmt: skip


def read_dml(statement: Sequence[Token], rec: Recorder) -> None:
    """Record a SELECT, INSERT, UPDATE, DELETE or MERGE with all that it reads."""
    if _too_large(statement) or not rec.may_parse():
        _read_insert(statement, rec)
        return
    tree = _parse(rebuild(_insert_for_replace(statement)))
    if tree is None:
        _small_reading(statement, rec)
        return
    _Reading(tree, rec).record()


def _insert_for_replace(statement: Sequence[Token]) -> Sequence[Token]:
    """`REPLACE INTO` (SQLite, MySQL) as the INSERT that it is beside deleting rows of the same keys."""
    if statement[0].upper != "REPLACE":
        return statement
    return [Token("word", "INSERT", statement[0].gap), *statement[1:]]


def view_query(query: Sequence[Token], rec: Recorder) -> Operation | None:
    """The read that a view's query makes, unplaced; None, said as unknown, where it cannot be read."""
    tree = None if _too_large(query) or not rec.may_parse() else _parse(rebuild(query))
    if tree is None:
        rec.unknown("the view's query cannot be read")
        return None
    return _Reading(tree, rec).read()


def _too_large(statement: Sequence[Token]) -> bool:
    depth = deepest = 0
    for token in statement:
        depth += (token.upper in {"(", "[", "CASE"}) - (token.upper in {")", "]", "END"})
        deepest = max(deepest, depth)
    return deepest > MAX_NESTING or sum(len(token.text) + 1 for token in statement) > MAX_PARSED


def _parse(sql: str) -> Node | None:
    import sqlglot
    from sqlglot.errors import SqlglotError

    for dialect in _DIALECTS:
        try:
            tree = sqlglot.parse_one(sql, read=dialect or None)
        except (SqlglotError, RecursionError, ValueError, TypeError, AttributeError, IndexError, KeyError):
            continue
        if isinstance(tree, _known_roots()):
            return tree
    return None


def _known_roots() -> tuple[type[Node], ...]:
    from sqlglot import exp

    return (exp.Query, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Values)


class _Reading:
    """One parsed statement: its writes, one a target, and all that it reads."""

    def __init__(self, tree: Node, rec: Recorder) -> None:
        from sqlglot import exp

        self._exp = exp
        self._rec = rec
        self._tree = tree
        self._aliases = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
        nodes = list(tree.walk())
        self._tables = [self._name(node) for node in nodes if isinstance(node, exp.Table)]
        self._columns = tuple(
            dict.fromkeys(rec.plain(n.name) for n in nodes if isinstance(n, exp.Column) and n.name)
        )
        self._literals = tuple(
            dict.fromkeys(n.name for n in nodes if isinstance(n, exp.Literal) and n.is_string)
        )
        self._types = tuple(dict.fromkeys(
            rec.table(str(n.args.get("kind") or n)) for n in nodes
            if isinstance(n, exp.DataType) and n.this == exp.DataType.Type.USERDEFINED
        ))  # fmt: skip
        self._star = any(isinstance(n, exp.Star) and not isinstance(n.parent, exp.Count) for n in nodes)
        self._nodes = nodes

    def record(self) -> None:
        exp = self._exp
        if self._hidden():
            self._rec.unknown(_MADE)
        writes = [
            node for node in self._nodes if isinstance(node, exp.Insert | exp.Update | exp.Delete | exp.Merge)
        ]
        writes = [node for node in writes if not self._in_merge(node)]
        for node in writes:
            self._write(node)
        for made in (node for node in self._nodes if isinstance(node, exp.Into)):
            if isinstance(made.this, exp.Table) and not made.args.get("temporary"):
                self._rec.add(Operation(kind=Kind.CREATE_TABLE, table=self._name(made.this)))
        if not writes:
            self._called()
            found = self.read()
            if found.references:
                self._rec.add(found)

    def read(self) -> Operation:
        columns = () if self._star else self._columns
        return Operation(
            kind=Kind.DATA_READ,
            references=self._references(None),
            columns=columns,
            values=self._literals[:200],
            types=self._types,
        )

    def _bare(self, node: Node) -> Node:
        """What a column of a SELECT calls, under its alias and schema."""
        while isinstance(node, self._exp.Alias | self._exp.Dot):
            node = node.this if isinstance(node, self._exp.Alias) else node.expression
        return node

    def _in_merge(self, node: Node) -> bool:
        return not isinstance(node, self._exp.Merge) and node.find_ancestor(self._exp.Merge) is not None

    def _write(self, node: Node) -> None:
        exp = self._exp
        target = node.this
        schema = target if isinstance(target, exp.Schema) else None
        table_node = schema.this if schema is not None else target
        table = self._target(table_node)
        if table is None or HOLE in table:
            self._rec.unknown("the table of the statement is not spelled out")
            return
        listed = [self._rec.plain(name.name) for name in schema.expressions] if schema is not None else []
        bare = isinstance(node, exp.Insert) and schema is None
        kind = {exp.Update: Kind.DATA_UPDATE, exp.Delete: Kind.DATA_DELETE, exp.Merge: Kind.DATA_UPDATE}.get(
            type(node), Kind.DATA_INSERT
        )
        columns = (
            () if bare or self._star or self._loose() else tuple(dict.fromkeys((*listed, *self._columns)))
        )
        self._rec.add(
            Operation(
                kind=kind,
                table=table,
                columns=columns,
                writes=self._set(node) if kind is Kind.DATA_UPDATE else (),
                references=self._references(table),
                values=self._literals[:200],
                types=self._types,
            )
        )

    def _set(self, node: Node) -> tuple[str, ...]:
        """The columns that an UPDATE sets; empty where one of them is not plain."""
        names_ = [equal.this.name for equal in node.expressions if isinstance(equal, self._exp.EQ)]
        plain = all(name and HOLE not in name for name in names_) and len(names_) == len(node.expressions)
        return tuple(self._rec.plain(name) for name in names_) if plain else ()

    def _target(self, node: object) -> str | None:
        """The written table; `UPDATE a ... FROM t a` names an alias."""
        if not isinstance(node, self._exp.Table):
            return None
        for other in self._nodes:
            aliased = isinstance(other, self._exp.Table) and other is not node and other.alias
            if aliased and other.alias.lower() == node.name.lower() and not node.db:
                return self._name(other)
        return self._name(node)

    def _name(self, node: Node) -> str:
        return self._rec.table(node.name, node.db or None)

    def _references(self, table: str | None) -> tuple[str, ...]:
        names_ = dict.fromkeys(name for name in self._tables if name != table and name not in self._aliases)
        return tuple(name for name in names_ if name and HOLE not in name and not _catalogue(name))

    def _loose(self) -> bool:
        return any(HOLE in column for column in self._columns)

    def _hidden(self) -> bool:
        """Whether a part that is not known may hold more than a value: a clause, a condition, a table."""
        exp = self._exp
        clause = (
            exp.Where | exp.Connector | exp.Paren | exp.Not | exp.Having | exp.Select | exp.Join | exp.Query
        )
        for node in self._nodes:
            loose = isinstance(node, exp.Column) and node.name == HOLE and isinstance(node.parent, clause)
            if loose and not (isinstance(node.parent, exp.Select) and node.find_ancestor(exp.Insert)):
                return True
            if (
                isinstance(node, exp.Table)
                and HOLE in node.name
                and node is not getattr(self._tree, "this", None)
            ):
                return True
        return False

    def _called(self) -> None:
        """`SELECT f()` and `SELECT f(id) FROM t` are written for what f does."""
        chosen = self._tree.expressions if isinstance(self._tree, self._exp.Select) else ()
        for node in (self._bare(column) for column in chosen):
            if not isinstance(node, self._exp.Anonymous) or node.name.lower().startswith(_PURE):
                continue
            if node.name.lower() in _ON_TABLE and self._literals and HOLE not in self._literals[0]:
                self._rec.add(Operation(kind=Kind.ALTER_TABLE, table=self._rec.table(self._literals[0])))
            else:
                self._rec.unknown(f"what {node.name[:60]}() does is not known")


def _catalogue(name: str) -> bool:
    return name.startswith(("pg_", "information_schema.", "sqlite_"))


def _read_insert(statement: Sequence[Token], rec: Recorder) -> None:
    """A statement too large to parse: an INSERT of values says its table and columns at the front."""
    cursor = Cursor(statement)
    queries = any(token.upper in {"SELECT", "WITH", "TABLE"} for token in statement)
    if (
        queries
        or not cursor.accept("INSERT", "INTO")
        or (table := cursor.table(rec)) is None
        or HOLE in table
    ):
        rec.unknown("the statement is too large or too deep to read")
        return
    rec.add(Operation(kind=Kind.DATA_INSERT, table=table, columns=names(cursor.group(), rec)))


def _small_reading(statement: Sequence[Token], rec: Recorder) -> None:
    """A statement that does not parse: its form is clear only where it reads no other table."""
    cursor = Cursor(statement)
    kind = None
    if cursor.accept("INSERT", "INTO"):
        kind = Kind.DATA_INSERT
    elif cursor.accept("UPDATE"):
        kind = Kind.DATA_UPDATE
        cursor.accept("ONLY")
    elif cursor.accept("DELETE", "FROM"):
        kind = Kind.DATA_DELETE
    table = cursor.table(rec) if kind is not None else None
    more = any(token.upper in {"SELECT", "FROM", "JOIN", "USING", "TABLE"} for token in cursor.rest())
    loose = any(token.text == HOLE for token in cursor.rest())
    unset = kind is Kind.DATA_UPDATE and not any(token.upper == "SET" for token in cursor.rest())
    if kind is None or table is None or HOLE in table or more or loose or unset:
        rec.unknown("the SQL cannot be read")
        return
    rec.add(Operation(kind=kind, table=table))
