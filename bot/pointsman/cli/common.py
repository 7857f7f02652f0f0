"""Options and output that every subcommand shares; no command stands here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def repository_option(command: F) -> F:
    """`-C DIR`, as git has it; passed on as `directory: Path`."""
    return click.option(
        "-C",
        "directory",
        metavar="DIR",
        default=".",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="The repository, or any folder in one of its worktrees.  [default: here]",
    )(command)


def json_option(command: F) -> F:
    """`--json`, passed on as `as_json: bool`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")(command)


def print_json(value: object) -> None:
    """One JSON object, and nothing else, on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True, sort_keys=False))


def note(text: str) -> None:
    """A diagnostic, on stderr."""
    click.echo(text, err=True)
