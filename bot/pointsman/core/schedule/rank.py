"""In which order the tasks that may start are recommended, and why in this order (R66, R67); it starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from pointsman.core.contract.model import Contract
from pointsman.core.contract.model import Priority as Criterion
from pointsman.core.queue.overlap import mended_by
from pointsman.core.schedule import words
from pointsman.core.schedule.admit import Admission
from pointsman.core.schedule.graph import chain_lengths, unblocks, waiting_for
from pointsman.core.schedule.meeting import Ground
from pointsman.core.schedule.model import Board, Refusal, Status, Task

TOGETHER = 32
"""Tasks that are said to fit beside each other, at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figures:
    """What the order is made from. `unblocks`: how many tasks wait for it, through each other too. `critical_path`:
    minutes of the longest chain that begins with it. `overlaps`: how many others that may start it would keep from
    starting, by its files and resources. `place` in the list, from 0."""

    priority: int
    unblocks: int
    critical_path: int
    overlaps: int
    place: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """A task that may start, and why it stands before the one after it."""

    task: Task
    figures: Figures
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """`ranked` may start, each by itself; `together` is how many of them fit beside each other, taken in this order.
    `waiting` has every other task that is not complete, in the order of the list. `says` is the top in a sentence."""

    ranked: tuple[Ranked, ...]
    together: tuple[str, ...]
    waiting: tuple[tuple[Task, Refusal], ...]
    says: str


def advise(board: Board, contract: Contract, *, role: str = "") -> Advice:
    """What to start next; with `role`, of the tasks that this role may do."""
    rules = Admission(board=board, contract=contract)
    open_ones = [
        task
        for task in rules.board.tasks
        if task.status is not Status.COMPLETE and (not role or task.role in ("", role))
    ]
    judged = [(task, rules.refusal(task, role=role)) for task in open_ones]
    ranked = _ranked([task for task, refusal in judged if refusal is None], rules, contract)
    waiting = tuple((task, refusal) for task, refusal in judged if refusal is not None)
    if ranked:
        says = words.recommended(ranked[0].task, ranked[0].why)
    else:
        says = words.nothing_starts(len(open_ones), sum(not work.landing for work in rules.works))
    together = _together(ranked, rules, role)
    return Advice(ranked=ranked, together=together, waiting=waiting, says=says)


def _ranked(eligible: Sequence[Task], rules: Admission, contract: Contract) -> tuple[Ranked, ...]:
    figures = _figures(eligible, rules.board.tasks, contract)
    order = contract.queue.priority
    behind = waiting_for(rules.board.tasks)
    line = sorted(eligible, key=lambda task: _key(figures[task.id], order))
    found = []
    for place, task in enumerate(line):
        after = line[place + 1] if place + 1 < len(line) else None
        why = _why(task, after, figures, order, behind) if after is not None else _last(len(line))
        found.append(Ranked(task=task, figures=figures[task.id], why=why))
    return tuple(found)


def _figures(eligible: Sequence[Task], tasks: Sequence[Task], contract: Contract) -> dict[str, Figures]:
    behind, chains = unblocks(tasks), chain_lengths(tasks)
    ground = Ground([task.paths for task in eligible], contract.queue.overlap, mended=mended_by(contract))
    wanted: dict[str, int] = {}
    for bit, task in enumerate(eligible):
        for name in task.resources:
            wanted[name] = wanted.get(name, 0) | 1 << bit
    places = {task.id: place for place, task in enumerate(tasks)}
    return {
        task.id: Figures(
            priority=task.priority,
            unblocks=behind[task.id],
            critical_path=chains[task.id],
            overlaps=((ground.meeting(task.paths) | _rivals(task, wanted)) & ~(1 << bit)).bit_count(),
            place=places[task.id],
        )
        for bit, task in enumerate(eligible)
    }


def _rivals(task: Task, wanted: Mapping[str, int]) -> int:
    """Those that need a resource that the task needs, as bits."""
    return reduce(or_, (wanted[name] for name in task.resources), 0)


def _key(figures: Figures, order: Sequence[Criterion]) -> tuple[int, ...]:
    """Smaller goes first; the place in the list comes last of all, so that no two are alike."""
    return (-figures.priority, *(_worth(figures, criterion) for criterion in order), figures.place)


def _worth(figures: Figures, criterion: Criterion) -> int:
    match criterion:
        case "unblocks":
            return -figures.unblocks
        case "critical_path":
            return -figures.critical_path
        case "fewest_overlaps":
            return figures.overlaps
        case "fifo":
            return figures.place


def _last(count: int) -> str:
    return words.only_one() if count == 1 else words.last_of_all()


def _why(
    task: Task,
    after: Task,
    known: Mapping[str, Figures],
    order: Sequence[Criterion],
    behind: Mapping[str, Sequence[str]],
) -> str:
    """The first thing in which the two differ."""
    mine, theirs = known[task.id], known[after.id]
    if mine.priority != theirs.priority:
        return words.first_by_priority(mine.priority, after.id, theirs.priority)
    differs = next((one for one in order if _worth(mine, one) != _worth(theirs, one)), "fifo")
    match differs:
        case "unblocks":
            return words.first_by_unblocks(
                mine.unblocks, _first_behind(task, behind), after.id, theirs.unblocks
            )
        case "critical_path":
            return words.first_by_critical_path(mine.critical_path, after.id, theirs.critical_path)
        case "fewest_overlaps":
            return words.first_by_overlaps(mine.overlaps, after.id, theirs.overlaps)
        case _:
            return words.first_by_place(after.id)


def _first_behind(task: Task, behind: Mapping[str, Sequence[str]]) -> list[str]:
    """As many of those that wait for the task as a sentence lists, the nearest first."""
    reached: dict[str, None] = {}
    frontier = [task.id]
    for name in frontier:  # grows while it is walked
        for later in behind[name]:
            if later not in reached and len(reached) < words.NAMES:
                reached[later] = None
                frontier.append(later)
    return list(reached)


def _together(ranked: Sequence[Ranked], rules: Admission, role: str) -> tuple[str, ...]:
    """Taken greedily: each that may start beside those before it."""
    chosen: list[Task] = []
    for one in ranked:
        if len(chosen) == TOGETHER:
            break
        if rules.refusal(one.task, role=role) is None:
            chosen.append(replace(one.task, role=one.task.role or role))
            rules = rules.beside(chosen[-1])
    return tuple(task.id for task in chosen)
