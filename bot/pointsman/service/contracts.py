"""Reads the contract of a commit; says every problem at once when it can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.core.errors import UserError
from pointsman.core.model import MODE_EXECUTABLE, MODE_FILE, MODE_SUBMODULE, MODE_SYMLINK, Sha
from pointsman.ports import Git

if TYPE_CHECKING:  # where there is no contract, nothing of it is loaded
    from pointsman.core.contract import Contract

CONTRACT_PATH = ".pointsman.yml"


class NoContract(UserError):
    """The commit has no contract."""


def contract_bytes(git: Git, tree: Sha, where: str) -> bytes | None:
    """The contract of a tree as it is written, None where there is none. UserError where no file stands in its
    place: a link's text could be a contract that no diff and no checkout shows. `where` is for its words."""
    entry = git.entry(tree, CONTRACT_PATH)
    if entry is None:
        return None
    if entry.mode not in (MODE_FILE, MODE_EXECUTABLE):
        kind = {MODE_SYMLINK: "a symbolic link", MODE_SUBMODULE: "a submodule"}.get(entry.mode, "a folder")
        raise UserError(f"{CONTRACT_PATH} is {kind} {where}; a contract is an ordinary file at the root")
    return next(iter(git.read([entry.oid])))[1]


def find_contract(git: Git, commit: Sha) -> Contract | None:
    """The contract of a commit, None where there is none. UserError when it is unreadable."""
    data = contract_bytes(git, git.tree_of(commit), f"on {commit[:10]}")
    if data is None:
        return None
    from pointsman.core.contract import Contract, load

    loaded = load(data, source=CONTRACT_PATH)
    if isinstance(loaded, Contract):
        return loaded
    raise UserError(f"the contract on {commit[:10]} cannot be read:\n{loaded}")


def contract_at(git: Git, commit: Sha) -> Contract:
    """The contract of a commit. `NoContract` where there is none, UserError when it is unreadable."""
    contract = find_contract(git, commit)
    if contract is None:
        raise NoContract(
            f"there is no {CONTRACT_PATH} on {commit[:10]}; `pointsman contract init --write` makes one, "
            "commit it to the base branch"
        )
    return contract
