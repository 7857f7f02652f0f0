"""`pointsman doctor`: says which tools and protections are in force on this machine; it changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.common import json_option, print_json, repository_option

if TYPE_CHECKING:
    from pointsman.core.diagnosis import Finding

MARKS = {"ok": ("yes", "green"), "missing": ("no", "yellow"), "broken": ("BROKEN", "red")}
TITLES = {
    "tools": "Tools",
    "repository": "Repository",
    "protections": "What the runner takes from a job",
    "state": "State",
}
UNITS = ("B", "KB", "MB", "GB")


@click.command()
@repository_option
@json_option
def doctor(directory: Path, as_json: bool) -> int:
    """Say which tools and protections are in force on this machine.

    Each protection is tried on a job that does nothing. With a repository, its contract's `sandbox` is held against
    them, and the parts of the queue's state are weighed.

    Exit codes: 0 nothing is broken, 1 something is needed and does not hold.
    """
    from pointsman.core.diagnosis import is_sound
    from pointsman.wiring import examine

    findings = examine(directory)
    sound = is_sound(findings)
    if as_json:
        print_json({"sound": sound, "findings": [finding.to_json() for finding in findings]})
    else:
        _print(findings)
    return 0 if sound else 1


def _print(findings: tuple[Finding, ...]) -> None:
    for area, title in TITLES.items():
        shown = [finding for finding in findings if finding.area == area]
        if shown:
            click.echo(click.style(title, bold=True))
        for finding in shown:
            word, color = MARKS[finding.state]
            mark = click.style(f"{word:<6}", fg=color)
            click.echo(f"  {mark} {finding.name:<13} {_numbers(finding)}{finding.text}")


def _numbers(finding: Finding) -> str:
    """Counts and sizes, in front of what they are of."""
    said = [f"{finding.count:,}"] if finding.count is not None else []
    if finding.size is not None:
        said.append(_readable(finding.size))
    return f"{', '.join(said)}  " if said else ""


def _readable(size: float) -> str:
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("the last unit has no end")
