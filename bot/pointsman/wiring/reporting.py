"""Opens a repository and its state to be read for a report: of the local rung, or of a server; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.wiring.local import base_contract, open_git, open_store, state_folder

if TYPE_CHECKING:
    from pointsman.adapters.git.repository import GitRepository
    from pointsman.core.contract import Contract
    from pointsman.core.model import Sha
    from pointsman.ports import Store

BRANCHES = "refs/heads/"
MIRRORED = "refs/pointsman/remote/heads/"
"""Where a server's mirror keeps the forge's branches (adapters.github.remote)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A repository with its state. `tips`: where the lanes are now; `folder`: where the state is."""

    name: str
    git: GitRepository
    store: Store
    tips: Mapping[str, Sha]
    folder: Path

    def contract(self, lane: str | None) -> Contract | None:
        """The one in force on that lane, or on the base. `NoContract` where there is none, UserError where it can't be
        read; None where there is no such branch any more."""
        if self.git.git_common_dir / "pointsman" == self.folder:
            return base_contract(self.git, lane)[1]
        from pointsman.service.contracts import contract_at

        tips = [tip for name, tip in sorted(self.tips.items()) if lane in (None, name)]
        return contract_at(self.git, tips[0]) if tips else None


@contextmanager
def open_kept(directory: Path) -> Iterator[Kept]:
    """The repository that `directory` lies in, or, where it is a server's folder of one repository
    (`STATE/repositories/ID`, with `state.db` and the mirror `git` in it), that one."""
    served = (directory / "state.db").is_file() and (directory / "git").is_dir()
    with open_git(directory / "git" if served else directory) as git:
        folder = directory.resolve() if served else state_folder(git)
        where = MIRRORED if served else BRANCHES
        with closing(_served_store(folder) if served else open_store(directory)) as store:
            heads = git.refs(where)
            tips = {lane: heads[where + lane] for lane in store.lanes() if where + lane in heads}
            yield Kept(name=_name(git, folder), git=git, store=store, tips=tips, folder=folder)


def _served_store(folder: Path) -> Store:
    from pointsman.adapters.store.sql import SqlStore

    return SqlStore.open(folder / "state.db")


def _name(git: GitRepository, folder: Path) -> str:
    place = git.git_common_dir
    if place.parent == folder:
        return folder.name
    return place.parent.name if place.name == ".git" else place.name.removesuffix(".git")
