"""One step from beginning to end: surroundings, command, what is told; the only place that makes exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from pointsman.action.speech import Result, tell
from pointsman.action.surroundings import Surroundings, surroundings
from pointsman.core.errors import PointsmanError, UserError
from pointsman.core.pulls.markdown import fence
from pointsman.core.pulls.model import Annotation, Severity

COMMANDS = ("check", "heads", "heal", "plan", "gate", "prove", "tick", "report")
"""Each is a module of `pointsman.action.commands` with a function `run`."""


def entry(environment: Mapping[str, str] | None = None) -> None:
    """Run the step that the environment describes; exit code 0 yes, 1 no, 2 it could not be told."""
    sys.exit(step(os.environ if environment is None else environment, sys.stdout))


def step(environment: Mapping[str, str], out: TextIO) -> int:
    """As `entry`; the exit code. Every expected failure becomes one annotation and code 2."""
    try:
        around = surroundings(environment)
        result = command(around.inputs.command)(around)
    except PointsmanError as error:
        result = _failed(str(error))
    except Exception:  # noqa: BLE001 - a defect of ours must never look like exit code 1, a verdict
        trace = traceback.format_exc()
        result = _failed(f"This is a defect of Pointsman. Please report it with these lines:\n{trace}")
    places = [environment.get(name, "") for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")]
    summary, output = (Path(place) if place else None for place in places)
    try:
        tell(result, summary=summary, output=output, stream=out)
    except OSError as error:
        out.write(f"error: what was found can't be told: {error}\n")
        return 2
    return result.code


def command(name: str) -> Callable[[Surroundings], Result]:
    """The command of that name; UserError where there is none."""
    if name not in COMMANDS:
        raise UserError(f"there is no command {name[:80]!r}; one of: {', '.join(COMMANDS)}")
    module = importlib.import_module(f"pointsman.action.commands.{name}")
    run: Callable[[Surroundings], Result] = module.run
    return run


def _failed(why: str) -> Result:
    return Result(
        code=2,
        outcome="error",
        lines=("error: " + why).split("\n"),
        summary=f"### Pointsman could not tell\n\n{fence(why)}",
        outputs={"summary": why.split("\n")[0][:1000]},
        annotations=[
            Annotation(path="", line=1, end=1, severity=Severity.FAILURE, title="pointsman", message=why)
        ],
    )
