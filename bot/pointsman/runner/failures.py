"""Tells a migration that is broken from one that this machine can't judge, by the exception that it raised.

Kept to Python 3.9's language. Imports nothing of Pointsman.
"""

from __future__ import annotations

import errno
import re
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BROKEN = "broken"
"""The migrations themselves are wrong."""
LONGEST = 400
CANT_TELL = "can't tell"
"""They need a package, a service or a database that is not here."""
ENVIRONMENT = "environment"
"""env.py (or the application that it imports) did not come as far as the migrations."""

_SQLITE_LACKS = re.compile(
    r"no such function|unknown function|unknown database|no such module|no such collation"
    r"|no such table: (?:information_schema|pg_|sys\.|mysql\.)"
    r"|unrecognized token: \"[:$#@]|non-constant default|default value of column .* is not constant"
    r"|Cannot add a (?:NOT NULL|UNIQUE|PRIMARY KEY|REFERENCES) column|[Cc]annot drop|error in \w+ \S+ after drop"
    r"|type '?\w+'? is not supported|Error binding parameter",
    re.IGNORECASE,
)
_OTHER_DIALECT = re.compile(
    r"::|\$\$|\bALTER\s+(?:COLUMN|TYPE|INDEX|SEQUENCE|SCHEMA|DATABASE|ROLE|EXTENSION|FUNCTION)\b"
    r"|\bALTER\s+TABLE\b[^;]*\b(?:(?:ADD|DROP|ALTER|RENAME)\s+CONSTRAINT|MODIFY|CHANGE|OWNER|SET|ENABLE|DISABLE|"
    r"VALIDATE|(?:ADD|DROP)\s+COLUMN\s+IF\b|DROP\s+(?:PRIMARY|FOREIGN)\s+KEY|ADD\s+(?:UNIQUE|PRIMARY|FOREIGN|INDEX|KEY))"
    r"|\b(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:EXTENSION|TYPE|SCHEMA|SEQUENCE|FUNCTION|PROCEDURE|DOMAIN|ROLE|"
    r"POLICY|MATERIALIZED|PUBLICATION|RULE|AGGREGATE|DATABASE|USER)\b"
    r"|\bCONCURRENTLY\b|\bUSING\b|\bTRUNCATE\b|\bGRANT\b|\bREVOKE\b|\bCOMMENT\s+ON\b|\bLOCK\s+TABLE\b|\bILIKE\b"
    r"|\bINTERVAL\s*'|\bCASCADE\b|\bRESTRICT\b|\bONLY\b|\bLATERAL\b|\bARRAY\s*\[|\bjsonb\b|\bAT\s+TIME\s+ZONE\b"
    r"|\bAUTO_INCREMENT\b|\bENGINE\s*=|\bON\s+UPDATE\s+CURRENT|\bunnest\b|\bgenerate_series\b|\bDO\b|^\s*SET\b|^\s*SHOW\b"
    r"|\bFOR\s+UPDATE\b|\bnow\(\)|\bgen_random_uuid\(|\buuid_generate|\bTABLESPACE\b|\bINHERITS\b|\bPARTITION\b",
    re.IGNORECASE,
)


_WALLS = (errno.EROFS, errno.ENETUNREACH, errno.EDQUOT, errno.EAGAIN)
"""What an operating system says at a wall: nothing to write, nobody to reach, no room, no more processes."""
OTHER_DATABASE = "it needs another database than SQLite"
_SERVER_LACKS = frozenset({"42501", "58P01", "55P03", "3F000"})
"""Rights that only a superuser has, files of an extension, a lock that another program holds, a schema that is made
outside the migrations."""
ADVICE = {
    "25001": "It can't run inside a transaction: put it into `with op.get_context().autocommit_block():`.",
    "55P04": "A new enum value can't be used in the transaction that adds it: add it in "
    "`with op.get_context().autocommit_block():`, or set transaction_per_migration=True.",
}
"""What to write, by PostgreSQL's code of the failure."""


@dataclass(frozen=True)
class Failure:
    """`text` says what and where, in a line or three; `path` and `revision` of the migration it was in."""

    kind: str
    text: str
    path: str | None = None
    revision: str | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def failure(
    problem: BaseException,
    *,
    tree: Path,
    versions: list[Path],
    target: str | None,
    kind: str = "sqlite",
    bare: bool = False,
) -> Failure:
    """Judge it. `target` is the kind of database that the project means to use, None where nothing says so; `kind`
    the one that it ran on. `bare`: without the project's env.py, which may have set how transactions go."""
    frames = traceback.extract_tb(problem.__traceback__)
    inside = [frame for frame in frames if _is_below(frame.filename, [tree])]
    migration = next((frame for frame in reversed(inside) if _is_below(frame.filename, versions)), None)
    text = _told(problem, inside[-1] if inside else None, tree)
    if migration is None and not _reached_migrations(frames):
        return Failure(ENVIRONMENT if _is_env_py(inside) else BROKEN, text)
    on_postgresql = kind == "postgresql"
    reason = _not_here(problem, frames, tree) or (
        other_server(problem, target, bare=bare)
        if on_postgresql
        else _other_than_sqlite(problem, frames, target)
    )
    said = f"{reason}: {text}" if reason else text
    said = "\n".join(filter(None, [said, advice(problem) if on_postgresql else ""]))
    path = str(Path(migration.filename).resolve().relative_to(tree.resolve())) if migration else None
    return Failure(CANT_TELL if reason else BROKEN, said, path, _revision(problem, migration))


def with_revision(problem: Failure) -> str:
    return f"revision {problem.revision}: {problem.text}" if problem.revision else problem.text


def is_missing_package(problem: BaseException, tree: Path) -> bool:
    """Whether the exception says that a package is not installed, rather than that the tree lost a module."""
    if not isinstance(problem, ModuleNotFoundError):
        return False
    top = (problem.name or "").partition(".")[0]
    places = (tree, tree / "src")
    return not any((place / top).is_dir() or (place / f"{top}.py").is_file() for place in places)


def _not_here(problem: BaseException, frames: Any, tree: Path) -> str | None:
    """What this machine lacks, whatever the database; None when that is not it."""
    if is_missing_package(problem, tree):
        return "a package is not installed here"
    if isinstance(problem, ImportError) and frames and not _is_below(frames[-1].filename, [tree]):
        return "a package does not load here"
    if _was_loading_application(frames, tree):
        return "the application does not load here"
    walled = isinstance(problem, OSError) and problem.errno in _WALLS
    if walled or isinstance(problem, (PermissionError, ConnectionError, MemoryError)):
        return "it needs what a proof does not have"
    return None


def _other_than_sqlite(problem: BaseException, frames: Any, target: str | None) -> str | None:
    """Why SQLite is no judge of it; None when the migration is to blame."""
    name, text = type(problem).__name__, str(problem)
    if name in ("UnsupportedCompilationError", "CompileError"):
        return OTHER_DATABASE
    if target == "sqlite":
        return None
    lacks = isinstance(problem, NotImplementedError) and any(
        Path(frame.filename).name == "sqlite.py" for frame in frames
    )
    statement = str(getattr(problem, "statement", None) or "")
    foreign = "syntax error" in text and (target is not None or _OTHER_DIALECT.search(statement))
    if lacks or foreign or (statement and _SQLITE_LACKS.search(str(getattr(problem, "orig", "")))):
        return OTHER_DATABASE
    return None


def other_server(problem: BaseException, target: str | None, *, bare: bool) -> str | None:
    """Why the scratch server is no judge of it; None when the migration is to blame."""
    if type(problem).__name__ in ("UnsupportedCompilationError", "CompileError"):
        return "it needs another database than PostgreSQL"
    state, text = _state(problem), str(getattr(problem, "orig", ""))
    if state is None:
        return None
    if state in _SERVER_LACKS or state[:2] in ("08", "53", "57"):
        return "it needs what the scratch server does not give"
    if state in ("0A000", "42704") and re.search(r"extension|tablespace|access method|text search", text):
        return "it needs what the scratch server does not give"
    if state == "42704" and re.search(r'role "', text):
        return "it needs a role that the scratch server does not have"
    if bare and state in ADVICE:
        return "how env.py sets transactions is not known"
    if state == "42601" and target not in (None, "postgresql"):
        return "it needs another database than PostgreSQL"
    return None


def advice(problem: BaseException) -> str:
    """What to write instead, where PostgreSQL's code says what went wrong; else ''."""
    return ADVICE.get(_state(problem) or "", "")


def _state(problem: BaseException) -> str | None:
    """PostgreSQL's five characters, from whichever driver."""
    origin = getattr(problem, "orig", None) or problem
    for name in ("sqlstate", "pgcode"):
        found = getattr(origin, name, None)
        if isinstance(found, str):
            return found
    args = getattr(origin, "args", ())
    return args[0].get("C") if args and isinstance(args[0], dict) else None


def _told(problem: BaseException, frame: Any, tree: Path) -> str:
    lost = _lost_revision(problem)
    if lost is not None:
        return f"a migration follows or needs {lost}, which is in no file of its environment"
    said = "".join(traceback.format_exception_only(type(problem), problem)).strip().splitlines()
    kept = [line for line in said if not line.startswith("(Background on this error")]
    kept = [kept[0], *[" ".join(" ".join(kept[1:]).split())[:LONGEST]]] if len(kept) > 1 else kept
    kept = [line.replace(f"{tree.resolve()}/", "") for line in kept]
    if frame is None:
        return "\n".join(kept)
    where = Path(frame.filename).resolve().relative_to(tree.resolve())
    return "\n".join([f"{where}:{frame.lineno} in {frame.name}: {frame.line}", *kept])


def _lost_revision(problem: BaseException) -> str | None:
    """The revision that Alembic's map stumbled over: it says no more than its id."""
    last = traceback.extract_tb(problem.__traceback__)[-1:]
    in_map = any(Path(frame.filename).parts[-3:] == ("alembic", "script", "revision.py") for frame in last)
    return str(problem.args[0]) if isinstance(problem, KeyError) and problem.args and in_map else None


def _revision(problem: BaseException, migration: Any) -> str | None:
    if migration is None:
        return None
    trace = problem.__traceback__
    found = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == migration.filename:
            found = trace.tb_frame.f_globals.get("revision")
        trace = trace.tb_next
    return found if isinstance(found, str) else None


def _reached_migrations(frames: Any) -> bool:
    return any(
        frame.name == "run_migrations" and Path(frame.filename).name == "migration.py" for frame in frames
    )


def _was_loading_application(frames: Any, tree: Path) -> bool:
    """Whether a module of the project, imported by a migration, raised while it was loaded."""
    inside = [frame for frame in frames if _is_below(frame.filename, [tree])]
    return len(inside) > 1 and inside[-1].name == "<module>" and inside[-2].name == "<module>"


def _is_env_py(inside: Any) -> bool:
    return any(Path(frame.filename).name == "env.py" for frame in inside)


def _is_below(filename: str, folders: list[Path]) -> bool:
    if filename.startswith("<"):
        return False
    path = Path(filename).resolve()
    return any(folder.resolve() in path.parents for folder in folders)
