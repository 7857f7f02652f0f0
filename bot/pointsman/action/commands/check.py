"""`check`: what contract and migrations say of a pull request or a merge group; it runs nothing of the change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pointsman.action.events import subject
from pointsman.action.objects import mirrored, objects
from pointsman.action.speech import Result
from pointsman.core.errors import EnvironmentProblem, UserError
from pointsman.core.pulls.story import NotQueued, PullStory
from pointsman.core.pulls.telling import compose_checks, compose_group_checks, sarif, summary_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.action.events import Subject
    from pointsman.action.surroundings import Surroundings
    from pointsman.core.pulls.model import CheckOutput
    from pointsman.core.pulls.story import Judged

FAIL_ON = {
    "any": frozenset({"refused", "forked", "waiting"}),
    "forked": frozenset({"refused", "forked"}),
    "refused": frozenset({"refused"}),
    "never": frozenset[str](),
}
"""Input `fail-on` -> the outcomes that fail the step."""
WORSE = ("allowed", "waiting", "forked", "refused")


def run(around: Surroundings) -> Result:
    """Exit code 1 for an outcome that `fail-on` names. Errors: UserError for an event that names nothing to judge."""
    fails = failing(around.inputs.fail_on)
    asked = subject(around)
    if asked.group:
        return _group(around, asked)
    from pointsman.action.judging import judge
    from pointsman.service.pull_verdicts import judged_of

    with objects(around, asked.refs) as git:
        report = judge(around, git, asked)
    told = judged_of(report)
    outcome = outcome_of(told)
    story = PullStory(number=0, lane="", head=told.head, stage=NotQueued(), judged=told)
    return _result(
        around, asked, [told], outcome, compose_checks(story), lines=report.lines, failed=outcome in fails
    )


def _group(around: Surroundings, asked: Subject) -> Result:
    """The forge's own queue lands the group as it is: anything but a clean yes fails, whatever `fail-on` says."""
    from pointsman.action.judging import judge_group

    with mirrored(around) as (git, remote):
        remote.fetch(asked.refs)
        told = judge_group(around, git, remote, asked)
    outputs = compose_group_checks(told, head=asked.head)
    lines = [one.problem or f"{one.branch}: {outcome_of(one)}" for one in told]
    worst = max((outcome_of(one) for one in told), key=WORSE.index)
    return _result(around, asked, told, worst, outputs, lines=lines, failed=worst != "allowed")


def _result(
    around: Surroundings,
    asked: Subject,
    told: Sequence[Judged],
    outcome: str,
    outputs: Sequence[CheckOutput],
    *,
    lines: Sequence[str],
    failed: bool,
) -> Result:
    write_sarif(around, told)
    said = [f"  {line}" for text in lines for line in text.split("\n")]
    checks = dict.fromkeys(name for one in told for name in one.checks)
    return Result(
        code=1 if failed else 0,
        outcome=outcome,
        lines=(f"{outcome}: {asked.branch or asked.head[:10]} onto {asked.base[:10]}", *said),
        summary=summary_markdown(told),
        outputs={
            "forked": "true" if any(one.migrations.status == "healed" for one in told) else "false",
            "role": ",".join(dict.fromkeys(one.role for one in told if one.role)),
            "checks": json.dumps(list(checks)),
            "base": asked.base,
            "head": asked.head,
            "summary": lines[0] if lines else outcome,
        },
        annotations=[one for output in outputs for one in output.annotations],
    )


def failing(word: str) -> frozenset[str]:
    """The outcomes that fail the step; UserError for a word that is none."""
    if word not in FAIL_ON:
        raise UserError(f"the input `fail-on` is {word[:80]!r}; one of: {', '.join(FAIL_ON)}")
    return FAIL_ON[word]


def outcome_of(told: Judged) -> str:
    """`allowed`; `waiting` for an approval; `forked`, which the queue heals; `refused`."""
    contract = told.contract
    if contract is None or told.migrations.status == "refused":
        return "refused"
    if not contract.allowed:
        return "waiting" if contract.outcome.value == "waiting" else "refused"
    return "forked" if told.migrations.status == "healed" else "allowed"


def write_sarif(around: Surroundings, told: Sequence[Judged]) -> None:
    """The SARIF file that the input `sarif` names, below the workspace or the runner's temporary folder."""
    if not around.inputs.sarif:
        return
    path = (around.workspace / around.inputs.sarif).resolve()
    if not any(path.is_relative_to(each.resolve()) for each in (around.workspace, around.temp)):
        raise UserError("the input `sarif` leads out of the workspace")
    from pointsman import __version__

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sarif(told, version=__version__), indent=1))
    except OSError as problem:
        raise EnvironmentProblem(f"{path} can't be written: {problem.strerror}") from problem
