"""One repository on a forge: takes its events in, works its lanes, says what came of it; it moves nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from pointsman.core.errors import ForgeUnavailable, LaneLost, PointsmanError, UserError
from pointsman.core.hints import LaneFigures
from pointsman.core.pulls import events as e
from pointsman.core.pulls.model import Pull, PullState
from pointsman.core.queue.model import LIVE, Change, ChangeState, Entry, Note, RunState
from pointsman.ports import Clock, Gates, Pulls, Store
from pointsman.service.intake import Intake
from pointsman.service.loop import Loop
from pointsman.service.pull_desk import PullDesk
from pointsman.service.restore import Restorer
from pointsman.service.speaker import Speaker
from pointsman.service.upkeep import Upkeep

LOOK_SECONDS = 300.0
"""How often a repository is looked at without an event: what a lost webhook costs at most (rule 6)."""

WAKE_SECONDS = 30.0
"""How often a lane with queued changes is woken without an event."""

OWED_AT_ONCE = 10
"""Of the pull requests that are to be told again, so many are in one round."""

UPKEEP_SECONDS = 86_400.0
"""How often the state is kept within its bounds, and the mirror packed."""

BUSY_UPKEEP_SECONDS = 3 * UPKEEP_SECONDS
"""How long the mirror, whose packing takes a while, waits for a moment in which nothing is queued."""

PACKED = "upkeep:mirror"
"""The note of when the mirror was packed last, in seconds since 1970: the rhythm outlives the process."""

TROUBLE_SECONDS = 30.0
"""How long a repository rests after its forge, git or disk failed, where nobody said how long."""

RECENT_SECONDS = 86_400.0
"""Changes that ended this recently are told again after a restart: the last word may not have gone out."""

TO_CLOSE = "close:"
"""Notes of landed pull requests that the forge won't close by itself, because they were squashed (rule 1)."""


@dataclass(kw_only=True)
class Station:
    """Everything that works on one repository. One thread at a time uses it, and only while it holds the lane."""

    name: str
    store: Store
    pulls: Pulls
    gates: Gates
    desk: PullDesk
    intake: Intake
    speaker: Speaker
    loop: Loop
    restorer: Restorer
    clock: Clock
    say: Callable[[str, Entry], None] = lambda _name, _entry: None
    upkeep: Upkeep | None = None
    pack: Callable[[], None] = lambda: None
    woken: bool = True
    resting_until: float = 0.0
    looked_at: float = field(default=float("-inf"))
    worked_at: float = field(default=float("-inf"))
    troubles: int = 0
    let_go: Callable[[], None] = lambda: None
    """Ends what runs here and lets another process work the repository: called once this one does not any more."""
    _changed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.loop.performer.recorder.tell = self._heard
        self.speaker.trouble = self._trouble

    def recover(self) -> None:
        """What a new process does first: leftovers are collected, last words are said again."""
        self.restorer.bring_back()
        self.loop.recover()
        since = self.clock.now() - RECENT_SECONDS
        for change in self.store.changes():
            if change.ended_at is None or change.ended_at >= since:
                self._changed.add(change.id)

    def take(self, event: e.Event) -> None:
        """Take an event in; what it asks for is done before this returns, what follows from it in `round`."""
        self.woken = True
        self.intake.event(event)

    def forget_times(self) -> None:
        """After the clock was set back: rest no longer, look and work at once."""
        self.resting_until, self.looked_at, self.worked_at = 0.0, float("-inf"), float("-inf")

    def due(self, now: float) -> bool:
        """Is there anything to do now? Where its state can't be read it rests. LaneLost: as `round`."""
        if now < self.resting_until:
            return False
        try:
            waiting = WAKE_SECONDS if self._busy() else LOOK_SECONDS
            return (
                self.woken
                or now - self.worked_at >= waiting
                or now - self.looked_at >= LOOK_SECONDS
                or self._ended()
                or self.loop.observer.due
            )
        except LaneLost:
            raise
        except PointsmanError as problem:
            self._rest(problem)
            return False

    def round(self) -> int:
        """Work everything that can be worked now; how many actions were performed. Trouble with the forge, git or the
        disk puts the repository to rest for a while and loses nothing. LaneLost: another process works it now."""
        now = self.clock.now()
        self.woken, self.worked_at = False, now
        try:
            if now - self.looked_at >= LOOK_SECONDS:
                self.intake.look_round()
                self.looked_at = now
            done = self._work()
            self._keep_up(now)
            return done
        except LaneLost:
            raise
        except Exception as problem:  # noqa: BLE001 - one repository must not stop the others
            self._rest(problem)
            return 0

    def figures(self) -> tuple[LaneFigures, ...]:
        return tuple(self._lane_figures(lane) for lane in self.store.lanes())

    def _work(self) -> int:
        performed = sum(self.loop.wake(lane) for lane in self.loop.lanes())
        if self._sync_reviews():
            performed += sum(self.loop.wake(lane) for lane in self.loop.lanes())
        self.gates.sweep([run.id for run in self.store.runs(running=True)])
        self._tell()
        self._close()
        return performed

    def _keep_up(self, now: float) -> None:
        """Once a day. The mirror preferably while nothing is queued; one that was just made is no matter yet."""
        if self.upkeep is not None and self.upkeep.is_due(UPKEEP_SECONDS):
            self.upkeep.run()
        packed = self.store.note(PACKED)
        every = BUSY_UPKEEP_SECONDS if self._busy() else UPKEEP_SECONDS
        if packed is None or now - float(packed) >= every:
            self.store.save(Note(key=PACKED, value=str(now)), at=now)
            if packed is not None:
                self.pack()

    def _sync_reviews(self) -> int:
        """Reviews are read only for changes that wait for them."""
        synced = 0
        waiting = [
            change
            for change in self.store.changes(states=(ChangeState.QUEUED,))
            if change.wait is not None and change.wait.code == "approval"
        ]
        for change in waiting:
            first = change.id in self._changed
            if change.number in self.intake.reviewed or first:
                synced += self.desk.sync_approvals(change)
        self.intake.reviewed.clear()
        return synced

    def _tell(self) -> None:
        """Say what is new, pull request by pull request; what can't be said now is owed."""
        touched: dict[int, Pull | None] = {
            number: self.pulls.pull(number) for number in self.speaker.owed()[:OWED_AT_ONCE]
        }
        for change in self._changes():
            if change.number is not None:
                touched.setdefault(change.number, None)
        touched.update(self.intake.touched)
        self.intake.touched.clear()
        self._changed.clear()
        self._bring_in(touched.values())
        for number, pull in sorted(touched.items()):
            try:
                self.speaker.tell(number, pull=pull)
            except (
                UserError
            ) as problem:  # no contract there, or one that can't be read: nothing to hold it to
                self._trouble(str(problem))

    def _bring_in(self, pulls: Iterable[Pull | None]) -> None:
        """The commits of everything that is to be judged, in one go."""
        new = [pull for pull in pulls if pull is not None and pull.state is PullState.OPEN]
        if new:
            wanted = {pull.base for pull in new} | {f"#{pull.number}" for pull in new}
            self.desk.forge.branch_heads(sorted(wanted))

    def _close(self) -> None:
        for key in self.store.notes(TO_CLOSE):
            self.pulls.close(int(key.removeprefix(TO_CLOSE)))
            self.store.save(Note(key=key, value=""), at=self.clock.now())

    def _changes(self) -> list[Change]:
        known = (self.store.change(change_id) for change_id in sorted(self._changed))
        return [change for change in known if change is not None]

    def _heard(self, entry: Entry) -> None:
        """Remember whom a journal line is about; a squashed landing leaves its pull request to be closed."""
        body = entry.body
        ids = [*body.get("changes", ()), body.get("change")]
        self._changed.update(one for one in ids if isinstance(one, int))
        if entry.kind == "landed":
            self._to_be_closed(ids)
        self.say(self.name, replace(entry, body=self._numbered(body)))

    def _numbered(self, body: dict[str, Any]) -> dict[str, Any]:
        """The line with the numbers of pull requests in place of changes', which mean nothing on a forge."""
        told = dict(body)
        if isinstance(body.get("change"), int):
            told["change"] = self._number(body["change"])
        if "changes" in body:
            told["changes"] = [self._number(one) for one in body["changes"]]
        if body.get("healed"):
            told["healed"] = [
                {**one, "change": self._number(one["change"])} if isinstance(one, dict) else self._number(one)
                for one in body["healed"]
            ]
        return told

    def _number(self, change_id: int) -> int:
        change = self.store.change(change_id)
        return change.number if change is not None and change.number is not None else change_id

    def _to_be_closed(self, ids: list[object]) -> None:
        for change_id in ids:
            change = self.store.change(change_id) if isinstance(change_id, int) else None
            if change is None or change.number is None or change.landed is None:
                continue
            if not self.desk.git.is_ancestor(change.head, change.landed):
                note = Note(key=f"{TO_CLOSE}{change.number}", value=change.landed)
                self.store.save(note, at=self.clock.now())

    def _busy(self) -> bool:
        return bool(self.store.changes(states=(ChangeState.QUEUED,)) or self.speaker.owed())

    def _ended(self) -> bool:
        return self.loop.performer.runs.collect() > 0

    def _rest(self, problem: Exception) -> None:
        again = problem.again_at if isinstance(problem, ForgeUnavailable) else 0.0
        self.resting_until = max(again, self.clock.now() + (1.0 if again else TROUBLE_SECONDS))
        self.woken = True
        self._trouble(str(problem) if isinstance(problem, PointsmanError) else f"defect: {problem!r}")

    def _trouble(self, why: str) -> None:
        self.troubles += 1
        self.say(self.name, Entry(lane="", kind="trouble", body={"why": why}))

    def _lane_figures(self, lane: str) -> LaneFigures:
        runs = self.store.runs(running=True)
        return LaneFigures(
            repository=self.name,
            lane=lane,
            queued=len(self.store.changes(lane, states=(ChangeState.QUEUED,))),
            testing=len(self.store.candidates(lane, states=tuple(LIVE))),
            running=sum(1 for run in runs if run.lane == lane and run.state is RunState.RUNNING),
            paused=self.store.lane(lane).paused is not None,
        )
