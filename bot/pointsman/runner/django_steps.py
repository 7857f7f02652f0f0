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
from pointsman.runner.django_schema import read_schema
from pointsman.runner.failures import BROKEN, CANT_TELL, ENVIRONMENT

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """What to run. A command is `up` (all leaves), `to` (those of the app), `down` (to one of the app) or `models`
    (what the app's models have that its migrations lack); `parents` overrides where migrations of the app hang."""

    tree: Path
    database: Database
    commands: list[list[Any]]
    parents: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """What a step left. `leaves` and `applied` are names of the one app; `stuck` says what kept it from going down
    at all, `lacking` what models have that migrations lack, `problem` has `kind`, `text` and `revision`."""

    schema: dict[str, str]
    leaves: list[str]
    applied: list[str]
    stuck: list[str]
    lacking: list[str]
    seconds: float
    problem: Optional[Json] = None  # noqa: UP045 - read at run time by 3.9


class Unloadable(Exception):
    """The project did not come as far as its migrations."""


def run_step(step: Step, job: Json) -> Done:
    """Run it in a fork; what that says is all that comes back."""
    ended = run_apart(lambda: _facts(step, job))
    if ended.said is None:
        kind = BROKEN if ended.by_itself else CANT_TELL
        problem = {"kind": kind, "text": f"the process ended in the middle ({ended.how})", "revision": None}
        return Done({}, [], [], [], [], ended.seconds, problem)
    return Done(**ended.said, seconds=ended.seconds)


def _facts(step: Step, job: Json) -> Json:
    facts: Json = {"schema": {}, "leaves": [], "applied": [], "stuck": [], "lacking": [], "problem": None}
    at = At()
    try:
        _perform(facts, at, step, job)
    except Unloadable as problem:
        facts["problem"] = {"kind": ENVIRONMENT, "text": str(problem), "revision": None}
    except BaseException as problem:  # noqa: BLE001 - sys.exit in a settings file is a failure like any other
        kind, text = judged(problem, tree=step.tree, engine=at.engine, kind=step.database.kind)
        facts["problem"] = {"kind": kind, "text": text, "revision": at.running}
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

    for kind, names in step.commands:
        if kind == "models":
            facts["lacking"] = lacking(connection, label)
            continue
        stuck = _migrate(connection, at, label, kind, names)
        if stuck:
            facts["stuck"] = stuck
            return
    connection.check_constraints()
    loader = _executor(connection, at).loader
    facts["leaves"] = sorted(name for _, name in loader.graph.leaf_nodes(label))
    facts["applied"] = sorted(name for app, name in loader.applied_migrations if app == label)
    facts["schema"] = read_schema(connection)
    connections.close_all()


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
    if kind == "down":
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
