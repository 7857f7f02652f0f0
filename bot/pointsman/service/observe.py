"""Reads all facts of a lane once, through the ports, into an Observation; decides and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pointsman.core.contract import Contract
from pointsman.core.errors import UserError
from pointsman.core.model import Sha
from pointsman.core.queue.model import (
    LIVE,
    Candidate,
    CandidateState,
    Change,
    ChangeState,
    LaneState,
    RunState,
)
from pointsman.core.queue.observation import BaseCommit, Deployment, Observation, Standing, Touch
from pointsman.core.queue.overlap import looks_like_migration
from pointsman.core.queue.position import ahead_of
from pointsman.ports import Clock, Forge, Git, Store
from pointsman.service.contracts import CONTRACT_PATH, contract_at
from pointsman.service.facts import Facts, LaneFacts, migration_folders

FAILED = CandidateState.FAILED
EVIDENCE = 400
"""So many of the lane's newest ended candidates are looked at: counted, not timed, for clocks are set back."""

REMEMBERED = 10_000
"""Of so many ended changes it is remembered whether they landed."""

MOST_CONTRACTS = 32

JUMPED = "jumped:"
"""The note of a lane, followed by its name: the newest commit that brought a hotfix."""

CLOCKS_DIFFER = 60.0
"""By so many seconds the clocks of two machines may, without one of them being wrong."""

A_MOMENT = 0.001
"""In seconds: what was made before is at least so much older."""

HISTORY_LIMIT = 64
"""How many commits of the base are searched for the one that a change is red together with."""

LANDINGS = 4 * HISTORY_LIMIT
"""Of so many candidates that landed those commits may be; they did not land in the order in which they were made."""

NUMBERED = re.compile(r"#[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContractReading:
    """The contract on a commit: the parsed one, or why there is none."""

    contract: Contract | None
    problem: str = ""


class ReadsDeployment(Protocol):
    def read(self, lane: str, tip: Sha, contract: Contract | None) -> Deployment | None:
        """The deployment that the next landing waits for."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a command runs whose answer is waited for."""
        ...

    @property
    def due(self) -> bool:
        """Whether `read` would ask or hear something now."""
        ...


@dataclass(kw_only=True)
class Observer:
    """Reads a lane; remembers parsed contracts by blob id, nothing else."""

    git: Git
    store: Store
    forge: Forge
    clock: Clock
    facts: Facts | None = None
    deployments: ReadsDeployment | None = None
    _contracts: dict[Sha | None, ContractReading] = field(default_factory=dict)
    _ended: dict[int, bool] = field(default_factory=dict)

    def observe(self, lane: str) -> Observation:
        """The lane now. All branches are read first, at once, and everything else against that one tip."""
        state = self._state(lane)
        changes = self.store.changes(lane, states=(ChangeState.QUEUED,))
        heads = self.forge.branch_heads([lane, *(change.source for change in changes)]) if changes else {}
        tip = heads.get(lane) if changes else self.forge.tip(lane)
        if tip is None:
            return Observation(lane=state, tip=None, changes=changes)
        tree = self.git.tree_of(tip)
        reading = self.read_contract(tip)
        candidates, gone = self._candidates(lane, changes)
        candidates = in_order(candidates, self.clock.now())
        live = tuple(candidate for candidate in candidates if candidate.state in LIVE)
        failed = tuple(one for one in candidates if one.state is FAILED)
        alone = tuple(one for one in failed if len(one.members) == 1)
        runs = self.store.runs(
            candidates=[candidate.id for candidate in (*live, *failed)],
            changes=[change.id for change in changes],
            running=True,
        )
        own = tuple(run for run in runs if run.lane == lane)
        trees = {one.base: self.git.tree_of(one.base) for one in alone}
        facts = LaneFacts()
        if self.facts is not None and changes:
            facts = self.facts.read(lane, tip, reading.contract, changes)
            changes = facts.changes
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
            green=self._green(live, alone, trees),
            reached=self._reached(live, tip),
            running=sum(1 for run in runs if run.state is RunState.RUNNING),
            consents=self._consents(changes),
            history=self._history(changes, alone),
            obstacle=self._obstacle(lane, tip, live),
            at=self.clock.now(),
            gone=gone,
            roles=facts.roles,
            touches=facts.touches,
            odds=facts.odds,
            pace=facts.pace,
            deployment=self.deployments.read(lane, tip, reading.contract) if self.deployments else None,
            jumped=self.store.note(JUMPED + lane) == tip,
            base_trees=trees,
            moved=self._moved(tip, reading.contract, live),
        )

    @property
    def busy(self) -> bool:
        """Whether something runs that `observe` will tell the end of."""
        return self.deployments is not None and self.deployments.busy

    @property
    def due(self) -> bool:
        """Whether time alone gives `observe` something new to see."""
        return self.deployments is not None and self.deployments.due

    def _state(self, lane: str) -> LaneState:
        """A lane that was resumed at a time that is still to come was resumed by another clock, or before this one was
        set back: by that time nothing could be told from what happened since."""
        state = self.store.lane(lane)
        ahead = state.resumed_at > self.clock.now() + CLOCKS_DIFFER
        return replace(state, resumed_at=0.0) if ahead else state

    def read_contract(self, tip: Sha) -> ContractReading:
        """The contract of a commit, parsed once per blob."""
        entry = self.git.entry(self.git.tree_of(tip), CONTRACT_PATH)
        key = entry.oid if entry is not None else None
        if key not in self._contracts:
            if len(self._contracts) >= MOST_CONTRACTS:
                self._contracts.clear()
            self._contracts[key] = self._parse(tip)
        return self._contracts[key]

    def _parse(self, tip: Sha) -> ContractReading:
        try:
            return ContractReading(contract=contract_at(self.git, tip))
        except UserError as error:
            return ContractReading(contract=None, problem=str(error).replace("\n", "; "))

    def _candidates(
        self, lane: str, changes: Sequence[Change]
    ) -> tuple[tuple[Candidate, ...], frozenset[int]]:
        """The live ones and the evidence on queued changes, by id; and which of their members have landed."""
        queued = {change.id for change in changes}
        found = list(self.store.candidates(lane, states=tuple(LIVE)))
        if queued:
            states = (FAILED, CandidateState.CLEARED)
            ended = self.store.candidates(lane, states=states, newest=EVIDENCE)
            found += [one for one in ended if any(member.change in queued for member in one.members)]
        members = {member.change for one in found for member in one.members}
        return (
            tuple(sorted(found, key=lambda one: one.id)),
            frozenset(one for one in members - queued if self._has_landed(one)),
        )

    def _has_landed(self, change_id: int) -> bool:
        """Whether a change that is not queued landed; that it did never changes."""
        if change_id not in self._ended:
            change = self.store.change(change_id)
            if change is None or change.state is ChangeState.QUEUED:
                return False
            if len(self._ended) >= REMEMBERED:
                self._ended.clear()
            self._ended[change_id] = change.state is ChangeState.LANDED
        return self._ended[change_id]

    def _green(
        self, live: Sequence[Candidate], alone: Sequence[Candidate], trees: Mapping[Sha, Sha]
    ) -> frozenset[tuple[Sha, str]]:
        wanted = {(one.gate_tree, digest) for one in (*live, *alone) for _, digest in one.checks}
        wanted |= {(trees[one.base], digest) for one in alone for _, digest in one.checks}
        return frozenset(pair for pair in wanted if self.store.passed_run(*pair) is not None)

    def _moved(self, tip: Sha, contract: Contract | None, live: Sequence[Candidate]) -> Mapping[int, Touch]:
        """Only asked where the contract names independent lanes."""
        if contract is None or not contract.queue.independent:
            return {}
        behind = [one for one in live if ahead_of(one, tip) is None and self.git.is_ancestor(one.base, tip)]
        folders = migration_folders(contract)
        return {one.id: self._came(one.base, tip, folders) for one in behind}

    def _came(self, base: Sha, tip: Sha, folders: Sequence[str]) -> Touch:
        paths = {change.path for change in self.git.changed(self.git.tree_of(base), self.git.tree_of(tip))}
        migrations = any(looks_like_migration(path, folders) for path in paths)
        return Touch(modified=frozenset(paths), migrations=migrations)

    def _reached(self, live: Sequence[Candidate], tip: Sha) -> frozenset[int]:
        return frozenset(
            candidate.id
            for candidate in live
            if candidate.state is CandidateState.LANDING and self.git.is_ancestor(candidate.commit, tip)
        )

    def _obstacle(self, lane: str, tip: Sha, live: Sequence[Candidate]) -> str:
        """Asked only when something is about to land."""
        for one in live:
            if ahead_of(one, tip) and one.state in (CandidateState.PASSED, CandidateState.LANDING):
                return self.forge.obstacle(lane, expected=tip, new=one.commit)
        return ""

    def _standings(self, lane: str, changes: Sequence[Change]) -> Mapping[str, Standing]:
        """Of all that is queued, and of what a `Depends-on:` names beside that: never of everything that ever landed,
        which grows."""
        wanted = {name for change in changes for name in change.depends_on}
        if not wanted:
            return {}
        standings: dict[str, Standing] = {}
        for change in changes:
            standings[change.source] = standings[change.label] = _standing(change)
        for name in wanted - standings.keys():
            newest = max(self._named(lane, name), key=lambda one: one.id, default=None)
            if newest is not None:
                standings[name] = _standing(newest)
        return standings

    def _named(self, lane: str, name: str) -> list[Change]:
        """The changes, ended by now, that come from there or are called so."""
        found = list(self.store.changes(lane, branch=name))
        if NUMBERED.fullmatch(name):
            number = int(name[1:])
            found += self.store.changes(lane, number=number)
            by_id = self.store.change(number)
            found += [by_id] if by_id is not None and by_id.lane == lane else []
        return [one for one in found if name in (one.source, one.label)]

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
        self, changes: Sequence[Change], alone: Sequence[Candidate]
    ) -> Mapping[int, tuple[BaseCommit, ...]]:
        """For a change that was red alone: what had landed on the base of that test since the change left it."""
        queued = {change.id: change for change in changes}
        return {
            one.members[0].change: self._landed_since(queued[one.members[0].change], one.base)
            for one in alone
            if one.members[0].change in queued
        }

    def _landed_since(self, change: Change, tip: Sha) -> tuple[BaseCommit, ...]:
        commits = self.git.commits(tip, exclude=(change.head,), first_parent=True, limit=HISTORY_LIMIT)
        landed = {
            member.commit: member.change
            for one in self.store.candidates(change.lane, states=(CandidateState.LANDED,), newest=LANDINGS)
            for member in one.members
        }
        return tuple(self._base_commit(commit, landed.get(commit)) for commit in reversed(commits))

    def _base_commit(self, commit: Sha, number: int | None) -> BaseCommit:
        change = self.store.change(number) if number is not None else None
        title = change.title if change is not None else self.git.commit_facts(commit).message.split("\n")[0]
        return BaseCommit(commit=commit, change=change.id if change is not None else None, title=title)


def _standing(change: Change) -> Standing:
    return Standing(change=change.id, state=change.state)


def in_order(candidates: Sequence[Candidate], now: float) -> tuple[Candidate, ...]:
    """The candidates, given by id, with times that say in which order they were made, none of them to come: a clock
    that was set back since would make what was seen later look older, and asked again for ever."""
    ordered: list[Candidate] = []
    limit = now
    for candidate in reversed(candidates):
        if candidate.created_at > limit:
            candidate = replace(candidate, created_at=limit)
        limit = candidate.created_at - A_MOMENT
        ordered.append(candidate)
    return tuple(reversed(ordered))
