"""One step of a proof: a project's Django brought to some migrations on one scratch file, in a forked process.

A process per step keeps what one tree's modules remember from meeting another's. Kept to Python 3.9's language.
Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from pointsman.runner.redirect import URL_NAMES

Json = dict[str, Any]
BROKEN, CANT_TELL, ENVIRONMENT = "broken", "can't tell", "environment"
_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["']\s*[,\]=)\s]+\s*["']([\w.]+)["']""")
_IN_ANY_DATABASE = re.compile(
    r"already exists|duplicate column|no such column|no such table|has no column|UNIQUE constraint|NOT NULL",
    re.IGNORECASE,
)
_SECRETS = ("SECRET_KEY", "DJANGO_SECRET_KEY")
_TABLES = ("django_migrations", "sqlite_sequence")
LONGEST = 600


@dataclass(frozen=True)
class Done:
    """What a step left. `leaves` and `applied` are names of the one app; `stuck` says what kept it from going down
    at all, `problem` has `kind`, `text` and `revision`."""

    schema: dict[str, str]
    leaves: list[str]
    applied: list[str]
    stuck: list[str]
    seconds: float
    problem: Optional[Json] = None  # noqa: UP045 - read at run time by 3.9


class Unloadable(Exception):
    """The project did not come as far as its migrations."""


def run_step(job: Json, tree: Path, database: Path, commands: list[list[Any]], parents: Json) -> Done:
    """Fork, run, and wait; what the child says is all that comes back. A command is `up` (all leaves), `to` (those
    of the app) or `down` (to one of the app); `parents` overrides where migrations of the app hang."""
    begin = time.monotonic()
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_child(job, tree, database, commands, parents, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        answer = said.read()
    _, status = os.waitpid(child, 0)
    seconds = round(time.monotonic() - begin, 3)
    if not answer:
        how = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        problem = {"kind": CANT_TELL, "text": f"the process ended in the middle ({how})", "revision": None}
        return Done({}, [], [], [], seconds, problem)
    return Done(**json.loads(answer), seconds=seconds)


def _in_child(
    job: Json, tree: Path, database: Path, commands: list[list[Any]], parents: Json, writer: int
) -> None:
    """Never returns."""
    facts: Json = {"schema": {}, "leaves": [], "applied": [], "stuck": [], "problem": None}
    try:
        try:
            _perform(facts, job, tree, database, commands, parents)
        except BaseException as problem:  # noqa: BLE001 - sys.exit in a settings file is a failure like any other
            facts["problem"] = _judged(problem, tree)
        with os.fdopen(writer, "w") as out:
            json.dump(facts, out)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _perform(
    facts: Json, job: Json, tree: Path, database: Path, commands: list[list[Any]], parents: Json
) -> None:
    try:
        _load_project(job, tree, database)
    except BaseException as problem:
        raise Unloadable(f"the project does not load here: {_told(problem, tree)}") from problem
    label = job["name"]
    if parents:
        _hang(label, parents)
    from django.db import connection

    for kind, names in commands:
        stuck = _command(connection, label, kind, names)
        if stuck:
            facts["stuck"] = stuck
            return
    connection.check_constraints()
    loader = _executor(connection).loader
    facts["leaves"] = sorted(name for _, name in loader.graph.leaf_nodes(label))
    facts["applied"] = sorted(name for app, name in loader.applied_migrations if app == label)
    facts["schema"] = dict(_schema(connection))


def _load_project(job: Json, tree: Path, database: Path) -> None:
    """Stand beside manage.py, take the settings that it names, and put the scratch database in their place."""
    folder = _beside_manage(tree, tree / job["home"])
    os.chdir(folder)
    places = [folder, tree, folder / "src", tree / "src"]
    sys.path[:0] = list(dict.fromkeys(str(place) for place in places if place.is_dir()))
    for name in (*URL_NAMES, *job["url_env"]):
        os.environ[name] = f"sqlite:///{database}"
    for name in _SECRETS:
        os.environ.setdefault(name, "only-for-a-proof-" + "0" * 50)
    manage = folder / "manage.py"
    found = _SETTINGS.search(manage.read_text(errors="replace")) if manage.is_file() else None
    if found is None:
        raise LookupError("no manage.py above the app says which settings to use")
    os.environ["DJANGO_SETTINGS_MODULE"] = found.group(1)
    importlib.import_module(found.group(1))
    from django.conf import settings

    configured = settings.DATABASES.get("default", {}).get("ENGINE", "")
    _Target.engine = str(configured)
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}}
    settings.DATABASE_ROUTERS = []
    settings.LOGGING_CONFIG = None
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    import django

    django.setup()


class _Target:
    """Which engine the project means to use; '' where its settings did not come as far."""

    engine = ""
    running = ""


def _beside_manage(tree: Path, home: Path) -> Path:
    folder = home
    while folder != tree and tree in folder.parents:
        folder = folder.parent
        if (folder / "manage.py").is_file():
            return folder
    found = sorted(tree.glob("*/manage.py"))
    return found[0].parent if len(found) == 1 else tree


def _hang(label: str, parents: Json) -> None:
    from django.db.migrations.loader import MigrationLoader

    original = MigrationLoader.load_disk

    def load_disk(self: Any) -> None:
        original(self)
        for (app, name), migration in self.disk_migrations.items():
            if app == label and name in parents:
                others = [each for each in migration.dependencies if each[0] != label]
                migration.dependencies = [*others, *((label, parent) for parent in parents[name])]

    MigrationLoader.load_disk = load_disk


def _executor(connection: Any) -> Any:
    from django.db.migrations.executor import MigrationExecutor

    def progress(action: str, migration: Any = None, _: bool = False) -> None:
        if action.endswith("_start") and migration is not None:
            _Target.running = migration.name

    return MigrationExecutor(connection, progress)


def _command(connection: Any, label: str, kind: str, names: list[str]) -> list[str]:
    """Carry it out; the migrations that can't be reversed where it would have to go through them."""
    executor = _executor(connection)
    executor.loader.check_consistent_history(connection)
    targets = executor.loader.graph.leaf_nodes() if kind == "up" else [(label, name) for name in names]
    plan = executor.migration_plan(targets)
    if kind == "down":
        stuck = [m.name for m, backwards in plan if backwards and not all(o.reversible for o in m.operations)]
        if stuck:
            return stuck
    executor.migrate(targets, plan=plan)
    _Target.running = ""
    return []


def _schema(connection: Any) -> Iterator[tuple[str, str]]:
    """What is there by name, as Django's own introspection has it. SQLite has no names for foreign keys."""
    with connection.cursor() as cursor:
        for table in connection.introspection.get_table_list(cursor):
            if table.name in _TABLES:
                continue
            yield f"table {table.name}", "there"
            for column in connection.introspection.get_table_description(cursor, table.name):
                null = "NULL" if column.null_ok else "NOT NULL"
                default = f" DEFAULT {column.default}" if column.default is not None else ""
                size = f"({column.display_size})" if column.display_size else ""
                yield f"column {table.name}.{column.name}", f"{column.type_code}{size} {null}{default}"
            found = connection.introspection.get_constraints(cursor, table.name)
            for name, constraint in found.items():
                yield _constraint(table.name, name, constraint)


def _constraint(table: str, name: str, constraint: Json) -> tuple[str, str]:
    columns = ", ".join(constraint.get("columns") or ())
    kinds = [kind for kind in ("primary_key", "unique", "check", "index") if constraint.get(kind)]
    target = constraint.get("foreign_key")
    said = f"{' '.join(kinds)} ({columns})" + (f" -> {'.'.join(target)}" if target else "")
    unnamed = bool(target) or name.startswith("__") or constraint.get("primary_key")
    return f"{'foreign key' if target else 'constraint'} {table}.{columns if unnamed else name}", said


def _judged(problem: BaseException, tree: Path) -> Json:
    revision = _Target.running or None
    if isinstance(problem, Unloadable):
        return {"kind": ENVIRONMENT, "text": str(problem), "revision": None}
    return {"kind": _kind(problem), "text": _said(problem, tree), "revision": revision}


def _kind(problem: BaseException) -> str:
    from django.db import Error

    if isinstance(problem, (ImportError, PermissionError, ConnectionError, MemoryError)):
        return CANT_TELL
    return CANT_TELL if isinstance(problem, Error) and _is_sqlites_fault(problem) else BROKEN


def _is_sqlites_fault(problem: BaseException) -> bool:
    return "sqlite" not in _Target.engine and not _IN_ANY_DATABASE.search(str(problem))


def _said(problem: BaseException, tree: Path) -> str:
    from django.db import Error

    told = _told(problem, tree)
    if isinstance(problem, Error) and _is_sqlites_fault(problem):
        return f"it needs another database than SQLite: {told}"
    return told


def _told(problem: BaseException, tree: Path) -> str:
    said = " ".join("".join(traceback.format_exception_only(type(problem), problem)).split())[:LONGEST]
    inside = [
        frame
        for frame in traceback.extract_tb(problem.__traceback__)
        if not frame.filename.startswith("<") and tree.resolve() in Path(frame.filename).resolve().parents
    ]
    if not inside:
        return said
    where = Path(inside[-1].filename).resolve().relative_to(tree.resolve())
    return f"{where}:{inside[-1].lineno} in {inside[-1].name}: {inside[-1].line}\n{said}"
