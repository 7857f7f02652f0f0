"""Makes a failing story smaller: leaves parts out as long as what is wrong stays wrong. It judges nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from tests.faults.simulation.story import Story, Work

T = TypeVar("T")
Fails = Callable[[Story], bool]


def shrink(story: Story, fails: Fails, *, tries: int = 400) -> Story:
    """The smallest story found that still fails: fewer changes, then fewer faults and events, then simpler ones."""
    left = tries
    smaller = True
    while smaller and left > 0:
        smaller = False
        for candidate in _simpler(story):
            left -= 1
            if fails(candidate):
                story, smaller = candidate, True
                break
            if left <= 0:
                break
    return story


def _simpler(story: Story) -> Iterator[Story]:
    """Stories with one thing less, the greatest cuts first."""
    for half in _cuts(story.works):
        yield replace(story, works=half)
    for faults in _cuts(story.faults):
        yield replace(story, faults=faults)
    for events in _cuts(story.events):
        yield replace(story, events=events)
    if story.replicas > 1:
        yield replace(story, replicas=story.replicas - 1)
    if story.own_gates:
        yield replace(story, own_gates=False)
    if story.fenced and story.replicas == 1:
        yield replace(story, fenced=False)
    if story.switch:
        yield replace(story, switch=0.0)
    for number, work in enumerate(story.works):
        for plainer in _plainer(work):
            yield replace(story, works=(*story.works[:number], plainer, *story.works[number + 1 :]))
    yield from _earlier(story)


def _cuts(parts: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Without the first half, the second half, each single one."""
    if len(parts) > 3:
        yield parts[len(parts) // 2 :]
        yield parts[: len(parts) // 2]
    for number in range(len(parts)):
        yield parts[:number] + parts[number + 1 :]


def _plainer(work: Work) -> Iterator[Work]:
    if len(work.paths) > 1:
        yield from (replace(work, paths=paths) for paths in _cuts(work.paths))
    if len(work.marks) > 1:
        yield replace(work, marks=work.marks[:1])
    if work.depends_on:
        yield replace(work, depends_on=())
    if work.priority:
        yield replace(work, priority=0)


def _earlier(story: Story) -> Iterator[Story]:
    """Everything in half the time, where that is more than moments."""
    if any((one.at or 0.0) > 4 for one in story.works) or any(one.at > 4 for one in story.events):
        works = tuple(
            replace(work, begun=work.begun / 2, at=None if work.at is None else work.at / 2)
            for work in story.works
        )
        events = tuple(replace(event, at=event.at / 2) for event in story.events)
        yield replace(story, works=works, events=events)
