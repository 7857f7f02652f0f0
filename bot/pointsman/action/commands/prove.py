"""`prove`: does the heals of a candidate (or one heal that was just made) again and proves them in the jail."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.action.bases import MOST, base_of, candidate
from pointsman.action.events import sha
from pointsman.action.fix import Fix, fix
from pointsman.action.objects import mirrored, objects, place
from pointsman.action.speech import Result
from pointsman.core.errors import MissingObject, UserError
from pointsman.core.pulls.markdown import code, fence
from pointsman.core.pulls.model import Annotation, Severity

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.model import CommitFacts, Sha

_HEAD = re.compile(r"^Pointsman(?:-Healed)?-Head: ([0-9a-f]{40}|[0-9a-f]{64})$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """`head` was brought onto `onto`, and the result is said to be `made`: a commit, or where that is not to be had
    its id alone (`known` False)."""

    onto: Sha
    head: Sha
    made: Sha
    known: bool


def run(around: Surroundings) -> Result:
    """Exit code 0 when every heal is what it should be and is proved, or there was none; 1 when one is not.

    With the input `expect`: the heal of `head` onto `base` whose fix commit must be that one. Else every member of
    the candidate `head` (the commit that the run is on), down to where it left the base branch."""
    lines: list[str] = []
    worst = "clean"
    with ExitStack() as stack:
        git, steps = _steps(around, stack)
        for one in steps:
            word, said = _prove(around, git, one)
            lines += said
            worst = (
                "refused"
                if "refused" in (word, worst)
                else "proved"
                if "proved" in (word, worst)
                else "clean"
            )
            if word == "refused":
                break
    text = "\n".join(lines)
    return Result(
        code=1 if worst == "refused" else 0,
        outcome=worst,
        lines=lines,
        summary=f"### {'✗' if worst == 'refused' else '✓'} proof: {code(worst)}\n\n{fence(text)}",
        outputs={"summary": lines[-1] if lines else worst, "commit": steps[0].made if steps else ""},
        annotations=[_annotation(text)] if worst == "refused" else [],
    )


def _annotation(text: str) -> Annotation:
    return Annotation(
        path="", line=1, end=1, severity=Severity.FAILURE, title="pointsman proof", message=text
    )


def _steps(around: Surroundings, stack: ExitStack) -> tuple[GitRepository, list[Step]]:
    head = candidate(around)
    base = sha(around.inputs.base, "the input `base`") if around.inputs.base else None
    wanted = {_asked(each): each for each in (base, head) if each is not None}
    git = stack.enter_context(objects(around, wanted))
    if around.inputs.expect:
        if base is None:
            raise UserError("`expect` is the fix commit of a heal onto `base`: set the input `base` too")
        made = sha(around.inputs.expect, "the input `expect`")
        return git, [Step(onto=base, head=head, made=made, known=False)]
    steps = list(_members(git, head, base_of(around, git, head)))
    return _with_heads(around, stack, git, steps), steps


def _asked(commit: Sha) -> str:
    return f"refs/pointsman/asked/{commit}"


def _members(git: GitRepository, commit: Sha, base: Sha) -> Iterator[Step]:
    """The candidate's members, the last first."""
    for _ in range(MOST):
        if commit == base:
            return
        facts = git.commit_facts(commit)
        head = _brought(facts)
        yield Step(onto=facts.parents[0], head=head, made=commit, known=True)
        commit = facts.parents[0]
    raise UserError(f"the candidate has more than {MOST} members above its base")


def _brought(facts: CommitFacts) -> Sha:
    """What the commit brought in: its second parent, or what its last trailer says."""
    if len(facts.parents) == 2:
        return facts.parents[1]
    told = _HEAD.findall(facts.message)
    if len(facts.parents) == 1 and told:
        return sha(told[-1], "the trailer Pointsman-Head")
    raise UserError(
        f"{facts.sha[:12]} is no candidate: it has no second parent and no trailer Pointsman-Head"
    )


def _with_heads(
    around: Surroundings, stack: ExitStack, git: GitRepository, steps: list[Step]
) -> GitRepository:
    """The repository itself, or a mirror that has the squashed heads too."""
    heads = {_asked(one.head): one.head for one in steps}
    try:
        for head in heads.values():
            git.tree_of(head)
    except MissingObject:
        mirror, remote = stack.enter_context(mirrored(around))
        remote.fetch({**heads, **{_asked(one.made): one.made for one in steps}})
        return mirror
    return git


def _prove(around: Surroundings, git: GitRepository, one: Step) -> tuple[str, list[str]]:
    """The plan is compared before anything runs."""
    from pointsman.core.proof import in_words
    from pointsman.wiring import open_prover

    name = f"{one.head[:12]} onto {one.onto[:12]}"
    planned = fix(git, one.onto, one.head, prover=None)
    healing = planned.verdict.healing
    if healing.tree is None:
        return "refused", _refusals(name, planned)
    same = healing.tree == git.tree_of(one.made) if one.known else planned.commit == one.made
    if not same:
        what = f"tree {healing.tree[:12]}" if one.known else f"commit {(planned.commit or 'none')[:12]}"
        return "refused", [f"{name}: healing it gives {what}, which is not what {one.made[:12]} holds"]
    if healing.status == "clean":
        return "clean", [f"{name}: no fork, the plain merge"]
    proved = fix(git, one.onto, one.head, prover=open_prover(git, place(around)))
    if proved.verdict.healing.refusals:
        return "refused", _refusals(name, proved)
    proof = proved.verdict.proof
    return "proved", [f"{name}: healed; {in_words(proof) if proof else 'no proof is asked for'}"]


def _refusals(name: str, made: Fix) -> list[str]:
    return [f"{name}: {refusal.code}: {refusal.message}" for refusal in made.verdict.healing.refusals]
