"""Puts together what belongs to one piece of work: its submissions, stages, runs, heals and what people did."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pointsman.core.queue.model import (
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Run,
    RunState,
)
from pointsman.core.report.model import FAILED, RETRY, STOPPED, Commits, Piece, Records, Span, Spent, Stage
from pointsman.core.report.timeline import History, seconds_by_stage
from pointsman.core.report.trailers import stated

CONFLICTS = frozenset({"merge_conflict", "conflict", "same_table", "behind"})
"""Codes of returns and waits that mean: files or migrations collide with what is there, or with what is ahead."""

ROOT = "(root)"
"""The area of files that stand in no folder."""
NOISE = 1e-6
"""Seconds that sums of floats may be apart."""

_STOPPED = frozenset({RunState.CANCELLED, RunState.LOST})
_FOUND = frozenset({CandidateState.FAILED, CandidateState.CLEARED})


def gather(changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """The submissions of each piece of work, by id: those of one branch or pull request, up to one that landed."""
    done: list[list[Change]] = []
    open_now: dict[tuple[str, str], list[Change]] = {}
    for change in sorted(changes, key=lambda one: one.id):
        key = (change.lane, change.source)
        if key not in open_now:
            open_now[key] = []
            done.append(open_now[key])
        open_now[key].append(change)
        if change.state is ChangeState.LANDED:
            del open_now[key]
    return [tuple(one) for one in done]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunCost:
    """A run's time (seconds of one runner), what it came to, and whose it was: the changes share it evenly."""

    run: Run
    seconds: float
    spent: Spent
    changes: tuple[int, ...]


def run_costs(records: Records, ended: Mapping[int, float]) -> tuple[RunCost, ...]:
    """What every run cost. A run that was stopped cost the time until then; of one that nobody saw end, nothing is
    known, and nothing is counted."""
    candidates = {one.id: one for one in records.candidates}
    landed = frozenset(
        (str(candidate.gate_tree), digest)
        for candidate in records.candidates
        if candidate.state is CandidateState.LANDED
        for _, digest in candidate.checks
    )
    green = frozenset((str(run.tree), run.digest) for run in records.runs if run.state is RunState.PASSED)
    return tuple(
        RunCost(
            run=run,
            seconds=_seconds(run, ended, records.now),
            spent=_spent(run, candidates.get(run.candidate or 0), landed, green),
            changes=_whose(run, candidates),
        )
        for run in records.runs
    )


def _seconds(run: Run, ended: Mapping[int, float], now: float) -> float:
    if run.seconds is not None:
        return max(0.0, run.seconds)
    if run.state is RunState.RUNNING:
        return max(0.0, now - run.started_at)
    return max(0.0, ended.get(run.id, run.started_at) - run.started_at)


def _spent(
    run: Run,
    candidate: Candidate | None,
    landed: frozenset[tuple[str, str]],
    green: frozenset[tuple[str, str]],
) -> Spent:
    key = (run.tree, run.digest)
    if run.state is RunState.RUNNING:
        return Spent.OPEN
    if run.state in _STOPPED:
        return Spent.WASTED
    if run.state is RunState.PASSED and key in landed:
        return Spent.LANDED
    if run.state is RunState.FAILED and key in green:
        return Spent.WASTED
    if candidate is None or candidate.state in _FOUND:
        return Spent.LEARNED
    return Spent.WASTED if candidate.state in _OVER else Spent.OPEN


_OVER = frozenset({CandidateState.DISCARDED, CandidateState.LANDED})


def _whose(run: Run, candidates: Mapping[int, Candidate]) -> tuple[int, ...]:
    candidate = candidates.get(run.candidate or 0)
    if candidate is not None:
        return tuple(member.change for member in candidate.members)
    return (run.change,) if run.change is not None else ()


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Everything by change, so that a piece of work is put together without looking at the others'."""

    history: History
    costs: Mapping[int, Sequence[RunCost]]
    candidates: Mapping[int, Sequence[Candidate]]
    roles: Mapping[int, str]
    now: float

    @classmethod
    def of(cls, records: Records, history: History) -> Ledger:
        costs: dict[int, list[RunCost]] = defaultdict(list)
        for cost in run_costs(records, history.ended):
            for change in cost.changes:
                costs[change].append(cost)
        candidates: dict[int, list[Candidate]] = defaultdict(list)
        roles = dict(records.roles)
        roles.update((one.id, role) for one in records.changes for role in featured(one, "role"))
        for candidate in records.candidates:
            for member in candidate.members:
                candidates[member.change].append(candidate)
                roles[member.change] = member.role
        return cls(history=history, costs=costs, candidates=candidates, roles=roles, now=records.now)

    def piece(self, changes: tuple[Change, ...], commits: Commits) -> Piece:
        """The piece of work that those submissions are."""
        last = changes[-1]
        ids = tuple(change.id for change in changes)
        costs = list({cost.run.id: cost for one in ids for cost in self.costs.get(one, ())}.values())
        candidates = {one.id: one for change in ids for one in self.candidates.get(change, ())}
        returns = tuple(one.reason.code for one in changes if one.reason is not None and _came_back(one))
        begin, end = changes[0].submitted_at, last.ended_at
        return Piece(
            lane=last.lane,
            changes=ids,
            number=last.number,
            branch=last.branch,
            title=last.title,
            author=last.author,
            role=next((self.roles[one] for one in reversed(ids) if one in self.roles), None),
            areas=commits.areas or areas_of(last),
            state=last.state.value,
            submitted_at=begin,
            ended_at=end,
            elapsed=max(0.0, (self.now if end is None else end) - begin),
            stages=self._stages(changes),
            gate=_shares(costs, frozenset(ids)),
            ran={cost.run.id: _was(cost.run) for cost in costs},
            candidates=len(candidates),
            rebuilds=_rebuilds(candidates.values(), frozenset(ids)),
            heals=_heals(candidates.values(), frozenset(ids)),
            landed_healed=_landed_healed(candidates.values(), last),
            returns=returns,
            conflicts=sum(1 for change in changes if self._collided(change)),
            review_fixes=sum(1 for one in ids if one in self.history.replaced),
            interventions=sum((self.history.acts.get(one, Counter()) for one in ids), Counter[str]()),
            by_others=commits.by_others,
            stated=stated(last.body, commits.messages, last.title),
        )

    def _collided(self, change: Change) -> bool:
        waited = CONFLICTS & self.history.waits.get(change.id, Counter()).keys()
        return bool(waited) or (change.reason is not None and change.reason.code in CONFLICTS)

    def _stages(self, changes: Sequence[Change]) -> dict[str, float]:
        """By stage; between two submissions the work is with its author."""
        begin, last = changes[0].submitted_at, changes[-1]
        end = self.now if last.ended_at is None else last.ended_at
        spans: list[Span] = []
        for place, change in enumerate(changes):
            following = changes[place + 1].submitted_at if place + 1 < len(changes) else end
            for span in self.history.spans.get(change.id, ()):
                start, stop = max(span.start, begin), min(span.end, following)
                spans += [Span(stage=span.stage, start=start, end=stop)] if stop > start else []
        stages = seconds_by_stage(spans)
        away = end - begin - sum(stages.values())
        if away > NOISE:
            stages[Stage.AUTHOR] = away
        return stages


def featured(change: Change, what: str) -> tuple[str, ...]:
    """What the change was like when it was first looked at: the values of its features of that name."""
    start = f"{what}:"
    return tuple(one.removeprefix(start) for one in change.features if one.startswith(start))


def areas_of(change: Change) -> tuple[str, ...] | None:
    """The top folders that it touches; None where nobody looked at it."""
    found = sorted(ROOT if area == "." else area for area in featured(change, "area"))
    return tuple(found) or None


def _came_back(change: Change) -> bool:
    return change.state is ChangeState.RETURNED


def _was(run: Run) -> frozenset[str]:
    found = {FAILED: run.state is RunState.FAILED, RETRY: run.attempt > 1, STOPPED: run.state in _STOPPED}
    return frozenset(name for name, holds in found.items() if holds)


def _shares(costs: Iterable[RunCost], ids: frozenset[int]) -> dict[str, float]:
    """The work's share of each run's time, by what the run came to."""
    total: dict[str, float] = {}
    for cost in costs:
        mine = sum(1 for change in cost.changes if change in ids)
        total[cost.spent] = total.get(cost.spent, 0.0) + cost.seconds * mine / len(cost.changes)
    return total


def _rebuilds(candidates: Iterable[Candidate], ids: frozenset[int]) -> int:
    """How often a submission was brought onto something again: candidates that stand on each other share its commit."""
    commits: dict[int, set[str]] = {}
    for candidate in candidates:
        for member in candidate.members:
            if member.change in ids:
                commits.setdefault(member.change, set()).add(member.commit)
    return sum(len(one) - 1 for one in commits.values())


def _heals(candidates: Iterable[Candidate], ids: frozenset[int]) -> tuple[tuple[str, float], ...]:
    """Each heal once: candidates that stand on each other share a healed commit."""
    found = {
        (member.change, member.commit): (member.healed.strategy, member.healed.seconds)
        for candidate in candidates
        for member in candidate.members
        if member.healed is not None and member.change in ids
    }
    return tuple(found.values())


def _landed_healed(candidates: Iterable[Candidate], change: Change) -> bool:
    return change.landed is not None and any(
        member.change == change.id and member.commit == change.landed and member.healed is not None
        for candidate in candidates
        for member in candidate.members
    )
