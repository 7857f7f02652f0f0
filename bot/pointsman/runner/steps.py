"""One step of a proof: Alembic commands on one tree and one scratch database, in a forked process of its own.

A process per step keeps what one tree's modules remember (settings, engines, metadata) from meeting
another's; the fork comes after Alembic is loaded, so a step costs milliseconds. Kept to Python 3.9's
language. Imports nothing of Pointsman outside this package.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

from pointsman.runner.answer import run_apart
from pointsman.runner.concurrently import stop_at_concurrent
from pointsman.runner.databases import SQLITE, Database
from pointsman.runner.failures import BROKEN, CANT_TELL, ENVIRONMENT, Failure, failure, is_missing_package
from pointsman.runner.place import Place
from pointsman.runner.redirect import URL_NAMES, Elsewhere, Redirected, redirect
from pointsman.runner.rows import Rows
from pointsman.runner.schema import Schema

Json = dict[str, Any]
Command = list[str]

ENV, DECOY_ENV, BARE = "env.py", "env.py with another address", "bare"
VERSION_TABLE = "alembic_version"
LONGEST_LIST = 1500


@dataclass(frozen=True)
class Step:
    """What to run: Alembic's commands, of which `check` is no failure, or `seed` with a file of SQL. `parents`
    overrides where revisions hang, to run a graph as it was before the repair. With `rows` the database's rows are
    read, too."""

    tree: Path
    database: Database
    mode: str
    commands: list[Command]
    parents: dict[str, list[str]] = field(default_factory=dict)
    rows: bool = False


@dataclass(frozen=True)
class Done:
    """What a step left: the schema and the stamped revisions, as the database has them, and the tree's own graph, as
    the step said. `differs`: how models and database differ, `target`: the kind of database that the project means to
    use; both where a check was asked for."""

    schema: Schema
    versions: list[str]
    heads: list[str]
    graph: dict[str, list[str]]
    undoable: dict[str, bool]
    seconds: float
    problem: Optional[Failure] = None  # noqa: UP045 - read at run time by 3.9
    differs: Optional[str] = None  # noqa: UP045
    target: Optional[str] = None  # noqa: UP045
    version_table: str = VERSION_TABLE
    rows: Optional[Rows] = None  # noqa: UP045


def run_step(step: Step, job: Json) -> Done:
    """Run it in a fork. What the database then holds is looked at from here, where the project's code never ran."""
    ended = run_apart(lambda: _perform(step, job))
    said = ended.said
    if said is None:
        # What ends itself in the middle of a migration is wrong; what is ended may have wanted too much.
        kind = BROKEN if ended.by_itself else CANT_TELL
        problem = Failure(kind, f"the process ended in the middle ({ended.how})")
        return Done({}, [], [], {}, {}, ended.seconds, problem)
    try:
        told = said.pop("problem")
        failed = Failure(**told) if told else None
        done = Done(schema={}, versions=[], seconds=ended.seconds, problem=failed, **said)
        return done if failed is not None else replace(done, **_seen(step, done.version_table))
    except (TypeError, AttributeError) as wrong:
        problem = Failure(CANT_TELL, f"the step reported what can't be read: {wrong}")
        return Done({}, [], [], {}, {}, ended.seconds, problem)


def _seen(step: Step, table: str) -> Json:
    try:
        return {
            "schema": step.database.schema(without=table),
            "versions": step.database.versions(table),
            **({"rows": step.database.rows(without=table)} if step.rows else {}),
        }
    except Exception as wrong:  # noqa: BLE001 - whatever a driver makes of a database that was tampered with
        return {"problem": Failure(CANT_TELL, f"the scratch database can't be read: {wrong}")}


def _perform(step: Step, job: Json) -> Json:
    facts: Json = {"heads": [], "graph": {}, "undoable": {}, "problem": None}
    place = Place(step.tree, job)
    seen = redirect(step.database, (*URL_NAMES, *job["url_env"]), decoy=step.mode == DECOY_ENV)
    target: str | None = None
    try:
        place.enter()
        config, target = place.config(seen)
        _hang(step.parents)
        if step.mode == BARE:
            _leave_out_env_py(seen)
        facts.update(_graph(config))
        if step.database.kind == SQLITE and _target(seen, target, step.mode) != SQLITE:
            stop_at_concurrent(
                facts["graph"].keys() - ancestors(facts["graph"], job["base_heads"]), place.versions
            )
        for name, *words in step.commands:
            if name == "seed":
                step.database.load(Path(words[0]).read_text(encoding="utf-8"))
            elif name == "check":
                facts.update(differs=_check(config), target=_target(seen, target, step.mode))
            else:
                _alembic(config, name, *words)
        facts["version_table"] = seen.version_table or VERSION_TABLE
    except Elsewhere as problem:
        facts["problem"] = Failure(CANT_TELL, str(problem)).as_json()
    except BaseException as problem:  # noqa: BLE001 - sys.exit in an env.py is a failure like any other
        found = failure(
            problem,
            tree=step.tree,
            versions=place.versions,
            target=_target(seen, target, step.mode),
            kind=step.database.kind,
            bare=step.mode == BARE,
        )
        if found.kind == ENVIRONMENT and is_missing_package(problem, step.tree):
            found = Failure(ENVIRONMENT, f"a package is not installed here: {found.text}")
        facts["problem"] = found.as_json()
    return facts


def _target(seen: Redirected, configured: str | None, mode: str) -> str | None:
    asked = [*seen.targets, *([configured] if configured else [])]
    if mode == DECOY_ENV:
        asked.append("postgresql")
    others = [kind for kind in asked if kind != "sqlite"]
    return others[0] if others else (asked[0] if asked else None)


def _hang(parents: dict[str, list[str]]) -> None:
    if not parents:
        return
    from alembic.script.base import Script

    original = Script.__init__

    def hung(self: Any, module: Any, rev_id: str, path: Any) -> None:
        if rev_id in parents:
            module.down_revision = tuple(parents[rev_id]) or None
        original(self, module, rev_id, path)

    Script.__init__ = hung  # type: ignore[method-assign]


def _leave_out_env_py(seen: Redirected) -> None:
    from alembic.script import ScriptDirectory

    def run_env(_: Any) -> None:
        from alembic import context
        from sqlalchemy import create_engine

        with create_engine(seen.url).connect() as connection:
            context.configure(connection=connection)
            with context.begin_transaction():
                context.run_migrations()

    ScriptDirectory.run_env = run_env  # type: ignore[method-assign,assignment]


def _alembic(config: Any, name: str, *words: str) -> None:
    from alembic import command

    getattr(command, name)(config, *words)


def _check(config: Any) -> str | None:
    """What the models have that the database lacks, or the other way round, in Alembic's own words."""
    from alembic import __version__, command, util

    if not hasattr(command, "check"):
        raise Elsewhere(f"Alembic {__version__} has no check of the models")
    try:
        command.check(config)
    except util.exc.AutogenerateDiffsDetected as found:
        return str(found)[:LONGEST_LIST]
    return None


def _graph(config: Any) -> Json:
    """Heads, every revision's parents and dependencies, and whether its downgrade undoes anything."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(config)
    revisions = list(script.walk_revisions())
    graph = {}
    for one in revisions:
        needed = [script.get_revision(name) for name in _names(one.dependencies)]
        graph[one.revision] = [*_names(one.down_revision), *(r.revision for r in needed if r is not None)]
    return {
        "heads": sorted(script.get_heads()),
        "graph": graph,
        "undoable": {one.revision: is_undoable(Path(one.path)) for one in revisions},
    }


def _names(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def is_undoable(path: Path) -> bool:
    """Whether downgrade() has a body, or upgrade() has none either."""
    functions = {
        node.name: node.body
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    return _does_something(functions.get("downgrade", [])) or not _does_something(
        functions.get("upgrade", [])
    )


def _does_something(body: list[ast.stmt]) -> bool:
    for node in body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not (is_text or isinstance(node, (ast.Pass, ast.Raise, ast.Return))):
            return True
    return False


def ancestors(graph: dict[str, list[str]], heads: list[str]) -> set[str]:
    """Those revisions and everything that runs before them."""
    found: set[str] = set()
    waiting = list(heads)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += graph.get(one, [])
    return found


def not_reached(done: Done, wanted: list[str]) -> Iterator[str]:
    """Wanted heads that the database was not brought to; one that another depends on has no row of its own."""
    reached = ancestors(done.graph, done.versions)
    yield from (head for head in wanted if head not in reached)
