"""Carries out decided actions: what is to happen is saved first, then done, then what came of it is saved.

Every action may run again after a crash. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

from pointsman.core import messages
from pointsman.core.contract import Contract
from pointsman.core.model import Sha
from pointsman.core.queue.actions import (
    Action,
    Blocked,
    Build,
    CancelRun,
    Discard,
    FinishLanding,
    Hold,
    Land,
    Landed,
    Moved,
    Pass,
    Pause,
    Return,
    Split,
    StartProbe,
    StartRun,
)
from pointsman.core.queue.checks import check_named
from pointsman.core.queue.decide import build_key
from pointsman.core.queue.model import (
    LIVE,
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Entry,
    Reason,
    Run,
    RunState,
    Wait,
)
from pointsman.core.queue.observation import Observation
from pointsman.ports import Clock, Forge, Gates, Git, Record, Store
from pointsman.service.build import Builder, Built, Held, Refused

CANDIDATE_REFS = "refs/pointsman/candidates/"
CHANGE_REFS = "refs/pointsman/changes/"
LOG_TAIL_BYTES = 4000
KEPT_PINS = 100
"""How many heads, and how many commits of candidates, stay pinned after they have ended."""

Listener = Callable[[Entry], None]


@dataclass(kw_only=True)
class Performer:
    """Carries out the actions of one lane; `tell` hears each journal entry after it is on disk."""

    git: Git
    store: Store
    forge: Forge
    gates: Gates
    clock: Clock
    builder: Builder
    tell: Listener

    def perform(self, action: Action, seen: Observation) -> None:
        """Carry out one action that was decided on `seen`."""
        match action:
            case Build():
                self._build(action, seen)
            case StartRun():
                self._start_run(action, seen)
            case StartProbe():
                self._start_probe(action, seen)
            case CancelRun(run=run):
                self._cancel(run)
            case Pass(candidate=candidate):
                self._save(
                    replace(candidate, state=CandidateState.PASSED),
                    lane=candidate.lane,
                    kind="passed",
                    candidate=candidate.id,
                    tree=candidate.tree,
                    changes=[member.change for member in candidate.members],
                )
            case Split(candidate=candidate, why=why):
                self._end_candidate(candidate, CandidateState.FAILED, why)
            case Discard(candidate=candidate, why=why):
                self._end_candidate(candidate, CandidateState.DISCARDED, why)
            case Land(candidate=candidate):
                self._land(candidate, seen)
            case FinishLanding(candidate=candidate):
                self._settle(candidate)
            case Return():
                self._return(action)
            case Hold(change=change, wait=wait):
                self._hold(change, wait)
            case Pause(why=why):
                lane = self.store.lane(seen.lane.name)
                self._save(replace(lane, paused=why), lane=lane.name, kind="paused", why=why)
            case _:
                assert_never(action)

    def collect(self) -> int:
        """Write down every run that has ended since last time; how many there were."""
        ended = 0
        for run in self.store.runs(running=True):
            result = self.gates.poll(run.id)
            if result is None:
                continue
            ended += 1
            self._save(
                replace(
                    run,
                    state=result.state,
                    seconds=result.seconds,
                    code=result.reason.value,
                    why=result.why,
                    tests=result.tests,
                    failing_test=result.failing_test,
                    signature=result.signature,
                    log=result.log,
                ),
                lane=run.lane,
                kind="run_ended",
                run=run.id,
                candidate=run.candidate,
                change=run.change,
                check=run.check,
                probe=run.probe,
                state=result.state.value,
                why=result.why,
                tests=result.tests,
                seconds=round(result.seconds, 3),
            )
        return ended

    def pin(self) -> None:
        """Keep every submitted head and live candidate from git's garbage collection (also after a crash
        between saving and pinning)."""
        pinned = self.git.refs("refs/pointsman/")
        for change in self.store.changes(states=(ChangeState.QUEUED,)):
            self._pin(pinned, f"{CHANGE_REFS}{change.id}", change.head)
        for lane in self.store.lanes():
            for candidate in self.store.candidates(lane, states=tuple(LIVE)):
                self._pin(pinned, f"{CANDIDATE_REFS}{candidate.id}", candidate.commit)

        self._unpin_oldest(pinned)

    def _unpin_oldest(self, pinned: Mapping[str, Sha]) -> None:
        """What has ended stays pinned for a while, so that its reproduction works, but not for ever."""
        for prefix, live in ((CANDIDATE_REFS, self._live_candidates()), (CHANGE_REFS, self._queued())):
            numbers = sorted(
                (int(ref.removeprefix(prefix)) for ref in pinned if ref.startswith(prefix)), reverse=True
            )
            ended = [number for number in numbers if number not in live]
            for number in ended[KEPT_PINS:]:
                ref = f"{prefix}{number}"
                self.git.move_ref(ref, new=None, expected=pinned[ref])

    def _queued(self) -> frozenset[int]:
        return frozenset(change.id for change in self.store.changes(states=(ChangeState.QUEUED,)))

    def _live_candidates(self) -> frozenset[int]:
        lanes = self.store.lanes()
        return frozenset(one.id for lane in lanes for one in self.store.candidates(lane, states=tuple(LIVE)))

    def _pin(self, pinned: Mapping[str, Sha], ref: str, commit: Sha) -> None:
        if pinned.get(ref) != commit:
            self.git.move_ref(ref, new=commit, expected=pinned.get(ref))

    def _save(self, *records: Record, lane: str, kind: str, **body: Any) -> tuple[Record, ...]:
        entry = Entry(lane=lane, kind=kind, body=body)
        stored = self.store.save(*records, entries=(entry,), at=self.clock.now())
        self.tell(Entry(lane=lane, kind=kind, body=_with_ids(body, stored)))
        return stored

    def _build(self, action: Build, seen: Observation) -> None:
        """Bring the changes on one after the other; one that can't come is returned or held, and those behind
        it are brought onto what stands so far."""
        contract = _contract(seen)
        lane = seen.lane.name
        self._save(
            lane=lane,
            kind="building",
            onto=action.onto,
            tip=action.tip,
            changes=[change.id for change in action.changes],
        )
        built: list[Built] = []
        left_out: set[str] = set()
        onto = action.onto
        for change in action.changes:
            if not left_out.isdisjoint(change.depends_on):  # the next decision says what it waits for
                continue
            key = build_key(action.tip, onto, contract.digest, seen.consents.get(change.id, 0))
            outcome = self.builder.build(change, tip=action.tip, onto=onto, contract=contract, key=key)
            match outcome:
                case Built():
                    built.append(outcome)
                    onto = outcome.member.commit
                    continue
                case Refused(reason=reason):
                    self._return(Return(change=change, reason=reason))
                case Held(wait=wait):
                    self._hold(change, wait)
                case _:
                    assert_never(outcome)
            left_out.update((change.branch, f"#{change.id}"))
        if built:
            self._save_candidate(action, built, contract, lane)

    def _save_candidate(self, action: Build, built: Sequence[Built], contract: Contract, lane: str) -> None:
        checks: dict[str, str] = {}
        for one in built:
            checks.update(dict(one.checks))
        candidate = Candidate(
            id=0,
            lane=lane,
            base=action.onto,
            members=tuple(one.member for one in built),
            contract=contract.digest,
            checks=tuple(checks.items()),
            state=CandidateState.TESTING,
            created_at=self.clock.now(),
        )
        changes = {change.id: change for change in action.changes}
        cleared = [
            replace(changes[one.member.change], wait=None)
            for one in built
            if changes[one.member.change].wait is not None
        ]
        stored = self._save(
            candidate,
            *cleared,
            lane=lane,
            kind="built",
            candidate="$0",
            base=action.onto,
            speculative=action.onto != action.tip,
            commit=candidate.commit,
            tree=candidate.tree,
            changes=[member.change for member in candidate.members],
            roles=[member.role for member in candidate.members],
            checks=list(checks),
            healed=[
                {
                    "change": member.change,
                    "strategy": member.healed.strategy,
                    "summary": member.healed.summary,
                    "seconds": round(member.healed.seconds, 3),
                    "proof": member.healed.proof,
                }
                for member in candidate.members
                if member.healed is not None
            ],
        )
        saved = stored[0]
        assert isinstance(saved, Candidate)  # noqa: S101 - the store gives back what it was given
        self.git.move_ref(f"{CANDIDATE_REFS}{saved.id}", new=saved.commit, expected=None)

    def _start_run(self, action: StartRun, seen: Observation) -> None:
        candidate = action.candidate
        self._start(
            Run(
                id=0,
                lane=candidate.lane,
                candidate=candidate.id,
                change=candidate.members[0].change if len(candidate.members) == 1 else None,
                check=action.check,
                digest=action.digest,
                commit=candidate.commit,
                tree=candidate.tree,
                attempt=action.attempt,
                state=RunState.RUNNING,
                started_at=self.clock.now(),
            ),
            seen,
        )

    def _start_probe(self, action: StartProbe, seen: Observation) -> None:
        """A probe on an older base is built first; where that can't be built, that is its result."""
        lane = seen.lane.name
        commit: Sha | None = action.commit
        if action.probe.startswith("onto:"):
            commit = self.builder.combine(action.change, onto=action.commit, contract=_contract(seen))
        run = Run(
            id=0,
            lane=lane,
            candidate=None,
            change=action.change.id,
            probe=action.probe,
            check=action.check,
            digest=action.digest,
            commit=commit or action.commit,
            tree=self.git.tree_of(commit or action.commit),
            attempt=1,
            state=RunState.RUNNING if commit is not None else RunState.FAILED,
            started_at=self.clock.now(),
            code="" if commit is not None else "unbuildable",
            why="" if commit is not None else "it does not merge onto that base",
        )
        if commit is None:
            self._save(
                run,
                lane=lane,
                kind="run_ended",
                run="$0",
                change=run.change,
                check=run.check,
                probe=run.probe,
                state=run.state.value,
                why=run.why,
            )
            return
        self._start(run, seen)

    def _start(self, run: Run, seen: Observation) -> None:
        contract = _contract(seen)
        check = check_named(contract, run.check)
        (stored,) = self._save(
            run,
            lane=run.lane,
            kind="run_started",
            run="$0",
            candidate=run.candidate,
            change=run.change,
            check=run.check,
            probe=run.probe,
            tree=run.tree,
            attempt=run.attempt,
        )
        assert isinstance(stored, Run)  # noqa: S101 - the store gives back what it was given
        self.gates.start(stored.id, run.commit, check, contract.sandbox)

    def _cancel(self, run: Run) -> None:
        self.gates.cancel(run.id)
        self._save(
            replace(run, state=RunState.CANCELLED, why="not needed any more"),
            lane=run.lane,
            kind="run_ended",
            run=run.id,
            candidate=run.candidate,
            change=run.change,
            check=run.check,
            probe=run.probe,
            state=RunState.CANCELLED.value,
            why="not needed any more",
        )

    def _end_candidate(self, candidate: Candidate, state: CandidateState, why: str) -> None:
        self._save(
            replace(candidate, state=state, reason=why),
            lane=candidate.lane,
            kind="split" if state is CandidateState.FAILED else "discarded",
            candidate=candidate.id,
            changes=[member.change for member in candidate.members],
            why=why,
        )
        self._unpin(candidate)

    def _unpin(self, candidate: Candidate) -> None:
        self.git.move_ref(f"{CANDIDATE_REFS}{candidate.id}", new=None, expected=candidate.commit)

    def _land(self, candidate: Candidate, seen: Observation) -> None:
        """The one place that moves the base branch: what may land is checked once more against the store."""
        problem = self._unfit(candidate, seen)
        if problem:
            self._end_candidate(candidate, CandidateState.DISCARDED, problem)
            return
        landing = replace(candidate, state=CandidateState.LANDING)
        if candidate.state is not CandidateState.LANDING:
            self._save(
                landing,
                lane=candidate.lane,
                kind="landing",
                candidate=candidate.id,
                base=candidate.base,
                commit=candidate.commit,
                tree=candidate.tree,
                changes=[member.change for member in candidate.members],
            )
        outcome = self.forge.land(candidate.lane, expected=candidate.base, new=candidate.commit)
        match outcome:
            case Landed(note=note):
                self._finish_landing(landing, note=note)
            case Moved(actual=actual):
                where = messages.short(actual) if actual else "gone"
                self._end_candidate(
                    landing, CandidateState.DISCARDED, f"the base moved to {where} before it could land"
                )
            case Blocked(why=why):
                self._save(
                    replace(candidate, state=CandidateState.PASSED),
                    lane=candidate.lane,
                    kind="blocked",
                    candidate=candidate.id,
                    why=why,
                )
            case _:
                assert_never(outcome)

    def _settle(self, candidate: Candidate) -> None:
        """A landing that was cut off after the ref moved: asking for it again brings checkouts along."""
        outcome = self.forge.land(candidate.lane, expected=candidate.base, new=candidate.commit)
        self._finish_landing(candidate, note=outcome.note if isinstance(outcome, Landed) else "")

    def _unfit(self, candidate: Candidate, seen: Observation) -> str:
        """Why this candidate must not land, judged from the store and git alone (I1, I2); '' when it may."""
        facts = self.git.commit_facts(candidate.commit)
        if facts.tree != candidate.tree:
            return "its commit does not have the tree that was tested"
        if not self.git.is_ancestor(candidate.base, candidate.commit):
            return "it does not stand on its base"
        if seen.contract is None or seen.contract.digest != candidate.contract:
            return messages.contract_changed()
        for check, digest in candidate.checks:
            if self.store.passed_run(candidate.tree, digest) is None:
                return f"check {check!r} has not passed on its tree"
        queued = {change.id for change in self.store.changes(candidate.lane, states=(ChangeState.QUEUED,))}
        if any(member.change not in queued for member in candidate.members):
            return messages.member_left()
        return ""

    def _finish_landing(self, candidate: Candidate, *, note: str) -> None:
        """Write down what the base branch holds now, also of a change that left the queue at the last moment."""
        now = self.clock.now()
        landed: list[Change] = []
        for member in candidate.members:
            change = self.store.change(member.change)
            if change is not None and change.state is not ChangeState.LANDED:
                landed.append(
                    replace(change, state=ChangeState.LANDED, landed=member.commit, ended_at=now, wait=None)
                )
        self._save(
            replace(candidate, state=CandidateState.LANDED),
            *landed,
            replace(self.store.lane(candidate.lane), failures=0),
            lane=candidate.lane,
            kind="landed",
            candidate=candidate.id,
            base=candidate.base,
            commit=candidate.commit,
            tree=candidate.tree,
            contract=candidate.contract,
            changes=[change.id for change in landed],
            branches=[change.branch for change in landed],
            healed=[member.change for member in candidate.members if member.healed is not None],
            note=note,
        )
        self._unpin(candidate)
        for change in landed:
            self.git.move_ref(f"{CHANGE_REFS}{change.id}", new=None, expected=change.head)

    def _return(self, action: Return) -> None:
        """Give a change back. Its head and the tested commit stay pinned, so that the reproduction works."""
        reason = action.reason
        if action.run is not None and action.run.log is not None:
            reason = replace(reason, details=_tail(Path(action.run.log)))
        records: list[Record] = [
            replace(
                action.change, state=ChangeState.RETURNED, reason=reason, wait=None, ended_at=self.clock.now()
            )
        ]
        if action.candidate is not None:
            records.append(replace(action.candidate, state=CandidateState.FAILED, reason=reason.text))
        if action.run is not None:
            lane = self.store.lane(action.change.lane)
            records.append(replace(lane, failures=lane.failures + 1))
        self._save(
            *records,
            lane=action.change.lane,
            kind="returned",
            change=action.change.id,
            branch=action.change.branch,
            head=action.change.head,
            code=reason.code,
            text=reason.text,
            reproduce=reason.reproduce,
        )

    def _hold(self, change: Change, wait: Wait) -> None:
        """Say what a change waits for; a wait that only has newer facts behind it is no news."""
        news = change.wait is None or (change.wait.code, change.wait.text) != (wait.code, wait.text)
        if news:
            self._save(
                replace(change, wait=wait),
                lane=change.lane,
                kind="waiting",
                change=change.id,
                branch=change.branch,
                code=wait.code,
                text=wait.text,
            )
        else:
            self.store.save(replace(change, wait=wait), at=self.clock.now())


def _with_ids(body: dict[str, Any], stored: Sequence[Record]) -> dict[str, Any]:
    """The entry as it was journalled: `$0` stands for the id of the first record, and so on."""
    ids = {f"${place}": getattr(record, "id", None) for place, record in enumerate(stored)}
    return {key: ids.get(value, value) if isinstance(value, str) else value for key, value in body.items()}


def _contract(seen: Observation) -> Contract:
    """The contract that the action was decided under; decide() builds and starts nothing without one."""
    if seen.contract is None:
        raise ValueError("an action that needs the contract was decided without one")
    return seen.contract


def _tail(log: Path) -> str:
    """The end of a log, as text."""
    try:
        with log.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - LOG_TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError as error:
        return f"(log {log} can't be read: {error.strerror})"


__all__ = ["CANDIDATE_REFS", "CHANGE_REFS", "Listener", "Performer", "Reason"]
