"""What Actions gives a step: inputs, places and the event, read once and bounded; nothing is asked or written here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.core.errors import EnvironmentProblem, UserError

LONGEST_INPUT = 4096
LARGEST_EVENT = 32 << 20
"""Bytes; GitHub sends no webhook above 25 MB."""
PREFIX = "POINTSMAN_"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}/[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inputs:
    """The inputs of the action, as action.yml passes them on; '' where one was not given."""

    command: str
    base: str = ""
    head: str = ""
    branch: str = ""
    author: str = ""
    check: str = ""
    fail_on: str = "any"
    directory: str = ""
    sarif: str = ""
    push: str = ""
    expect: str = ""
    repository: str = ""
    number: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """One step's inputs and places. `event` is what came with the trigger, {} where nothing did."""

    inputs: Inputs
    repository: str
    server: str
    api: str
    event_name: str
    event: Mapping[str, Any]
    raw_event: bytes = field(repr=False)
    sha: str
    ref: str
    workspace: Path
    temp: Path
    summary: Path | None
    output: Path | None


def surroundings(environment: Mapping[str, str]) -> Surroundings:
    """What the variables say. UserError for an input that can be none, EnvironmentProblem for an event that can't be
    read: nothing of a step that is not understood is done."""
    raw = _event_bytes(environment.get("GITHUB_EVENT_PATH", ""))
    repository = environment.get("GITHUB_REPOSITORY", "")
    if repository and not _REPOSITORY.fullmatch(repository):
        raise UserError(f"GITHUB_REPOSITORY is {repository[:200]!r}, which is no owner/name")
    return Surroundings(
        inputs=_inputs(environment),
        repository=repository,
        server=environment.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"),
        api=environment.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        event_name=environment.get("GITHUB_EVENT_NAME", ""),
        event=_event(raw),
        raw_event=raw,
        sha=environment.get("GITHUB_SHA", ""),
        ref=environment.get("GITHUB_REF", ""),
        workspace=Path(environment.get("GITHUB_WORKSPACE") or "."),
        temp=Path(environment.get("RUNNER_TEMP") or "/tmp"),  # noqa: S108 - only where no runner says better
        summary=_path(environment.get("GITHUB_STEP_SUMMARY")),
        output=_path(environment.get("GITHUB_OUTPUT")),
    )


def _inputs(environment: Mapping[str, str]) -> Inputs:
    names = Inputs.__dataclass_fields__
    given = {name: environment.get(PREFIX + name.upper(), "").strip() for name in names}
    for name, value in given.items():
        if len(value) > LONGEST_INPUT:
            raise UserError(
                f"the input {_shown(name)} has {len(value)} characters; at most {LONGEST_INPUT} are taken"
            )
        if any(ord(character) < 32 for character in value):
            raise UserError(f"the input {_shown(name)} holds a line break or another control character")
    if not given["command"]:
        raise UserError("no command: set the input `command`")
    return Inputs(**{name: value for name, value in given.items() if value})


def _shown(name: str) -> str:
    return f"`{name.replace('_', '-')}`"


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None


def _event_bytes(name: str) -> bytes:
    if not name:
        return b""
    try:
        with Path(name).open("rb") as file:
            data = file.read(LARGEST_EVENT + 1)
    except OSError as problem:
        raise EnvironmentProblem(f"the event file {name} can't be read: {problem.strerror}") from problem
    if len(data) > LARGEST_EVENT:
        raise EnvironmentProblem(
            f"the event file has more than {LARGEST_EVENT} bytes; nothing of it was used"
        )
    return data


def _event(raw: bytes) -> Mapping[str, Any]:
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise EnvironmentProblem(
            f"the event file is not JSON ({problem}); nothing of it was used"
        ) from problem
    if not isinstance(value, dict):
        raise EnvironmentProblem(f"the event file holds a {type(value).__name__}, not an object")
    return value
