"""`pointsman contract inventory`: every mutable resource and its one writer, as the contract lists them."""

from __future__ import annotations

from pathlib import Path

import click

from pointsman.cli.common import json_option, note, print_json, repository_option

COLUMNS = ("resource", "kind", "holder")


@click.command(short_help="List every mutable resource and its one writer.")
@click.option("--rev", metavar="REV", help="The contract of that commit.  [default: the base branch's tip]")
@repository_option
@json_option
def inventory(directory: Path, rev: str | None, as_json: bool) -> int:
    """List what the contract's `writers` name: branches, deployments, databases, files, external surfaces, each with
    the single holder that writes to it.

    Exit codes: 0 listed, 1 the contract lists none, 2 no contract.
    """
    from pointsman.service.contracts import contract_at
    from pointsman.wiring import base_contract, open_git

    with open_git(directory) as git:
        rules = contract_at(git, git.resolve(rev)) if rev is not None else base_contract(git, None)[1]
    found = [(one.name, one.kind or "", one.holder) for one in rules.writers.values()]
    if as_json:
        listed = [
            {"name": name, "kind": kind or None, "holder": holder, "line": rules.writers[name].line}
            for name, kind, holder in found
        ]
        print_json({"digest": rules.digest, "writers": listed})
    elif found:
        _print_table([COLUMNS, *found])
    else:
        note(
            "the contract lists no resources; write them down:\n  writers: {main: {holder: queue, kind: branch}}"
        )
    return 0 if found else 1


def _print_table(rows: list[tuple[str, str, str]]) -> None:
    widths = [max(len(row[index]) for row in rows) for index in range(len(COLUMNS))]
    for number, row in enumerate(rows):
        text = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=number == 0))
