"""Reads all facts of a lane once, through the ports, into an Observation; decides and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.core.contract import Contract
from pointsman.core.errors import UserError
from pointsman.core.model import Sha
from pointsman.core.queue.model import (
    LIVE,
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    Run,
    RunState,
)
from pointsman.core.queue.observation import BaseCommit, Observation, Standing
from pointsman.core.queue.verdict import CheckStanding, check_verdicts
from pointsman.ports import Clock, Forge, Git, Store
from pointsman.service.contracts import CONTRACT_PATH, contract_at

HISTORY_LIMIT = 64
"""How many commits of the base are searched for the one that a change is red together with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractReading:
    """The contract on a commit: the parsed one, or why there is none."""

    contract: Contract | None
    problem: str = ""


@dataclass(kw_only=True)
class Observer:
    """Reads a lane; remembers parsed contracts by blob id, nothing else."""

    git: Git
    store: Store
    forge: Forge
    clock: Clock
    _contracts: dict[Sha | None, ContractReading] = field(default_factory=dict)

    def observe(self, lane: str) -> Observation:
        """The lane now. All branches are read first, at once, and everything else against that one tip."""
        state = self.store.lane(lane)
        changes = self.store.changes(lane, states=(ChangeState.QUEUED,))
        heads = self.forge.branch_heads([lane, *(change.source for change in changes)]) if changes else {}
        tip = heads.get(lane) if changes else self.forge.tip(lane)
        if tip is None:
            return Observation(lane=state, tip=None, changes=changes)
        tree = self.git.tree_of(tip)
        reading = self.read_contract(tip)
        candidates = self._candidates(lane, changes, reading.contract)
        live = tuple(candidate for candidate in candidates if candidate.state in LIVE)
        runs = self.store.runs(
            candidates=[candidate.id for candidate in live],
            changes=[change.id for change in changes],
            running=True,
        )
        own = tuple(run for run in runs if run.lane == lane)
        green = self._green(tree, live)
        return Observation(
            lane=state,
            tip=tip,
            tip_tree=tree,
            contract=reading.contract,
            contract_problem=reading.problem,
            changes=changes,
            standings=self._standings(lane, changes),
            branch_heads=heads,
            candidates=candidates,
            runs=own,
            green=green,
            reached=self._reached(live, tip),
            running=sum(1 for run in runs if run.state is RunState.RUNNING),
            consents=self._consents(changes),
            history=self._history(tip, reading.contract, changes, live, own, green, state.resumed_at),
            obstacle=self._obstacle(lane, tip, live),
        )

    def read_contract(self, tip: Sha) -> ContractReading:
        """The contract of a commit, parsed once per blob."""
        entry = self.git.entry(self.git.tree_of(tip), CONTRACT_PATH)
        key = entry.oid if entry is not None else None
        if key not in self._contracts:
            self._contracts[key] = self._parse(tip)
        return self._contracts[key]

    def _parse(self, tip: Sha) -> ContractReading:
        try:
            return ContractReading(contract=contract_at(self.git, tip))
        except UserError as error:
            return ContractReading(contract=None, problem=str(error).replace("\n", "; "))

    def _candidates(
        self, lane: str, changes: Sequence[Change], contract: Contract | None
    ) -> tuple[Candidate, ...]:
        """The live ones, and red batches that still hold a queued change."""
        queued = {change.id for change in changes}
        batches = contract is not None and contract.queue.mode == "batch"
        states = (*LIVE, CandidateState.FAILED) if queued and batches else tuple(LIVE)
        found = self.store.candidates(lane, states=states)
        return tuple(
            candidate
            for candidate in found
            if candidate.state in LIVE or any(member.change in queued for member in candidate.members)
        )

    def _green(self, tip_tree: Sha, live: Sequence[Candidate]) -> frozenset[tuple[Sha, str]]:
        wanted = {(candidate.tree, digest) for candidate in live for _, digest in candidate.checks}
        wanted |= {(tip_tree, digest) for candidate in live for _, digest in candidate.checks}
        return frozenset(pair for pair in wanted if self.store.passed_run(*pair) is not None)

    def _reached(self, live: Sequence[Candidate], tip: Sha) -> frozenset[int]:
        return frozenset(
            candidate.id
            for candidate in live
            if candidate.state is CandidateState.LANDING and self.git.is_ancestor(candidate.commit, tip)
        )

    def _obstacle(self, lane: str, tip: Sha, live: Sequence[Candidate]) -> str:
        """Asked only when something is about to land."""
        for one in live:
            if one.base == tip and one.state in (CandidateState.PASSED, CandidateState.LANDING):
                return self.forge.obstacle(lane, expected=tip, new=one.commit)
        return ""

    def _standings(self, lane: str, changes: Sequence[Change]) -> Mapping[str, Standing]:
        if not any(change.depends_on for change in changes):
            return {}
        standings: dict[str, Standing] = {}
        for change in self.store.changes(lane):
            standing = Standing(change=change.id, state=change.state)
            standings[change.source] = standings[change.label] = standing
        return standings

    def _consents(self, changes: Sequence[Change]) -> Mapping[int, int]:
        """Approvals and live grants per change, for its head as submitted; a moved head has none."""
        ids = [change.id for change in changes]
        heads = {change.id: change.head for change in changes}
        counts: dict[int, int] = {}
        for approval in self.store.approvals(ids):
            if approval.head == heads[approval.change]:
                counts[approval.change] = counts.get(approval.change, 0) + 1
        for grant in self.store.grants(ids):
            if grant.head == heads[grant.change] and grant.expires > self.clock.now():
                counts[grant.change] = counts.get(grant.change, 0) + 1
        return counts

    def _history(
        self,
        tip: Sha,
        contract: Contract | None,
        changes: Sequence[Change],
        live: Sequence[Candidate],
        runs: Sequence[Run],
        green: frozenset[tuple[Sha, str]],
        since: float,
    ) -> Mapping[int, tuple[BaseCommit, ...]]:
        """For a red change at the front of the lane: what landed since it left the base."""
        if contract is None:
            return {}
        queued = {change.id: change for change in changes}
        found: dict[int, tuple[BaseCommit, ...]] = {}
        for candidate in live:
            if candidate.base != tip or len(candidate.members) != 1:
                continue
            verdicts = check_verdicts(candidate, runs, green, contract.queue.retry, since=since)
            change = queued.get(candidate.members[0].change)
            if change is not None and any(verdict.standing is CheckStanding.RED for verdict in verdicts):
                found[change.id] = self._landed_since(change, tip)
        return found

    def _landed_since(self, change: Change, tip: Sha) -> tuple[BaseCommit, ...]:
        commits = self.git.commits(tip, exclude=(change.head,), first_parent=True, limit=HISTORY_LIMIT)
        landed = {
            known.landed: known
            for known in self.store.changes(change.lane, states=(ChangeState.LANDED,))
            if known.landed is not None
        }
        return tuple(self._base_commit(commit, landed.get(commit)) for commit in reversed(commits))

    def _base_commit(self, commit: Sha, change: Change | None) -> BaseCommit:
        title = change.title if change is not None else self.git.commit_facts(commit).message.split("\n")[0]
        return BaseCommit(commit=commit, change=change.id if change is not None else None, title=title)
