"""The root command: names every subcommand, loads only the one called, maps errors to exit codes."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

import click

from pointsman import __version__
from pointsman.core.errors import PointsmanError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("pointsman.cli.demo:demo", "Watch six agents' branches land on a real repository."),
    "submit": ("pointsman.cli.queue:submit", "Put branches into the queue."),
    "queue": ("pointsman.cli.queue:queue", "Show the queue: order, state and reason of each change."),
    "approve": ("pointsman.cli.queue:approve", "Approve a change's current head for the paths that need it."),
    "grant": ("pointsman.cli.queue:grant", "Widen what one change may touch, for its current head."),
    "withdraw": ("pointsman.cli.queue:withdraw", "Take changes out of the queue."),
    "resume": ("pointsman.cli.queue:resume", "Let a paused queue go on."),
    "run": ("pointsman.cli.run:run", "Work the queue: test candidates, heal forks, land what passed."),
    "log": ("pointsman.cli.log:log", "Show or verify the journal of every decision."),
    "check": ("pointsman.cli.check:check", "Contract and migration verdict on the merged tree."),
    "heads": ("pointsman.cli.heads:heads", "Migration heads of a tree, by environment."),
    "heal": ("pointsman.cli.heal:heal", "Plan, prove and make the commit that ends a migration fork."),
    "next": ("pointsman.cli.next:next_task", "Which of a launcher's tasks to start next, and why."),
    "claim": ("pointsman.cli.claim:claim", "Take a task, so that nobody else does."),
    "advance": ("pointsman.cli.claim:advance", "Tell how far a claimed task is."),
    "release": ("pointsman.cli.claim:release", "End a claim: the work is done, or given up."),
    "claims": ("pointsman.cli.claims:claims", "Who holds which task now."),
    "inventory": ("pointsman.cli.claims:inventory", "Every shared resource, its writer, and who has it now."),
    "contract": ("pointsman.cli.contract:contract", "Write, lint and explain the ownership contract."),
    "app": ("pointsman.cli.app:app", "Make a GitHub App for the queue."),
    "serve": ("pointsman.web.command:serve", "Run the GitHub App."),
    "doctor": (
        "pointsman.cli.doctor:doctor",
        "What holds on this machine and on GitHub; how to mend the rest.",
    ),
    "simulate": ("pointsman.cli.simulate:simulate", "Strategies side by side on paper, beside an oracle."),
    "report": (
        "pointsman.cli.report:report",
        "What the fleet's work cost, per landed and per started change.",
    ),
    "replay": ("pointsman.cli.replay:replay", "What contract and healer would have said of past merges."),
}
"""Subcommand -> (where it is, its line in `--help`), in the order in which a user meets them."""


PIPE_CLOSED = 141
"""What shells say of a program that SIGPIPE ended."""


class LazyGroup(click.Group):
    """A group that imports a subcommand's module only when that subcommand is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="pointsman")
def cli() -> None:
    """A merge queue for repositories that many agents and people write to at once.

    Every change is held to the contract in .pointsman.yml on the base branch, tested on the exact tree that
    would land, healed if it forks the migrations, and landed one at a time.

    Exit codes: 0 yes or done, 1 no (refused, forked, a verdict), 2 usage, contract or environment error.
    """


def entry(args: list[str] | None = None) -> None:
    """Run the command line; every expected failure becomes one message on stderr and exit code 2."""
    try:
        outcome: Any = cli.main(args=args, prog_name="pointsman", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted; nothing is lost.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except PointsmanError as error:
        click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True)
        sys.exit(2)
    except SystemExit:
        # click ends with 1, a verdict's code, where whoever read our output stopped reading; it leaves a wrapper
        # around stdout, whose class click 8 deprecates importing.
        sys.exit(PIPE_CLOSED if type(sys.stdout).__name__.endswith("PacifyFlushWrapper") else 2)
    except Exception:  # noqa: BLE001 - a defect of ours must never look like exit code 1, a verdict
        traceback.print_exc()
        click.echo("This is a defect of Pointsman. Please report it with the lines above.", err=True)
        sys.exit(2)
    sys.exit(outcome if isinstance(outcome, int) else 0)
