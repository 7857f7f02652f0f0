"""Puts the parts together for repositories on GitHub: one station a repository, one hub an app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.adapters.clock import SystemClock
from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.directory import AppDirectory, Installed, open_with_token
from pointsman.adapters.github.mirror import open_mirror
from pointsman.adapters.github.remote import GitRemote
from pointsman.adapters.local import RunLock
from pointsman.adapters.store.document import DocumentStore
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery
from pointsman.core.queue.model import Entry
from pointsman.ports import Clock, Inbox, Turn
from pointsman.service.hub import Hub
from pointsman.service.station import Station
from pointsman.wiring.database import app_share
from pointsman.wiring.station import Ways, Where, station

__all__ = ["App", "Ways", "Where", "action_hub", "github_app"]

if TYPE_CHECKING:
    from pointsman.adapters.replicas.share import Share

SHARED_IDLE_SECONDS = 1.0
"""How long to wait where nothing is due and others would wake us: each look asks the database."""

ACTION_GATE = "gate.yml"
"""The workflow that runs the contract's checks on a candidate where only `GITHUB_TOKEN` is to be had."""


@dataclass(kw_only=True)
class App:
    """The running app: its inbox, its hub, and what to call when something came in."""

    hub: Hub
    inbox: Inbox
    wake: Callable[[], None]
    credentials: AppCredentials


@contextmanager
def github_app(
    credentials: AppCredentials,
    state: Path,
    *,
    ways: Ways | None = None,
    say: Callable[[str, Entry], None] = lambda _name, _entry: None,
    clock: Clock | None = None,
    database: str | None = None,
) -> Iterator[App]:
    """The app with its state under `state`, and in the `database` where one is named (see `wiring.database.named`).
    EnvironmentProblem where another process works with that folder."""
    clock = clock or SystemClock()
    lock = RunLock(state / "run.lock")
    if not lock.acquire():
        raise EnvironmentProblem(f"another process ({lock.holder()}) works with {state}; stop it first")
    with ExitStack() as stack:
        stack.callback(lock.release)
        bell = threading.Event()
        share = stack.enter_context(app_share(database, bell.set))
        inbox: Inbox = share or stack.enter_context(closing(SqlInbox.open(state / "inbox.db")))
        directory = AppDirectory(credentials, clock=clock)
        stack.callback(directory.close)
        repositories = _Repositories(
            directory=directory, state=state, ways=ways or Ways(), clock=clock, stack=stack, share=share
        )
        hub = Hub(
            inbox=inbox,
            clock=clock,
            directory=repositories.listed,
            open_station=repositories.open,
            say=say,
            rest=_resting(bell, at_least=SHARED_IDLE_SECONDS if share is not None else 0.0),
            mine=share.mine if share is not None else lambda repositories: repositories,
            give_up=share.give_up if share is not None else lambda _repository: None,
        )
        yield App(hub=hub, inbox=inbox, wake=bell.set, credentials=credentials)


def _resting(bell: threading.Event, *, at_least: float) -> Callable[[float], None]:
    def rest(seconds: float) -> None:
        bell.wait(max(seconds, at_least))
        bell.clear()

    return rest


@dataclass(kw_only=True)
class _Repositories:
    """What the app is installed on, and the folders of their state: named by id, which stays when a name changes."""

    directory: AppDirectory
    state: Path
    ways: Ways
    clock: Clock
    stack: ExitStack
    share: Share | None = None
    _mirrors: dict[int, GitRepository] = field(default_factory=dict)
    _known: dict[int, Installed] = field(default_factory=dict)

    def listed(self) -> dict[int, str]:
        found = [one for one in self.directory.repositories() if not one.archived]
        self._known = {one.repository.id: one for one in found}
        return {one.repository.id: one.repository.full_name for one in found}

    def open(self, repository: int, name: str) -> Station:
        opened = self.directory.open(self._known[repository])
        folder = self.state / "repositories" / str(repository)
        turn: Turn | None = None
        if self.share is not None:
            store, turn = self.share.open(repository)
        else:
            store = SqlStore.open(folder / "state.db")
            self.stack.callback(store.close)
        return station(
            name,
            opened,
            git=self._mirror(repository, folder),
            store=store,
            folder=folder,
            ways=self.ways,
            clock=self.clock,
            turn=turn,
        )

    def _mirror(self, repository: int, folder: Path) -> GitRepository:
        """One for as long as this runs, however often the repository comes and goes."""
        if repository not in self._mirrors:
            self._mirrors[repository] = self.stack.enter_context(open_mirror(folder / "git"))
        return self._mirrors[repository]


@contextmanager
def action_hub(
    folder: Path,
    *,
    repository: str,
    token: str,
    api_url: str,
    html_url: str,
    event_name: str,
    event: bytes,
    ways: Ways | None = None,
    clock: Clock | None = None,
) -> Iterator[Hub]:
    """One repository in one run of a workflow: the event that woke it is the only delivery, the lane's state is a
    document on a ref, and `folder` holds what may go when the run ends. A gate has to be dispatched (rule 10)."""
    clock = clock or SystemClock()
    ways = ways or Ways(workflow=ACTION_GATE)
    opened = open_with_token(token, repository, clock=clock, api_url=api_url, html_url=html_url)
    known = opened.pulls.repository
    with ExitStack() as stack:
        inbox = SqlInbox.open(folder / "inbox.db")
        stack.callback(inbox.close)
        git = stack.enter_context(open_mirror(folder / "git"))
        remote = GitRemote(git, f"{html_url}/{known.full_name}.git", opened.tokens, clock=clock)
        store = DocumentStore.at(git, remote, folder=folder)
        stack.callback(store.close)
        inbox.add(
            Delivery(
                id=f"{known.id}-{event_name}",
                event=event_name.replace("pull_request_target", "pull_request"),
                repository=known.id,
                payload=event,
                received_at=clock.now(),
            )
        )

        def open_station(_id: int, name: str) -> Station:
            return station(name, opened, git=git, store=store, folder=folder, ways=ways, clock=clock)

        yield Hub(
            inbox=inbox,
            clock=clock,
            directory=lambda: {known.id: known.full_name},
            open_station=open_station,
        )
