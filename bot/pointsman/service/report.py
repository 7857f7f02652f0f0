"""Reads what a report is made from: the store, its journal, and git for the commits; it counts and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pointsman.core.contract import Contract, RoleFound, resolve_role
from pointsman.core.contract.control import CONTROL
from pointsman.core.contract.matching import pattern_set
from pointsman.core.errors import PointsmanError
from pointsman.core.model import CommitFacts, GitPath, Sha
from pointsman.core.queue.model import Change, ChangeState, JournalLine, Run
from pointsman.core.report.compose import Asked, choose, compose
from pointsman.core.report.figures import By, Report
from pointsman.core.report.model import Commits, Override, Records
from pointsman.core.report.pieces import ROOT, areas_of
from pointsman.ports import Git, Store
from pointsman.service.judging import local_author
from pointsman.service.recorded import standing_approvals

PAGE = 5000
"""Journal lines, or candidates and changes whose runs are asked for, at once."""
MOST_COMMITS = 500
"""Commits of one head that are read."""

Told = Callable[[str, int, int], None]
"""Hears what is being read, how many there are, and of how many."""


@dataclass(kw_only=True)
class Reporter:
    """Makes reports of one repository. `contract`: the one in force, which roles and suggestions need; None: there is
    none that can be read. `tips`: where the lanes are now."""

    git: Git
    store: Store
    now: float
    day_of: Callable[[float], str]
    contract: Contract | None = None
    tips: Mapping[str, Sha] = field(default_factory=dict)
    tell: Told = lambda _what, _done, _of: None

    def report(self, asked: Asked, *, commits: bool = True) -> Report:
        """The report; without `commits` only what the store knows, which is faster."""
        every = self.store.changes(asked.lane)
        chosen = choose(every, asked)
        changes = [change for piece in chosen for change in piece]
        records = self._records(changes, asked)
        reading = _Reading(git=self.git, tips=self.tips)
        known = self._commits(reading, chosen, with_areas=asked.by is By.AREA) if commits else {}
        overrides = tuple(self._overrides(reading, records)) if self.contract is not None else ()
        return compose(
            records,
            asked,
            day_of=self.day_of,
            commits=known,
            overrides=overrides,
            contract=self.contract,
        )

    def _records(self, changes: Sequence[Change], asked: Asked) -> Records:
        """What the store knows of those changes. Another change of a shared candidate is named by it, not read."""
        if not changes:
            return Records(now=self.now, changes=(), lines=tuple(self._journal(asked.lane)))
        ids = [change.id for change in changes]
        wanted = set(ids)
        since = min(change.submitted_at for change in changes)
        lanes = sorted({change.lane for change in changes})
        candidates = [
            one
            for lane in lanes
            for one in self.store.candidates(lane, since=since)
            if any(member.change in wanted for member in one.members)
        ]
        return Records(
            now=self.now,
            changes=changes,
            candidates=candidates,
            runs=self._runs([one.id for one in candidates], ids),
            approvals=self.store.approvals(ids),
            grants=self.store.grants(ids),
            lines=tuple(self._journal(asked.lane)),
            roles=self._roles(changes),
        )

    def _runs(self, candidates: Sequence[int], changes: Sequence[int]) -> list[Run]:
        runs: dict[int, Run] = {}
        for at in range(0, max(len(candidates), len(changes)), PAGE):
            found = self.store.runs(candidates=candidates[at : at + PAGE], changes=changes[at : at + PAGE])
            runs.update((run.id, run) for run in found)
        return [runs[number] for number in sorted(runs)]

    def _journal(self, lane: str | None) -> Iterator[JournalLine]:
        last, (written, _) = 0, self.store.journal_head()
        while page := self.store.journal(after=last, lane=lane, limit=PAGE):
            yield from page
            last = page[-1].seq
            self.tell("journal lines", last, written)

    def _roles(self, changes: Iterable[Change]) -> dict[int, str]:
        """The contract's word as it is now, for changes that never came as far as a candidate."""
        if self.contract is None:
            return {}
        known: dict[tuple[str, str, str | None], str | None] = {}
        for change in changes:
            key = (change.author, change.branch, change.worktree)
            if key not in known:
                who = local_author(change.author)
                outcome = resolve_role(self.contract, who, change.branch, worktree=change.worktree)
                known[key] = outcome.role if isinstance(outcome, RoleFound) else None
        said = ((change.id, known[change.author, change.branch, change.worktree]) for change in changes)
        return {change: role for change, role in said if role is not None}

    def _commits(
        self, reading: _Reading, chosen: Sequence[tuple[Change, ...]], *, with_areas: bool
    ) -> dict[int, Commits]:
        """By first change. What landed is read first, in order: a commit that it brought is not another's."""
        landed_first = sorted(chosen, key=lambda piece: (piece[-1].landed is None, piece[-1].ended_at or 0.0))
        known: dict[int, Commits] = {}
        for place, piece in enumerate(landed_first, start=1):
            known[piece[0].id] = reading.commits(piece, with_areas=with_areas and areas_of(piece[-1]) is None)
            if place % 100 == 0:
                self.tell("pieces of work", place, len(chosen))
        return known

    def _overrides(self, reading: _Reading, records: Records) -> Iterator[Override]:
        contract = self.contract
        if contract is None:
            return
        for grant in records.grants:
            yield Override(change=grant.change, kind="scope", what=grant.pattern)
        approved = {one.change for one in standing_approvals(tuple(records.approvals)) if one.human}
        for change in records.changes:
            if change.id in approved:
                paths = reading.paths(change)
                yield from (
                    Override(change=change.id, kind="approval", what=name, area=area)
                    for name, area in _approved_areas(contract, paths)
                )


def _approved_areas(contract: Contract, paths: Sequence[GitPath]) -> list[tuple[str, str]]:
    """The classes that ask for an approval of those paths, with the pattern of each that asks."""
    found: dict[tuple[str, str], None] = {}
    for name, kind in contract.classes.items():
        if kind.approve is None or name == CONTROL or not kind.match:
            continue
        texts = tuple(one.text for one in kind.match)
        patterns = pattern_set(texts, protective=True)
        for path in paths:
            found.update(dict.fromkeys((name, texts[index]) for index in sorted(patterns.matches(path))))
    return list(found)


@dataclass(kw_only=True)
class _Reading:
    """What git says of commits, each read once; of what git does not have any more, nothing."""

    git: Git
    tips: Mapping[str, Sha]
    _mains: dict[str, dict[Sha, int]] = field(default_factory=dict)
    _facts: dict[Sha, CommitFacts] = field(default_factory=dict)
    _claimed: set[Sha] = field(default_factory=set)

    def commits(self, piece: tuple[Change, ...], *, with_areas: bool) -> Commits:
        """What the piece of work brought, of all that was submitted of it."""
        try:
            heads = [self._brought(change)[0] for change in piece]
            areas = tuple(sorted({_area(path) for path in self.paths(piece[-1])})) if with_areas else None
        except PointsmanError:
            return Commits()
        own = {one.sha: one for head in heads for one in head if one.sha not in self._claimed}
        if piece[-1].state is ChangeState.LANDED:
            self._claimed.update(own)
        messages = tuple(one.message for one in reversed(own.values()))
        return Commits(messages=messages, by_others=_by_others(heads), areas=areas or None)

    def paths(self, change: Change) -> tuple[GitPath, ...]:
        """What the change touches since it last left, or took in, the base; () where git can't say."""
        try:
            _, left = self._brought(change)
            if left is None:
                return ()
            changed = self.git.changed(self._commit(left).tree, self._commit(change.head).tree)
        except PointsmanError:
            return ()
        return tuple(one.path for one in changed)

    def _brought(self, change: Change) -> tuple[list[CommitFacts], Sha | None]:
        """The commits from the head back to the lane's own line, newest first, and the newest commit of that line."""
        main = self._main(change.lane)
        found: dict[Sha, CommitFacts] = {}
        met: list[Sha] = []
        waiting = [change.head]
        while waiting and len(found) < MOST_COMMITS:
            sha = waiting.pop(0)
            if sha in main:
                met.append(sha)
            elif sha not in found:
                found[sha] = self._commit(sha)
                waiting += found[sha].parents
        return list(found.values()), min(met, key=main.__getitem__, default=None)

    def _main(self, lane: str) -> dict[Sha, int]:
        if lane not in self._mains:
            tip = self.tips.get(lane)
            line = self.git.commits(tip, first_parent=True) if tip is not None else ()
            self._mains[lane] = {sha: place for place, sha in enumerate(line)}
        return self._mains[lane]

    def _commit(self, sha: Sha) -> CommitFacts:
        if sha not in self._facts:
            self._facts[sha] = self.git.commit_facts(sha)
        return self._facts[sha]


def _by_others(heads: Sequence[Sequence[CommitFacts]]) -> int:
    """Commits that came after the first submission, by people who wrote nothing of that."""
    first = {one.sha for one in heads[0]}
    authors = {one.author.email.lower() for one in heads[0]}
    later = {one.sha: one for head in heads[1:] for one in head if one.sha not in first}
    return sum(1 for one in later.values() if one.author.email.lower() not in authors and not _is_bot(one))


def _is_bot(commit: CommitFacts) -> bool:
    return "[bot]" in commit.author.email or commit.author.name.endswith("[bot]")


def _area(path: GitPath) -> str:
    folder, slash, _ = path.partition("/")
    return folder if slash else ROOT
