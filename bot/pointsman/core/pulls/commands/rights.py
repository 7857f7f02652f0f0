"""Who may give which command. The contract decides; where it says nothing, the permission on the repository."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pointsman.core.contract.identity import BOT, PERMISSIONS, Author, Identity, is_one_of
from pointsman.core.contract.model import Contract
from pointsman.core.contract.roles import as_known
from pointsman.core.pulls.commands.model import (
    Command,
    Dequeue,
    Explain,
    Heal,
    Help,
    Hold,
    Hotfix,
    Pause,
    Priority,
    Queue,
    Resume,
    Retry,
    ScopeAdd,
    Status,
    Unhold,
)
from pointsman.core.queue.model import HOTFIX

Permission = Literal["read", "triage", "write", "maintain"]

_STANDS_FOR: Mapping[str, str] = MappingProxyType({"unhold": "hold", "pause": "resume", "hotfix": "priority"})
"""Where the contract names only the second, it speaks for the first."""
NOBODY = 0
"""The account id that stands for a deleted account: two such are not known to be one person."""
_ANYBODY = (Status, Explain, Help)
_OWN = (Dequeue, Hold, Unhold)
_OWN_WITH_ROLE = (Queue, Retry, Heal)


def contract_key(command: Command) -> str:
    """The command's key in the contract's `commands`; a priority that makes a hotfix is the same as `/hotfix`."""
    return Hotfix.word if _is_hotfix(command) else command.word


def needed_permission(command: Command) -> Permission:
    """What is asked for where the contract's `commands` says nothing. `scope` goes by the contract's `scope`
    alone, whatever this says."""
    if isinstance(command, _ANYBODY):
        return "read"
    return "maintain" if isinstance(command, Pause | Resume) or _is_hotfix(command) else "write"


def _is_hotfix(command: Command) -> bool:
    """What lands in a freeze, by either way of asking for it."""
    return isinstance(command, Hotfix) or (isinstance(command, Priority) and command.value >= HOTFIX)


def may(
    contract: Contract,
    command: Command,
    author: Author,
    *,
    own_change: bool,
    has_role: bool = False,
    bot: str | None = None,
) -> str | None:
    """None when the author may give this command now, else why not, as a clause.

    `author` carries what was looked up live by account id (teams, permission). `own_change`: the author made the
    change; for `/unhold`, it is also the author who put it on hold. `has_role`: the contract gives the change's
    author a role. `bot` is our own login; we never obey ourselves.
    """
    author = as_known(contract, author)
    if author.account_id == NOBODY:
        return "the account that asked is gone"
    if _is_ourselves(contract, author, bot):
        return "the queue does not take commands from itself"
    if own_change and isinstance(command, _OWN):
        return None
    named = _named(contract, command)
    if isinstance(command, ScopeAdd) and not is_one_of(contract.scope.by, author):
        return f"{author} is not among those who may widen a scope ({_listed(contract.scope.by)})"
    if named is not None:
        allowed = is_one_of(named, author)
        return None if allowed else f"the contract gives /{command.word} to {_listed(named)}, not to {author}"
    if isinstance(command, ScopeAdd | Status | Explain | Help):
        return None
    if own_change and has_role and isinstance(command, _OWN_WITH_ROLE):
        return None
    return _lacks(author, needed_permission(command), command)


def _is_ourselves(contract: Contract, author: Author, bot: str | None) -> bool:
    ourselves = tuple(identity for identity in contract.identities.values() if identity.itself)
    if is_one_of(ourselves, author):
        return True
    if bot is None or author.login is None:
        return False
    login = bot.lower()
    return author.login.lower() in (login, login + BOT)


def _named(contract: Contract, command: Command) -> tuple[Identity, ...] | None:
    key = contract_key(command)
    if key in contract.commands:
        return contract.commands[key]
    return contract.commands.get(_STANDS_FOR.get(key, ""))


def _lacks(author: Author, needed: Permission, command: Command) -> str | None:
    if not author.human:
        return f"{author} is not a person, and the contract does not give it /{command.word}"
    if author.permission not in PERMISSIONS:
        return f"/{command.word} needs permission {needed}, and that of {author} is not known"
    if PERMISSIONS.index(author.permission) < PERMISSIONS.index(needed):
        return f"/{command.word} needs permission {needed}, {author} has {author.permission}"
    return None


def _listed(identities: tuple[Identity, ...]) -> str:
    return ", ".join(str(identity) for identity in identities) or "nobody"
