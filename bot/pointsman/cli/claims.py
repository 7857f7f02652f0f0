"""`pointsman claims` and `inventory`: who holds which task, and who writes to which resource; both only look."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from pointsman.cli.common import json_option, print_json, repository_option


@click.command()
@repository_option
@json_option
def claims(directory: Path, as_json: bool) -> int:
    """List the claims that are held now: which task, who, as which role, since when and until when.

    A claim that has expired holds nothing and is not listed.
    """
    from pointsman.service.schedule import claim_json
    from pointsman.wiring.scheduling import open_claims

    with open_claims(directory) as desk:
        found = [claim_json(claim) for claim in desk.listed()]
    if as_json:
        print_json({"claims": found})
        return 0
    if not found:
        click.echo("Nobody holds a task. `pointsman next --tasks FILE` says which may start.")
    rows = [
        [
            str(one["id"]),
            one["task"],
            one["status"],
            one["role"],
            one["holder"],
            one["branch"] or "-",
            ", ".join(one["resources"]) or "-",
            _local(one["claimed"]),
            _local(one["expires"]),
        ]
        for one in found
    ]
    _table(["claim", "task", "status", "role", "holder", "branch", "resources", "since", "until"], rows)
    return 0


@click.command()
@click.option("--base", metavar="BRANCH", help="Whose contract counts.  [default: the contract's base]")
@repository_option
@json_option
def inventory(directory: Path, base: str | None, as_json: bool) -> int:
    """List every mutable resource of the contract (`writers`): its kind, its single holder, and who has it now."""
    from pointsman.wiring.scheduling import open_scheduler

    with open_scheduler(directory, base=base) as scheduler:
        found = scheduler.inventory()
    if as_json:
        print_json({"resources": found})
        return 0
    if not found:
        click.echo(
            "The contract names no resources; `writers: {staging-db: {holder: ROLE, kind: database}}` does."
        )
    rows = [[one["resource"], one["kind"] or "-", one["holder"], _now(one["claim"])] for one in found]
    _table(["resource", "kind", "holder", "now"], rows)
    return 0


def _now(claim: dict[str, Any] | None) -> str:
    if claim is None:
        return "-"
    return f"{claim['holder']} for {claim['task']} (claim {claim['id']}) until {_local(claim['expires'])}"


def _table(head: list[str], rows: list[list[str]]) -> None:
    from pointsman.core.narrate import printable

    if not rows:
        return
    shown = [head, *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in shown) for place in range(len(head))]
    for place, row in enumerate(shown):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(line, bold=True) if place == 0 else line)


def _local(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
