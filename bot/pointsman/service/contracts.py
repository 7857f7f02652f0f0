"""Reads the contract of a commit; says every problem at once when it can't be used."""

from __future__ import annotations

from pointsman.core import contract as contracts
from pointsman.core.contract import Contract
from pointsman.core.errors import UserError
from pointsman.core.model import Sha
from pointsman.ports import Git

CONTRACT_PATH = ".pointsman.yml"


class NoContract(UserError):
    """The commit has no contract."""


def find_contract(git: Git, commit: Sha) -> Contract | None:
    """The contract of a commit, None where there is none. UserError when it is unreadable."""
    entry = git.entry(git.tree_of(commit), CONTRACT_PATH)
    if entry is None:
        return None
    (_, data) = next(iter(git.read([entry.oid])))
    loaded = contracts.load(data, source=CONTRACT_PATH)
    if isinstance(loaded, Contract):
        return loaded
    raise UserError("\n".join(str(error) for error in loaded.errors))


def contract_at(git: Git, commit: Sha) -> Contract:
    """The contract of a commit. `NoContract` where there is none, UserError when it is unreadable."""
    contract = find_contract(git, commit)
    if contract is None:
        raise NoContract(
            f"there is no {CONTRACT_PATH} on {commit[:10]}; `pointsman contract init --write` makes one, "
            "commit it to the base branch"
        )
    return contract
