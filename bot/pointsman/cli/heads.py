"""`pointsman heads`: what migration heads a tree has; it reads objects and prints, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pointsman.cli.common import json_option, print_json, repository_option
from pointsman.core.migrations.environment import Environment
from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE

if TYPE_CHECKING:
    from pointsman.core.migrations.apart import Placed
    from pointsman.core.model import Sha
    from pointsman.ports import Git

_FILES = (MODE_FILE, MODE_EXECUTABLE)


@click.command()
@repository_option
@click.option("--rev", metavar="REV", default="HEAD", show_default=True, help="The tree to read.")
@json_option
def heads(directory: Path, rev: str, as_json: bool) -> int:
    """Migration heads of a tree, by environment.

    Reads git objects only: no checkout, no import of the project, no database. A fork is two heads in one
    lineage that no branch label tells apart.

    Exit codes: 0 none is forked, 1 forked or a problem, 2 no such repository or revision.
    """
    from pointsman.wiring import open_git, open_reader

    with open_git(directory) as git:
        commit = git.resolve(rev)
        reader = open_reader(git)
        reader.named, reader.placed = _named(git, commit)
        environments = reader.read(git.tree_of(commit)).environments
    if as_json:
        print_json({"rev": commit, "environments": [as_dict(each) for each in environments]})
    else:
        _print(environments, commit)
    return 1 if any(each.forked or each.problems for each in environments) else 0


def _named(git: Git, commit: Sha) -> tuple[tuple[str, ...], tuple[Placed, ...]]:
    """The folders that the tree's own contract names, where it may name some that nothing else tells, and its version
    folders. A contract that can't be read names none: what is wrong with it others say."""
    from pointsman.core.migrations.names import UNMARKED

    entry = git.entry(git.tree_of(commit), ".pointsman.yml")
    data = next(iter(git.read([entry.oid])))[1] if entry is not None and entry.mode in _FILES else b""
    if not any(name.encode() in data for name in (*UNMARKED, "versions")):
        return (), ()
    from pointsman.core.contract import Contract, load
    from pointsman.service.heal.rules import rules_of

    loaded = load(data)
    if not isinstance(loaded, Contract):
        return (), ()
    rules = rules_of(loaded)
    return tuple(rules.named), rules.placed


def as_dict(environment: Environment) -> dict[str, Any]:
    """The environment as the JSON of `heads` has it; `name` only where a config holds several."""
    layout = environment.layout
    return {
        "backend": layout.backend,
        "config": layout.config,
        **({"name": layout.name} if layout.name else {}),
        "versions": list(layout.versions),
        "recursive": layout.recursive,
        "revisions": len(environment.revisions),
        "heads": list(environment.heads),
        "forked": environment.forked,
        "problems": [
            {"code": problem.code, "paths": list(problem.paths), "message": problem.message}
            for problem in environment.problems
        ],
    }


def _print(environments: tuple[Environment, ...], commit: str) -> None:
    if not environments:
        click.echo(f"No migration environment in {commit[:12]}.")
    for environment in environments:
        layout = environment.layout
        name = f" [{layout.name}]" if layout.name else ""
        click.echo(
            click.style(f"{layout.config}{name}", bold=True) + f" ({layout.backend}, {_size(environment)})"
        )
        for group in environment.graph.lineages:
            forked = len(group) > 1
            for head in group:
                revision = environment.graph.by_id[head]
                labels = ", ".join(sorted(environment.graph.labels(head)))
                mark = click.style("fork", fg="red") if forked else click.style("head", fg="green")
                click.echo(f"  {mark} {head}{f' ({labels})' if labels else ''}  {revision.path}")
        for problem in environment.problems:
            click.echo(f"  {click.style(problem.code, fg='red')}: {problem.message}")


def _size(environment: Environment) -> str:
    count, heads = len(environment.revisions), len(environment.heads)
    return f"{count} revision{'' if count == 1 else 's'}, {heads} head{'' if heads == 1 else 's'}"
