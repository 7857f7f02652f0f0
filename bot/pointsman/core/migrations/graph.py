"""The graph of one environment's revisions: heads, lineages and forks as Alembic counts them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from pointsman.core.migrations.model import Revision


class Graph:
    """Revisions by id and their edges. Parents that are not there, and repeated ids, are the caller's to report:
    of one id the first revision counts, and an edge to nowhere is no edge."""

    def __init__(self, revisions: Iterable[Revision], *, one_lineage: bool = False) -> None:
        self.one_lineage = one_lineage
        self.by_id: dict[str, Revision] = {}
        for revision in revisions:
            self.by_id.setdefault(revision.id, revision)
        self.children: dict[str, list[str]] = {id: [] for id in self.by_id}
        for revision in self.by_id.values():
            for parent in dict.fromkeys(revision.parents):
                if parent in self.children:
                    self.children[parent].append(revision.id)

    def __contains__(self, id: object) -> bool:
        return id in self.by_id

    def __len__(self) -> int:
        return len(self.by_id)

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """Revisions that no `down_revision` names, sorted; `depends_on` does not hide a head, just as
        `alembic upgrade head` still refuses two."""
        return tuple(sorted(id for id, children in self.children.items() if not children))

    @cached_property
    def bases(self) -> tuple[str, ...]:
        return tuple(sorted(id for id, revision in self.by_id.items() if not revision.parents))

    def ancestors(self, *ids: str) -> frozenset[str]:
        """Those revisions and all below them that are there."""
        known, seen = self.by_id, set[str]()
        pending = [id for id in ids if id in known]
        while pending:
            id = pending.pop()
            if id not in seen:
                seen.add(id)
                pending += [parent for parent in known[id].parents if parent in known and parent not in seen]
        return frozenset(seen)

    def descendants(self, *ids: str) -> frozenset[str]:
        """Those revisions and all above them."""
        children, seen = self.children, set[str]()
        pending = [id for id in ids if id in children]
        while pending:
            id = pending.pop()
            if id not in seen:
                seen.add(id)
                pending += [child for child in children[id] if child not in seen]
        return frozenset(seen)

    @cached_property
    def label_of(self) -> Mapping[str, str]:
        """Branch label -> the revision that carries it (the first, where two do)."""
        found: dict[str, str] = {}
        for id, revision in self.by_id.items():
            for label in revision.labels:
                found.setdefault(label, id)
        return found

    def labels(self, id: str) -> frozenset[str]:
        """The labels of the branch that the revision stands on: its own and its ancestors'."""
        return frozenset(self._labels.get(id, ()))

    @cached_property
    def _labels(self) -> Mapping[str, set[str]]:
        """Every revision that stands on a labelled branch; told once, since each of many heads is asked about."""
        found: dict[str, set[str]] = {}
        for id, revision in self.by_id.items():
            if revision.labels:
                for above in self.descendants(id):
                    found.setdefault(above, set()).update(revision.labels)
        return found

    @cached_property
    def component(self) -> Mapping[str, str]:
        """Revision -> a name of the connected part that it is in (its least id); one part with `one_lineage`."""
        if self.one_lineage:
            return dict.fromkeys(self.by_id, "")
        part: dict[str, str] = {}
        for start in sorted(self.by_id):
            if start in part:
                continue
            part[start], pending = start, [start]
            while pending:
                id = pending.pop()
                for near in (*self.by_id[id].parents, *self.children[id]):
                    if near in self.by_id and near not in part:
                        part[near] = start
                        pending.append(near)
        return part

    @cached_property
    def lineages(self) -> tuple[tuple[str, ...], ...]:
        """The heads, those together that neither a base of their own nor a branch label tells apart."""
        groups: dict[tuple[str, frozenset[str]], list[str]] = {}
        for head in self.heads:
            groups.setdefault((self.component[head], self.labels(head)), []).append(head)
        return tuple(tuple(group) for group in groups.values())

    @property
    def forks(self) -> tuple[tuple[str, ...], ...]:
        """The lineages with more than one head."""
        return tuple(group for group in self.lineages if len(group) > 1)

    def in_order(self, ids: Iterable[str]) -> list[str]:
        """Those of its ids, parents before children, ties by id; what stands in or above a loop comes last."""
        inside = set(ids)
        waiting = {id: len(inside.intersection(self.by_id[id].parents)) for id in inside}
        ready, ordered = sorted(id for id, count in waiting.items() if not count), list[str]()
        while ready:
            ordered += ready
            ready = sorted(_freed(ready, self.children, waiting))
        left = inside.difference(ordered) if len(ordered) < len(inside) else ()
        return [*ordered, *sorted(left)]

    def sizes(self, ids: Iterable[str]) -> Mapping[str, int]:
        """How many `ancestors` each of those has, for less than asking for each: a row is counted along."""
        asked = dict.fromkeys(ids)
        if self.cycles():
            return {id: len(self.ancestors(id)) for id in asked}
        found: dict[str, int] = {}
        for id in asked:
            row = []
            while id not in found:
                parents = {parent for parent in self.by_id[id].parents if parent in self.by_id}
                if len(parents) != 1:
                    found[id] = len(self.ancestors(id))
                    break
                row.append(id)
                (id,) = parents
            for size, each in enumerate(reversed(row), found[id] + 1):
                found[each] = size
        return {id: found[id] for id in asked}

    def topmost(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the ids that no other of them stands above."""
        some = frozenset(ids)
        if len(some) < 2:
            return some
        if self.cycles():
            return frozenset(id for id in some if not (self.descendants(id) - {id}) & some)
        return some - self.ancestors(*(parent for id in some for parent in self.by_id[id].parents))

    def cycles(self, *, with_dependencies: bool = False) -> tuple[str, ...]:
        """Revisions that stand in or above a loop, sorted; () if there is none."""
        if not with_dependencies or not any(revision.depends_on for revision in self.by_id.values()):
            return self._loop
        needs = {id: self._needs(revision) for id, revision in self.by_id.items()}
        above: dict[str, list[str]] = {id: [] for id in needs}
        for id, wanted in needs.items():
            for need in wanted:
                above[need].append(id)
        return _never_ready({id: len(wanted) for id, wanted in needs.items()}, above)

    @cached_property
    def _loop(self) -> tuple[str, ...]:
        waiting = dict.fromkeys(self.by_id, 0)
        for above in self.children.values():
            for child in above:
                waiting[child] += 1
        return _never_ready(waiting, self.children)

    def _needs(self, revision: Revision) -> set[str]:
        named = (self.label_of.get(need, need) for need in revision.depends_on)
        return {need for need in (*revision.parents, *named) if need in self.by_id}


def _freed(done: Iterable[str], above: Mapping[str, Sequence[str]], waiting: dict[str, int]) -> list[str]:
    """Those that wait for nothing more once those are done; `waiting` counts down."""
    freed = []
    for id in done:
        for other in above[id]:
            count = waiting.get(other)
            if count is not None:
                waiting[other] = count - 1
                if count == 1:
                    freed.append(other)
    return freed


def _never_ready(waiting: dict[str, int], above: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    ready = [id for id, count in waiting.items() if not count]
    while ready:
        ready = _freed(ready, above, waiting)
    return tuple(sorted(id for id, count in waiting.items() if count))
