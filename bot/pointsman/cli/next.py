"""`pointsman next`: which of a launcher's tasks may start now, in which order, and why; it starts nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pointsman.cli.common import json_option, print_json, repository_option
from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.core.schedule.model import Task
    from pointsman.core.schedule.rank import Advice, Ranked

SHOWN = 20
"""Tasks of a kind that a terminal gets; --json has all of them."""

tasks_option = click.option(
    "--tasks", "tasks_file", metavar="FILE|-", help="The task list, JSON or YAML; - reads it from stdin."
)


@click.command(name="next")
@tasks_option
@click.option("--role", metavar="ROLE", default="", help="Only tasks that this role of the contract may do.")
@click.option(
    "--view", "as_view", is_flag=True, help="Print ready, in_progress and completed as JSON instead."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of a task list, and do nothing else.")
@click.option(
    "--base", metavar="BRANCH", help="Whose contract and queue count.  [default: the contract's base]"
)
@repository_option
@json_option
def next_task(
    directory: Path,
    tasks_file: str | None,
    role: str,
    as_view: bool,
    schema: bool,
    base: str | None,
    as_json: bool,
) -> int:
    """Say which task to start next, and why; it starts nothing: `pointsman claim` does.

    A task may start when all that it depends on is complete or has landed, when nobody holds it, its
    resources or its files, and when its role and the contract's ceilings have room. Those that may are put in
    the order of the contract's `queue.priority`; every other one is named with what it waits for.

    --view without --tasks shows the queue's changes in the same shape.

    Exit codes: 0 a task may start, 1 none may, 2 the list or the contract cannot be read (every mistake is listed).
    """
    if schema:
        from pointsman.core.schedule.reading import json_schema

        click.echo(json.dumps(json_schema(), indent=2))
        return 0
    if tasks_file is None and not as_view:
        raise UserError("which tasks? Name their list: pointsman next --tasks FILE (- is stdin)")
    from pointsman.wiring.scheduling import open_scheduler

    tasks = read_list(tasks_file) if tasks_file is not None else None
    with open_scheduler(directory, base=base) as scheduler:
        if as_view or tasks is None:
            print_json(scheduler.view(tasks))
            return 0
        advice = scheduler.advise(tasks, role=role)
    if as_json:
        print_json(_advice_json(advice))
    else:
        _say(advice, tasks_file or "-", role)
    return 0 if advice.ranked else 1


def read_list(name: str) -> tuple[Task, ...]:
    """The tasks of a file, or of stdin for `-`. UserError with every mistake and its place."""
    from pointsman.core.contract.reading.problems import ContractErrors
    from pointsman.core.schedule.reading import MAX_BYTES, read_tasks

    try:
        if name == "-":
            data, source = sys.stdin.buffer.read(MAX_BYTES + 1), "stdin"
        else:
            with Path(name).open("rb") as file:
                data, source = file.read(MAX_BYTES + 1), name
    except OSError as error:
        raise UserError(f"the task list {name} can't be read: {error.strerror}") from error
    found = read_tasks(data, source=source)
    if isinstance(found, ContractErrors):
        raise UserError(f"the task list cannot be read:\n{found}")
    return found


def _advice_json(advice: Advice) -> dict[str, Any]:
    return {
        "next": advice.ranked[0].task.id if advice.ranked else None,
        "says": advice.says,
        "ranked": [_ranked_json(one) for one in advice.ranked],
        "together": list(advice.together),
        "waiting": [
            {"id": task.id, "code": why.code, "message": why.text, "because": list(why.because)}
            for task, why in advice.waiting
        ],
    }


def _ranked_json(one: Ranked) -> dict[str, Any]:
    figures = one.figures
    return {
        "id": one.task.id,
        "title": one.task.title,
        "role": one.task.role,
        "branch": one.task.branch,
        "priority": figures.priority,
        "unblocks": figures.unblocks,
        "critical_path": figures.critical_path,
        "overlaps": figures.overlaps,
        "place": figures.place,
        "why": one.why,
    }


def _say(advice: Advice, source: str, role: str) -> None:
    from pointsman.core.narrate import printable

    click.echo(click.style(advice.says, bold=True))
    if advice.ranked:
        top = advice.ranked[0].task
        named = top.role or role or "ROLE"
        click.echo(
            f"  to start it: pointsman claim {top.id} --role {named} --holder NAME --tasks {printable(source)}"
        )
    for one in advice.ranked[1 : SHOWN + 1]:
        click.echo(f"{click.style('then', fg='cyan')}     {one.task.id}  {one.why}")
    if len(advice.together) > 1:
        click.echo(
            f"{click.style('together', fg='green')} {', '.join(advice.together)} fit beside each other"
        )
    for _, why in advice.waiting[:SHOWN]:
        click.echo(f"{click.style('waiting', fg='yellow')}  {why.text}")
    more = max(0, len(advice.ranked) - SHOWN - 1) + max(0, len(advice.waiting) - SHOWN)
    if more:
        click.echo(f"... and {more} more; --json has them all")
