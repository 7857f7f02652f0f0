"""All repositories of an app: hands each delivery to its repository and lets each work when it has something to do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from pointsman.core.errors import EnvironmentProblem, ForgeUnavailable, LaneLost, PointsmanError
from pointsman.core.hints import Delivery, Figures
from pointsman.core.pulls import events as e
from pointsman.core.queue.model import Entry
from pointsman.ports import Clock, Inbox
from pointsman.service.station import Station

IDLE_SECONDS = 0.25
"""How long to wait when nothing is due; `nudge` cuts it short."""

DIRECTORY_SECONDS = 600.0
"""How often the list of repositories is read again without an event."""

SET_BACK_SECONDS = 60.0
"""A clock that shows less by more than this was set back."""

RETRY_SECONDS = 30.0
AGAIN_SECONDS = 5.0
"""How long to wait before it is asked again whose turn it is, where that could not be told."""


@dataclass(kw_only=True)
class Hub:
    """`directory` lists the repositories that the app is installed on, by id; `open_station` makes the one that works
    such a repository. `rest` waits for so many seconds, or until something came in. `mine` says which of all these
    repositories this process may work now, where there are several: it is asked in each round. `give_up` is told of
    one that it can't open: another may try."""

    inbox: Inbox
    clock: Clock
    directory: Callable[[], dict[int, str]]
    open_station: Callable[[int, str], Station]
    say: Callable[[str, Entry], None] = lambda _name, _entry: None
    rest: Callable[[float], None] = lambda _seconds: None
    mine: Callable[[Collection[int]], Collection[int]] = lambda repositories: repositories
    give_up: Callable[[int], None] = lambda _repository: None
    stations: dict[int, Station] = field(default_factory=dict)
    _listed_at: float = field(default=float("-inf"))
    _listed: bool = False
    _names: dict[int, str] = field(default_factory=dict)
    _open_again_at: dict[int, float] = field(default_factory=dict)
    _mine_again_at: float = 0.0
    _counted: Counter[str] = field(default_factory=Counter)
    _deliveries: Counter[tuple[str, str]] = field(default_factory=Counter)
    _last_round: float = 0.0
    _inbox_again_at: float = 0.0

    @property
    def ready(self) -> str:
        """Why deliveries can't be worked yet; '' when they can."""
        return "" if self._listed else "the list of repositories was not read yet"

    def run(self, *, stop: Callable[[], bool]) -> None:
        """Work until `stop()`."""
        while not stop():
            if not self.round():
                self.rest(IDLE_SECONDS)

    def round(self) -> int:
        """Everything that is due now, once; how much was done."""
        self._mind_the_clock()
        done = self._list_repositories()
        self._take_turns()
        done += self._work_inbox()
        for repository, station in list(self.stations.items()):
            done += self._work_station(repository, station)
        return done

    def _mind_the_clock(self) -> None:
        """A clock that was set back has put off what was to be done soon: it is done now."""
        now = self.clock.now()
        if now < self._last_round - SET_BACK_SECONDS:
            self._listed_at, self._mine_again_at, self._inbox_again_at = float("-inf"), 0.0, 0.0
            self._open_again_at.clear()
            for station in self.stations.values():
                station.forget_times()
        self._last_round = now

    def figures(self) -> Figures:
        """May be called from another thread."""
        pending, oldest = self.inbox.size()
        stations = list(self.stations.values())
        return Figures(
            lanes=tuple(lane for station in stations for lane in station.figures()),
            requests=tuple((station.name, station.pulls.spent) for station in stations),
            deliveries=tuple(self._deliveries.copy().items()),
            landed=self._counted["landed"],
            returned=self._counted["returned"],
            healed=self._counted["healed"],
            pending_hints=pending,
            oldest_hint=max(0.0, self.clock.now() - oldest) if pending else 0.0,
            last_round=self._last_round,
            troubles=sum(station.troubles for station in stations) + self._counted["trouble"],
        )

    def heard(self, name: str, entry: Entry) -> None:
        """Count a journal line of any repository and pass it on."""
        if entry.kind == "landed":
            self._counted["landed"] += len(entry.body.get("changes", ()))
        elif entry.kind == "built":
            self._counted["healed"] += len(entry.body.get("healed", ()))
        else:
            self._counted[entry.kind] += 1
        self.say(name, entry)

    def _list_repositories(self) -> int:
        now = self.clock.now()
        if now - self._listed_at < DIRECTORY_SECONDS:
            return 0
        try:
            found = self.directory()
        except PointsmanError as problem:
            again = problem.again_at if isinstance(problem, ForgeUnavailable) else 0.0
            self._listed_at = max(now, again) - DIRECTORY_SECONDS + RETRY_SECONDS
            self.heard("", Entry(lane="", kind="trouble", body={"why": str(problem)}))
            return 0
        self._listed_at, self._listed = now, True
        self._names = found
        return 1

    def _take_turns(self) -> None:
        """Have a station for each repository whose turn this process has, and for no other."""
        if self.clock.now() < self._mine_again_at:
            return
        try:
            mine = frozenset(self.mine(self._names))
        except EnvironmentProblem as problem:
            self._mine_again_at = self.clock.now() + AGAIN_SECONDS
            self.heard("", Entry(lane="", kind="trouble", body={"why": str(problem)}))
            mine = frozenset()
        for gone in self.stations.keys() - mine:
            self._drop(gone)
        for repository, name in self._names.items():
            if repository in mine:
                self._open(repository, name)

    def _drop(self, repository: int) -> None:
        self.stations.pop(repository).let_go()

    def _work_station(self, repository: int, station: Station) -> int:
        try:
            return 1 + station.round() if station.due(self.clock.now()) else 0
        except LaneLost as problem:
            self.heard(station.name, Entry(lane="", kind="trouble", body={"why": str(problem)}))
            self._drop(repository)
            return 1

    def _open(self, repository: int, name: str) -> None:
        known = self.stations.get(repository)
        if known is not None and known.name == name:
            return
        if self.clock.now() < self._open_again_at.get(repository, 0.0):
            return
        try:
            station = self.open_station(repository, name)
            station.say = self.heard
            station.recover()
        except PointsmanError as problem:
            self._listed_at = self.clock.now() - DIRECTORY_SECONDS + RETRY_SECONDS
            self._open_again_at[repository] = self.clock.now() + RETRY_SECONDS
            self.heard(name, Entry(lane="", kind="trouble", body={"why": str(problem)}))
            self.give_up(repository)
            return
        self.stations[repository] = station

    def _work_inbox(self) -> int:
        """What can't be read or written off for now (a full disk) stays where it is."""
        if not self._listed or self.clock.now() < self._inbox_again_at:
            return 0
        try:
            pending = self.inbox.pending(now=self.clock.now())
            for delivery in pending:
                outcome = self._work(delivery)
                self._deliveries[(delivery.event, outcome)] += 1
        except EnvironmentProblem as problem:
            self._inbox_again_at = self.clock.now() + RETRY_SECONDS
            self.heard("", Entry(lane="", kind="trouble", body={"why": str(problem)}))
            return 0
        return len(pending)

    def _work(self, delivery: Delivery) -> str:
        """Work one delivery; one that fails is tried again later, and others go before it."""
        now = self.clock.now()
        try:
            outcome = self._take(delivery)
        except Exception as problem:  # noqa: BLE001 - one delivery must not stop all repositories; it is kept
            again = problem.again_at if isinstance(problem, ForgeUnavailable) else 0.0
            why = str(problem) if isinstance(problem, PointsmanError) else f"defect: {problem!r}"
            kept = self.inbox.later(delivery.id, at=max(again, now + RETRY_SECONDS), why=why)
            self.heard("", Entry(lane="", kind="trouble", body={"why": f"{delivery.event}: {why}"}))
            return "later" if kept else "given up"
        self.inbox.done(delivery.id, at=now)
        return outcome

    def _take(self, delivery: Delivery) -> str:
        try:
            payload = json.loads(delivery.payload)
        except (ValueError, RecursionError):
            return "malformed"
        event = e.parse_event(delivery.event, payload)
        if isinstance(event, e.Ignored | e.Malformed):
            return "ignored" if isinstance(event, e.Ignored) else "malformed"
        if isinstance(event, e.InstallationChanged | e.RepositoryRenamed):
            self._listed_at = float("-inf")
            return "worked"
        station = self.stations.get(delivery.repository) if delivery.repository is not None else None
        if station is None:
            return "unknown repository"
        station.take(event)
        return "worked"
