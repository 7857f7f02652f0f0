"""Numbered ids and file names: seen as a habit, kept when revisions move; published numbers never change."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pointsman.core.migrations.backend import Naming
from pointsman.core.migrations.environment import Environment, repeated
from pointsman.core.migrations.graph import Graph
from pointsman.core.migrations.heal.model import Facts, Move, Plan
from pointsman.core.migrations.model import Code, Revision
from pointsman.core.model import GitPath

_NUMBER = re.compile(r"(\d{2,6})(?=$|[_\-.])")
_LOOK_BACK = 6
"""So many of the newest revisions must be numbered one after the other for it to be a habit."""


@dataclass(frozen=True, slots=True)
class Habit:
    """Whether the newest revisions count up by one in their ids, in their file names."""

    ids: bool
    files: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """The facts with each repeated number given a fresh id, and path -> the id that the file itself has."""

    facts: Facts
    ids: Mapping[GitPath, str]


def habit(environment: Environment | None) -> Habit:
    if environment is None or not environment.graph.heads:
        return Habit(False, False)
    graph = environment.graph
    below = graph.sizes(graph.heads)
    tops = sorted(graph.heads, key=lambda id: (number(id) or 0, below[id]))
    chain = [graph.by_id[tops[-1]]]
    while len(chain) < _LOOK_BACK and len(chain[-1].parents) == 1 and chain[-1].parents[0] in graph:
        chain.append(graph.by_id[chain[-1].parents[0]])
    return Habit(_counts_down([r.id for r in chain]), _counts_down([_name(r.path) for r in chain]))


def _counts_down(names: Sequence[str]) -> bool:
    """Whether each number is one less than that of the name before; one name alone must start with a zero."""
    found = [number(name) for name in names]
    if found[0] is None or (len(names) == 1 and not names[0].startswith("0")):
        return False
    return all(a is not None and b is not None and a == b + 1 for a, b in pairwise(found))


def number(name: str) -> int | None:
    """The number that a name begins with, None if it doesn't."""
    found = _NUMBER.match(name)
    return int(found.group(1)) if found else None


def with_number(name: str, value: int) -> str:
    """The name with another number in front, as wide as before."""
    found = _NUMBER.match(name)
    return name if found is None else str(value).zfill(len(found.group(1))) + name[found.end(1) :]


def settle_repeated_ids(facts: Facts) -> Settled:
    """Where numbers are the habit, two files of one number are a fork and no collision: the change's gets a
    free number. Elsewhere nothing is settled, and the repeated id stays a problem."""
    base, merged = facts.base, facts.merged
    clashing = repeated(merged.revisions)
    if base is None or not clashing or not habit(base).ids:
        return Settled(facts, {})
    published = {revision.path for revision in base.revisions}
    new = [revision for revision in merged.revisions if revision.path not in published]
    fresh: dict[str, str] = {}
    top = max([number(r.id) or 0 for r in merged.revisions], default=0)
    for revision in new:
        if revision.id in clashing and revision.id in base.graph and revision.id not in fresh:
            top += 1
            fresh[revision.id] = with_number(revision.id, top)
    if not fresh or len(repeated(new)):
        return Settled(facts, {})
    revisions = tuple(r if r.path in published else _renamed(r, fresh) for r in merged.revisions)
    problems = tuple(
        p
        for p in merged.problems
        if p.code != Code.DUPLICATE_REVISION or not any(r.path in p.paths and r.id in fresh for r in new)
    )
    environment = replace(merged, revisions=revisions, graph=Graph(revisions), problems=problems)
    ids = {r.path: r.id for r in new if r.id in fresh}
    return Settled(replace(facts, merged=environment), ids)


def _renamed(revision: Revision, ids: Mapping[str, str]) -> Revision:
    return replace(
        revision,
        id=ids.get(revision.id, revision.id),
        parents=tuple(ids.get(p, p) for p in revision.parents),
        depends_on=tuple(ids.get(d, d) for d in revision.depends_on),
    )


def renumber(
    plan: Plan, parents: Mapping[str, tuple[str, ...]], after: Graph, facts: Facts, settled: Settled
) -> Plan:
    """The plan with its moves: `parents` are the revisions that hang elsewhere now. Where numbers are the
    habit, all of the change's that stand above a moved one are counted on from what they follow."""
    counting = Habit(False, False) if facts.itself else habit(facts.base)
    names: dict[str, tuple[str, GitPath]] = {}
    if facts.naming is not None:
        # What a published file is called, databases remember: only the change's may be called otherwise, unless the
        # name is all that says where it stands.
        names = {} if facts.itself and facts.joins else _named(facts.naming, after, parents)
    elif counting.ids or counting.files:
        start = {*parents, *(r.id for r in facts.merged.revisions if r.path in settled.ids)}
        names = _counted_on(after, start, counting)
    ids = {old: new for old, (new, _) in names.items() if new != old}
    moves = []
    before = facts.merged.graph
    called = {id: settled.ids.get(revision.path, id) for id, revision in before.by_id.items()}
    # A file that only depends on a renamed one moves nowhere, and yet has to name it anew.
    naming = {
        id
        for id, revision in after.by_id.items()
        if any(ids.get(need, need) != called.get(need, need) for need in revision.depends_on)
    }
    for id in _ordered(after, {*parents, *names, *naming}):
        revision = before.by_id[id]
        new_id, new_path = names.get(id, (id, revision.path))
        own = settled.ids.get(revision.path, id)
        now = tuple(ids.get(p, p) for p in after.by_id[id].parents)
        if (own, revision.parents, revision.path) == (new_id, now, new_path) and id not in naming:
            continue
        moves.append(
            Move(
                revision=own,
                path=revision.path,
                old_parents=tuple(called.get(p, p) for p in revision.parents),
                new_parents=now,
                new_revision=new_id,
                new_path=new_path,
            )
        )
    heads = tuple(sorted(ids.get(head, head) for head in plan.heads_after))
    return replace(plan, moves=tuple(moves), heads_after=heads)


def _ordered(graph: Graph, ids: Collection[str]) -> list[str]:
    sizes = graph.sizes(ids)
    return sorted(ids, key=lambda id: (sizes[id], id))


def _counted_on(after: Graph, moved: Iterable[str], counting: Habit) -> dict[str, tuple[str, GitPath]]:
    names: dict[str, tuple[str, GitPath]] = {}
    for id in _ordered(after, after.descendants(*moved)):
        revision = after.by_id[id]
        new_id, file = id, _name(revision.path)
        below = [names.get(p, (p, after.by_id[p].path)) for p in revision.parents if p in after]
        if counting.ids:
            new_id = with_number(id, 1 + max((number(p) or 0 for p, _ in below), default=0))
        if counting.files:
            file = with_number(file, 1 + max((number(_name(path)) or 0 for _, path in below), default=0))
        folder = revision.path.rpartition("/")[0]
        names[id] = new_id, f"{folder}/{file}" if folder else file
    return names


def _named(naming: Naming, after: Graph, moved: Iterable[str]) -> dict[str, tuple[str, GitPath]]:
    """The moved ones and all that stand above them, each named after what it follows."""
    names: dict[str, tuple[str, GitPath]] = {}
    above = after.descendants(*moved)
    taken = set(after.by_id) - above
    for id in _ordered(after, above):
        revision = after.by_id[id]
        below = [names.get(p, (p, after.by_id[p].path)) for p in revision.parents if p in after]
        names[id] = naming.follow(revision, below, taken)
        taken.add(names[id][0])
    return names


def merge_id(facts: Facts, parents: Sequence[str]) -> str:
    """The id of a merge revision: told by its parents alone, so that every run makes the same one; the next
    number where ids are numbered."""
    if facts.naming is not None:
        every = facts.merged.graph.by_id
        return facts.naming.merge_id([every[id] for id in parents], every)
    environment = facts.merged if facts.itself else facts.base
    known = facts.merged.graph
    if habit(environment).ids or (facts.itself and all(number(p) is not None for p in parents)):
        top = max(parents, key=lambda p: (number(p) or 0, p))
        width = len(top) - len(top.lstrip("0123456789"))
        return str((number(top) or 0) + 1).zfill(width)
    salt = ""
    while True:
        digest = hashlib.sha256("\0".join([*sorted(parents), salt]).encode()).hexdigest()[:12]
        if digest not in known:
            return digest
        salt += "x"


def _name(path: GitPath) -> str:
    return path.rpartition("/")[2]
