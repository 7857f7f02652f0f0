"""One step of a proof: a project's Django brought to some migrations on one scratch database, in a forked process.

A process per step keeps what one tree's modules remember from meeting another's. Kept to Python 3.9's language.
Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from pointsman.runner.answer import run_apart
from pointsman.runner.databases import Database
from pointsman.runner.django_failures import judged, told
from pointsman.runner.django_project import load_project
from pointsman.runner.django_schema import look
from pointsman.runner.failures import BROKEN, CANT_TELL, ENVIRONMENT, Failure
from pointsman.runner.rows import Rows

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What to run. A command is `up` (all leaves), `upgrade` or `downgrade` with a migration of the app, `models` (what
    the app's models have that its migrations lack) or `seed` with SQL; `parents` overrides where migrations of the app
    hang. With `rows` the database's rows are read, too."""

    tree: Path
    database: Database
    commands: list[list[str]]
    parents: dict[str, list[str]] = field(default_factory=dict)
    rows: bool = False


@dataclass(frozen=True)
class Done:
    """What a step left: `schema`, `applied` (names of the one app) and `rows`, as the database has them; and, as the
    step said, the app's `leaves`, `stuck` for what kept it from going down at all, and `lacking` for what models have
    that migrations lack."""

    schema: dict[str, str]
    applied: list[str]
    leaves: list[str]
    stuck: list[str]
    lacking: list[str]
    seconds: float
    problem: Optional[Failure] = None  # noqa: UP045 - read at run time by 3.9
    rows: Optional[Rows] = None  # noqa: UP045


class Unloadable(Exception):
    """The project did not come as far as its migrations."""


def run_step(step: Step, job: Json) -> Done:
    """Run it in a fork. What the database then holds is looked at from a process where the project's code never ran."""
    ended = run_apart(lambda: _facts(step, job))
    said = ended.said
    if said is None:
        kind = BROKEN if ended.by_itself else CANT_TELL
        return _left(ended.seconds, Failure(kind, f"the process ended in the middle ({ended.how})"))
    try:
        told_of = said.pop("problem")
        lists = {name: [str(each) for each in said[name]] for name in ("leaves", "stuck", "lacking")}
        failed = Failure(**told_of) if told_of else None
    except (TypeError, AttributeError, KeyError) as wrong:
        return _left(ended.seconds, Failure(CANT_TELL, f"the step reported what can't be read: {wrong}"))
    if failed is not None:
        return _left(ended.seconds, failed)
    seen = look(step.database, job["name"], rows=step.rows)
    doubt = Failure(CANT_TELL, seen.doubt) if seen.doubt else None
    return Done(seen.schema, seen.applied, **lists, seconds=ended.seconds, problem=doubt, rows=seen.rows)


def _left(seconds: float, problem: Failure) -> Done:
    return Done({}, [], [], [], [], seconds, problem)


def _facts(step: Step, job: Json) -> Json:
    facts: Json = {"leaves": [], "stuck": [], "lacking": [], "problem": None}
    at = At()
    try:
        _perform(facts, at, step, job)
    except Unloadable as problem:
        facts["problem"] = Failure(ENVIRONMENT, str(problem)).as_json()
    except BaseException as problem:  # noqa: BLE001 - sys.exit in a settings file is a failure like any other
        kind, text = judged(problem, tree=step.tree, engine=at.engine, kind=step.database.kind)
        facts["problem"] = Failure(kind, text, None, at.running).as_json()
    return facts


@dataclass
class At:
    """How far a step has come: the engine that the project means to use, the migration that runs."""

    engine: str = ""
    running: Optional[str] = None  # noqa: UP045 - read at run time by 3.9


def _perform(facts: Json, at: At, step: Step, job: Json) -> None:
    try:
        at.engine = load_project(job, step.tree, step.database)
    except BaseException as problem:
        said = told(problem, step.tree)
        raise Unloadable(f"the project does not load here: {said}") from problem
    label = job["name"]
    if step.parents:
        _hang(label, step.parents)
    from django.db import connection, connections

    for kind, *arguments in step.commands:
        if kind == "models":
            facts["lacking"] = lacking(connection, label)
        elif kind == "seed":
            load(connection, arguments[0])
        elif stuck := _migrate(connection, at, label, kind, arguments):
            facts["stuck"] = stuck
            return
    connection.check_constraints()
    loader = _executor(connection, at).loader
    facts["leaves"] = sorted(name for _, name in loader.graph.leaf_nodes(label))
    connections.close_all()


def load(connection: Any, path: str) -> None:
    """Run a file of SQL, all or nothing; without parameters a percent sign means nothing to a driver."""
    from django.db import transaction

    script = Path(path).read_text()
    with transaction.atomic():
        if connection.vendor == "sqlite":
            connection.cursor().cursor.executescript(script)
        else:
            connection.cursor().cursor.execute(script)


def _hang(label: str, parents: dict[str, list[str]]) -> None:
    """From here on the loader sees those migrations behind `parents`; what they need of other apps stays."""
    from django.db.migrations.loader import MigrationLoader

    original = MigrationLoader.load_disk

    def load_disk(self: Any) -> None:
        original(self)
        for (app, name), migration in self.disk_migrations.items():
            if app == label and name in parents:
                others = [each for each in migration.dependencies if each[0] != label]
                migration.dependencies = [*others, *((label, parent) for parent in parents[name])]

    MigrationLoader.load_disk = load_disk


def _executor(connection: Any, at: At) -> Any:
    from django.db.migrations.executor import MigrationExecutor

    def progress(action: str, migration: Any = None, _: bool = False) -> None:
        if action.endswith("_start") and migration is not None:
            at.running = migration.name

    return MigrationExecutor(connection, progress)


def _migrate(connection: Any, at: At, label: str, kind: str, names: list[str]) -> list[str]:
    """Carry it out; the migrations that can't be reversed where it would have to go through them."""
    executor = _executor(connection, at)
    executor.loader.check_consistent_history(connection)
    targets = executor.loader.graph.leaf_nodes() if kind == "up" else [(label, name) for name in names]
    plan = executor.migration_plan(targets)
    if kind == "downgrade":
        stuck = [m.name for m, backwards in plan if backwards and not all(o.reversible for o in m.operations)]
        if stuck:
            return stuck
    executor.migrate(targets, plan=plan)
    at.running = None
    return []


def lacking(connection: Any, label: str) -> list[str]:
    """What `makemigrations --check` would make of the app, an operation each, as Django describes it."""
    from django.apps import apps
    from django.db.migrations.autodetector import MigrationAutodetector
    from django.db.migrations.loader import MigrationLoader
    from django.db.migrations.questioner import MigrationQuestioner
    from django.db.migrations.state import ProjectState

    loader = MigrationLoader(connection)
    models = ProjectState.from_apps(apps)
    detector = MigrationAutodetector(
        loader.project_state(), models, MigrationQuestioner({label}, dry_run=True)
    )
    found = detector.changes(graph=loader.graph, trim_to_apps={label}, convert_apps={label})
    return [each.describe() for one in found.get(label, ()) for each in one.operations]
