"""`pointsman doctor`: says what is in force on this machine and how the app is set up on GitHub; it changes nothing."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

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
    "database": "Database",
    "app": "App on GitHub",
    "webhook": "Webhook",
    "installation": "Installation on",
    "forge": "Repository",
    "app_state": "State of the app",
}
APP_ID = "POINTSMAN_APP_ID"
LONGEST_TOKEN = 1000
UNITS = ("B", "KB", "MB", "GB")


@click.command()
@repository_option
@click.option(
    "--credentials",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Look at the GitHub App, too: the file that `pointsman app create` wrote.  [default: POINTSMAN_APP_ID and its "
    "companions]",
)
@click.option(
    "--repository", metavar="OWNER/NAME", help="Only this repository.  [default: all it is installed on]"
)
@click.option(
    "--state",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The app's state.  [default: $STATE_DIRECTORY or ~/.local/state/pointsman]",
)
@click.option(
    "--gate",
    type=click.Choice(["workflows", "here"]),
    default="workflows",
    show_default=True,
    help="Who runs the contract's checks, as told to `pointsman serve`.",
)
@click.option(
    "--prove",
    type=click.Choice(["workflows", "here"]),
    help="Where heals are proved, as told to `pointsman serve`.  [default: as --gate]",
)
@click.option(
    "--admin-token",
    metavar="FILE",
    type=click.File(),
    help="A token of somebody who may change branch rules (- is stdin): GitHub shows bypass lists to no one else.",
)
@click.option(
    "--database",
    metavar="WHERE",
    help="The PostgreSQL that the state is in, as told to `serve` and `run`.  [default: $POINTSMAN_DATABASE]",
)
@json_option
def doctor(
    directory: Path,
    credentials: Path | None,
    repository: str | None,
    state: Path | None,
    gate: str,
    prove: str | None,
    admin_token: IO[str] | None,
    database: str | None,
    as_json: bool,
) -> int:
    """Say which tools and protections are in force on this machine, and how the app is set up on GitHub.

    Each protection is tried on a job that does nothing. With a repository, its contract's `sandbox` is held against
    them, and the parts of the queue's state are weighed. With the app's credentials, its key, webhook, permissions,
    installations and state are looked at, and each repository's contract, branch rules and workflows. It only reads.

    Exit codes: 0 nothing is broken, 1 something is needed and does not hold.
    """
    from pointsman.core.diagnosis import is_sound
    from pointsman.wiring import examine
    from pointsman.wiring.database import examine_database

    asked = Asked(
        credentials=credentials,
        repository=_full_name(repository),
        state=state,
        gate=gate == "workflows",
        proofs=(prove or gate) == "workflows",
        admin_token=admin_token.read(LONGEST_TOKEN).strip() if admin_token else "",
    )
    findings = (*examine(directory), *examine_database(database), *_on_github(asked))
    sound = is_sound(findings)
    if as_json:
        print_json({"sound": sound, "findings": [finding.to_json() for finding in findings]})
    else:
        _print(findings)
    return 0 if sound else 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What was asked about the app; `gate` and `proofs`: by the repository's workflows."""

    credentials: Path | None
    repository: str | None
    state: Path | None
    gate: bool
    proofs: bool
    admin_token: str = field(repr=False)


def _on_github(asked: Asked) -> tuple[Finding, ...]:
    """Nothing where no credentials were given, and nothing loaded for it either."""
    if asked.credentials is None and not os.environ.get(APP_ID):
        if asked.repository or asked.state or asked.admin_token:
            raise click.UsageError(
                "That is about the GitHub App: name its credentials with --credentials FILE."
            )
        return ()
    from pointsman.adapters.app_state import default_folder
    from pointsman.adapters.github.credentials import from_environment, load
    from pointsman.core.diagnosis import Sheet
    from pointsman.core.errors import UserError
    from pointsman.core.pulls.diagnosis import Gate
    from pointsman.wiring.examination import examine_app

    try:
        known = load(asked.credentials) if asked.credentials else from_environment(os.environ)
        assert known is not None  # noqa: S101 - the variable is set
    except UserError as problem:
        return (Sheet(area="app").broken("credentials", str(problem)),)
    return examine_app(
        known,
        state=asked.state or default_folder(os.environ),
        repository=asked.repository,
        gate=Gate(workflows=asked.gate, proofs=asked.proofs),
        admin_token=asked.admin_token,
    )


def _full_name(told: str | None) -> str | None:
    if told is not None and not re.fullmatch(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", told):
        raise click.BadParameter(f"{told!r} is not of the form OWNER/NAME", param_hint="--repository")
    return told


def _print(findings: tuple[Finding, ...]) -> None:
    from pointsman.core.contract.names import shown

    for area, title in TITLES.items():
        here = [finding for finding in findings if finding.area == area]
        for subject in dict.fromkeys(finding.subject for finding in here):
            click.echo(click.style(f"{title} {shown(subject)}".strip(), bold=True))
            _print_group([finding for finding in here if finding.subject == subject])


def _print_group(findings: list[Finding]) -> None:
    """What came from elsewhere may hold anything: it is shown so that it can forge no line."""
    from pointsman.core.contract.names import shown

    width = max(13, *(len(finding.name) for finding in findings))
    for finding in findings:
        word, color = MARKS[finding.state]
        mark = click.style(f"{word:<6}", fg=color)
        first, *rest = (shown(line) for line in finding.text.split("\n"))
        click.echo(f"  {mark} {shown(finding.name):<{width}} {_numbers(finding)}{first}")
        step = "  ".join(shown(part) for part in (finding.mend, finding.url) if part)
        for line in (*rest, f"-> {step}" if step else ""):
            if line:
                click.echo(f"{'':<{width + 10}}{line}")


def _numbers(finding: Finding) -> str:
    """Counts and sizes with their bounds, in front of what they are of."""
    said = []
    if finding.count is not None:
        said.append(f"{finding.count:,}" + (f" of {finding.most:,}" if finding.most is not None else ""))
    if finding.size is not None:
        most = f" of {_readable(finding.most_bytes)}" if finding.most_bytes is not None else ""
        said.append(f"{_readable(finding.size)}{most}")
    return f"{', '.join(said)}  " if said else ""


def _readable(size: float) -> str:
    for unit in UNITS:
        if size < 1000 or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("the last unit has no end")
