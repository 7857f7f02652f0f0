"""Reads what a PostgreSQL database looks like, by name, out of its catalogue; it changes nothing.

The same `Schema` as for SQLite: `column users.nick` -> `character varying(40) NOT NULL`. Objects of extensions are the
extension's. Kept to Python 3.9's language. Imports nothing of Pointsman outside this package.
"""

# ruff: noqa: S608 - the queries are put together of our own words and one quoted name
from __future__ import annotations

from typing import Any

from pointsman.runner.schema import Schema

_OURS = "n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'"
# No percent sign anywhere: drivers differ in what they make of one.
_NAME = "CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || "


def _free(catalogue: str, oid: str) -> str:
    """No object of an extension."""
    return (
        f"NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = '{catalogue}'::regclass "
        f"AND d.objid = {oid} AND d.deptype = 'e')"
    )


_RELATIONS = f"""
SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'f' THEN 'foreign table' WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type' END || ' ' || {_NAME} c.relname,
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid)
    ELSE concat_ws(' ', 'there', CASE WHEN c.relpersistence = 'u' THEN 'unlogged' END,
      CASE WHEN c.relrowsecurity THEN 'row security' END,
      CASE WHEN c.relkind = 'p' THEN 'partitioned by ' || pg_get_partkeydef(c.oid) END,
      CASE WHEN c.relispartition THEN 'partition ' || pg_get_expr(c.relpartbound, c.oid) END,
      array_to_string(c.reloptions, ' ')) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND {_OURS} AND {_free("pg_class", "c.oid")}
"""
_COLUMNS = f"""
SELECT 'column ' || {_NAME} c.relname || '.' || a.attname,
  concat_ws(' ', format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation::text END,
    CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
    CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
    CASE WHEN a.attgenerated <> '' THEN 'generated' ELSE NULL END,
    CASE WHEN e.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(e.adbin, e.adrelid) END)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'c') AND {_OURS}
  AND {_free("pg_class", "c.oid")}
"""
_INDEXES = f"""
SELECT 'index ' || {_NAME} c.relname, pg_get_indexdef(i.indexrelid) ||
  CASE WHEN i.indisvalid THEN '' ELSE ' (not valid)' END
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_OURS} AND {_free("pg_class", "i.indrelid")}
  AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
"""
_CONSTRAINTS = f"""
SELECT CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
    WHEN 'c' THEN 'check' ELSE 'constraint' END || ' ' || {_NAME}
  coalesce(c.relname || '.', '') || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace LEFT JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype IN ('p', 'u', 'f', 'c', 'x') AND {_OURS} AND {_free("pg_class", "k.conrelid")}
  AND {_free("pg_type", "k.contypid")}
"""
_ENUMS = f"""
SELECT 'enum ' || {_NAME} t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_enum e ON e.enumtypid = t.oid
WHERE {_OURS} AND {_free("pg_type", "t.oid")} GROUP BY 1
"""
_DOMAINS = f"""
SELECT 'domain ' || {_NAME} t.typname, concat_ws(' ', format_type(t.typbasetype, t.typtypmod),
  CASE WHEN t.typnotnull THEN 'NOT NULL' END, 'DEFAULT ' || t.typdefault)
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'd' AND {_OURS} AND {_free("pg_type", "t.oid")}
"""
_SEQUENCES = f"""
SELECT 'sequence ' || {_NAME} c.relname, concat_ws(' ', format_type(s.seqtypid, NULL), 'from', s.seqstart, 'by',
  s.seqincrement, 'to', s.seqmax, CASE WHEN s.seqcycle THEN 'cycle' END)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_OURS} AND {_free("pg_class", "c.oid")}
"""
_TRIGGERS = f"""
SELECT 'trigger ' || {_NAME} c.relname || '.' || g.tgname,
  pg_get_triggerdef(g.oid) || CASE WHEN g.tgenabled = 'D' THEN ' (disabled)' ELSE '' END
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal AND {_OURS}
"""
_FUNCTIONS = f"""
SELECT 'function ' || {_NAME} p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
  pg_get_functiondef(p.oid)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prokind IN ('f', 'p') AND {_OURS} AND {_free("pg_proc", "p.oid")}
"""
_POLICIES = f"""
SELECT 'policy ' || {_NAME} c.relname || '.' || o.polname, concat_ws(' ', o.polcmd, o.polpermissive,
  pg_get_expr(o.polqual, o.polrelid), pg_get_expr(o.polwithcheck, o.polrelid))
FROM pg_policy o JOIN pg_class c ON c.oid = o.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_OURS}
"""
_SCHEMAS = f"""
SELECT 'schema ' || n.nspname, 'there' FROM pg_namespace n WHERE {_OURS} AND {_free("pg_namespace", "n.oid")}
"""
_EXTENSIONS = "SELECT 'extension ' || extname, extversion FROM pg_extension"
_EVERYTHING = (
    _RELATIONS, _COLUMNS, _INDEXES, _CONSTRAINTS, _ENUMS, _DOMAINS, _SEQUENCES, _TRIGGERS, _FUNCTIONS, _POLICIES,
    _SCHEMAS, _EXTENSIONS,
)  # fmt: skip


def read_schema(connection: Any, *, without: str | None) -> Schema:
    """Everything but the version table `without`. The order of columns in a table does not show; that of an
    enum's labels does, for it is what they sort by."""
    found: Schema = {}
    for query in _EVERYTHING:
        for thing, said in connection.exec_driver_sql(query):
            found[thing] = " ".join(str(said).split())
    if without is None:
        return found
    return {thing: said for thing, said in found.items() if not _is_of(thing, without)}


def read_versions(connection: Any, table: str) -> list[str]:
    """The revisions that the version table names, in whichever schema it is; empty when there is none."""
    places = connection.exec_driver_sql(
        "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        f"WHERE c.relkind = 'r' AND c.relname = {_literal(table)} AND {_OURS}"
    ).fetchall()
    rows = [
        row[0]
        for (place,) in places
        for row in connection.exec_driver_sql(f"SELECT version_num FROM {place}").fetchall()
    ]
    return sorted(map(str, rows))


def _is_of(thing: str, table: str) -> bool:
    """Whether it is the table itself or a part of it, in any schema."""
    return table in thing.split(" ", 1)[-1].replace(" ", ".").split(".")


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
