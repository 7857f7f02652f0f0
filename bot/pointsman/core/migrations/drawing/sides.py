"""Reads a plan as a list of revisions with their parents before and after it; it draws and folds nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pointsman.core.migrations.drawing.model import HealedGraph, Mark
from pointsman.core.migrations.heal.model import Move, Plan

START = "(base)"
"""Where both sides follow nothing: Alembic's own word for the state of an empty database."""
GAP = "..."
"""What stands for revisions of which nothing is known but that they are between two others."""

Key = str


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """One revision of the drawing. `was` and `now` are its ids before and after; '' where it is not there. `id` is
    what `below_*` of others name it by, which may be neither where a number was taken twice."""

    key: Key
    id: str
    was: str
    now: str
    path: str
    mark: Mark
    below_was: tuple[str, ...] = ()
    below_now: tuple[str, ...] = ()
    is_tip: bool = False


def known(graph: HealedGraph) -> tuple[Known, ...]:
    """Every revision that a drawing of the plan may show, in the order in which they run on each side; where the
    sides part comes before them."""
    plan = graph.plan
    found: dict[Key, Known] = {}
    for one in (*_of_fronts(plan), *_elsewhere(plan), *_added(graph)):
        found.setdefault(one.key, one)
    return _with_starts(tuple(found.values()))


def _of_fronts(plan: Plan) -> Iterator[Known]:
    moves = {move.path: move for move in plan.moves}
    gone = {revision.path for revision in plan.drops}
    for front in plan.fronts:
        inside = {revision.id for revision in (*front.left, *front.right)}
        yield from (_fork(id) for id in front.fork if id not in inside)
        for side, mark in ((front.left, Mark.BASE), (front.right, Mark.CHANGE)):
            for revision in side:
                one = Known(
                    key=revision.path,
                    id=revision.id,
                    was=revision.id,
                    now=revision.id,
                    path=revision.path,
                    mark=mark,
                    below_was=revision.parents,
                    below_now=revision.parents,
                    is_tip=revision == side[-1],
                )
                yield _dropped(one) if one.path in gone else _moved(one, moves.get(one.path), moves)


def _fork(id: str) -> Known:
    return Known(key=f"={id}", id=id, was=id, now=id, path="", mark=Mark.FORK)


def _dropped(one: Known) -> Known:
    return replace(one, now="", mark=Mark.DROPPED)


def _moved(one: Known, move: Move | None, moves: Mapping[str, Move]) -> Known:
    if move is None:
        return one
    renamed = {each.revision: each.new_revision for each in moves.values()}
    follows_another = set(move.new_parents) != {renamed.get(id, id) for id in move.old_parents}
    return replace(
        one,
        was=move.revision,
        now=move.new_revision,
        path=move.new_path,
        mark=Mark.MOVED if follows_another else Mark.RENAMED,
        below_now=move.new_parents,
    )


def _elsewhere(plan: Plan) -> Iterator[Known]:
    """What moves or goes without standing in a fork."""
    moves = {move.path: move for move in plan.moves}
    for revision in plan.drops:
        one = Known(
            key=revision.path,
            id=revision.id,
            was=revision.id,
            now="",
            path=revision.path,
            mark=Mark.DROPPED,
            below_was=revision.parents,
        )
        yield one
    for move in plan.moves:
        one = Known(
            key=move.path,
            id=move.revision,
            was=move.revision,
            now=move.new_revision,
            path=move.path,
            mark=Mark.CHANGE,
            below_was=move.old_parents,
        )
        yield _moved(one, move, moves)


def _added(graph: HealedGraph) -> Iterator[Known]:
    for (id, path), parents in zip(graph.added, graph.plan.joins, strict=False):
        yield Known(key=f"+{path}", id=id, was="", now=id, path=path, mark=Mark.ADDED, below_now=parents)


def _with_starts(every: tuple[Known, ...]) -> tuple[Known, ...]:
    """Each revision with something below it: the parent that it names, though that is not drawn otherwise. Where the
    sides part at one place, whatever else is below both of them is somewhere below that."""
    ids = {id for one in every for id in (one.id, one.was, one.now)}
    forks = [one for one in every if one.mark is Mark.FORK]
    starts: dict[Key, Known] = {}
    mended = []
    for one in every:
        below = (*one.below_was, *one.below_now)
        outside = [id for id in below if id not in ids]
        if one.mark is Mark.FORK or (len(outside) < len(below) and one.mark is not Mark.MOVED):
            mended.append(one)
            continue
        for parent in outside:
            starts.setdefault(parent, _fork(parent))
        mended.append(one if below else _from_nothing(one))
        if not below:
            starts.setdefault(START, _fork(START))
    if len(forks) != 1 or not starts or START in starts:
        return (*starts.values(), *mended)
    gap = Known(key="~", id=GAP, was=GAP, now=GAP, path="", mark=Mark.FOLD, below_was=tuple(starts))
    gap = replace(gap, below_now=gap.below_was)
    above = [replace(one, below_was=(GAP,), below_now=(GAP,)) if one in forks else one for one in mended]
    return (*starts.values(), gap, *above)


def _from_nothing(one: Known) -> Known:
    return replace(one, below_was=(START,) if one.was else (), below_now=(START,) if one.now else ())
