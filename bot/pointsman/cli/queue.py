"""`pointsman submit`, `queue`, `approve`, `grant`, `withdraw` and `resume`: the queue's front desk."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pointsman.cli.common import json_option, note, print_json, repository_option
from pointsman.core.errors import UserError

if TYPE_CHECKING:
    from pointsman.core.queue.model import Change
    from pointsman.wiring import LocalQueue

COLOURS = {"queued": "cyan", "landed": "green", "returned": "red", "withdrawn": "yellow"}


@click.command()
@click.argument("branches", nargs=-1, metavar="[BRANCH]...")
@click.option("--base", metavar="BRANCH", help="The branch to land on.  [default: the contract's base]")
@click.option("--author", metavar="WHO", help="Whose change it is.  [default: author of the head commit]")
@click.option("--priority", type=int, default=0, show_default=True, help="Higher goes first.")
@click.option(
    "--hotfix", is_flag=True, help="Before all others, and in a freeze too; the same as --priority 100."
)
@click.option("--depends-on", multiple=True, metavar="BRANCH|#ID", help="Land only after that one.")
@click.option(
    "--body", metavar="TEXT", help="Evidence: commands run, remaining risk.  [default: commit message]"
)
@repository_option
@json_option
def submit(
    directory: Path,
    branches: tuple[str, ...],
    base: str | None,
    author: str | None,
    priority: int,
    hotfix: bool,
    depends_on: tuple[str, ...],
    body: str | None,
    as_json: bool,
) -> int:
    """Put branches into the queue as they are now; without BRANCH, the one that is checked out.

    A branch is refused when its worktree has changes that are not committed, when no role of the contract
    fits its author and name, or when its base is too old. Submitting the same head again changes nothing but raises its
    priority where a higher one is given; a newer head takes the place of the older.
    """
    from pointsman.core.queue.model import HOTFIX
    from pointsman.service.submit import NotSubmitted, Submission
    from pointsman.wiring import local_queue

    if hotfix:
        priority = max(priority, HOTFIX)
    with local_queue(directory, base=base) as queue:
        names = branches or (_current_branch(queue),)
        outcomes = [
            queue.submit(
                Submission(branch=name, author=author, priority=priority, depends_on=depends_on, body=body)
            )
            for name in names
        ]
    refused = [outcome for outcome in outcomes if isinstance(outcome, NotSubmitted)]
    if as_json:
        print_json({"submitted": [_submitted_json(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            _say_submitted(outcome)
    return 1 if refused else 0


def _current_branch(queue: LocalQueue) -> str:
    branch = queue.git.branch_of("HEAD")
    if branch is None:
        raise UserError("HEAD is on no branch; name the branch: pointsman submit BRANCH")
    return branch


def _submitted_json(outcome: Any) -> dict[str, Any]:
    from pointsman.service.submit import NotSubmitted
    from pointsman.service.view import change_json

    if isinstance(outcome, NotSubmitted):
        return {"branch": outcome.branch, "submitted": False, "code": outcome.code, "message": outcome.text}
    return {
        "submitted": True,
        "again": outcome.again,
        "replaced": outcome.replaced,
        **change_json(outcome.change),
    }


def _say_submitted(outcome: Any) -> None:
    from pointsman.core.messages import name, short
    from pointsman.service.submit import NotSubmitted

    if isinstance(outcome, NotSubmitted):
        click.echo(f"{click.style('refused', fg='red')}  {outcome.branch}: {outcome.text}")
        return
    change = outcome.change
    at = f", priority {change.priority}" if change.priority else ""
    extra = f" (it already was{at})" if outcome.again else ""
    if outcome.replaced is not None:
        extra = f" (instead of #{outcome.replaced})"
    click.echo(f"{click.style('queued', fg='cyan')}   {name(change)} at {short(change.head)}{extra}")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Changes that have ended, too.")
@click.option("--base", metavar="BRANCH", help="Only this lane.")
@click.option("--why", metavar="CHANGE", help="What is expected of CHANGE (a number or a branch), and why.")
@repository_option
@json_option
def queue(directory: Path, everything: bool, base: str | None, why: str | None, as_json: bool) -> int:
    """Show the queue: the order, what is tested, what each change waits for and why others came back.

    With --why: how likely one change is red by itself, or together with those ahead of it, what that rests on, and
    which of them it meets in the same files. The queue chooses by this what to test together; it never refuses by it.
    """
    from pointsman.wiring import local_queue

    with local_queue(directory, base=base, contract_needed=False) as desk:
        if why is not None:
            return _say_why(desk, why, as_json=as_json)
        view = desk.view(everything=everything)
    if as_json:
        print_json(view)
        return 0
    if not view["lanes"]:
        click.echo("The queue is empty. `pointsman submit BRANCH` puts a branch into it.")
    for lane in view["lanes"]:
        _say_lane(lane)
    return 0


def _say_why(desk: LocalQueue, text: str, *, as_json: bool) -> int:
    from pointsman.core.queue import foretold
    from pointsman.service.foretelling import foretell

    change = _find(desk, text)
    told = foretell(change, git=desk.git, store=desk.store, forge=desk.forge, clock=desk.loop.clock)
    if as_json:
        print_json(foretold.as_json(told))
        return 0
    first, *rest = foretold.sentences(told)
    click.echo(click.style(first, bold=True))
    for line in rest:
        click.echo(line)
    return 0


def _say_lane(lane: dict[str, Any]) -> None:
    from pointsman.core.narrate import printable

    click.echo(click.style(lane["base"], bold=True) + f"  at {lane['tip'][:10] if lane['tip'] else '-'}")
    if lane["paused"]:
        click.echo(click.style("  paused: ", fg="yellow") + lane["paused"])
    for place, change in enumerate(lane["changes"], start=1):
        state = change["state"]
        place_text = f"{place:>3}." if state == "queued" else "    "
        click.echo(
            f"{place_text} {click.style(state.ljust(9), fg=COLOURS[state])} #{change['id']:<4}"
            f"{printable(change['branch'])}  {printable(change['title'])}"
        )
        for line in change["doing"].splitlines():
            click.echo(f"       {printable(line)}")


@click.command()
@click.argument("change")
@click.option("--by", metavar="EMAIL", help="Who approves.  [default: git's user.email]")
@click.option("--yes", is_flag=True, help="Don't ask (counts as a bot's approval, not as a person's).")
@repository_option
def approve(directory: Path, change: str, by: str | None, yes: bool) -> int:
    """Approve CHANGE (a number or a branch) at the head that is queued now.

    A later head needs a new approval. Who may approve what is in the contract; an approval that asks for a
    person is given at a terminal.
    """
    from pointsman.wiring import local_queue

    with local_queue(directory) as desk:
        found = _find(desk, change)
        who = by or desk.git.config("user.email")
        if not who:
            raise UserError("nobody to approve: set `git config user.email` or give --by EMAIL")
        human = not yes
        if human:
            _ask_person(found, who)
        desk.approve(found, by=who, human=human)
    click.echo(f"{who} approved #{found.id} {found.branch} at {found.head[:10]}")
    return 0


def _ask_person(change: Change, who: str) -> None:
    if not sys.stdin.isatty():
        raise UserError(
            "an approval by a person is given at a terminal; run this command yourself, or give --yes for an "
            "approval that counts as a bot's"
        )
    click.confirm(f"Approve #{change.id} {change.branch} ({change.title}) as {who}?", abort=True)


@click.command()
@click.argument("change")
@click.argument("patterns", nargs=-1, required=True, metavar="PATTERN...")
@click.option("--by", metavar="EMAIL", help="Who grants it.  [default: git's user.email]")
@repository_option
def grant(directory: Path, change: str, patterns: tuple[str, ...], by: str | None) -> int:
    """Widen what CHANGE may touch by PATTERN, for its current head and until the grant expires.

    Only those whom the contract names under `scope.expand.by` may do it; `cannot_touch` and `never` stay.
    """
    from pointsman.wiring import local_queue

    with local_queue(directory) as desk:
        found = _find(desk, change)
        who = by or desk.git.config("user.email")
        if not who:
            raise UserError("nobody to grant it: set `git config user.email` or give --by EMAIL")
        refusal = desk.grant(found, patterns=patterns, by=who)
    if refusal:
        click.echo(refusal)
        return 1
    click.echo(f"{who} widened #{found.id} {found.branch} by {', '.join(patterns)}")
    return 0


@click.command()
@click.argument("changes", nargs=-1, required=True, metavar="CHANGE...")
@repository_option
def withdraw(directory: Path, changes: tuple[str, ...]) -> int:
    """Take each CHANGE (a number or a branch) out of the queue. Its branch stays as it is."""
    from pointsman.wiring import local_queue

    gone = 0
    with local_queue(directory, contract_needed=False) as desk:
        for text in changes:
            found = desk.desk.find(text)
            if found is None or found.state.value != "queued":
                state = f" ({found.state.value})" if found is not None else ""
                note(f"{text} is not in the queue{state}")
                continue
            then = desk.desk.withdraw(found, by=desk.git.config("user.email") or "?")
            if then.state.value != "withdrawn":
                note(f"#{found.id} {found.branch} has just {then.state.value}")
                continue
            click.echo(f"{click.style('withdrawn', fg='yellow')} #{found.id} {found.branch}")
            gone += 1
    return 0 if gone == len(changes) else 1


@click.command()
@click.option("--base", metavar="BRANCH", help="The lane.  [default: all]")
@repository_option
def resume(directory: Path, base: str | None) -> int:
    """Let paused lanes go on, once what paused them is mended."""
    from pointsman.wiring import local_queue

    with local_queue(directory, base=base, contract_needed=False) as desk:
        resumed = desk.resume(by=desk.git.config("user.email") or "?")
    for lane in resumed:
        click.echo(f"{click.style('resumed', fg='green')} {lane}")
    if not resumed:
        click.echo("No lane is paused.")
    return 0


def _find(desk: LocalQueue, text: str) -> Change:
    found = desk.desk.find(text)
    if found is None or found.state.value != "queued":
        raise UserError(f"{text} is not in the queue; `pointsman queue` lists what is")
    return found
