"""The end of the story: what became of each pull request, and that it is true, shown on a clone; it repairs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pointsman.demo.proof import Shown, pointsman, run
from pointsman.demo.show import Row, Show
from pointsman.demo.story import BASE, End
from tests.github.demo.play import Played, end_of, said_by_app
from tests.github.demo.stand import Stand
from tests.github.demo.story import ACTIONS, JOBS, Scene

BUDGET = 12
"""API requests for a landed pull request in steady state."""

SHARED = (
    "/rules/branches/{branch}",
    "/protection",
    "/access_tokens",
    "/installation/repositories",
    "/installations",
)
"""Ends of routes that are read for all pull requests at once, now and then."""

VERSIONS = "migrations/versions"
REVISION = re.compile(r'^(revision|down_revision) = (?:"(\w+)"|None)$', re.MULTILINE)

Graph = Mapping[str, str]
"""Revision -> its parent, '' for none."""


def rows(stand: Stand, played: Played) -> Iterator[Row]:
    """The closing table, in the order of opening. The gist stands there only where all was as told."""
    for scene in played.scenes:
        number = played.numbers.get(scene.slug)
        if number is None:
            continue
        pull = stand.repo.pull(number)
        end, wrong = end_of(stand, number), list(_differences(stand, scene, number))
        yield Row(
            change=number,
            title=scene.title,
            agent=pull.author.login.removesuffix("-agent"),
            end=end.value if end is not None else pull.state,
            why=wrong[0] if wrong else scene.gist,
        )


def surprises(stand: Stand, played: Played) -> Iterator[str]:
    """Where what happened is not what the story says."""
    yield from played.wrong
    for scene in played.scenes:
        number = played.numbers.get(scene.slug)
        if number is None:
            yield f"{scene.slug} was never opened"
            continue
        for difference in _differences(stand, scene, number):
            yield f"#{number} {difference}"


def _differences(stand: Stand, scene: Scene, number: int) -> Iterator[str]:
    end, pull = end_of(stand, number), stand.repo.pull(number)
    if end is not scene.end:
        yield f"is {end or pull.state}, and should be {scene.end}"
    if bool(pull.merged) is not (scene.end is not End.RETURNED):
        yield f"is {'' if pull.merged else 'not '}merged on GitHub"
    if not any(scene.says in body for body in said_by_app(stand, number)):
        yield f"was told nothing of {scene.says!r}"


def prove(stand: Stand, played: Played, clone: Path, show: Show) -> bool:
    """Show it all on a new clone, which stays in `clone`; whether everything holds."""
    show.heading("The migrations", "one parent before, one line after")
    show.quote(_drawings(stand, played))
    show.heading("Don't take its word for it")
    holds = True
    for shown in _proofs(stand, played, clone):
        show.command(shown.line, shown.output, ok=shown.ok)
        holds = holds and shown.ok
    return holds


def _proofs(stand: Stand, played: Played, clone: Path) -> Iterator[Shown]:
    yield run(["git", "clone", "--quiet", stand.repo.clone_url, str(clone)])
    yield run(["git", "-C", str(clone), "log", "--first-parent", "--format=%h %s", BASE])
    yield run(pointsman("heads", "-C", str(clone), "--rev", BASE))
    yield _tested(stand)
    yield _counted(stand, played)
    yield _fitted(stand)


def _tested(stand: Stand) -> Shown:
    """Every commit that main got from the app, against the check runs of GitHub Actions on that very commit."""
    main = f"refs/heads/{BASE}"
    moves = [one for one in stand.hub.git_log if (one.repo, one.ref) == (stand.repo.full_name, main)][1:]
    reached = [move.new for move in moves]
    tips, lines = set(reached), []
    holds = bool(moves) and not any(move.forced for move in moves)
    for commit, tree, subject in _own_line(stand, reached):
        runs = {one.name: one for one in stand.repo.check_runs(commit) if one.app.id == ACTIONS}
        passed = [name for name in JOBS if name in runs and runs[name].conclusion == "success"]
        holds = holds and len(passed) == len(JOBS) and commit in tips
        lines.append(f"{commit[:10]}  tree {tree[:10]}  {' and '.join(passed) or 'NOT'} passed  {subject}")
    told = "every step of main was a fast-forward to" if holds else "not every step of main was"
    lines.append(f"{told} a commit whose own check runs had passed")
    return Shown(
        line=f"each commit of {BASE}, and its check runs by GitHub Actions:",
        output="\n".join(lines),
        ok=holds,
    )


def _own_line(stand: Stand, reached: list[str]) -> Iterator[tuple[str, str, str]]:
    """Commit, tree and subject of what main got since the app has it, oldest first."""
    first = reached[0] if reached else BASE
    span = f"{first}^1..{BASE}"
    log = stand.repo.bare.git("log", "--first-parent", "--reverse", "--format=%H %T %s", span)
    for line in log.splitlines():
        commit, tree, subject = line.split(" ", 2)
        yield commit, tree, subject


def _counted(stand: Stand, played: Played) -> Shown:
    spent = [request for request in stand.hub.requests if request.app == stand.app.id]
    landed = sum(pull.merged is not None for pull in stand.repo.pulls.values())
    lines = [
        f"{len(spent)} in all, of start, {len(played.numbers)} pull requests, refusals, approval and /heal: "
        f"{len(spent) / max(landed, 1):.1f} for each of {landed} landed",
    ]
    ok = True
    if played.alone_from is not None:
        last = [one for one in stand.hub.requests[played.alone_from :] if one.app == stand.app.id]
        own = sum(not one.route.endswith(SHARED) for one in last)
        ok = own <= BUDGET
        lines.append(
            f"{own} for the last one, from opened to landed with nothing else going on; the budget is {BUDGET}"
        )
    return Shown(line="API requests of the app:", output="\n".join(lines), ok=ok)


def _fitted(stand: Stand) -> Shown:
    count, broken = len(stand.hub.requests), list(stand.hub.violations)
    stand.hub.violations.clear()
    text = f"every exchange fitted GitHub's OpenAPI description: {count} requests"
    told = broken or [text]
    return Shown(
        line="requests and answers, against GitHub's OpenAPI description:",
        output="\n".join(told),
        ok=not broken,
    )


def _drawings(stand: Stand, played: Played) -> str:
    """The migrations as the agents wrote them, beside each other, and as main has them now."""
    first = stand.repo.bare.git("rev-list", "--first-parent", "--grep=^Hand main to the queue", BASE).split()[
        0
    ]
    before = dict(_graph(stand, first))
    for scene in played.scenes:
        if scene.migration is not None:
            before |= dict([scene.migration])
    drawn = [("before", draw(before)), ("after", draw(_graph(stand, BASE)))]
    return "\n".join(
        f"{name if at == 0 else '':8}{line}" for name, lines in drawn for at, line in enumerate(lines)
    )


def _graph(stand: Stand, revision: str) -> Graph:
    names = stand.repo.bare.git("ls-tree", "-r", "--name-only", revision, VERSIONS).splitlines()
    found = (dict(REVISION.findall(stand.repo.read(revision, name))) for name in names)
    return {one["revision"]: one.get("down_revision", "") for one in found}


def draw(graph: Graph, root: str = "") -> list[str]:
    """The graph from its first revision on, one line for each head."""
    children = sorted(one for one, parent in graph.items() if parent == root)
    if not children:
        return [""]
    if len(children) == 1:
        head, *rest = draw(graph, children[0])
        name = children[0][:6]
        link = " ─── " if root else ""
        return [f"{link}{name}{head}", *(f"{' ' * len(link + name)}{line}" for line in rest)]
    lines = []
    for at, child in enumerate(children):
        joint = " ─┬─ " if at == 0 else "  └─ " if at == len(children) - 1 else "  ├─ "
        lines.append(joint + child[:6] + draw(graph, child)[0])
    return lines
