"""Writes the records that a queue would leave, event by event at given times, for tests of reports."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pointsman.core.model import Sha
from pointsman.core.queue.model import (
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Healed,
    JournalLine,
    Member,
    Purpose,
    Reason,
    Run,
    RunState,
)
from pointsman.core.report.model import Records


def sha(word: object) -> Sha:
    return Sha(str(word).encode().hex().ljust(40, "0")[:40])


@dataclass
class Story:
    """A lane whose journal is written as the real one is; `now` is the time of the last event."""

    lane: str = "main"
    now: float = 0.0
    changes: dict[int, Change] = field(default_factory=dict)
    candidates: dict[int, Candidate] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    lines: list[JournalLine] = field(default_factory=list)

    def at(self, now: float) -> Story:
        self.now = now
        return self

    def tell(self, kind: str, **body: Any) -> None:
        line = JournalLine(
            seq=len(self.lines) + 1, at=self.now, lane=self.lane, kind=kind, body=body, previous="", hash=""
        )
        self.lines.append(line)

    def submit(self, branch: str, **fields: Any) -> int:
        number = len(self.changes) + 1
        change = Change(
            id=number,
            lane=self.lane,
            branch=branch,
            head=sha(f"h{number}"),
            author=fields.pop("author", "ada@example.org"),
            title=fields.pop("title", f"work on {branch}"),
            submitted_at=self.now,
            **fields,
        )
        self.changes[number] = change
        self.tell("submitted", change=number, branch=branch)
        return number

    def build(
        self, *members: int, role: str = "coder", healed: float | None = None, on: int | None = None
    ) -> int:
        """A candidate of those changes, on the tip or `on` another candidate, whose commits it shares."""
        below = self.candidates[on].members if on is not None else ()
        number = len(self.candidates) + 1
        heal = (
            Healed(strategy="reparent", summary="", seconds=healed, proof="") if healed is not None else None
        )
        self.candidates[number] = Candidate(
            id=number,
            lane=self.lane,
            base=sha("base"),
            members=below
            + tuple(
                Member(
                    change=one,
                    head=sha(f"h{one}"),
                    role=role,
                    commit=sha(f"c{number}-{one}"),
                    tree=sha(f"t{number}-{one}"),
                    healed=heal,
                )
                for one in members
            ),
            contract="",
            checks=(("unit", "digest"),),
            state=CandidateState.TESTING,
            created_at=self.now,
            purpose=Purpose.CHAIN,
        )
        self.tell("built", candidate=number, changes=self._members(number))
        return number

    def run(self, candidate: int | None, *, change: int | None = None, attempt: int = 1) -> int:
        number = len(self.runs) + 1
        tree = self.candidates[candidate].gate_tree if candidate is not None else sha(f"probe{number}")
        self.runs[number] = Run(
            id=number,
            lane=self.lane,
            candidate=candidate,
            change=change,
            probe="" if candidate is not None else "alone",
            check="unit",
            digest="digest",
            commit=sha("x"),
            tree=tree,
            attempt=attempt,
            state=RunState.RUNNING,
            started_at=self.now,
        )
        self.tell("run_started", run=number, candidate=candidate, change=change)
        return number

    def ran(self, run: int, state: RunState = RunState.PASSED) -> None:
        """A run that is cancelled has no seconds of its own, as in the store."""
        begun = self.runs[run].started_at
        seconds = None if state is RunState.CANCELLED else self.now - begun
        self.runs[run] = replace(self.runs[run], state=state, seconds=seconds)
        one = self.runs[run]
        self.tell("run_ended", run=run, candidate=one.candidate, change=one.change, state=state.value)

    def passed(self, candidate: int) -> None:
        self._move(candidate, CandidateState.PASSED)
        self.tell("passed", candidate=candidate, changes=self._members(candidate))

    def land(self, candidate: int) -> None:
        self._move(candidate, CandidateState.LANDED)
        for member in self.candidates[candidate].members:
            self._end(member.change, ChangeState.LANDED, landed=member.commit)
        self.tell("landed", candidate=candidate, changes=self._members(candidate))

    def restack(self, candidate: int, *left: int) -> None:
        """What is left of a candidate is brought onto another base, and its gate goes on."""
        old = self.candidates[candidate]
        members = tuple(member for member in old.members if member.change in left)
        self.candidates[candidate] = replace(old, members=members)
        self.tell("restacked", candidate=candidate, changes=list(left))

    def discard(self, candidate: int, kind: str = "discarded") -> None:
        self._move(candidate, CandidateState.FAILED if kind == "split" else CandidateState.DISCARDED)
        self.tell(kind, candidate=candidate, changes=self._members(candidate))

    def give_back(self, change: int, code: str = "red", *, candidate: int | None = None) -> None:
        if candidate is not None:
            self._move(candidate, CandidateState.FAILED)
        self._end(change, ChangeState.RETURNED, reason=Reason(code=code, text=code))
        self.tell("returned", change=change, code=code)

    def withdraw(self, change: int, by: str = "lead") -> None:
        self._end(change, ChangeState.WITHDRAWN)
        self.tell("withdrawn", change=change, by=by)

    def records(self, **fields: Any) -> Records:
        return Records(
            now=self.now,
            changes=tuple(self.changes.values()),
            candidates=tuple(self.candidates.values()),
            runs=tuple(self.runs.values()),
            lines=tuple(self.lines),
            **fields,
        )

    def landed_alone(self, branch: str, *, gate: float = 60.0, **fields: Any) -> int:
        """One change from submission to landing: nothing but its gate takes time."""
        change = self.submit(branch, **fields)
        candidate = self.build(change)
        run = self.run(candidate)
        self.at(self.now + gate).ran(run)
        self.passed(candidate)
        self.land(candidate)
        return change

    def _members(self, candidate: int) -> list[int]:
        return [member.change for member in self.candidates[candidate].members]

    def _move(self, candidate: int, state: CandidateState) -> None:
        self.candidates[candidate] = replace(self.candidates[candidate], state=state)

    def _end(self, change: int, state: ChangeState, **fields: Any) -> None:
        self.changes[change] = replace(self.changes[change], state=state, ended_at=self.now, **fields)
