"""`pointsman check`: what contract and migrations say of landing one revision on another; lands nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import json_option, print_json, repository_option

if TYPE_CHECKING:
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.model import Sha
    from pointsman.service.check import CheckReport

WORDS = {True: ("allowed", "green"), False: ("not allowed", "red")}


@click.command()
@click.option("--base", required=True, metavar="REV", help="Where it would land; its contract counts.")
@click.option("--head", required=True, metavar="REV", help="What would land.")
@click.option(
    "--branch", metavar="NAME", help="The change's branch.  [default: the branch that --head names]"
)
@click.option("--author", metavar="WHO", help="Login or e-mail.  [default: author of the head commit]")
@repository_option
@json_option
def check(
    directory: Path, base: str, head: str, branch: str | None, author: str | None, as_json: bool
) -> int:
    """Say what the contract and the migrations make of landing HEAD on BASE, on the merged tree.

    Exit code 1 when a path is not allowed, an approval is missing, the merge conflicts, or the merged tree
    has a migration fork (the answer says whether the queue would heal it).
    """
    import time

    from pointsman.service.check import Question, check_change
    from pointsman.wiring import open_git

    _require_said("--branch", branch)
    _require_said("--author", author)
    with open_git(directory) as git:
        base_commit, head_commit = git.resolve(base), git.resolve(head)
        question = Question(
            base=base_commit,
            head=head_commit,
            branch=branch.removeprefix("refs/heads/") if branch else _branch(git, head, head_commit),
            author=author,
            now=time.time(),
            target=_branch(git, base, base_commit),
        )
        report = check_change(git, question)
    if as_json:
        print_json(report.to_json())
    else:
        _say(report)
    return 0 if report.allowed else 1


def _branch(git: GitRepository, rev: str, commit: Sha) -> str | None:
    """The branch that REV names, None where it was taken for something else: a branch may be called like a commit."""
    name = git.branch_of(rev)
    return name if name is not None and git.read_ref(f"refs/heads/{name}") == commit else None


def _require_said(option: str, value: str | None) -> None:
    """An empty variable of a script must not become the default, which the change itself decides."""
    if value is not None and not value.strip():
        raise click.UsageError(f"{option} is empty; name one, or leave the option out for its default")


def _say(report: CheckReport) -> None:
    from pointsman.core.contract.reasons import shown

    word, colour = WORDS[report.allowed]
    asked = report.question
    name = f"{shown(asked.branch)} ({asked.head[:10]})" if asked.branch else asked.head[:10]
    click.echo(f"{click.style(word, fg=colour, bold=True)}: {name} onto {asked.base[:10]}")
    for line in (line for text in report.lines for line in text.split("\n")):
        click.echo("  " + shown(line.replace("\t", "    ")))
