"""The best that anybody could do who knew every outcome beforehand: what strategies are held against."""

from __future__ import annotations

import heapq

from pointsman.core.simulate.outcome import Outcome
from pointsman.core.simulate.workloads import Workload


def oracle(work: Workload) -> Outcome:
    """Returns at arrival what can't land; tests all that waits as one batch on each free runner, on top of what is
    being tested. Everything is green; whatever has been tested lands."""
    outcome = Outcome()
    good: set[int] = set()
    waiting: list[int] = []
    running: list[tuple[float, int, tuple[int, ...], float]] = []
    arrivals = list(enumerate(work.jobs))
    place = 0
    while place < len(arrivals) or running:
        coming = arrivals[place][1].at if place < len(arrivals) else float("inf")
        if running and running[0][0] <= coming:
            now, *_ = running[0]
            _land(outcome, running)
        else:
            number, job = arrivals[place]
            now, place = job.at, place + 1
            if job.red or not good.isdisjoint(job.foes):
                outcome.returned[number] = now
            else:
                good.add(number)
                waiting.append(number)
        if waiting and len(running) < work.runners:
            seconds = work.jobs[waiting[-1]].seconds
            heapq.heappush(running, (now + seconds, outcome.builds, tuple(waiting), now))
            outcome.builds += 1
            waiting = []
        outcome.ended = now
    return outcome


def _land(outcome: Outcome, running: list[tuple[float, int, tuple[int, ...], float]]) -> None:
    """The batch that ended lands with all that it stands on, whose own runs nobody needs any more."""
    at, number, batch, start = heapq.heappop(running)
    below = [one for one in running if one[1] < number]
    for _, _, others, began in below:
        outcome.landed.update(dict.fromkeys(others, at))
        outcome.busy += at - began
        outcome.wasted += at - began
    outcome.landed.update(dict.fromkeys(batch, at))
    outcome.busy += at - start
    left = [one for one in running if one[1] > number]
    heapq.heapify(left)
    running[:] = left
