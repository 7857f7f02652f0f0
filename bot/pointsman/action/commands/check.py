"""`check`: what contract and migrations say of a pull request or a merge group; it runs nothing of the change."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from pointsman.action.events import subject
from pointsman.action.objects import objects
from pointsman.action.speech import Result
from pointsman.action.told import judged
from pointsman.core.errors import EnvironmentProblem, UserError
from pointsman.core.pulls.story import NotQueued, PullStory
from pointsman.core.pulls.telling import compose_checks, sarif, summary_markdown

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.core.pulls.model import Annotation
    from pointsman.core.pulls.story import Judged
    from pointsman.service.check import CheckReport

FAIL_ON = {
    "any": frozenset({"refused", "forked", "waiting"}),
    "forked": frozenset({"refused", "forked"}),
    "refused": frozenset({"refused"}),
    "never": frozenset[str](),
}
"""Input `fail-on` -> the outcomes that fail the step."""


def run(around: Surroundings) -> Result:
    """Exit code 1 for an outcome that `fail-on` names. Errors: UserError for an event that names nothing to judge."""
    from pointsman.service.check import Question, check_change

    fails = failing(around.inputs.fail_on)
    asked = subject(around)
    with objects(around, asked.refs) as git:
        question = Question(
            base=asked.base,
            head=asked.head,
            branch=asked.branch or None,
            author=asked.author or None,
            now=time.time(),
            target=asked.target or None,
        )
        report = check_change(git, question)
    told = judged(report)
    outcome = outcome_of(report)
    write_sarif(around, told)
    return Result(
        code=1 if outcome in fails else 0,
        outcome=outcome,
        lines=(f"{outcome}: {asked.branch or asked.head[:10]} onto {asked.base[:10]}", *_lines(report)),
        summary=summary_markdown([told]),
        outputs={
            "forked": _word(report.migrations.healing.status == "healed"),
            "role": report.role or "",
            "checks": json.dumps(list(report.checks)),
            "summary": report.lines[0] if report.lines else outcome,
        },
        annotations=annotations_of(told),
    )


def failing(word: str) -> frozenset[str]:
    """The outcomes that fail the step; UserError for a word that is none."""
    if word not in FAIL_ON:
        raise UserError(f"the input `fail-on` is {word[:80]!r}; one of: {', '.join(FAIL_ON)}")
    return FAIL_ON[word]


def outcome_of(report: CheckReport) -> str:
    """`allowed`; `waiting` for an approval; `forked`, which the queue heals; `refused`."""
    contract = report.contract
    if contract is None or report.migrations.healing.status == "refused":
        return "refused"
    if not contract.allowed:
        return "waiting" if contract.outcome.value == "waiting" else "refused"
    return "forked" if report.migrations.healing.status == "healed" else "allowed"


def annotations_of(told: Judged) -> list[Annotation]:
    """The remarks that the check runs of an app would make."""
    story = PullStory(number=0, lane="", head=told.head, stage=NotQueued(), judged=told)
    return [one for output in compose_checks(story) for one in output.annotations]


def write_sarif(around: Surroundings, told: Judged) -> None:
    """The SARIF file that the input `sarif` names, below the workspace or the runner's temporary folder."""
    if not around.inputs.sarif:
        return
    path = (around.workspace / around.inputs.sarif).resolve()
    if not any(path.is_relative_to(each.resolve()) for each in (around.workspace, around.temp)):
        raise UserError("the input `sarif` leads out of the workspace")
    from pointsman import __version__

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sarif([told], version=__version__), indent=1))
    except OSError as problem:
        raise EnvironmentProblem(f"{path} can't be written: {problem.strerror}") from problem


def _lines(report: CheckReport) -> list[str]:
    return [f"  {line}" for text in report.lines for line in text.split("\n")]


def _word(value: bool) -> str:
    return "true" if value else "false"
