"""Gathers what there is to tell of a pull request from the store and git; it asks the forge for nothing but the tip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pointsman.core.contract import Contract
from pointsman.core.errors import MissingObject, UserError
from pointsman.core.model import Sha
from pointsman.core.pulls.model import Pull
from pointsman.core.pulls.telling import (
    BeingTested,
    CheckTold,
    HealTold,
    Held,
    Judged,
    LandedAs,
    Landing,
    NotQueued,
    Passed,
    PullStory,
    Queued,
    Returned,
    Stage,
    Withdrawn,
)
from pointsman.core.queue.model import (
    LIVE,
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Reason,
    Run,
    RunState,
)
from pointsman.core.queue.observation import Standing
from pointsman.core.queue.order import line_up
from pointsman.ports import Forge, Git, Store
from pointsman.service.contracts import contract_at
from pointsman.service.pull_verdicts import Verdicts, judged_of

_LIVE = tuple(LIVE)

LOOKED_AT = 500
"""Of the lane's ended candidates so many of the newest are looked through for the one of a change."""


@dataclass(kw_only=True)
class Stories:
    """The pull requests of one repository, each as a story."""

    git: Git
    store: Store
    forge: Forge
    verdicts: Verdicts
    _contracts: dict[Sha, Contract | str] = field(default_factory=dict)

    def change(self, number: int) -> Change | None:
        """The newest change of the pull request in any lane; a queued one wins."""
        known = self.store.changes(number=number)
        queued = [one for one in known if one.state is ChangeState.QUEUED]
        return (queued or [*known] or [None])[-1]  # type: ignore[list-item]

    def story(self, change: Change | None, pull: Pull | None, *, same_head: Sequence[int] = ()) -> PullStory:
        """One of the two is given. `pull` tells the head of now, without it the queued one is taken for it."""
        if change is None:
            assert pull is not None  # noqa: S101 - the caller's duty
            judged = self._judged_pull(pull)
            return PullStory(
                number=pull.number,
                lane=pull.base,
                head=pull.head,
                stage=NotQueued(),
                judged=judged,
                same_head=tuple(same_head),
            )
        assert change.number is not None  # noqa: S101 - found by it
        candidate = self._candidate(change)
        moved = pull is not None and pull.head != change.head
        story = PullStory(
            number=change.number,
            lane=change.lane,
            head=pull.head if pull is not None else change.head,
            stage=self._stage(change, candidate),
            queued_head=change.head,
            priority=change.priority,
            depends_on=change.depends_on,
            heal=self._heal(change, candidate),
            paused=self.store.lane(change.lane).paused or "",
            same_head=tuple(same_head),
        )
        if change.state is ChangeState.LANDED or (change.state is ChangeState.WITHDRAWN and not moved):
            return story
        if moved and pull is not None:
            return replace(story, judged=self._judged_pull(pull))
        try:
            return replace(story, judged=self._judged_change(change))
        except MissingObject:
            if change.state is ChangeState.QUEUED:
                raise
            return story  # what ended long ago need not be here any more

    def contract(self, tip: Sha) -> Contract | str:
        """The contract of a commit, or why there is none."""
        if tip not in self._contracts:
            if len(self._contracts) > 100:
                self._contracts.clear()
            try:
                self._contracts[tip] = contract_at(self.git, tip)
            except UserError as problem:
                self._contracts[tip] = str(problem)
        return self._contracts[tip]

    def _judged_pull(self, pull: Pull) -> Judged | None:
        """Reading both heads brings their commits here."""
        tip = self.forge.branch_heads([pull.base, f"#{pull.number}"]).get(pull.base)
        if tip is None:
            return None
        contract = self.contract(tip)
        if isinstance(contract, str):
            return Judged(
                base=tip, head=pull.head, branch=pull.branch, author=pull.author.login, problem=contract
            )
        return judged_of(self.verdicts.of_pull(pull, tip, contract))

    def _judged_change(self, change: Change) -> Judged | None:
        tip = self.forge.branch_heads([change.lane, change.source]).get(change.lane)
        if tip is None:
            return None
        contract = self.contract(tip)
        if isinstance(contract, str):
            return Judged(
                base=tip, head=change.head, branch=change.branch, author=change.author, problem=contract
            )
        return judged_of(self.verdicts.of_change(change, tip, contract))

    def _candidate(self, change: Change) -> Candidate | None:
        """The smallest live candidate that it is in, or the one that its end was decided on: of those that were red the
        one that it was alone in."""
        states: tuple[CandidateState, ...] = _LIVE
        if change.state is ChangeState.LANDED:
            states = (CandidateState.LANDED, CandidateState.LANDING)
        elif change.state is not ChangeState.QUEUED:
            states = (CandidateState.FAILED, CandidateState.DISCARDED)
        found = self.store.candidates(change.lane, states=states, newest=LOOKED_AT)
        own = [one for one in found if any(member.change == change.id for member in one.members)]
        return min(own, key=lambda one: (len(one.members), -one.id), default=None)

    def _stage(self, change: Change, candidate: Candidate | None) -> Stage:
        match change.state:
            case ChangeState.LANDED:
                return LandedAs(commit=change.landed or change.head)
            case ChangeState.WITHDRAWN:
                return Withdrawn()
            case ChangeState.RETURNED:
                reason = change.reason or Reason(code="returned", text="")
                return Returned(reason=reason, failed=self._failed(candidate, reason))
            case ChangeState.QUEUED:
                return self._queued(change, candidate)

    def _queued(self, change: Change, candidate: Candidate | None) -> Stage:
        if change.hold:
            return Held(why=change.hold)
        if change.wait is None and candidate is not None:
            match candidate.state:
                case CandidateState.PASSED:
                    return Passed(commit=_commit(candidate, change))
                case CandidateState.LANDING:
                    return Landing(commit=_commit(candidate, change))
                case _:
                    return self._testing(change, candidate)
        return self._waiting(change)

    def _waiting(self, change: Change) -> Queued:
        queued = self.store.changes(change.lane, states=(ChangeState.QUEUED,))
        line = line_up(queued, self._standings(change.lane, queued))
        order = [one.id for one in line.ready]
        waits = change.wait.text if change.wait is not None else line.unmet.get(change.id, "")
        if change.id in line.cycles:
            waits = waits or f"its dependencies go in a circle: {' -> '.join(line.cycles[change.id])}"
        place = order.index(change.id) + 1 if change.id in order else 0
        return Queued(position=place, of=len(order), waits=waits)

    def _standings(self, lane: str, queued: Sequence[Change]) -> dict[str, Standing]:
        if not any(change.depends_on for change in queued):
            return {}
        standings: dict[str, Standing] = {}
        for change in self.store.changes(lane):
            standing = Standing(change=change.id, state=change.state)
            standings[change.branch] = standings[change.label] = standing
        return standings

    def _testing(self, change: Change, candidate: Candidate) -> BeingTested:
        runs = {run.check: run for run in self.store.runs(candidates=[candidate.id])}
        checks = tuple(_told(check, runs.get(check)) for check, _ in candidate.checks)
        others = tuple(
            other.label
            for member in candidate.members
            if member.change != change.id and (other := self.store.change(member.change)) is not None
        )
        return BeingTested(commit=candidate.commit, checks=checks, together=others)

    def _failed(self, candidate: Candidate | None, reason: Reason) -> tuple[CheckTold, ...]:
        if candidate is None or not reason.code.startswith("red"):
            return ()
        runs = [run for run in self.store.runs(candidates=[candidate.id]) if run.state is RunState.FAILED]
        last = {run.check: run for run in runs}
        told = [_told(check, run) for check, run in last.items()]
        if len(told) == 1:
            told = [replace(told[0], log_tail=reason.details)]
        return tuple(told)

    def _heal(self, change: Change, candidate: Candidate | None) -> HealTold | None:
        if candidate is None:
            return None
        at = next(i for i, member in enumerate(candidate.members) if member.change == change.id)
        healed = candidate.members[at].healed
        if healed is None:
            return None
        told = HealTold(
            strategy=healed.strategy, summary=healed.summary, proof=healed.proof, seconds=healed.seconds
        )
        onto = candidate.members[at - 1].commit if at else candidate.base
        try:
            contract = self.contract(onto)
            known = contract if isinstance(contract, Contract) else None
            return replace(told, graphs=self.verdicts.graphs(onto, candidate.members[at].head, known))
        except MissingObject:  # candidates of long ago are not kept
            return told


def _commit(candidate: Candidate, change: Change) -> Sha:
    return next(member.commit for member in candidate.members if member.change == change.id)


def _told(check: str, run: Run | None) -> CheckTold:
    if run is None:
        return CheckTold(name=check, state="due")
    url = run.log if run.log is not None and run.log.startswith("https://") else ""
    why = run.why + (f" ({run.failing_test})" if run.failing_test else "")
    return CheckTold(name=check, state=run.state.value, url=url, why=why)
