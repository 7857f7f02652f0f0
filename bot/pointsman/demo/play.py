"""Plays the story: builds the repository, runs the real queue on it and compares what came of it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.core.errors import EnvironmentProblem
from pointsman.core.queue.model import Change, ChangeState
from pointsman.demo.depot import Depot
from pointsman.demo.show import Row, Show
from pointsman.demo.story import ROUNDS, End, Round, Scene
from pointsman.demo.watch import Watch, agent_of

if TYPE_CHECKING:
    from pointsman.wiring import LocalQueue


SCENES = {scene.slug: scene for part in ROUNDS for scene in part.scenes}
WHY_LENGTH = 130
"""How much of a reason the closing table has room for; the whole of it was shown when it was given."""


@dataclass(kw_only=True)
class Outcome:
    """What became of each change, by its scene's slug; `healed` says how, by change id."""

    changes: dict[str, Change] = field(default_factory=dict)
    healed: dict[int, str] = field(default_factory=dict)

    def end(self, change: Change) -> End | None:
        """None for a change that was withdrawn, which no scene asks for."""
        match change.state:
            case ChangeState.LANDED:
                return End.HEALED if change.id in self.healed else End.LANDED
            case ChangeState.RETURNED:
                return End.RETURNED
            case ChangeState.QUEUED:
                return End.WAITING
            case ChangeState.WITHDRAWN:
                return None

    def rows(self) -> Iterator[Row]:
        """The closing table, in the order in which changes were submitted."""
        for slug, change in sorted(self.changes.items(), key=lambda item: item[1].id):
            end = self.end(change)
            yield Row(
                change=change.id,
                title=change.title,
                agent=agent_of(change),
                end=end.value if end is not None else "withdrawn",
                why=self._why(SCENES[slug], change),
            )

    def _why(self, scene: Scene, change: Change) -> str:
        if scene.gist and not list(_differences(scene, change, self)):
            return scene.gist.format(other=f"#{self.changes[scene.about].id}" if scene.about else "")
        _, said = _given(change)
        if said:
            return textwrap.shorten(said, WHY_LENGTH, placeholder=" ...")
        return self.healed.get(change.id, "every check passed on its exact tree")


def play(directory: Path, show: Show) -> Outcome:
    """The whole story in `directory`, which must be empty or absent."""
    show.heading("Six agents, one repository, one main line")
    depot = Depot(directory)
    depot.build()
    show.say(f"Depot, a small parcel-locker service with SQLAlchemy and Alembic, stands in {directory}")
    show.say(
        "Each change is held to the contract, merged, healed, tested on the tree that would land, landed."
    )
    outcome = Outcome()
    for number, part in enumerate(ROUNDS, start=1):
        show.heading(f"Round {number}", part.about)
        for scene in part.scenes:
            depot.branch(scene)
        _run(directory, part, show, outcome)
    return outcome


def _run(directory: Path, part: Round, show: Show, outcome: Outcome) -> None:
    """What `pointsman submit` and `pointsman run --once` do, in this process so that we can look on."""
    from pointsman.wiring import local_queue

    with local_queue(directory, database="") as queue:
        if not queue.lock.acquire():
            raise EnvironmentProblem(f"process {queue.lock.holder()} already runs the queue of {directory}")
        watch = Watch(show, queue.store.change)
        queue.listen(watch.hear)
        ids = {scene.slug: _submit(queue, scene, show) for scene in part.scenes}
        try:
            with show.live():
                queue.loop.run(once=True)
        finally:
            queue.stop_runs()
            queue.lock.release()
        outcome.healed |= watch.healed
        changes = {change.id: change for change in queue.store.changes()}
        outcome.changes |= {slug: changes[change_id] for slug, change_id in ids.items()}


def _submit(queue: LocalQueue, scene: Scene, show: Show) -> int:
    from pointsman.service.submit import NotSubmitted, Submission

    submitted = queue.submit(Submission(branch=scene.branch))
    if isinstance(submitted, NotSubmitted):
        raise EnvironmentProblem(f"{scene.branch} was refused at the door: {submitted.text}")
    forks = " (migration {} on {})".format(*scene.migration) if scene.migration is not None else ""
    show.step("submits", f"#{submitted.change.id} {scene.agent}", scene.title + forks)
    return submitted.change.id


def surprises(outcome: Outcome) -> list[str]:
    """Where what happened is not what the story says; empty when all came out as told."""
    found = [f"{slug} was never submitted" for slug in SCENES if slug not in outcome.changes]
    for slug, change in outcome.changes.items():
        found += _differences(SCENES[slug], change, outcome)
    return found


def _differences(scene: Scene, change: Change, outcome: Outcome) -> Iterator[str]:
    name = f"#{change.id} {change.branch}"
    end = outcome.end(change)
    if end is not scene.end:
        yield f"{name} is {end or change.state}, and should be {scene.end}"
        return
    code, said = _given(change)
    if code != scene.code:
        yield f"{name} was given the reason {code!r}, and should be {scene.code!r}"
    wanted = [*scene.quotes, *([f"#{outcome.changes[scene.blames].id} "] if scene.blames else [])]
    for words in wanted:
        if words not in said:
            yield f"{name} was given a reason that does not show {words!r}"


def _given(change: Change) -> tuple[str, str]:
    """The code of a change's reason and all that it says."""
    if change.reason is not None:
        return change.reason.code, f"{change.reason.text}\n{change.reason.details}"
    return (change.wait.code, change.wait.text) if change.wait is not None else ("", "")
