"""The rows of a lane on paper: what a store, git and a runner would keep, with made-up SHAs. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from pointsman.core.model import Sha
from pointsman.core.queue.model import LIVE, Candidate, CandidateState, Change, Member, Run, RunState
from pointsman.core.queue.observation import BaseCommit

LANE, CHECK, DIGEST, ROLE = "main", "gate", "gate", "agent"
HISTORY = 64
"""So many commits of the base are looked at for the one that a change is red together with."""


class Rows:
    """Changes that are queued, candidates that say something of them, runs that count. Commits are made once for the
    same change on the same parent; a tree is what is in it, in whatever order it came."""

    def __init__(self, contract: str) -> None:
        self.contract = contract
        self.changes: dict[int, Change] = {}
        self.candidates: dict[int, Candidate] = {}
        self.runs: dict[int, Run] = {}
        self.passed: set[Sha] = set()
        self.tips: list[BaseCommit] = [BaseCommit(commit=_sha("root"), change=None, title="root")]
        self.number = {self.tip: 0}
        self.trees = {self.tip: _sha("tree")}
        self.passed.add(self.trees[self.tip])
        self.arrived: dict[int, int] = {}
        self.live: set[int] = set()
        self.running: dict[int, Run] = {}
        self._asked: dict[int, set[int]] = {}
        self._probes: dict[int, set[int]] = {}
        self._holding: dict[int, set[int]] = {}
        self._next = 0

    @property
    def tip(self) -> Sha:
        return self.tips[-1].commit

    def submit(self, change: Change) -> None:
        self.changes[change.id] = change
        self.arrived[change.id] = len(self.tips) - 1

    def fresh(self) -> int:
        """The next number of a candidate or a run."""
        self._next += 1
        return self._next

    def member(self, change: Change, onto: Sha) -> Member:
        """The change on top of that commit."""
        commit = _sha(f"{onto}+{change.id}")
        if commit not in self.trees:
            self.trees[commit] = Sha(
                f"{(int(self.trees[onto], 16) + int(_sha(str(change.id)), 16)) % 16**40:040x}"
            )
        return Member(change=change.id, head=change.head, role=ROLE, commit=commit, tree=self.trees[commit])

    def members(self, changes: Iterable[Change], onto: Sha) -> tuple[Member, ...]:
        built: list[Member] = []
        for change in changes:
            built.append(self.member(change, built[-1].commit if built else onto))
        return tuple(built)

    def keep(self, candidate: Candidate) -> None:
        """Save a candidate; one that has ended is kept while a member is queued and it is evidence."""
        self.candidates[candidate.id] = candidate
        for member in candidate.members:
            self._holding.setdefault(member.change, set()).add(candidate.id)
        if candidate.state in LIVE:
            self.live.add(candidate.id)
            return
        self.live.discard(candidate.id)
        if candidate.state in (CandidateState.LANDED, CandidateState.DISCARDED):
            self._forget(candidate.id)

    def save_run(self, run: Run) -> None:
        """A run that has ended is kept while what asked for it is."""
        self.runs[run.id] = run
        if run.candidate is not None:
            self._asked.setdefault(run.candidate, set()).add(run.id)
        elif run.change is not None:
            self._probes.setdefault(run.change, set()).add(run.id)
        if run.state is RunState.RUNNING:
            self.running[run.id] = run
            return
        self.running.pop(run.id, None)
        if run.state is RunState.PASSED:
            self.passed.add(run.tree)
        wanted = run.candidate in self.candidates if run.candidate is not None else run.change in self.changes
        if not wanted:
            del self.runs[run.id]

    def leave(self, change: int) -> None:
        """It landed or was returned: what was only kept for its sake goes."""
        del self.changes[change]
        self.arrived.pop(change, None)
        for number in sorted(self._holding.pop(change, ())):
            candidate = self.candidates.get(number)
            ended = candidate is not None and number not in self.live
            if (
                candidate is not None
                and ended
                and not any(m.change in self.changes for m in candidate.members)
            ):
                self._forget(number)
        self._end_runs(self._probes.pop(change, set()))

    def _forget(self, number: int) -> None:
        candidate = self.candidates.pop(number)
        for member in candidate.members:
            if member.change in self._holding:
                self._holding[member.change].discard(number)
        self._end_runs(self._asked.pop(number, set()))

    def _end_runs(self, runs: Iterable[int]) -> None:
        for number in runs:
            if number in self.runs and number not in self.running:
                del self.runs[number]

    def runs_of(self, candidates: Iterable[int]) -> tuple[Run, ...]:
        """By number: those of the candidates, the probes of queued changes, and what runs."""
        wanted = set(self.running)
        for candidate in candidates:
            wanted |= self._asked.get(candidate, set())
        for probes in self._probes.values():
            wanted |= probes
        return tuple(self.runs[number] for number in sorted(wanted) if number in self.runs)

    def move_tip(self, landed: Candidate, members: Sequence[Member]) -> None:
        """The base is at that candidate's commit now."""
        for member in members:
            self.tips.append(
                BaseCommit(commit=member.commit, change=member.change, title=f"change {member.change}")
            )
            self.number[member.commit] = len(self.tips) - 1
        self.keep(replace(landed, state=CandidateState.LANDED))

    def since(self, change: int) -> tuple[BaseCommit, ...]:
        """What landed since the change left the base, oldest first."""
        return tuple(self.tips[self.arrived[change] + 1 :][-HISTORY:])


def head(number: int) -> Sha:
    return _sha(f"head{number}")


def _sha(text: str) -> Sha:
    return Sha(sha256(text.encode()).hexdigest()[:40])
