"""Puts together all that works on one repository on GitHub, whoever holds its state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pointsman.adapters.gates.local import LocalGates
from pointsman.adapters.gates.logs import RunFiles
from pointsman.adapters.git.repository import GitRepository
from pointsman.adapters.github.directory import Opened
from pointsman.adapters.github.forge import GitHubForge
from pointsman.adapters.github.gates import GitHubGates, SplitGates
from pointsman.adapters.github.mirror import upkeep
from pointsman.adapters.github.people import GitHubPeople
from pointsman.adapters.github.remote import GitRemote
from pointsman.adapters.healer import SandboxHealer
from pointsman.adapters.proof import SandboxProver
from pointsman.adapters.questions import SandboxQuestions
from pointsman.adapters.regenerate import SandboxRegenerator
from pointsman.adapters.sandbox import Sandbox
from pointsman.adapters.store.document import DocumentStore
from pointsman.adapters.store.sql import SqlStore
from pointsman.core.pulls.telling import compose_status
from pointsman.ports import Clock, Gates, Store, Turn
from pointsman.service.build import Builder
from pointsman.service.consent import Consents
from pointsman.service.deployments import Deployments
from pointsman.service.facts import Facts
from pointsman.service.fencing import FencedForge
from pointsman.service.heal.asking_memory import Helper, Notes
from pointsman.service.heal.stack import HealingStacker
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


def station(
    name: str,
    opened: Opened,
    *,
    git: GitRepository,
    store: Store,
    folder: Path,
    ways: Ways,
    clock: Clock,
    turn: Turn | None = None,
) -> Station:
    """The repository `name` (`owner/name`) with all that works on it; `git` is the mirror, `folder` holds logs. `turn`:
    this process's, where others may work the repository too."""
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
    here_gates = LocalGates(git, sandbox, folder)
    gates: Gates = SplitGates(here_gates, foreign) if ways.gate == "here" else foreign
    check = turn.check if turn is not None else _nothing
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
        git=git,
        store=store,
        forge=FencedForge(forge=forge, check=check),
        gates=gates,
        clock=clock,
        builder=builder,
        tell=lambda _: None,
    )
    facts = Facts(git=git, store=store, clock=clock, people=people)
    questions = SandboxQuestions(git, sandbox, state=folder) if ways.gate == "here" else None
    deployments = Deployments(store=store, clock=clock, source=pulls, questions=questions)
    observer = Observer(git=git, store=store, forge=forge, clock=clock, facts=facts, deployments=deployments)
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
        deployed=deployments.hint,
    )
    return Station(
        name=name,
        store=store,
        pulls=pulls,
        gates=gates,
        desk=desk,
        intake=intake,
        speaker=speaker,
        loop=Loop(observer=observer, performer=performer, store=store, gates=gates, clock=clock, guard=check),
        let_go=lambda: _let_go(here_gates, turn),
        clock=clock,
        upkeep=_upkeep(store, performer, folder, clock),
        pack=lambda: upkeep(git, keep=store.lanes()),
        restorer=Restorer(git=git, remote=remote, forge=forge, store=store, clock=clock),
    )


def _nothing() -> None:
    """Who works alone has nothing to ask."""


def _let_go(gates: LocalGates, turn: Turn | None) -> None:
    gates.stop()
    if turn is not None:
        turn.release()


def _upkeep(store: Store, performer: Performer, folder: Path, clock: Clock) -> Upkeep | None:
    """None for a document, which is cut whenever it is written, and whose folder goes with the run."""
    if not isinstance(store, SqlStore) or isinstance(store, DocumentStore):
        return None
    shelves = (RunFiles(root=folder),)
    return Upkeep(store=store, attic=store.attic(), pins=performer.pins, clock=clock, shelves=shelves)


def _status(speaker: Speaker, number: int) -> str:
    story = speaker.story(number)
    return compose_status(story) if story is not None else ""
