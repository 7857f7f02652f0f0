"""`pointsman claim`, `release` and `advance`: how an agent takes a task, tells how far it is, and gives it back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pointsman.cli.common import json_option, print_json, repository_option
from pointsman.cli.next import read_list, tasks_option
from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.core.schedule.model import Ruling

OUTCOMES = ("done", "abandoned")
STATUSES = ("testing", "tests-written", "implementing", "implemented", "verifying", "complete")

_holder = click.option(
    "--holder", metavar="NAME", default="", help="Refuse where the claim is somebody else's."
)


@click.command()
@click.argument("task")
@click.option(
    "--role", metavar="ROLE", default="", help="As which role of the contract.  [default: the task's]"
)
@click.option("--holder", metavar="NAME", required=True, help="Who works on it: one name for each agent.")
@click.option(
    "--branch", metavar="BRANCH", default="", help="Where.  [default: the task's, else the one here]"
)
@click.option(
    "--ttl", metavar="TIME", default="8h", show_default=True, help="For how long at most, as 90m or 8h."
)
@click.option(
    "--base", metavar="BRANCH", help="Whose contract and queue count.  [default: the contract's base]"
)
@tasks_option
@repository_option
@json_option
def claim(
    directory: Path,
    task: str,
    role: str,
    holder: str,
    branch: str,
    ttl: str,
    base: str | None,
    tasks_file: str | None,
    as_json: bool,
) -> int:
    """Take TASK, so that nobody else does: the task, its resources, its files and a place of its role.

    Of any number of processes that ask at once one gets it. The worktree of the branch (else the one here) has to be
    clean, the branch one of the role's, and its base young enough for the contract. Asking again as the same holder
    gives the same claim, and begins its time anew once half of it has gone.

    Exit codes: 0 yours, 1 refused (it says why), 2 the list or the contract cannot be read.
    """
    from pointsman.core.schedule.admit import Ask
    from pointsman.wiring.scheduling import open_scheduler

    if tasks_file is None:
        raise UserError(
            "which tasks? Name their list: pointsman claim TASK --holder NAME --tasks FILE (- is stdin)"
        )
    asked = Ask(task=task, role=role, holder=_name(holder), branch=branch, ttl=_seconds(ttl))
    tasks = read_list(tasks_file)
    with open_scheduler(directory, base=base) as scheduler:
        ruling = scheduler.claim(tasks, asked)
    return _answer(ruling, "claimed", as_json=as_json)


@click.command()
@click.argument("number", metavar="CLAIM", type=click.IntRange(min=1))
@click.option("--outcome", type=click.Choice(OUTCOMES), required=True, help="How the work ended.")
@_holder
@repository_option
@json_option
def release(directory: Path, number: int, outcome: str, holder: str, as_json: bool) -> int:
    """End CLAIM (a number). `done`: the work is finished, and complete when its branch has landed. `abandoned`: the
    task may be taken by others.

    Exit codes: 0 released (again changes nothing), 1 refused.
    """
    from pointsman.core.schedule.model import Outcome
    from pointsman.wiring.scheduling import open_claims

    with open_claims(directory) as claims:
        ruling = claims.release(number, Outcome(outcome), holder=holder, by=holder)
    return _answer(ruling, "released", as_json=as_json)


@click.command()
@click.argument("number", metavar="CLAIM", type=click.IntRange(min=1))
@click.argument("status", type=click.Choice(STATUSES))
@_holder
@repository_option
@json_option
def advance(directory: Path, number: int, status: str, holder: str, as_json: bool) -> int:
    """Tell how far CLAIM's task is: the next status, or an earlier one where work has to be done again.

    ready > testing > tests-written > implementing > implemented > verifying > complete; none is skipped.

    Exit codes: 0 noted, 1 refused.
    """
    from pointsman.core.schedule.model import Status
    from pointsman.wiring.scheduling import open_claims

    with open_claims(directory) as claims:
        ruling = claims.advance(number, Status(status), holder=holder, by=holder)
    return _answer(ruling, "advanced", as_json=as_json)


def _answer(ruling: Ruling, done: str, *, as_json: bool) -> int:
    """What was decided; `again` says that it already was so."""
    claim, refusal = ruling.claim, ruling.refusal
    if as_json:
        print_json(_answer_json(ruling, done))
    elif refusal is not None:
        click.echo(f"{click.style('refused', fg='red')}  {refusal.text}")
    elif claim is not None:
        again = "" if ruling.kind else " (it already was)"
        what = {"claimed": f"by {claim.holder} as {claim.role}", "advanced": f"to {claim.status.value}"}
        ended = f"as {claim.outcome.value}" if claim.outcome is not None else ""
        click.echo(
            f"{click.style(done, fg='green')}  {claim.task} {what.get(done, ended)}: claim {claim.id}{again}"
        )
    return 1 if refusal is not None else 0


def _answer_json(ruling: Ruling, done: str) -> dict[str, Any]:
    from pointsman.service.schedule import claim_json

    if ruling.claim is not None:
        return {done: True, "again": not ruling.kind, "claim": claim_json(ruling.claim)}
    why = ruling.refusal
    assert why is not None  # noqa: S101 - a ruling has a claim or says why not
    return {done: False, "code": why.code, "message": why.text, "because": list(why.because)}


def _name(text: str) -> str:
    from pointsman.core.schedule.reading import HOLDER, one_value

    found = one_value(HOLDER, text)
    if found is None:
        raise UserError(f"--holder: expected a name of one line, up to 200 characters, got {text!r}")
    return str(found)


def _seconds(text: str) -> float:
    from pointsman.core.contract.reading.shapes import Duration
    from pointsman.core.schedule.reading import one_value

    found = one_value(Duration(), text)
    if found is None:
        raise UserError(f"--ttl: expected a duration such as 90m, 8h or 2d, got {text!r}")
    return float(found)
