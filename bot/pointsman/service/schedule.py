"""Recommends, claims and releases tasks for launchers: reads the facts, asks core.schedule, has the answer written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pointsman.core.contract import Contract
from pointsman.core.contract.matching import branch_matches
from pointsman.core.contract.roles import is_worktree
from pointsman.core.model import Sha
from pointsman.core.queue.model import LIVE, Change, ChangeState
from pointsman.core.queue.observation import Touch
from pointsman.core.schedule import words
from pointsman.core.schedule.admit import Ask, admit
from pointsman.core.schedule.ending import advance, release
from pointsman.core.schedule.model import (
    Board,
    Claim,
    Held,
    Outcome,
    Queued,
    Refusal,
    Ruling,
    Status,
    Task,
    Traffic,
)
from pointsman.core.schedule.rank import Advice, advise
from pointsman.core.schedule.settle import settled
from pointsman.core.schedule.view import view
from pointsman.ports import Clock, Git, Store
from pointsman.ports.claims import Claims
from pointsman.service.door import too_old
from pointsman.service.submit import Checkouts
from pointsman.service.touches import Touches

IN_VIEW = 1000
"""Changes that landed and are still shown, the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """The worktree that the caller stands in: its branch ('' where detached) and commit (None before the first)."""

    path: Path
    branch: str
    head: Sha | None


@dataclass(kw_only=True)
class Scheduler:
    """One repository's tasks, as launchers tell of them. Any number of processes may have one. `here` is None in a
    bare repository."""

    git: Git
    store: Store
    claims: Claims
    checkouts: Checkouts
    clock: Clock
    contract: Contract
    here: Here | None

    def advise(self, tasks: Sequence[Task], *, role: str = "") -> Advice:
        return advise(self._board(tasks), self.contract, role=role)

    def claim(self, tasks: Sequence[Task], ask: Ask) -> Ruling:
        """The task for the holder, or why not. The queue is read before the transaction, claims within it."""
        held = self.claims.held((ask.task,), at=self.clock.now())
        if not any(one.task == ask.task and one.holder == ask.holder for one in held.live):
            task = next((one for one in tasks if one.id == ask.task), None)
            ask = _with_branch(ask, task, self._branch_here())
            refusal = self._unclean(task, ask) if task is not None else None
            if refusal is not None:
                return Ruling(refusal=refusal)
        wanted = [task for task in tasks if task.id == ask.task]
        traffic, now = self._traffic(wanted), self.clock.now()

        def rule(held: Held) -> Ruling:
            board = Board(tasks=tuple(tasks), held=held, traffic=traffic, at=now)
            return admit(ask, board, self.contract)

        names = [task.id for task in tasks]
        return self.claims.decide(rule, tasks=names, lane=self.contract.base, by=ask.holder, at=now)

    def view(self, tasks: Sequence[Task] | None) -> dict[str, list[dict[str, Any]]]:
        """`ready`, `in_progress` and `completed` of a list as claims and queue have it; without one, of the queue."""
        if tasks is None:
            return view(_as_tasks(self.store.changes(self.contract.base), self._roles()))
        return view(settled(self._board(tasks)).tasks)

    def inventory(self) -> list[dict[str, Any]]:
        """R23: each of the contract's writers, its holder by the contract, and the claim that has it now."""
        live = self.claims.held(at=self.clock.now()).live
        return [
            {
                "resource": writer.name,
                "kind": writer.kind,
                "holder": writer.holder,
                "line": writer.line,
                "claim": next((claim_json(one) for one in live if writer.name in one.resources), None),
            }
            for writer in self.contract.writers.values()
        ]

    def _board(self, tasks: Sequence[Task]) -> Board:
        now = self.clock.now()
        held = self.claims.held([task.id for task in tasks], at=now)
        return Board(tasks=tuple(tasks), held=held, traffic=self._traffic(tasks), at=now)

    def _traffic(self, tasks: Sequence[Task]) -> Traffic:
        """As far as those tasks are concerned: what changes touch is read only where it can matter."""
        changes = self.store.changes(self.contract.base)
        newest = {name: change for change in changes for name in (change.branch, change.label)}
        queued = [change for change in changes if change.state is ChangeState.QUEUED]
        paths = any(task.modifies or task.creates for task in tasks if task.status is not Status.COMPLETE)
        touches = self._touches(queued) if paths else {}
        roles = self._roles()
        gone = (ChangeState.RETURNED, ChangeState.WITHDRAWN)
        return Traffic(
            queued=tuple(
                Queued(
                    label=change.label,
                    branch=change.branch,
                    touch=touches.get(change.head),
                    role=roles.get(change.id, ""),
                )
                for change in queued
            ),
            landed=frozenset(name for name, one in newest.items() if one.state is ChangeState.LANDED),
            returned={name: one.state.value for name, one in newest.items() if one.state in gone},
        )

    def _touches(self, queued: Sequence[Change]) -> dict[str, Touch]:
        tip = self.git.read_ref(f"refs/heads/{self.contract.base}")
        heads = [change.head for change in queued]
        if tip is None or not heads:
            return {}
        reader = Touches(git=self.git)
        while True:  # each reading looks at some more
            found, whole = reader.read(heads, tip=tip)
            if whole:
                return {str(head): touch for head, touch in found.items()}

    def _roles(self) -> dict[int, str]:
        """The roles of the changes that are in the gate."""
        live = self.store.candidates(self.contract.base, states=tuple(LIVE))
        return {member.change: member.role for candidate in live for member in candidate.members}

    def _branch_here(self) -> str:
        """The branch of the worktree that the caller stands in; '' for the base, which nobody works on."""
        branch = self.here.branch if self.here is not None else ""
        return "" if branch == self.contract.base else branch

    def _unclean(self, task: Task, ask: Ask) -> Refusal | None:
        """R33, R34: a branch of the role, in the role's worktree if it has one, clean, and of a young enough base."""
        role = self.contract.roles.get(ask.role or task.role)
        own = self.checkouts.of_branch(ask.branch) if ask.branch else None
        where = own or (self.here.path if self.here is not None else None)
        dirt = self.checkouts.dirt(where) if where is not None else ""
        if dirt:
            return words.dirty(str(where), dirt)
        if ask.branch == self.contract.base:
            return words.on_base(ask.branch)
        expected = [pattern.text for pattern in role.branches] if role is not None else []
        if not ask.branch and (task.modifies or task.creates):
            return words.no_branch(task, expected)
        fits = not expected or any(branch_matches(pattern, ask.branch) for pattern in expected)
        if role is not None and ask.branch and not fits:
            return words.wrong_branch(role.name, ask.branch, expected)
        if (
            role is not None
            and role.worktree
            and own is not None
            and not is_worktree(role.worktree, str(own))
        ):
            return words.wrong_worktree(role.name, str(own), role.worktree)
        return self._too_old(ask.branch)

    def _too_old(self, branch: str) -> Refusal | None:
        """Of the branch, or, where it is still to be made, of what is checked out here."""
        base = self.contract.base
        tip = self.git.read_ref(f"refs/heads/{base}")
        head = self.git.read_ref(f"refs/heads/{branch}") if branch else None
        if head is None and self.here is not None:
            head = self.here.head
        if tip is None or head is None or not self.git.merge_bases(tip, head):
            return None
        name = branch or "what is checked out here"
        late = too_old(self.git, name, self.contract, tip, head, self.clock.now(), again="claim")
        return Refusal(code=late.code, text=late.text) if late is not None else None


@dataclass(kw_only=True)
class Claimants:
    """What holders do with claims that they have; it needs no contract, so that a broken one holds nothing up."""

    claims: Claims
    clock: Clock
    lane: str

    def listed(self) -> tuple[Claim, ...]:
        """Those that are live, by id."""
        return self.claims.held(at=self.clock.now()).live

    def release(self, number: int, outcome: Outcome, *, holder: str = "", by: str) -> Ruling:
        claim, now = self.claims.claim(number), self.clock.now()
        if claim is None:
            return Ruling(refusal=words.unknown_claim(number))

        def rule(held: Held) -> Ruling:
            return release(claim, held, outcome, holder=holder, at=now)

        return self.claims.decide(rule, tasks=(claim.task,), lane=self.lane, by=by, at=now)

    def advance(self, number: int, status: Status, *, holder: str = "", by: str) -> Ruling:
        claim, now = self.claims.claim(number), self.clock.now()
        if claim is None:
            return Ruling(refusal=words.unknown_claim(number))

        def rule(held: Held) -> Ruling:
            return advance(claim, held, status, holder=holder, at=now)

        return self.claims.decide(rule, tasks=(claim.task,), lane=self.lane, by=by, at=now)


def _with_branch(ask: Ask, task: Task | None, here: str) -> Ask:
    """The branch that was named, else the task's, else the one that is checked out here."""
    named = ask.branch or (task.branch if task is not None else "")
    return replace(ask, branch=named or here)


def _as_tasks(changes: Sequence[Change], roles: dict[int, str]) -> list[Task]:
    """The queue's changes as tasks: what is tested is being verified, what came back is in no list."""
    landed = [change for change in changes if change.state is ChangeState.LANDED][-IN_VIEW:]
    queued = [change for change in changes if change.state is ChangeState.QUEUED]
    return [
        Task(
            id=change.label,
            title=change.title,
            role=roles.get(change.id, ""),
            status=_status(change, roles),
            depends_on=change.depends_on,
            priority=change.priority,
            branch=change.branch,
            holder=change.author,
        )
        for change in (*queued, *landed)
    ]


def _status(change: Change, roles: dict[int, str]) -> Status:
    if change.state is ChangeState.LANDED:
        return Status.COMPLETE
    return Status.VERIFYING if change.id in roles else Status.READY


def claim_json(claim: Claim) -> dict[str, Any]:
    """A claim in JSON; times are seconds since 1970, `ended` and `outcome` are null while it is held."""
    return {
        "id": claim.id,
        "task": claim.task,
        "role": claim.role,
        "holder": claim.holder,
        "branch": claim.branch,
        "resources": list(claim.resources),
        "modifies": list(claim.modifies),
        "creates": list(claim.creates),
        "status": claim.status.value,
        "claimed": claim.claimed_at,
        "expires": claim.expires_at,
        "ended": claim.ended_at,
        "outcome": claim.outcome.value if claim.outcome is not None else None,
    }
