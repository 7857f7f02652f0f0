"""What the queue's strategy is told of waiting changes beside their state: what they touch, whose they are, how likely
each is red, how the lane goes. All of it is a hint: what can't be read is left out, and nothing waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pointsman.core.contract import Contract, RoleFound
from pointsman.core.errors import PointsmanError
from pointsman.core.model import GitPath, Sha
from pointsman.core.queue.forecast import History, Met, kept_words, meeting, role_in, words_of
from pointsman.core.queue.foretold import Foretold, Neighbour
from pointsman.core.queue.model import Change, ChangeState
from pointsman.core.queue.observation import Odds, Pace, Touch
from pointsman.core.queue.overlap import Overlap, meeting_places, mended_by, never, overlap, overlaps
from pointsman.ports import Clock, Git, People, Store
from pointsman.service.forecasting import Learner
from pointsman.service.judging import Subject, role_of
from pointsman.service.recorded import LocalPeople
from pointsman.service.touches import AT_ONCE, Touches

LOOKED_AT = 400
"""Changes, from the front of the line, whose paths are read: no strategy looks at more of them at once."""

MOST_ROLES = 4000
"""Answers to whose a change is that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneFacts:
    """Hints by change id; any may lack a change. `changes` are those that were given, with the features that were
    found for them: whoever saves a change later has to start from these, or the features are lost again."""

    changes: tuple[Change, ...] = ()
    touches: Mapping[int, Touch] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    odds: Mapping[int, Odds] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    """The last answer of a lane, and all that it was made from."""

    key: tuple[object, ...]
    facts: LaneFacts
    front: tuple[Change, ...]
    words: Mapping[int, tuple[str, ...]]
    met: Mapping[int, Met]


@dataclass(kw_only=True)
class Facts:
    """One repository's; used by one thread at a time. Where nothing has changed since the last reading it costs a
    query and a comparison. `saves`: features that are found for the first time are kept in the store, which is for who
    works the lane; `at_once`: so many changes are looked at for the first time in one reading."""

    git: Git
    store: Store
    clock: Clock
    people: People = field(default_factory=LocalPeople)
    saves: bool = True
    at_once: int = AT_ONCE
    _learner: Learner | None = None
    _lanes: dict[str, Touches] = field(default_factory=dict)
    _roles: dict[tuple[int, Sha, str], str | None] = field(default_factory=dict)
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def read(self, lane: str, tip: Sha, contract: Contract | None, changes: Sequence[Change]) -> LaneFacts:
        """The hints on the lane's queued changes, given in any order."""
        self._catch_up()
        key = (
            tip,
            contract.digest if contract is not None else None,
            self.learner.learnt,
            tuple((change.id, change.head, change.priority, bool(change.features)) for change in changes),
        )
        kept = self._kept.get(lane)
        if kept is not None and kept.key == key:
            return replace(kept.facts, changes=self._with_features(changes), pace=self.learner.pace(lane))
        found, whole = self._find(lane, tip, contract, changes)
        self._kept[lane] = replace(found, key=key if whole else ())
        return found.facts

    def why(self, lane: str, change: int, contract: Contract | None) -> Foretold | None:
        """What the last reading of the lane says of a change, and what that rests on. None: it was not among the
        `LOOKED_AT` in front."""
        kept = self._kept.get(lane)
        if kept is None or change not in kept.words:
            return None
        ahead = [one.id for one in kept.front].index(change)
        history = self.learner.history
        return Foretold(
            change=kept.front[ahead],
            place=ahead + 1,
            role=kept.facts.roles.get(change),
            alone=history.alone(kept.words[change]),
            joint=history.joint(kept.met.get(change, Met())),
            neighbours=tuple(_neighbours(kept, ahead, _mended(contract))),
            pace=self.learner.pace(lane),
            ended=history.ended,
            is_read=change in kept.met,
        )

    @property
    def learner(self) -> Learner:
        if self._learner is None:
            self._learner = Learner(store=self.store)
        return self._learner

    def _catch_up(self) -> None:
        with suppress(PointsmanError):
            self.learner.catch_up()

    def _find(
        self, lane: str, tip: Sha, contract: Contract | None, changes: Sequence[Change]
    ) -> tuple[_Kept, bool]:
        """The hints anew, and whether everything was looked at."""
        front = sorted(changes, key=lambda change: (-change.priority, change.id))[:LOOKED_AT]
        folders = migration_folders(contract)
        reader = self._lanes.setdefault(lane, Touches(git=self.git, at_once=self.at_once))
        by_head, whole = reader.read([change.head for change in front], tip=tip, folders=folders)
        touches = {change.id: by_head[change.head] for change in front if change.head in by_head}
        roles, sure = self._roles_of(contract, front)
        bits = {change.id: 1 << place for place, change in enumerate(front)}
        found = overlaps(touches, bits, mended=_mended(contract))
        known = sum(bits[one] for one in found)
        met = {one: meeting(each, known & (bits[one] - 1)) for one, each in found.items()}
        words = {
            change.id: self._words(change, touches.get(change.id), roles.get(change.id)) for change in front
        }
        if self.saves and contract is not None and sure:
            whole &= self._save_features(front, words, met, contract.digest)
        facts = LaneFacts(
            changes=self._with_features(changes),
            touches=touches,
            roles=roles,
            odds=_odds(self.learner.history, changes, words, met),
            pace=self.learner.pace(lane),
        )
        return _Kept(key=(), facts=facts, front=tuple(front), words=words, met=met), whole and sure

    def _words(self, change: Change, touch: Touch | None, role: str | None) -> tuple[str, ...]:
        retry = self.learner.was_returned(change.lane, change.branch)
        return words_of(touch, role, retry=retry, heals=change.id in self.learner.healed)

    def _roles_of(self, contract: Contract | None, front: Sequence[Change]) -> tuple[dict[int, str], bool]:
        """The role of each, and whether all could be asked for; who has none is left out."""
        roles: dict[int, str] = {}
        if contract is None:
            return roles, True
        for change in front:
            key = (change.id, change.head, contract.digest)
            if key not in self._roles:
                try:
                    self._roles[key] = self._role(contract, change)
                except PointsmanError:
                    return roles, False
            role = self._roles[key]
            if role is not None:
                roles[change.id] = role
        while len(self._roles) > MOST_ROLES:
            del self._roles[next(iter(self._roles))]
        return roles, True

    def _role(self, contract: Contract, change: Change) -> str | None:
        """As it was found before a restart, if under the same contract: nobody is asked for twice."""
        known = role_in(change.features, contract.digest)
        if known is not None:
            return known
        subject = Subject(
            author=change.author,
            who=self.people.author(change.author, change.account, contract),
            branch=change.branch,
            head=change.head,
            target=change.lane,
            worktree=change.worktree,
        )
        outcome = role_of(contract, subject)
        return outcome.role if isinstance(outcome, RoleFound) else None

    def _save_features(
        self,
        front: Sequence[Change],
        words: Mapping[int, tuple[str, ...]],
        met: Mapping[int, Met],
        contract: str,
    ) -> bool:
        """Keep what changes are like that are looked at for the first time, in one save; False where that failed. They
        are read once more, so that what was written meanwhile stays."""
        known = self.learner.words
        fresh = [
            change for change in front if change.id in met and not change.features and change.id not in known
        ]
        features = {one.id: kept_words(words[one.id], met[one.id], contract) for one in fresh}
        if not features:
            return True
        try:
            now = [self.store.change(one) for one in features]
            records = [
                replace(change, features=features[change.id])
                for change in now
                if change is not None and change.state is ChangeState.QUEUED and not change.features
            ]
            self.store.save(*records, at=self.clock.now())
        except PointsmanError:
            return False
        known.update(features)
        return True

    def _with_features(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        known = self.learner.words
        return tuple(
            replace(change, features=known[change.id])
            if not change.features and change.id in known
            else change
            for change in changes
        )


def _odds(
    history: History,
    changes: Sequence[Change],
    words: Mapping[int, tuple[str, ...]],
    met: Mapping[int, Met],
) -> dict[int, Odds]:
    """Those of the front by what they are like, those behind it by the rate of all."""
    known: dict[tuple[str, ...], float] = {}
    for each in words.values():
        if each not in known:
            known[each] = history.alone(each).p
    usual = Odds(alone=history.base(), joint=PRIOR_JOINT)
    odds: dict[int, Odds] = {}
    for change in changes:
        if change.id not in words:
            odds[change.id] = usual
        else:
            joint = history.joint(met[change.id]) if change.id in met else PRIOR_JOINT
            odds[change.id] = Odds(alone=known[words[change.id]], joint=joint)
    return odds


PRIOR_JOINT = 0.02
"""How likely a change is red only together with another, where it is not known what it touches."""


def _mended(contract: Contract | None) -> Callable[[GitPath], bool]:
    return mended_by(contract) if contract is not None else never


def _neighbours(kept: _Kept, place: int, mended: Callable[[GitPath], bool]) -> Iterator[Neighbour]:
    """Those ahead that the change at that place meets, the front first."""
    touches = kept.facts.touches
    own = touches.get(kept.front[place].id)
    for one in kept.front[:place]:
        if own is None or one.id not in touches:
            continue
        how = overlap(own, touches[one.id], mended=mended)
        if how is not Overlap.DISJOINT:
            yield Neighbour(change=one, how=how, where=meeting_places(own, touches[one.id], how))


def migration_folders(contract: Contract | None) -> tuple[str, ...]:
    """Where the contract says that migrations are, beside the places that tools use by themselves."""
    if contract is None:
        return ()
    return tuple(
        dict.fromkeys(folder.strip("/") for policy in contract.migrations for folder in policy.versions)
    )
