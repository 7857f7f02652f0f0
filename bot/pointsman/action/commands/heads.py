"""`heads`: what migration heads a commit has; reads objects, nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pointsman.action.bases import candidate
from pointsman.action.objects import objects
from pointsman.action.speech import Result
from pointsman.core.pulls.markdown import code, codes
from pointsman.core.pulls.model import Annotation, Severity

if TYPE_CHECKING:
    from pointsman.action.surroundings import Surroundings
    from pointsman.core.migrations.environment import Environment


def run(around: Surroundings) -> Result:
    """Heads of the input `head`, else of the commit that the run is on. Exit code 1: forked, or a problem."""
    from pointsman.wiring import open_reader

    commit = candidate(around)
    name = (
        around.ref
        if around.ref.startswith("refs/") and not around.inputs.head
        else f"refs/pointsman/asked/{commit}"
    )
    with objects(around, {name: commit}) as git:
        found = open_reader(git).read(git.tree_of(commit)).environments
    forked = any(each.forked for each in found)
    wrong = forked or any(each.problems for each in found)
    return Result(
        code=1 if wrong else 0,
        outcome="forked" if forked else "problems" if wrong else "ok",
        lines=[line for each in found for line in _lines(each)] or ["no migration environment"],
        summary=_summary(found, commit),
        outputs={
            "forked": "true" if forked else "false",
            "heads": json.dumps({each.layout.config: list(each.heads) for each in found}),
            "commit": commit,
            "summary": "; ".join(f"{each.layout.config}: {len(each.heads)} head(s)" for each in found),
        },
        annotations=[one for each in found for one in _annotations(each)],
    )


def _lines(each: Environment) -> list[str]:
    heads = ", ".join(each.heads) or "none"
    problems = [f"  {problem.code}: {problem.message}" for problem in each.problems]
    return [
        f"{each.layout.config} ({each.layout.backend}): {'FORKED ' if each.forked else ''}{heads}",
        *problems,
    ]


def _summary(found: tuple[Environment, ...], commit: str) -> str:
    if not found:
        return f"### Migration heads\n\nNo migration environment in {code(commit[:12])}."
    rows = [
        f"| {code(each.layout.config)} | {each.layout.backend} | {len(each.revisions)} | "
        f"{codes(each.heads, 10) or 'none'} | {_state(each)} |"
        for each in found
    ]
    table = "\n".join(["| environment | tool | revisions | heads | |", "|---|---|---|---|---|", *rows])
    problems = [f"- {code(p.code)} {code(p.message, 1000)}" for each in found for p in each.problems]
    return "\n\n".join(
        part for part in (f"### Migration heads of {code(commit[:12])}", table, "\n".join(problems)) if part
    )


def _state(each: Environment) -> str:
    return "**forked**" if each.forked else "problems" if each.problems else "ok"


def _annotations(each: Environment) -> list[Annotation]:
    places = [
        (
            each.graph.by_id[head].path,
            "migration fork",
            f"{head} is one of {len(group)} heads: {', '.join(group)}",
        )
        for group in each.graph.lineages
        if len(group) > 1
        for head in group
    ]
    places += [(path, problem.code, problem.message) for problem in each.problems for path in problem.paths]
    return [
        Annotation(path=path, line=1, end=1, severity=Severity.FAILURE, title=title, message=message)
        for path, title, message in places
        if path.isprintable()
    ]
