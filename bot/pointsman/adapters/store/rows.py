"""The state file's rows as one text and back, exactly; it knows no record and decides only what is old enough to go."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError

from pointsman.adapters.store.schema import SCRIPTS, revision_of
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.queue.model import LIVE, ChangeState, RunState

FORMAT = 1
LARGEST = 24 << 20
"""Bytes; the reader of git objects takes no more than a little above that."""
ENDED_KEPT = 200
LINES_KEPT = 2000
BODY_KEPT = 2000
"""Characters of an ended change's body: nobody judges it any more."""

TABLES = (
    "changes",
    "candidates",
    "runs",
    "lanes",
    "approvals",
    "grants",
    "claims",
    "notes",
    "journal",
    "ledger",
)
"""In the order in which rows may name rows of another table."""

NEXT = (
    "It was left as it is. Every earlier state is an ancestor of that commit: move the ref back to one, or delete it "
    "to begin with an empty queue."
)
_SEQUENCES = "SELECT name, seq FROM sqlite_sequence ORDER BY name"
_NAME = re.compile(r"[a-z_]{1,64}")
_Row = Sequence[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Every kept row of a state file of that schema; `sequences` are the numbers given out so far, by table."""

    schema: str
    tables: Mapping[str, tuple[Sequence[str], Sequence[_Row]]]
    sequences: Mapping[str, int]


def written(connection: Connection) -> bytes:
    """The document of what the connection sees, old ends cut off; EnvironmentProblem when it is too large to keep.

    One row stands on a line, so that a push carries what changed."""
    found = {name: _select(connection, name) for name in TABLES}
    kept = _cut(found)
    head = {
        "format": FORMAT,
        "schema": revision_of(connection),
        "sequences": {row[0]: row[1] for row in connection.exec_driver_sql(_SEQUENCES)},
    }
    parts = [
        f"{_text(name)}: {{{_text('columns')}: {_text(columns)}, {_text('rows')}: [{_lines(kept[name])}]}}"
        for name, (columns, _) in found.items()
    ]
    text = _text(head)[:-1] + ',\n"tables": {\n' + ",\n".join(parts) + "\n}}\n"
    if len(text) > LARGEST:
        raise EnvironmentProblem(
            f"The lane's state has {len(text)} bytes, more than the {LARGEST} that a document may have; nothing was "
            "saved. Land or withdraw changes, or run the app, whose state is a database."
        )
    return text.encode("ascii")


def read(data: bytes, where: str) -> Rows:
    """The rows of a document. EnvironmentProblem, which begins with `where`, for a newer or a damaged one."""
    try:
        value = json.loads(data)
        version = value["format"]
        if isinstance(version, int) and version > FORMAT:
            raise _newer(where, f"format {version}", str(FORMAT))
        tables = {name: _table(name, value["tables"][name]) for name in TABLES if name in value["tables"]}
        sequences = {str(name): int(number) for name, number in value["sequences"].items()}
        schema = str(value["schema"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, binascii.Error) as error:
        raise _damaged(where, f"{type(error).__name__}: {error}") from error
    if not tables.get("ledger", ((), ()))[1]:
        raise _damaged(where, "it has no ledger")
    return Rows(schema=schema, tables=tables, sequences=sequences)


def filled(path: Path, rows: Rows, where: str) -> None:
    """Make the state file `path`, of the rows' own schema, with those rows. Errors: as `read`."""
    engine = create_engine(URL.create("sqlite", database=str(path)))
    try:
        with engine.begin() as connection:
            _create(connection, rows.schema, where)
            for name, (columns, values) in rows.tables.items():
                _insert(connection, name, columns, values)
            for name, number in rows.sequences.items():
                change = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?"
                connection.exec_driver_sql(change, (number, name))
    except DBAPIError as error:
        raise _damaged(where, str(error.orig)) from error
    finally:
        engine.dispose()


def _create(connection: Connection, schema: str, where: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", SCRIPTS)
    scripts = ScriptDirectory.from_config(config)
    if schema not in {script.revision for script in scripts.walk_revisions()}:
        raise _newer(where, f"schema {schema}", str(scripts.get_current_head()))
    command.upgrade(config, schema)


def _insert(connection: Connection, name: str, columns: Sequence[str], rows: Sequence[_Row]) -> None:
    if name == "ledger":
        connection.exec_driver_sql("DELETE FROM ledger")
    if not rows:
        return
    named = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join("?" for _ in columns)
    connection.exec_driver_sql(
        f"INSERT INTO {name} ({named}) VALUES ({places})",  # noqa: S608 - names are checked by `_table`
        [tuple(row) for row in rows],
    )


def _select(connection: Connection, name: str) -> tuple[Sequence[str], Sequence[_Row]]:
    found = connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1")  # noqa: S608 - one of TABLES
    return list(found.keys()), [tuple(row) for row in found]


def _table(name: str, value: Any) -> tuple[Sequence[str], Sequence[_Row]]:
    columns = [str(column) for column in value["columns"]]
    rows = [tuple(_value(item) for item in row) for row in value["rows"]]
    if not all(_NAME.fullmatch(column) for column in columns):
        raise ValueError(f"{name} has a column that can be none")
    if any(len(row) != len(columns) for row in rows):
        raise ValueError(f"a row of {name} is too short or too long")
    return columns, rows


def _cut(found: Mapping[str, tuple[Sequence[str], Sequence[_Row]]]) -> dict[str, Sequence[_Row]]:
    """The rows to keep: all that is under way, the newest of what has ended, and whatever those name."""
    rows = {
        name: [dict(zip(columns, row, strict=True)) for row in rows]
        for name, (columns, rows) in found.items()
    }
    changes, candidates, runs = rows["changes"], rows["candidates"], rows["runs"]
    running = [run for run in runs if run["state"] == RunState.RUNNING]
    live = {one["id"] for one in candidates if one["state"] in LIVE} | {run["candidate"] for run in running}
    queued = {one["id"] for one in changes if one["state"] == ChangeState.QUEUED}
    stays = live | _newest(one["id"] for one in candidates if one["id"] not in live)
    due = {run["id"] for run in runs if run["candidate"] in live or run["change"] in queued} - {None}
    due |= {run["id"] for run in running}
    due |= _newest(run["id"] for run in runs if run["id"] not in due)
    kept_runs = {run["id"]: run for run in runs if run["id"] in due and run["candidate"] in {None, *stays}}
    ended = sorted((one["ended_at"] or 0.0, one["id"]) for one in changes if one["id"] not in queued)
    here = queued | _newest(number for _, number in ended) | {run["change"] for run in kept_runs.values()}
    here |= {
        max(one["id"] for one in changes if one["lane"] == lane) for lane in {one["lane"] for one in changes}
    }
    kept = {
        "changes": [
            _shorter(one) if one["id"] not in queued else one for one in changes if one["id"] in here
        ],
        "candidates": [one for one in candidates if one["id"] in stays],
        "runs": list(kept_runs.values()),
        "approvals": [one for one in rows["approvals"] if one["change"] in here],
        "grants": [one for one in rows["grants"] if one["change"] in here],
        "journal": rows["journal"][-LINES_KEPT:],
    }
    return {name: [tuple(row.values()) for row in kept.get(name, rows[name])] for name in TABLES}


def _newest(numbers: Iterable[int]) -> set[int]:
    """The last of them."""
    return set(list(numbers)[-ENDED_KEPT:])


def _shorter(change: dict[str, Any]) -> dict[str, Any]:
    """SQLite holds text that is not UTF-8 as bytes, which can't be cut anywhere."""
    body = change["body"]
    return change | {"body": body[:BODY_KEPT] if isinstance(body, str) else body}


def _lines(rows: Sequence[_Row]) -> str:
    return ",".join("\n" + _text([_plain(item) for item in row]) for row in rows)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False)


def _plain(value: Any) -> Any:
    return {"bytes": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def _value(item: Any) -> Any:
    match item:
        case None | int() | float() | str():
            return item
        case {"bytes": str(text)} if len(item) == 1:
            return base64.b64decode(text, validate=True)
    raise ValueError(f"a row holds {type(item).__name__}, which no column does")


def _newer(where: str, found: str, known: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"{where} was written by a newer pointsman ({found}; this one knows {known}). Use that version here too; "
        "nothing was changed."
    )


def _damaged(where: str, why: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{where} can't be read ({why[:300]}). {NEXT}")
