"""Follows the journal and says where each change was at every moment; it counts no cost and reads no store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pointsman.core.journal import ENDS, changes_named
from pointsman.core.queue.model import Change, JournalLine
from pointsman.core.report.model import HELD, Span, Stage

NEWER_HEAD = "a newer head of the branch"
"""Who takes a change out of the queue when its branch is submitted again (service.door)."""

_GIVEN_UP = frozenset({"discarded", "split", "failed", "cleared"})
_MADE = frozenset({"built", "restacked"})
_LEFT = frozenset({"returned", "withdrawn"})
_NOT_PEOPLE = frozenset({NEWER_HEAD, "", "?"})
_LANE_WORK = (
    frozenset({"building", "built", "run_started", "passed", "landing", "landed", "restacked"}) | _GIVEN_UP
)
"""What only a lane's one writer writes: after such a line nothing is being built any more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What the journal says. `spans` of a change follow each other without a gap from its submission to its end (or
    now); `waits` are the codes it waited for, `acts` what people did to it. `ended` is when a run ended."""

    spans: Mapping[int, tuple[Span, ...]]
    waits: Mapping[int, Counter[str]]
    acts: Mapping[int, Counter[str]]
    lane_acts: Sequence[tuple[float, str, str]]
    replaced: frozenset[int]
    ended: Mapping[int, float]


@dataclass(slots=True)
class _Place:
    """Where one change stands: the candidates that hold it, the probes that ask about it alone, and what stops it."""

    change: Change
    since: float
    stage: str = Stage.TURN
    held: bool = False
    wait: str = ""
    building: bool = False
    live: set[int] = field(default_factory=set)
    probes: set[int] = field(default_factory=set)
    spans: list[Span] = field(default_factory=list)

    def move(self, stage: str, at: float) -> None:
        """Close the span that is open; a clock that jumped back makes an empty one."""
        if stage == self.stage:
            return
        end = max(at, self.since)
        if end > self.since:
            self.spans.append(Span(stage=self.stage, start=self.since, end=end))
        self.stage, self.since = stage, end


@dataclass(slots=True)
class _Candidate:
    members: tuple[int, ...]
    testing: bool = False
    passed: bool = False


@dataclass(kw_only=True)
class _Follower:
    places: dict[int, _Place]
    now: float
    candidates: dict[int, _Candidate] = field(default_factory=dict)
    in_lane: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    building: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    paused: set[str] = field(default_factory=set)
    waits: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    acts: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    lane_acts: list[tuple[float, str, str]] = field(default_factory=list)
    replaced: set[int] = field(default_factory=set)
    ended: dict[int, float] = field(default_factory=dict)

    def take(self, line: JournalLine) -> None:
        """One line: first who it is about and what it changes, then where these stand now."""
        new = self._built_before(line) if line.kind in _LANE_WORK else set()
        about = new | changes_named(line.body) | self._candidate(line, new) | self._lane(line)
        for change in about:
            self._change(change, line)
        self._act(line)
        for change in about:
            place = self.places.get(change)
            if place is not None and change in self.in_lane[place.change.lane]:
                place.move(self._stage(place), line.at)

    def finish(self) -> dict[int, tuple[Span, ...]]:
        """Close every change at its end, or now."""
        for place in self.places.values():
            end = place.change.ended_at if place.change.ended_at is not None else self.now
            place.spans = _fitted(place, end)
        return {change: tuple(place.spans) for change, place in self.places.items()}

    def _built_before(self, line: JournalLine) -> set[int]:
        """Changes whose build ended with this line, whatever came of it."""
        over = self.building.pop(line.lane, set())
        for change in over:
            self.places[change].building = False
        return over

    def _candidate(self, line: JournalLine, new: set[int]) -> set[int]:
        """`new` are the changes that were being built until this line."""
        number = line.body.get("candidate")
        if not isinstance(number, int):
            return set()
        if line.kind in _MADE:
            self._add(number, changes_named(line.body), new)
        known = self.candidates.get(number)
        if known is None:
            return set()
        if line.kind == "run_started":
            known.testing = True
        elif line.kind == "passed":
            known.passed = True
        elif line.kind in _GIVEN_UP:
            self._drop(number)
        return set(known.members)

    def _add(self, number: int, members: Iterable[int], new: set[int]) -> None:
        """A candidate that stands on another holds that one's changes, too: only those that are new to the gate have
        stopped waiting. One that was brought onto another base goes on as it was, with what is left of it."""
        old = self.candidates.get(number, _Candidate(members=()))
        self._drop(number)
        here = tuple(sorted(change for change in members if change in self.places))
        self.candidates[number] = replace(old, members=here)
        for change in here:
            place = self.places[change]
            if change in new or not place.live:
                place.wait = ""
            place.live.add(number)

    def _drop(self, number: int) -> None:
        """It can't land any more; how far it was is kept, for the case that it is brought onto another base."""
        known = self.candidates.get(number)
        for change in known.members if known is not None else ():
            self.places[change].live.discard(number)

    def _lane(self, line: JournalLine) -> set[int]:
        if line.kind == "paused":
            self.paused.add(line.lane)
        elif line.kind == "resumed":
            self.paused.discard(line.lane)
        else:
            return set()
        return set(self.in_lane[line.lane])

    def _change(self, change: int, line: JournalLine) -> None:
        place = self.places.get(change)
        if place is None:
            return
        if place.stage not in _END_NAMES:
            self.in_lane[place.change.lane].add(change)
        match line.kind:
            case "building":
                place.building = True
                self.building[line.lane].add(change)
            case "waiting":
                place.wait, place.building = str(line.body.get("code") or "other"), False
                self.waits[change][place.wait] += 1
            case "run_started" | "run_ended" if isinstance(line.body.get("run"), int):
                self._probe(place, line)
            case "held" | "unheld":
                place.held = line.kind == "held"
            case "returned" | "withdrawn" | "landed":
                self._leave(change, line)

    def _probe(self, place: _Place, line: JournalLine) -> None:
        """A run that asks about the change alone; one on a candidate is the candidate's."""
        if line.kind == "run_ended":
            place.probes.discard(line.body["run"])
        elif line.body.get("candidate") is None:
            place.probes.add(line.body["run"])

    def _leave(self, change: int, line: JournalLine) -> None:
        """A candidate can't land any more once a member of it has left; those that landed only make it shorter."""
        place = self.places[change]
        if change in self.in_lane[place.change.lane]:
            place.move(line.kind, line.at)
            self.in_lane[place.change.lane].discard(change)
        for number in [*place.live] if line.kind in _LEFT else ():
            others = self.candidates[number].members
            self._drop(number)
            for other in others:
                self._again(other, line.at)

    def _again(self, change: int, at: float) -> None:
        place = self.places[change]
        if change in self.in_lane[place.change.lane]:
            place.move(self._stage(place), at)

    def _stage(self, place: _Place) -> str:
        live = [self.candidates[number] for number in place.live]
        paused = place.change.lane in self.paused
        waits = HELD + place.wait if place.wait else ""
        if place.held:
            return HELD + "held"
        if any(one.passed for one in live):
            return waits or (Stage.PAUSED if paused else Stage.LANDING)
        if place.probes or any(one.testing for one in live):
            return Stage.TESTING
        if paused:
            return Stage.PAUSED
        if place.building:
            return Stage.BUILDING
        return Stage.RUNNER if live else waits or Stage.TURN

    def _act(self, line: JournalLine) -> None:
        """What people did; a bot's account is told by its name."""
        body = line.body
        if line.kind == "run_ended" and isinstance(body.get("run"), int):
            self.ended[body["run"]] = line.at
        by = _who(line)
        change = body.get("change")
        if line.kind == "withdrawn" and by == NEWER_HEAD and isinstance(change, int):
            self.replaced.add(change)
        act = _ACTS.get(line.kind)
        if act is None or by in _NOT_PEOPLE or by.endswith("[bot]") or body.get("human") is False:
            return
        if isinstance(change, int) and change:
            self.acts[change][act] += 1
        else:
            self.lane_acts.append((line.at, line.lane, act))


_ACTS = {
    "approved": "approval",
    "revoked": "revoked approval",
    "granted": "scope grant",
    "held": "hold",
    "unheld": "unhold",
    "prioritised": "priority",
    "withdrawn": "withdrawal",
    "overridden": "override",
    "paused": "pause",
    "resumed": "resume",
}
"""Kinds of lines that a person causes -> what it is called."""


def _who(line: JournalLine) -> str:
    """Who did it; of a hold, whom its sentence names."""
    if line.kind == "held":
        text = str(line.body.get("why", ""))
        return text.removeprefix("held by ").partition(":")[0] if text.startswith("held by ") else ""
    if line.kind == "unheld":
        return "somebody"
    return str(line.body.get("by") or "")


def follow(lines: Iterable[JournalLine], changes: Sequence[Change], *, now: float) -> History:
    """The history of those changes. A line of another version, or a forger's, is passed over."""
    follower = _Follower(
        places={one.id: _Place(change=one, since=one.submitted_at) for one in changes}, now=now
    )
    for line in lines:
        follower.take(line)
    return History(
        spans=follower.finish(),
        waits=follower.waits,
        acts=follower.acts,
        lane_acts=follower.lane_acts,
        replaced=frozenset(follower.replaced),
        ended=follower.ended,
    )


def _fitted(place: _Place, end: float) -> list[Span]:
    """The spans, cut off at `end`, with the open one closed there."""
    begin = place.change.submitted_at
    last = Span(stage=place.stage, start=place.since, end=max(end, place.since))
    whole = [*place.spans, last] if place.stage not in _END_NAMES else [*place.spans]
    fitted = [
        Span(stage=one.stage, start=one.start, end=min(one.end, end)) for one in whole if one.start < end
    ]
    if fitted:
        fitted[-1] = Span(stage=fitted[-1].stage, start=fitted[-1].start, end=end)
    elif end > begin:
        fitted = [Span(stage=Stage.TURN, start=begin, end=end)]
    return fitted


_END_NAMES = frozenset(state.value for state in ENDS)


def seconds_by_stage(spans: Iterable[Span]) -> dict[str, float]:
    """How long in each stage, in the order in which they were first reached."""
    total: dict[str, float] = {}
    for span in spans:
        total[span.stage] = total.get(span.stage, 0.0) + span.seconds
    return total
