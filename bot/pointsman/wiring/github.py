"""Puts the parts together for repositories on GitHub: one station a repository, one hub an app."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pointsman.adapters.clock import SystemClock
from pointsman.adapters.gates.local import LocalGates
from pointsman.adapters.gates.logs import RunFiles
from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.credentials import AppCredentials
from pointsman.adapters.github.directory import AppDirectory, Installed, Opened, open_with_token
from pointsman.adapters.github.forge import GitHubForge
from pointsman.adapters.github.gates import GitHubGates, SplitGates
from pointsman.adapters.github.mirror import open_mirror, upkeep
from pointsman.adapters.github.people import GitHubPeople
from pointsman.adapters.github.remote import GitRemote
from pointsman.adapters.healer import SandboxHealer
from pointsman.adapters.local import RunLock
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.regenerate import SandboxRegenerator
from pointsman.adapters.sandbox import Sandbox
from pointsman.adapters.store.document import DocumentStore
from pointsman.adapters.store.inbox import SqlInbox
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.errors import EnvironmentProblem
from pointsman.core.hints import Delivery
from pointsman.core.pulls.telling import compose_status
from pointsman.core.queue.model import Entry
from pointsman.ports import Clock, Gates, Store
from pointsman.service.build import Builder
from pointsman.service.consent import Consents
from pointsman.service.facts import Facts
from pointsman.service.heal.asking_memory import Helper, Notes
from pointsman.service.heal.stack import HealingStacker
from pointsman.service.hub import Hub
from pointsman.service.intake import Intake
from pointsman.service.loop import Loop
from pointsman.service.migrations import Reader
from pointsman.service.obey import Obedience
from pointsman.service.observe import Observer
from pointsman.service.perform import Performer
from pointsman.service.pull_desk import PullDesk
from pointsman.service.repair import Repairs
from pointsman.service.restore import Restorer
from pointsman.service.speaker import Speaker
from pointsman.service.station import Station
from pointsman.service.upkeep import Upkeep

ACTION_GATE = "gate.yml"
"""The workflow that runs the contract's checks on a candidate where only `GITHUB_TOKEN` is to be had."""

Where = Literal["workflows", "here"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ways:
    """How a repository's gate is run. `gate`: by its own workflows on the candidate branches, or the contract's
    commands in the jailed runner on this machine. `prove`: likewise for the proof of a heal. `workflow`: the file
    that is dispatched where a push starts none (rule 10); None: a push does. `healer_env` are the variables of ours
    that a contract's healer command may see, where heals are proved here: such a command runs nowhere else, and has
    the network only where the gate is run here too."""

    gate: Where = "workflows"
    prove: Where = "workflows"
    workflow: str | None = None
    actions_app: int | None = None
    healer_env: tuple[str, ...] = ()


@dataclass(kw_only=True)
class App:
    """The running app: its inbox, its hub, and what to call when something came in."""

    hub: Hub
    inbox: SqlInbox
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
) -> Iterator[App]:
    """The app with its state under `state`. EnvironmentProblem where another process works with that state."""
    clock = clock or SystemClock()
    lock = RunLock(state / "run.lock")
    if not lock.acquire():
        raise EnvironmentProblem(f"another process ({lock.holder()}) works with {state}; stop it first")
    with ExitStack() as stack:
        stack.callback(lock.release)
        inbox = SqlInbox.open(state / "inbox.db")
        stack.callback(inbox.close)
        directory = AppDirectory(credentials, clock=clock)
        stack.callback(directory.close)
        repositories = _Repositories(
            directory=directory, state=state, ways=ways or Ways(), clock=clock, stack=stack
        )
        bell = threading.Event()
        hub = Hub(
            inbox=inbox,
            clock=clock,
            directory=repositories.listed,
            open_station=repositories.open,
            say=say,
            rest=_resting(bell),
        )
        yield App(hub=hub, inbox=inbox, wake=bell.set, credentials=credentials)


def _resting(bell: threading.Event) -> Callable[[float], None]:
    def rest(seconds: float) -> None:
        bell.wait(seconds)
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
    _known: dict[int, Installed] = field(default_factory=dict)

    def listed(self) -> dict[int, str]:
        found = [one for one in self.directory.repositories() if not one.archived]
        self._known = {one.repository.id: one for one in found}
        return {one.repository.id: one.repository.full_name for one in found}

    def open(self, repository: int, name: str) -> Station:
        opened = self.directory.open(self._known[repository])
        folder = self.state / "repositories" / str(repository)
        store = SqlStore.open(folder / "state.db")
        self.stack.callback(store.close)
        git = open_mirror(folder / "git")
        self.stack.callback(git.close)
        return station(name, opened, git=git, store=store, folder=folder, ways=self.ways, clock=self.clock)


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


def station(
    name: str, opened: Opened, *, git: GitRepository, store: Store, folder: Path, ways: Ways, clock: Clock
) -> Station:
    """The repository `name` (`owner/name`) with all that works on it; `git` is the mirror, `folder` holds logs."""
    pulls = opened.pulls
    remote = GitRemote(
        git,
        lambda: f"{opened.html_url}/{pulls.repository.full_name}.git",  # a renamed one is followed
        opened.tokens,
        clock=clock,
    )
    forge = GitHubForge(git=git, remote=remote, pulls=pulls, clock=clock)
    people = GitHubPeople(pulls, clock)
    foreign = GitHubGates(
        git,
        remote,
        pulls,
        store,
        clock,
        how="dispatch" if ways.workflow else "push",
        workflow=ways.workflow,
        default_app=ways.actions_app,
    )
    sandbox = Sandbox()
    gates: Gates = foreign
    if ways.gate == "here":
        gates = SplitGates(LocalGates(git, sandbox, folder), foreign)
    here = ways.prove == "here"
    prover = SandboxProver(git, sandbox, worktree=folder, state=folder) if here else None
    regenerator = SandboxRegenerator(git, sandbox, state=folder) if here else None
    healer = SandboxHealer(git, sandbox, state=folder, allowed=ways.healer_env, network=ways.gate == "here")
    helper = Helper(command=healer, memory=Notes(store=store, clock=clock)) if here else None
    reader = Reader(git=git)
    builder = Builder(
        git=git,
        store=store,
        clock=clock,
        stacker=HealingStacker(git=git, prover=prover, reader=reader, regenerator=regenerator, helper=helper),
        people=people,
        required=forge.required_checks,
        prove_as_check=not here,
    )
    performer = Performer.of(
        git=git, store=store, forge=forge, gates=gates, clock=clock, builder=builder, tell=lambda _: None
    )
    facts = Facts(git=git, store=store, clock=clock, people=people)
    observer = Observer(git=git, store=store, forge=forge, clock=clock, facts=facts)
    desk = PullDesk(git=git, store=store, forge=forge, pulls=pulls, people=people, clock=clock)
    speaker = Speaker(
        pulls=pulls,
        store=store,
        git=git,
        forge=forge,
        people=people,
        clock=clock,
        reader=Reader(git=git),
        regenerates=here,
    )
    repairs = Repairs(
        git=git,
        remote=remote,
        pulls=pulls,
        store=store,
        clock=clock,
        prover=prover,
        reader=reader,
        regenerator=regenerator,
        helper=helper,
    )
    obedience = Obedience(
        store=store,
        pulls=pulls,
        people=people,
        desk=desk,
        consents=Consents(store=store, clock=clock),
        repairs=repairs,
        clock=clock,
        status=lambda number: _status(speaker, number),
    )
    intake = Intake(
        store=store,
        pulls=pulls,
        desk=desk,
        obedience=obedience,
        voice=speaker,
        forge=forge,
        clock=clock,
        hint=foreign.hint,
    )
    return Station(
        name=name,
        store=store,
        pulls=pulls,
        gates=gates,
        desk=desk,
        intake=intake,
        speaker=speaker,
        loop=Loop(observer=observer, performer=performer, store=store, gates=gates, clock=clock),
        clock=clock,
        upkeep=_upkeep(store, performer, folder, clock),
        pack=lambda: upkeep(git, keep=store.lanes()),
        restorer=Restorer(git=git, remote=remote, forge=forge, store=store, clock=clock),
    )


def _upkeep(store: Store, performer: Performer, folder: Path, clock: Clock) -> Upkeep | None:
    """None for a document, which is cut whenever it is written, and whose folder goes with the run."""
    if not isinstance(store, SqlStore) or isinstance(store, DocumentStore):
        return None
    shelves = (RunFiles(root=folder),)
    return Upkeep(store=store, attic=store.attic(), pins=performer.pins, clock=clock, shelves=shelves)


def _status(speaker: Speaker, number: int) -> str:
    story = speaker.story(number)
    return compose_status(story) if story is not None else ""
