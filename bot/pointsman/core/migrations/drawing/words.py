"""Says in a sentence each what a repair did, why, and what to know of it; the drawing is made elsewhere.

The sentences are plain text; ids are put in by `shown`, so none of them can break a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from pointsman.core.contract.names import shown
from pointsman.core.migrations.drawing.model import HealedGraph, Mark
from pointsman.core.migrations.drawing.pictures import slug_of
from pointsman.core.migrations.drawing.sides import Known, known
from pointsman.core.migrations.heal.model import Facts, Front, Plan, Refusal, Why

NAMES = 3
"""How many ids a sentence names."""


def done(graph: HealedGraph) -> tuple[str, ...]:
    """What was done and why, one sentence for each root that moved, merge revision added and dropped."""
    every = known(graph)
    names = Names(every)
    return (
        *(_moved(one, graph, names) for one in every if one.mark is Mark.MOVED),
        *_renamed([one for one in every if one.mark is Mark.RENAMED]),
        *(_added(one, graph) for one in every if one.mark is Mark.ADDED),
        *(f"{shown(one.was)} is dropped: it would now merge a revision with itself." for one in _gone(every)),
    )


def why_joined(plan: Plan, facts: Facts) -> tuple[str, ...]:
    """Why a change that is not on the base is joined and not moved; () where it is moved."""
    if plan.strategy != "merge_revision" or facts.itself:
        return ()
    new = [revision.id for front in plan.fronts for revision in front.right]
    released = [id for id in dict.fromkeys(new) if id in facts.released]
    if not released:
        return ("Nothing is moved, since the contract says `on_fork: merge_revision`.",)
    are = "is" if len(released) == 1 else "are"
    return (f"{_ids(released)} {are} in a release already (a tag or a release branch), so nothing is moved.",)


def early_databases(graph: HealedGraph, quote: Callable[[str], str] = shown) -> str:
    """What to know of a database that ran the change before it was healed; '' where nothing moved. `quote` makes an id
    fit for where the sentence stands."""
    moved = [one for one in known(graph) if one.mark is Mark.MOVED]
    missed = [quote(revision.id) for front in graph.plan.fronts for revision in front.left]
    if not moved or not missed or graph.tried or graph.refused:
        return ""
    renamed = any(one.was != one.now for one in moved)
    what = "does not know its new name" if renamed else f"will not run {_joined(missed)}"
    ran = _joined([quote(one.was) for one in moved])
    return f"A database that already ran {ran} (a preview, say) {what}: make it anew."


def next_step(refusal: Refusal, *, published: bool = False) -> str:
    """What people do now, '' where the refusal says so itself. With `published` all is on the base already."""
    step = _NEXT.get(refusal.code, "")
    return _ON_THE_BASE if step and published else step


class Names:
    """What revisions are called in a sentence: by their ids, and where two files have one id by their names too."""

    def __init__(self, every: Sequence[Known]) -> None:
        counts = Counter(one.was for one in every if one.was)
        self._called = {
            one.key: f"{one.was or one.now} ({slug_of(one.path, one.now, one.was)})"
            for one in every
            if counts[one.was] > 1 and slug_of(one.path, one.now, one.was)
        }
        self._was: dict[str, list[Known]] = {}
        self._now: dict[str, list[Known]] = {}
        for one in every:
            self._was.setdefault(one.was, []).append(one)
            self._now.setdefault(one.now, []).append(one)

    def of(self, one: Known) -> str:
        return shown(self._called.get(one.key, one.was or one.now))

    def was(self, child: Known) -> list[str]:
        return [self._parent(id, self._was, child) for id in child.below_was]

    def now(self, child: Known) -> list[str]:
        return [self._parent(id, self._now, child) for id in child.below_now]

    def _parent(self, id: str, known: Mapping[str, Sequence[Known]], child: Known) -> str:
        found = next((one for one in known.get(id, ()) if one.key != child.key), None)
        return self.of(found) if found and found.was == found.now else shown(id)


_BY_HAND = (
    "Merge the base into the change, settle which operation is to hold, and let the change's revision follow the "
    "base's head."
)
_ON_THE_BASE = (
    "Settle which operation is to hold, and join the sides by a merge revision that sees to it: databases may have run "
    "either."
)
_NEXT = {
    Why.CONFLICT: _BY_HAND,
    Why.SAME_TABLE: _BY_HAND,
    Why.STOPPED: _BY_HAND,
    Why.UNREADABLE: (
        "Merge the base into the change, see whether the two touch the same rows, and let the change's revision follow "
        "the base's head."
    ),
    Why.PROOF_FAILED: (
        "Merge the base into the change, let its revision follow the base's head, and mend what fails there."
    ),
}


def _moved(one: Known, graph: HealedGraph, names: Names) -> str:
    was, now = names.was(one), names.now(one)
    gone, new = [id for id in was if id not in now], [id for id in now if id not in was]
    called = f" is now {shown(one.now)}, and follows" if one.was != one.now else " now follows"
    if not new:
        said = f"{names.of(one)}{called} {_joined(now) or 'nothing'} alone, no longer {_joined(gone)}"
    else:
        said = f"{names.of(one)}{called} {_joined(new)}" + (f" instead of {_joined(gone)}" if gone else "")
    front = _front_of(one, graph)
    if graph.published or front is None:
        return f"{said}."
    count = len(front.left)
    first = f"{_joined(new)} was" if count == 1 else f"{count} revisions were"
    return f"{said}, since {first} on the base first."


def _front_of(one: Known, graph: HealedGraph) -> Front | None:
    """The fork that its move ends."""
    for front in graph.plan.fronts:
        if front.left and front.left[-1].id in one.below_now and any(r.path == one.key for r in front.right):
            return front
    return None


def _renamed(every: Sequence[Known]) -> Iterator[str]:
    called = [one for one in every if one.was != one.now]
    if called:
        pairs = ", ".join(f"{shown(one.was)} is {shown(one.now)}" for one in called[:NAMES])
        more = f" and {len(called) - NAMES} more" if len(called) > NAMES else ""
        yield f"What follows is counted on: {pairs}{more}."


def _added(one: Known, graph: HealedGraph) -> str:
    joined = _ids(one.below_now)
    why = ": databases may stand at any of them, since all are on the base" if graph.published else ""
    return f"{shown(one.now)}, an empty merge revision, joins {joined}{why}."


def _gone(every: Sequence[Known]) -> list[Known]:
    return [one for one in every if one.mark is Mark.DROPPED]


def _ids(ids: Sequence[str]) -> str:
    return _joined([shown(id) for id in ids])


def _joined(names: Sequence[str]) -> str:
    named = list(dict.fromkeys(names))
    if len(named) > NAMES:
        return f"{', '.join(named[:NAMES])} and {len(named) - NAMES} more"
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)
