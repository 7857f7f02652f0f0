"""Reads what a workflow file of GitHub Actions says of when it runs and which check runs its jobs make. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pointsman.core.contract.reading.nodes import Listing, Node, Scalar, Table, read_nodes
from pointsman.core.contract.reading.problems import ContractError
from pointsman.core.pulls.diagnosis.facts import WorkflowFile

LONGEST_PATTERN, MOST_WILDCARDS = 256, 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A job's check run: of this very name, or (`several`) of names that begin with it, as those of a matrix do."""

    name: str
    several: bool = False

    def reports(self, wanted: str) -> bool:
        return wanted.startswith(self.name) if self.several else wanted == self.name


@dataclass(frozen=True, kw_only=True, slots=True)
class Workflow:
    """`filtered`: it runs only when certain paths change, and otherwise reports nothing for ever (rule 7)."""

    path: str
    jobs: tuple[Job, ...]
    on_push: bool
    on_merge_group: bool
    filtered: bool


def read_workflow(file: WorkflowFile, branch: str) -> Workflow | str:
    """What the file says of a push to that branch; where it can't be read, why not."""
    root = read_nodes(file.data, source=file.path)
    if isinstance(root, ContractError):
        return str(root)
    events = _events(_get(root, "on"))
    push = events.get("push")
    return Workflow(
        path=file.path,
        jobs=tuple(_jobs(_get(root, "jobs"))),
        on_push="push" in events and _runs_on(push, branch),
        on_merge_group="merge_group" in events,
        filtered=any(_get(push, key) is not None for key in ("paths", "paths-ignore")),
    )


def matches(branch: str, patterns: Iterable[str]) -> bool:
    """GitHub's filter patterns, in order: `!` takes out again what an earlier one let in."""
    found = False
    for pattern in patterns:
        taken_out = pattern.startswith("!")
        if _matches(branch, pattern.removeprefix("!")):
            found = not taken_out
    return found


def _matches(branch: str, pattern: str) -> bool:
    parts = re.findall(r"\*+|[?+]|\[[^\]]*\]|\\.|.", pattern[: LONGEST_PATTERN + 1], re.DOTALL)
    if len(pattern) > LONGEST_PATTERN or sum(part[0] in "*?+[" for part in parts) > MOST_WILDCARDS:
        return False
    try:
        return re.fullmatch("".join(map(_as_regex, parts)), branch) is not None
    except re.error:
        return False


def _as_regex(part: str) -> str:
    """`?` and `+` repeat what stands before them, there as here."""
    match part[0]:
        case "*":
            return ".*" if len(part) > 1 else "[^/]*"
        case "?" | "+":
            return part
        case "[" if part[1:-1].replace("-", "").isalnum() and part.isascii():
            return part
    return re.escape(part[1:] if part[0] == "\\" else part)


def _runs_on(push: Node | None, branch: str) -> bool:
    """Without a filter on branches: on every branch, but for one on tags alone."""
    wanted, ignored = _get(push, "branches"), _get(push, "branches-ignore")
    if wanted is not None:
        return matches(branch, _texts(wanted))
    if ignored is not None:
        return not matches(branch, _texts(ignored))
    return _get(push, "tags") is None and _get(push, "tags-ignore") is None


def _events(on: Node | None) -> dict[str, Node | None]:
    if isinstance(on, Table):
        return {key.text: value for key, value in on.pairs if isinstance(key, Scalar)}
    return dict.fromkeys(_texts(on))


def _jobs(jobs: Node | None) -> Iterator[Job]:
    for key, job in jobs.pairs if isinstance(jobs, Table) else ():
        if not isinstance(key, Scalar):
            continue
        named = _get(job, "name")
        name = named.text if isinstance(named, Scalar) and named.text else key.text
        fixed, computed, _ = name.partition("${{")
        if computed:
            yield Job(name=fixed, several=True)
        elif _get(job, "uses") is not None:
            yield Job(name=f"{name} / ", several=True)
        elif _get(_get(job, "strategy"), "matrix") is not None:
            yield Job(name=f"{name} (" if named is None else name, several=True)
        else:
            yield Job(name=name)


def _get(node: Node | None, name: str) -> Node | None:
    pairs: Sequence[tuple[Node, Node]] = node.pairs if isinstance(node, Table) else ()
    return next((value for key, value in pairs if isinstance(key, Scalar) and key.text == name), None)


def _texts(node: Node | None) -> list[str]:
    items = node.items if isinstance(node, Listing) else (node,)
    return [item.text for item in items if isinstance(item, Scalar)]
