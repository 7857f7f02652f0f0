"""Picks the parts that schedule tasks on the local rung; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.core.errors import UserError
from pointsman.wiring.database import open_home
from pointsman.wiring.local import base_contract, open_git, state_folder

if TYPE_CHECKING:
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.service.schedule import Claimants, Here, Scheduler


@contextmanager
def open_scheduler(directory: Path, *, base: str | None = None) -> Iterator[Scheduler]:
    """For the repository that `directory` lies in. UserError, with every problem, without a readable contract."""
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.local import LocalCheckouts
    from pointsman.adapters.store.claims import SqlClaims
    from pointsman.adapters.store.sql import SqlStore
    from pointsman.service.schedule import Scheduler

    with open_git(directory) as git:
        _, contract = base_contract(git, base)
        home = open_home(state_folder(git))
        try:
            yield Scheduler(
                git=git,
                store=SqlStore(home),
                claims=SqlClaims(home),
                checkouts=LocalCheckouts(git=git),
                clock=SystemClock(),
                contract=contract,
                here=_here(git, directory),
            )
        finally:
            home.close()


@contextmanager
def open_claims(directory: Path) -> Iterator[Claimants]:
    """For the repository that `directory` lies in, whether its contract can be read or not."""
    from pointsman.adapters.clock import SystemClock
    from pointsman.adapters.store.claims import SqlClaims
    from pointsman.service.schedule import Claimants

    with open_git(directory) as git:
        home = open_home(state_folder(git))
        try:
            yield Claimants(claims=SqlClaims(home), clock=SystemClock(), lane=_lane(git))
        finally:
            home.close()


def _lane(git: GitRepository) -> str:
    """Under which lane a claim's lines stand in the journal: that of the contract, '' where there is none."""
    try:
        return base_contract(git, None)[1].base
    except UserError:
        return ""


def _here(git: GitRepository, directory: Path) -> Here | None:
    """The innermost worktree around the folder."""
    from pointsman.service.schedule import Here

    place = directory.resolve()
    around = [one for one in git.worktrees() if place.is_relative_to(one.path.resolve())]
    if not around:
        return None
    inner = max(around, key=lambda one: len(one.path.resolve().parts))
    return Here(path=inner.path, branch=inner.branch or "", head=inner.head)
