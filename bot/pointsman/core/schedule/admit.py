"""Whether a task may start now, and the claim that says so: pure, so that a store can ask within one transaction.

R16, R19, R63, R64, R65; the order of tasks that may start is `rank`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from pointsman.core.contract.model import Contract
from pointsman.core.queue.overlap import mended_by
from pointsman.core.schedule import words
from pointsman.core.schedule.meeting import Ground, Mended, additive, destructive
from pointsman.core.schedule.model import (
    Board,
    Claim,
    Outcome,
    Paths,
    Queued,
    Refusal,
    Ruling,
    Status,
    Task,
)
from pointsman.core.schedule.rights import denied
from pointsman.core.schedule.settle import landed_as, settled


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Who wants which task, for how long (seconds). `role` may be '' where the task names one."""

    task: str
    role: str
    holder: str
    branch: str = ""
    ttl: float = 8 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What is going on: a live claim, a task that its list says is in progress without one (`holder` may be ''), or
    one that is done and not landed yet (`landing`): its files are still in the way, and nothing else."""

    task: str
    role: str
    holder: str
    paths: Paths
    resources: tuple[str, ...] = ()
    landing: bool = False


@dataclass(frozen=True, kw_only=True)
class Admission:
    """The rules on one board, which is `settled` first. Asking for one more task costs the paths that it names."""

    board: Board
    contract: Contract
    works: tuple[Work, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "board", settled(self.board))
        object.__setattr__(self, "works", tuple(self._works()))

    def refusal(self, task: Task, *, role: str = "") -> Refusal | None:
        """Why the task may not start now; None: it may. Without any role, role rules are left for the claim."""
        role = role or task.role
        return (
            self._closed(task)
            or self._waiting(task)
            or self._unfit(task, role)
            or self._resource(task, role)
            or self._meets(task)
            or self._full(task, role)
            or self._not_allowed(task, role)
        )

    def beside(self, task: Task) -> Admission:
        """The same board, with that task being worked on, too, in the role that it names."""
        at_work = replace(task, status=Status.IMPLEMENTING)
        tasks = tuple(at_work if one.id == task.id else one for one in self.board.tasks)
        last = {name: claim for name, claim in self.board.held.last.items() if name != task.id}
        held = replace(self.board.held, last=last)
        return Admission(board=replace(self.board, tasks=tasks, held=held), contract=self.contract)

    @cached_property
    def by_id(self) -> Mapping[str, Task]:
        return {task.id: task for task in self.board.tasks}

    @cached_property
    def _live(self) -> Mapping[str, Claim]:
        return {claim.task: claim for claim in self.board.held.live}

    @cached_property
    def _by_branch(self) -> Mapping[str, Task]:
        return {task.branch: task for task in self.board.tasks if task.branch}

    @cached_property
    def _in_queue(self) -> frozenset[str]:
        return frozenset(name for one in self.board.traffic.queued for name in (one.branch, one.label))

    @cached_property
    def _mended(self) -> Mended:
        return mended_by(self.contract)

    def _works(self) -> Iterator[Work]:
        held = {claim.task for claim in self.board.held.live}
        for claim in self.board.held.live:
            yield Work(
                task=claim.task,
                role=claim.role,
                holder=claim.holder,
                paths=claim.paths,
                resources=claim.resources,
            )
        for task in self.board.tasks:
            if task.status in (Status.READY, Status.COMPLETE) or task.id in held:
                continue
            if self._done(task):
                holder = self.board.held.last[task.id].holder
                yield Work(task=task.id, role=task.role, holder=holder, paths=task.paths, landing=True)
            else:
                yield Work(
                    task=task.id,
                    role=task.role,
                    holder=task.holder,
                    paths=task.paths,
                    resources=task.resources,
                )

    def _done(self, task: Task) -> bool:
        last = self.board.held.last.get(task.id)
        return last is not None and last.outcome is Outcome.DONE

    def _closed(self, task: Task) -> Refusal | None:
        """Complete, or somebody's already."""
        live = self._live.get(task.id)
        if live is not None:
            return words.taken(live, self.board.at)
        if task.status is Status.COMPLETE:
            return words.complete(task, landed_as(task, self.board))
        if task.status is Status.READY:
            return None
        return words.landing(self.board.held.last[task.id]) if self._done(task) else words.worked_on(task)

    def _waiting(self, task: Task) -> Refusal | None:
        """R63: everything that it depends on is complete in the list, or landed."""
        open_ones, unknown, back = [], [], {}
        for name in task.depends_on:
            known = self.by_id.get(name) or self._by_branch.get(name)
            if name in self.board.traffic.landed or (known is not None and known.status is Status.COMPLETE):
                continue
            open_ones.append(name)
            if known is None and name in self.board.traffic.returned:
                back[name] = self.board.traffic.returned[name]
            elif known is None and name not in self._in_queue:
                unknown.append(name)
        return words.waits(task, open_ones, unknown=unknown, back=back) if open_ones else None

    def _unfit(self, task: Task, role: str) -> Refusal | None:
        if role and task.role and role != task.role:
            return words.other_role(task, role)
        if role and role not in self.contract.roles:
            return words.unknown_role(role, tuple(self.contract.roles))
        return None

    def _resource(self, task: Task, role: str) -> Refusal | None:
        """R16, R23: a resource has one holder by the contract, and is in one piece of work at a time."""
        for name in task.resources:
            writer = self.contract.writers.get(name)
            if writer is None:
                return words.unknown_resource(task, name, tuple(self.contract.writers))
            if role and writer.holder != role:
                return words.not_holder(task, name, writer.holder, role)
            other = next((work for work in self.works if name in work.resources), None)
            if other is not None:
                return words.resource_held(task, name, other.task, other.holder)
        return None

    def _meets(self, task: Task) -> Refusal | None:
        """R64, R65: not beside what is claimed, in progress or queued, where both would change the same file."""
        among_works, among_queued = self._grounds
        met = among_works.meeting(task.paths)
        if met:
            work = self.works[_first(met)]
            path, both_add = self._where(task.paths, work.paths)
            return words.overlap(task, work.task, work.holder, path, both_add=both_add, landing=work.landing)
        own = {task.branch, *self._own_branches(task)}
        for change in self._queued(among_queued.meeting(task.paths)):
            if change.branch not in own and change.touch is not None:
                path, both_add = self._where(task.paths, _touched(change))
                return words.queued_overlap(task, change, path, both_add=both_add)
        return None

    def _own_branches(self, task: Task) -> Iterator[str]:
        last = self.board.held.last.get(task.id)
        if last is not None and last.branch:
            yield last.branch

    @cached_property
    def _grounds(self) -> tuple[Ground, Ground]:
        policy, mended = self.contract.queue.overlap, self._mended
        works = Ground([work.paths for work in self.works], policy, mended=mended)
        queued = Ground([_touched(change) for change in self.board.traffic.queued], policy, mended=mended)
        return works, queued

    def _queued(self, mask: int) -> Iterator[Queued]:
        return (one for place, one in enumerate(self.board.traffic.queued) if mask >> place & 1)

    def _where(self, a: Paths, b: Paths) -> tuple[str, bool]:
        path = destructive(a, b, mended=self._mended)
        return (path, False) if path else (additive(a, b), True)

    def _full(self, task: Task, role: str) -> Refusal | None:
        """R19: the ceilings. A change in the gate holds a place of its role, unless its claim holds one already."""
        limits, works = self.contract.limits, [work for work in self.works if not work.landing]
        if limits.agents is not None and len(works) >= limits.agents:
            return words.agents_full(task, [work.task for work in works], limits.agents)
        limit = limits.writers_per_role.get(role) if role else None
        if limit is None:
            return None
        branches = {claim.branch for claim in self.board.held.live if claim.branch}
        gate = [one for one in self.board.traffic.queued if one.role == role and one.branch not in branches]
        names = [work.task for work in works if work.role == role] + [one.label for one in gate]
        return words.role_full(task, role, names, limit) if len(names) >= limit else None

    def _not_allowed(self, task: Task, role: str) -> Refusal | None:
        """Work that the gate would refuse whoever approves is not begun."""
        verdict = denied(self.contract, role, task.paths) if role else None
        return words.not_allowed(task, role, verdict.path, verdict.reason) if verdict is not None else None


def _touched(change: Queued) -> Paths:
    if change.touch is None:
        return Paths()
    return Paths(modifies=tuple(sorted(change.touch.modified)), creates=tuple(sorted(change.touch.added)))


def _first(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def admit(ask: Ask, board: Board, contract: Contract) -> Ruling:
    """The claim that the holder gets, or why not. Who holds the task already gets the same claim again, with its time
    begun anew where less than half of it is left."""
    live = next((claim for claim in board.held.live if claim.task == ask.task), None)
    if live is not None and live.holder == ask.holder and ask.role in ("", live.role):
        if live.expires_at - board.at >= ask.ttl / 2:
            return Ruling(claim=live)
        return Ruling(claim=replace(live, expires_at=board.at + ask.ttl), kind="claim_renewed")
    rules = Admission(board=board, contract=contract)
    task = rules.by_id.get(ask.task)
    if task is None:
        return Ruling(refusal=words.unknown_task(ask.task, tuple(rules.by_id)))
    role = ask.role or task.role
    refusal = rules.refusal(task, role=role) or (words.no_role(task) if not role else None)
    if refusal is not None:
        return Ruling(refusal=refusal)
    branch = ask.branch or task.branch
    other = next((one for one in board.held.live if branch and one.branch == branch), None)
    if other is not None and other.holder != ask.holder:
        return Ruling(refusal=words.branch_taken(task, other))
    claim = Claim(
        task=task.id,
        role=role,
        holder=ask.holder,
        branch=branch,
        resources=task.resources,
        modifies=task.modifies,
        creates=task.creates,
        claimed_at=board.at,
        expires_at=board.at + ask.ttl,
    )
    return Ruling(claim=claim, kind="claimed")
