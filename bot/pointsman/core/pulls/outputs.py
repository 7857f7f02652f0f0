"""Composes the three check runs `pointsman / ...` of a pull request; what they say follows from the story alone.

Only what has landed, or may, is a `success`: where a check is required, forges take `neutral` for a pass too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from pointsman.core.contract import CONTRACT_PATH, ContractVerdict, Outcome, PathStatus
from pointsman.core.migrations.drawing.quotes import quotes
from pointsman.core.migrations.drawing.words import next_step
from pointsman.core.migrations.heal.model import Refusal
from pointsman.core.model import GitPath, Sha
from pointsman.core.pulls import words
from pointsman.core.pulls.comment import box, drawings, files, log, refusal_text
from pointsman.core.pulls.markdown import bounded, code, codes, fence, fold, joined, plain
from pointsman.core.pulls.model import Annotation, CheckOutput, Severity
from pointsman.core.pulls.story import (
    BeingTested,
    Held,
    Judged,
    LandedAs,
    Landing,
    MigrationsTold,
    NotQueued,
    Passed,
    PullStory,
    Queued,
    Returned,
    Withdrawn,
)

CONTRACT_CHECK = "pointsman / contract"
MIGRATIONS_CHECK = "pointsman / migrations"
QUEUE_CHECK = "pointsman / queue"
OWN_CHECKS = frozenset({CONTRACT_CHECK, MIGRATIONS_CHECK, QUEUE_CHECK})
"""The names of our own check runs, which the queue never waits for (rule 8)."""

MAX_ANNOTATIONS = 50
MAX_PATH = 1000
MAX_TITLE = 200
MAX_SUMMARY = 60_000

Conclusion = Literal["success", "failure", "neutral", "action_required"]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Said:
    """A check run before it has a name and a head."""

    conclusion: Conclusion | None
    title: str
    summary: str
    annotations: tuple[Annotation, ...] = ()


def compose_checks(story: PullStory) -> tuple[CheckOutput, ...]:
    """What is to stand on the commits now: contract and migrations on the pull request's head where it was judged, the
    queue's on the head that was queued. Left out is what there is nothing to say of; what is not there is no pass."""
    outputs: list[CheckOutput] = []
    if story.judged is not None:
        outputs.append(_output(CONTRACT_CHECK, story.head, _contract(story)))
        outputs.append(_output(MIGRATIONS_CHECK, story.head, _migrations(story.judged)))
    if story.queued_head is not None:
        outputs.append(_output(QUEUE_CHECK, story.queued_head, _queue(story)))
    return tuple(outputs)


def compose_group_checks(judged: Sequence[Judged], *, head: Sha) -> tuple[CheckOutput, ...]:
    """The checks on a group of the forge's own merge queue, at `head`: one verdict a pull request in it, at least one.
    Each check says the first verdict that is no success. What lands is the group as it is, so a fork that our queue
    would heal is a failure there."""
    contract = _worst([_contract(_alone(one)) for one in judged])
    migrations = _worst([_group_migrations(one) for one in judged])
    passed = contract.conclusion == migrations.conclusion == "success"
    queue = _Said(
        conclusion="success" if passed else "failure",
        title="the forge's own queue lands it" if passed else "not fit to land",
        summary="This repository uses the forge's merge queue; contract and migrations were judged on its group.",
    )
    named = ((CONTRACT_CHECK, contract), (MIGRATIONS_CHECK, migrations), (QUEUE_CHECK, queue))
    return tuple(_output(name, head, said) for name, said in named)


def _alone(judged: Judged) -> PullStory:
    return PullStory(number=0, lane="", head=judged.head, stage=NotQueued(), judged=judged)


def _worst(said: Sequence[_Said]) -> _Said:
    return next((one for one in said if one.conclusion != "success"), said[0])


def _group_migrations(judged: Judged) -> _Said:
    if judged.migrations.status != "healed":
        return _migrations(judged)
    return _Said(
        conclusion="failure",
        title="a migration fork, which this queue can't heal",
        summary="The forge's own queue lands this merge as it is. Comment `/heal` on the pull request, "
        f"then queue it again.\n\n{_drawn(judged.migrations)}",
    )


def _output(name: str, head: Sha, said: _Said) -> CheckOutput:
    return CheckOutput(
        name=name,
        head=head,
        conclusion=said.conclusion,
        title=plain(said.title, MAX_TITLE),
        summary=said.summary,
        annotations=said.annotations[:MAX_ANNOTATIONS],
    )


def _contract(story: PullStory) -> _Said:
    judged = story.judged
    assert judged is not None  # noqa: S101 - asked only where there is one
    if story.same_head:
        numbers = sorted((story.number, *story.same_head))
        title = f"{' and '.join(f'#{number}' for number in numbers)} have the same head"
        return _Said(conclusion="action_required", title=title, summary=words.same_head(numbers))
    if judged.problem:
        title = "the contract on the base branch can't be read"
        return _Said(conclusion="failure", title=title, summary=fence(judged.problem))
    if judged.contract is None:
        title = f"{judged.author} has no role on {judged.branch}"
        return _Said(conclusion="failure", title=title, summary=fence(judged.why_no_role))
    said = _verdict(judged, judged.contract)
    return _Said(
        conclusion=said.conclusion,
        title=said.title,
        summary=said.summary,
        annotations=tuple(_path_annotations(judged.contract)),
    )


def _verdict(judged: Judged, verdict: ContractVerdict) -> _Said:
    gate = f"The gate runs {codes(judged.checks, 20)}." if judged.checks else "No check has to run."
    summary = f"Role {code(verdict.role)}.\n\n{fence(str(verdict))}\n\n{gate}"
    if verdict.shadow_until is not None:
        title = f"would be refused; only said until {verdict.shadow_until}"
        return _Said(conclusion="success", title=title, summary=summary)
    match verdict.outcome:
        case Outcome.ALLOWED:
            count = len(verdict.paths)
            title = f"role {verdict.role} may change {'this path' if count == 1 else f'these {count} paths'}"
            return _Said(conclusion="success", title=title, summary=summary)
        case Outcome.WAITING:
            title = f"waits for approval of {', '.join(need.name for need in verdict.waiting_for)}"
            waits = (f"- {words.approval(need)}" for need in verdict.waiting_for)
            listed, _ = joined([summary, *waits], MAX_SUMMARY)
            return _Said(conclusion="action_required", title=title, summary=listed)
        case Outcome.REFUSED:
            count = len(verdict.refused_paths)
            what = f"{count} path{'s' if count != 1 else ''}" if count else verdict.problems[0].code
            return _Said(conclusion="failure", title=f"not allowed: {what}", summary=summary)
        case _:
            assert_never(verdict.outcome)


def _path_annotations(verdict: ContractVerdict) -> Iterator[Annotation]:
    """The first line of each path that is not simply allowed, with the rule and where it stands."""
    severity = Severity.WARNING if verdict.shadow_until is not None else Severity.FAILURE
    for one in verdict.paths:
        if one.status is PathStatus.ALLOWED or not _can_annotate(one.path):
            continue
        waits = one.status is PathStatus.NEEDS_APPROVAL
        where = f"{CONTRACT_PATH}:{one.line}" if one.line else "built in"
        yield Annotation(
            path=one.path,
            line=1,
            end=1,
            severity=Severity.NOTICE if waits else severity,
            title=plain("needs an approval" if waits else f"not allowed by {one.rule}", MAX_TITLE),
            message=plain(f"{one.reason} ({one.rule}, {where})", 2000),
        )


def _can_annotate(path: GitPath) -> bool:
    """A path that JSON can carry; one that is no UTF-8 is named in the summary only."""
    return len(path) <= MAX_PATH and path.isprintable()


def _migrations(judged: Judged) -> _Said:
    told = judged.migrations
    if judged.problem:
        return _Said(conclusion="failure", title="not judged", summary=fence(judged.problem))
    match told.status:
        case "clean":
            return _Said(
                conclusion="success",
                title="no fork",
                summary="The merged tree has no more heads than the base.",
            )
        case "healed":
            return _Said(
                conclusion="success",
                title="fork, healed when it lands",
                summary="\n\n".join(
                    part for part in (words.will_heal(), words.early(told.graphs), _drawn(told)) if part
                ),
            )
        case "refused":
            return _refused(told)
        case _:
            assert_never(told.status)


def _drawn(told: MigrationsTold) -> str:
    """The graphs, the files folded."""
    return "\n\n".join([*drawings(told.graphs), *(fold("The files", each) for each in files(told.graphs))])


def _refused(told: MigrationsTold) -> _Said:
    conflict = all(refusal.code == "merge_conflict" for refusal in told.refusals)
    title = "not known: git can't merge it" if conflict else "left to people: "
    if not conflict:
        title += ", ".join(dict.fromkeys(refusal.code for refusal in told.refusals))
    refused = (_left(refusal) for refusal in told.refusals[:6])
    shown, _ = joined((*refused, *drawings(told.graphs)), MAX_SUMMARY)
    return _Said(
        conclusion="failure",
        title=title,
        summary=shown,
        annotations=tuple(_quote_annotations(told)),
    )


def _left(refusal: Refusal) -> str:
    """A refusal and what to do about it."""
    return "\n\n".join(part for part in (refusal_text(refusal), next_step(refusal)) if part)


def _quote_annotations(told: MigrationsTold) -> Iterator[Annotation]:
    """The lines that are quoted, or the first line of each file that a refusal names."""
    for refusal in told.refusals:
        found = quotes(refusal)
        places = [(one.path, one.line, f"{one.why}\n{one.text}") for one in found]
        places = places or [(path, 1, refusal.message) for path in refusal.paths]
        for path, line, message in places:
            if _can_annotate(path):
                yield Annotation(
                    path=path,
                    line=line,
                    end=line,
                    severity=Severity.FAILURE,
                    title=plain(refusal.code, MAX_TITLE),
                    message=_printable(message),
                )


def _printable(message: str) -> str:
    return bounded("\n".join(plain(line) for line in message.splitlines()), 4000)


def _queue(story: PullStory) -> _Said:
    match story.stage:
        case Queued() | Held() | BeingTested() | Passed() | Landing():
            summary = "The comment on the pull request says where it stands."
            return _Said(conclusion=None, title="in the queue", summary=summary)
        case LandedAs(commit=commit):
            title = f"landed as {commit[:10]}"
            return _Said(conclusion="success", title=title, summary=words.headline(story))
        case Returned(reason=reason, failed=failed):
            again = [fence(reason.reproduce, "sh")] if reason.reproduce else []
            red = [
                f"{words.failed(one)}\n\n{log(one)}" if one.log_tail else words.failed(one) for one in failed
            ]
            parts = [words.headline(story), box(reason.text), *again, *red[:3]]
            return _Said(
                conclusion="failure", title=f"returned: {reason.code}", summary=joined(parts, MAX_SUMMARY)[0]
            )
        case Withdrawn():
            return _Said(
                conclusion="action_required", title="taken out of the queue", summary=words.headline(story)
            )
        case NotQueued():
            return _Said(
                conclusion="action_required", title="not in the queue", summary=words.headline(story)
            )
        case _:
            assert_never(story.stage)


def summary_markdown(judged: Iterable[Judged]) -> str:
    """A job's summary page: the verdict on each head, as the check runs say it."""
    parts: list[str] = []
    for one in judged:
        parts.append(f"## {code(one.branch) if one.branch else 'Change'} at {code(one.head[:10])}")
        for output in compose_checks(_alone(one)):
            mark = {"success": "✓", "action_required": "…"}.get(output.conclusion or "", "✗")
            parts.append(f"### {mark} {output.name}: {code(output.title)}\n\n{output.summary}")
    return "\n\n".join(parts) + "\n"
